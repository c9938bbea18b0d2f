#include "eval/sampling.h"

#include "diffusion/guidance.h"
#include "base/parallel.h"
#include "eval/threshold.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct batch_run {
    rn_trainer *t;
    const rn_sampling *s;
    int64_t image_elements, first, steps;
    double *work; /* [2·image_elements]: thresholding one image, the noise of the two ends */
    int32_t *labels;                /* [batch]; NULL: none */
    const rn_guidance *guidance;    /* NULL: none */
    double *without;                /* [batch·image_elements]: x̂ without the label; NULL without guidance */
} batch_run;

int64_t rn_sampling_steps(const rn_sampler_config *sampler)
{
    return sampler->steps ? sampler->steps : ((const rn_sampler *)sampler->rule.what)->default_steps;
}

/* Classes of the model, of which samples take one each; 0: samples have no labels. */
static int64_t labelled(const rn_experiment *e)
{
    const rn_model *model = (const rn_model *)e->model.what;
    return e->evaluate.labels == RN_LABELS_EVEN && model->classes ? model->classes(e->model.params) : 0;
}

/* NULL where it changes nothing. */
static const rn_guidance *guidance_of(const rn_experiment *e)
{
    const rn_guidance *g = e->evaluate.guidance;
    return g && g->scale != 1 && labelled(e) ? g : NULL;
}

size_t rn_sampling_bytes(const rn_experiment *e)
{
    const rn_sampler *rule = (const rn_sampler *)e->evaluate.sampler.rule.what;
    const size_t image = 3 * (size_t)e->data.resolution.height * (size_t)e->data.resolution.width;
    const size_t batch = (size_t)e->evaluate.batch * image;
    const size_t arrays = 2 + (size_t)rule->scratch_arrays + (guidance_of(e) != NULL);
    return batch * (arrays * sizeof(double) + sizeof(float)) + 2 * image * sizeof(double) +
           (labelled(e) ? (size_t)e->evaluate.batch * sizeof(int32_t) : 0);
}

/* --- counting --------------------------------------------------------------------------------------- */

/* A walk of one number along the run's own grid, for the sake of its calls. */
typedef struct count {
    const rn_guidance *guidance;
    int64_t calls;
} count;

static bool count_call(void *context, int64_t step, const double *z, double logsnr, double *x0, rn_error *err)
{
    count *c = context;
    (void)step, (void)z, (void)err;
    c->calls += rn_guidance_at(c->guidance, logsnr) ? 2 : 1;
    *x0 = 0;
    return true;
}
static void no_noise(void *context, int64_t step, double *xi)
{
    (void)context, (void)step;
    *xi = 0;
}

int64_t rn_sampling_evaluations(const rn_experiment *e)
{
    const rn_sampler *rule = (const rn_sampler *)e->evaluate.sampler.rule.what;
    const int64_t steps = rn_sampling_steps(&e->evaluate.sampler);
    count c = {.guidance = guidance_of(e)};
    rn_curve curve;
    rn_error err;
    double *logsnr = malloc((size_t)(steps + 1) * sizeof *logsnr);
    double *z = calloc((size_t)(2 + rule->scratch_arrays), sizeof *z);
    bool ok = logsnr && z && rn_sampling_curve(e, &curve, &err);
    if (ok) {
        rn_sampling_grid(&curve, &e->evaluate.sampler, logsnr);
        rn_sampler_run run = {.bytes = sizeof run, .logsnr = logsnr, .steps = steps, .n = 1, .z = z, .x0 = z + 1,
                              .scratch = z + 2, .context = &c, .denoise = count_call, .noise = no_noise};
        ok = rule->sample(e->evaluate.sampler.rule.params, &run, &err);
    }
    free(logsnr);
    free(z);
    return ok ? c.calls : 0;
}

/* --- the grid --------------------------------------------------------------------------------------- */

