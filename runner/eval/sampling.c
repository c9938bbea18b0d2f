#include "eval/sampling.h"

#include <math.h>
#include <stdlib.h>

typedef struct batch_run {
    rn_trainer *t;
    const rn_sampling *s;
    int64_t image_elements, first, steps;
} batch_run;

int64_t rn_sampling_steps(const rn_sampler_config *sampler)
{
    return sampler->steps ? sampler->steps : ((const rn_sampler *)sampler->rule.what)->default_steps;
}

void rn_sampling_grid(const rn_curve *curve, int64_t steps, int64_t spacing, double *logsnr)
{
    const double noise = rn_curve_logsnr(curve, 1), data = rn_curve_logsnr(curve, 0);
    for (int64_t i = 0; i <= steps; i++) {
        const double done = (double)i / (double)steps;
        logsnr[i] = spacing ? noise + done * (data - noise) : rn_curve_logsnr(curve, 1 - done);
    }
}

static bool denoise(void *context, int64_t step, const double *z, double logsnr, double *x0, rn_error *err)
{
    const batch_run *b = context;
    const int64_t n = b->image_elements * b->t->denoise_env.batch;
    (void)step, (void)err;
    rn_trainer_denoise(b->t, b->s->set, z, logsnr, NULL, x0);
    if (b->s->sampler->clip)
        for (int64_t i = 0; i < n; i++)
            x0[i] = x0[i] < -1 ? -1 : x0[i] > 1 ? 1 : x0[i];
    return true;
}

static void normals(rn_stream stream, int64_t first, int64_t n, double *out)
{
    float part[256];
    for (int64_t i = 0; i < n; i += 256) {
        const int64_t m = n - i < 256 ? n - i : 256;
        rn_random_normals(stream, (uint64_t)(first + i), (size_t)m, part);
        for (int64_t k = 0; k < m; k++)
            out[i + k] = (double)part[k];
    }
}

static void noise(void *context, int64_t step, double *xi)
{
    const batch_run *b = context;
    const rn_stream stream = {.seed = b->s->seed, .stream = rn_stream_of("sampler noise"), .step = (uint32_t)step};
    normals(stream, b->first * b->image_elements, b->image_elements * b->t->denoise_env.batch, xi);
}

static bool after(void *context, int64_t step, const double *z, rn_error *err)
{
    const batch_run *b = context;
    const double batches = ceil((double)b->s->n / (double)b->t->denoise_env.batch);
    const double done = (double)b->first / (double)b->t->denoise_env.batch + (double)(step + 1) / (double)b->steps;
    (void)z;
    return !b->s->progress || b->s->progress(b->s->context, done / batches, err);
}

/* What is not finite would become black pixels and a score that looks like one. */
static bool hand_over(const batch_run *b, const double *z, float *images, rn_error *err)
{
    const int64_t left = b->s->n - b->first, batch = b->t->denoise_env.batch, n = left < batch ? left : batch;
    for (int64_t i = 0; i < n * b->image_elements; i++) {
        if (!isfinite(z[i]))
            return rn_fail(err, RN_EFAILED, "sample %" PRId64 " is not finite: the network's output has no bounds there",
                           b->first + i / b->image_elements);
        images[i] = (float)(z[i] < -1 ? -1 : z[i] > 1 ? 1 : z[i]);
    }
    return b->s->sink(b->s->context, images, b->first, n, err);
}

bool rn_sample(rn_trainer *t, const rn_sampling *s, rn_error *err)
{
    const rn_sampler *rule = (const rn_sampler *)s->sampler->rule.what;
    const int64_t elements = 3 * t->denoise_env.height * t->denoise_env.width, n = elements * t->denoise_env.batch;
    batch_run b = {.t = t, .s = s, .image_elements = elements, .steps = rn_sampling_steps(s->sampler)};
    rn_curve curve;
    if (!t->task->curve(t->experiment->task.params, &t->denoise_env, &curve, err))
        return false;
    double *logsnr = malloc((size_t)(b.steps + 1) * sizeof *logsnr);
    double *z = malloc((size_t)(n * (2 + rule->scratch_arrays)) * sizeof *z);
    float *images = malloc((size_t)n * sizeof *images);
    bool ok = logsnr && z && images;
    if (!ok)
        rn_fail(err, RN_EMEMORY, "no memory to draw %" PRId64 " images at once", t->denoise_env.batch);
    else
        rn_sampling_grid(&curve, b.steps, s->sampler->spacing, logsnr);
    for (; ok && b.first < s->n; b.first += t->denoise_env.batch) {
        rn_sampler_run run = {.bytes = sizeof run, .logsnr = logsnr, .steps = b.steps, .n = n, .z = z, .x0 = z + n,
                              .scratch = z + 2 * n, .context = &b, .denoise = denoise, .noise = noise, .after = after};
        const rn_stream stream = {.seed = s->seed, .stream = rn_stream_of("sample noise")};
        normals(stream, b.first * elements, n, z);
        ok = rule->sample(s->sampler->rule.params, &run, err) && hand_over(&b, z, images, err);
    }
    free(logsnr);
    free(z);
    free(images);
    return ok;
}