bool rn_sampling_curve(const rn_experiment *e, rn_curve *curve, rn_error *err)
{
    const rn_task *task = (const rn_task *)e->task.what;
    const int64_t height = e->data.resolution.height, width = e->data.resolution.width;
    const rn_task_env env = {.bytes = sizeof env, .model = e->model, .batch = e->evaluate.batch, .height = height,
                             .width = width};
    if (e->evaluate.sampler.schedule)
        return rn_curve_make(e->evaluate.sampler.schedule, (double)(height < width ? height : width), curve, err);
    return task->curve(e->task.params, &env, curve, err);
}

static bool even_in_logsnr(const rn_sampler_config *sampler)
{
    const rn_sampler *rule = (const rn_sampler *)sampler->rule.what;
    if (sampler->spacing)
        return sampler->spacing == 2;
    return RN_HAS(rule, rn_sampler, even_in_logsnr) && rule->even_in_logsnr;
}

void rn_sampling_grid(const rn_curve *curve, const rn_sampler_config *sampler, double *logsnr)
{
    const int64_t steps = rn_sampling_steps(sampler);
    const bool even = even_in_logsnr(sampler);
    const double noise = rn_curve_logsnr(curve, 1), data = rn_curve_logsnr(curve, 0);
    for (int64_t i = 0; i <= steps; i++) {
        const double done = (double)i / (double)steps;
        logsnr[i] = even ? noise + done * (data - noise) : rn_curve_logsnr(curve, 1 - done);
    }
}

/* --- noise ------------------------------------------------------------------------------------------ */

typedef struct draw {
    rn_stream stream;
    int64_t first, n;
    double *out;
} draw;

enum { DRAWN = 256 /* numbers of a unit; a multiple of the four of a Philox block */ };

static void draw_units(void *context, int thread, int64_t begin, int64_t end)
{
    const draw *d = context;
    float part[DRAWN];
    (void)thread;
    for (int64_t i = begin * DRAWN; i < end * DRAWN && i < d->n; i += DRAWN) {
        const int64_t m = d->n - i < DRAWN ? d->n - i : DRAWN;
        rn_random_normals(d->stream, (uint64_t)(d->first + i), (size_t)m, part);
        for (int64_t k = 0; k < m; k++)
            d->out[i + k] = (double)part[k];
    }
}

void rn_sampling_normals(rn_stream stream, int64_t first, int64_t n, double *out)
{
    draw d = {stream, first, n, out};
    rn_parallel((n + DRAWN - 1) / DRAWN, draw_units, &d);
}

void rn_slerp(const double *a, const double *b, int64_t n, double u, double *out)
{
    double aa = 0, bb = 0, ab = 0;
    for (int64_t i = 0; i < n; i++)
        aa += a[i] * a[i], bb += b[i] * b[i], ab += a[i] * b[i];
    const double cosine = ab / sqrt(aa * bb), angle = acos(fmin(fmax(cosine, -1), 1)), s = sin(angle);
    const bool apart = s > 1e-6; /* else 0/0; NaN, of a vector of zeros, is not apart either */
    const double of_a = apart ? sin((1 - u) * angle) / s : 1 - u, of_b = apart ? sin(u * angle) / s : u;
    for (int64_t i = 0; i < n; i++)
        out[i] = of_a * a[i] + of_b * b[i];
}

/* z of the batch at t = 1. */
static void first_noise(const batch_run *b, double *z)
{
    const int64_t elements = b->image_elements, batch = b->t->denoise_env.batch;
    rn_stream stream = {.seed = b->s->seed, .stream = rn_stream_of("sample noise")};
    if (!b->s->to_seed) {
        rn_sampling_normals(stream, b->first * elements, elements * batch, z);
        return;
    }
    double *from = b->work, *to = b->work + elements;
    rn_sampling_normals(stream, 0, elements, from);
    stream.seed = *b->s->to_seed;
    rn_sampling_normals(stream, 0, elements, to);
    for (int64_t i = 0; i < batch; i++) {
        const double way = b->s->n > 1 ? (double)(b->first + i) / (double)(b->s->n - 1) : 0;
        rn_slerp(from, to, elements, fmin(way, 1), z + i * elements);
    }
}

static void noise(void *context, int64_t step, double *xi)
{
    const batch_run *b = context;
    const int64_t elements = b->image_elements, batch = b->t->denoise_env.batch;
    const rn_stream stream = {.seed = b->s->seed, .stream = rn_stream_of("sampler noise"), .step = (uint32_t)step};
    if (!b->s->to_seed) {
        rn_sampling_normals(stream, b->first * elements, elements * batch, xi);
        return;
    }
    rn_sampling_normals(stream, 0, elements, xi);
    for (int64_t i = 1; i < batch; i++)
        memcpy(xi + i * elements, xi, (size_t)elements * sizeof *xi);
}

/* --- labels ----------------------------------------------------------------------------------------- */

/* All classes in turn; on the way between two noises the first class alone. */
static void choose_labels(const batch_run *b, int64_t classes)
{
    for (int64_t i = 0; b->labels && i < b->t->denoise_env.batch; i++)
        b->labels[i] = (int32_t)(b->s->to_seed ? 0 : (b->first + i) % classes);
}

/* --- one batch -------------------------------------------------------------------------------------- */

static bool denoise(void *context, int64_t step, const double *z, double logsnr, double *x0, rn_error *err)
{
    const batch_run *b = context;
    const int64_t batch = b->t->denoise_env.batch;
    (void)step, (void)err;
    rn_trainer_denoise(b->t, b->s->set, z, logsnr, b->labels, x0);
    if (rn_guidance_at(b->guidance, logsnr)) { /* a second call instead of a double batch: the plan's arena stays as it is */
        rn_trainer_denoise(b->t, b->s->set, z, logsnr, NULL, b->without);
        rn_guidance_mix(b->guidance->scale, b->without, x0, batch * b->image_elements);
    }
    if (b->s->sampler->dynamic_threshold > 0)
        for (int64_t i = 0; i < batch; i++)
            rn_dynamic_threshold(x0 + i * b->image_elements, b->image_elements, b->s->sampler->dynamic_threshold, b->work);
    else if (b->s->sampler->clip)
        rn_clip(x0, batch * b->image_elements);
    return true;
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
    batch_run b = {.t = t, .s = s, .image_elements = elements, .steps = rn_sampling_steps(s->sampler),
                   .guidance = guidance_of(t->experiment)};
    const int64_t classes = labelled(t->experiment);
    rn_curve curve;
    if (!rn_sampling_curve(t->experiment, &curve, err))
        return false;
    double *logsnr = malloc((size_t)(b.steps + 1) * sizeof *logsnr);
    double *z = malloc((size_t)(n * (2 + rule->scratch_arrays)) * sizeof *z);
    float *images = malloc((size_t)n * sizeof *images);
    b.work = malloc((size_t)(2 * elements) * sizeof *b.work);
    b.labels = classes ? malloc((size_t)t->denoise_env.batch * sizeof *b.labels) : NULL;
    b.without = b.guidance ? malloc((size_t)n * sizeof *b.without) : NULL;
    bool ok = logsnr && z && images && b.work && (b.labels || !classes) && (b.without || !b.guidance);
    if (!ok)
        rn_fail(err, RN_EMEMORY, "no memory to draw %" PRId64 " images at once", t->denoise_env.batch);
    else
        rn_sampling_grid(&curve, s->sampler, logsnr);
    for (; ok && b.first < s->n; b.first += t->denoise_env.batch) {
        rn_sampler_run run = {.bytes = sizeof run, .logsnr = logsnr, .steps = b.steps, .n = n, .z = z, .x0 = z + n,
                              .scratch = z + 2 * n, .context = &b, .denoise = denoise, .noise = noise, .after = after};
        first_noise(&b, z);
        choose_labels(&b, classes);
        ok = rule->sample(s->sampler->rule.params, &run, err) && hand_over(&b, z, images, err);
    }
    free(logsnr);
    free(z);
    free(images);
    free(b.work);
    free(b.labels);
    free(b.without);
    return ok;
}
