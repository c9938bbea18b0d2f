#include "cli/bench.h"

#include "base/clock.h"
#include "eval/sampling.h"

#include <stdlib.h>

bool rn_bench_begin(rn_bench *b, const rn_registry *registry, const rn_experiment *e, rn_error *err)
{
    rn_trainer *t = &b->trainer;
    if (!rn_trainer_plan(t, registry, e, err) || !rn_trainer_start(t, 0, err))
        return false;
    const rn_task_env *env = b->sample ? &t->denoise_env : &t->train_env;
    const int64_t n = 3 * env->batch * env->height * env->width;
    const rn_sampler *sampler = (const rn_sampler *)e->evaluate.sampler.rule.what;
    const int64_t steps = rn_sampling_steps(&e->evaluate.sampler);
    rn_curve curve;
    if (!rn_sampling_curve(e, &curve, err))
        return false;
    for (int i = 0; i < 3; i++)
        b->logsnr[i] = rn_curve_logsnr(&curve, 0.5 * (1 - (double)i / (double)steps));
    const rn_stream stream = {.stream = rn_stream_of("bench")};
    b->images_per_step = env->batch;
    const bool several = RN_HAS(sampler, rn_sampler, calls_a_step) && sampler->calls_a_step > 1;
    const double passes = !b->sample ? 3.0 : several ? (double)sampler->calls_a_step : 1.0;
    b->step_flop = passes * (double)t->cost.flop_per_image * (double)env->batch;
    b->images = malloc((size_t)n * sizeof *b->images);
    b->labels = calloc((size_t)env->batch, sizeof *b->labels);
    b->z = malloc((size_t)(n * (2 + sampler->scratch_arrays)) * sizeof *b->z);
    if (!b->images || !b->labels || !b->z)
        return rn_fail(err, RN_EMEMORY, "no memory for a batch of %" PRId64 " images", env->batch);
    for (int64_t i = 0; i < n; i++) {
        b->images[i] = (float)(2 * rn_random_uniform(stream, (uint64_t)i) - 1);
        b->z[i] = (double)b->images[i];
    }
    return true;
}

void rn_bench_end(rn_bench *b)
{
    rn_trainer_free(&b->trainer);
    free(b->images);
    free(b->labels);
    free(b->z);
}

/* --- a step of the sampler -------------------------------------------------------------------------- */

static int64_t elements(const rn_bench *b)
{
    return 3 * b->images_per_step * b->trainer.denoise_env.height * b->trainer.denoise_env.width;
}

static bool denoise(void *context, int64_t step, const double *z, double logsnr, double *x0, rn_error *err)
{
    rn_bench *b = context;
    (void)step, (void)err;
    rn_trainer_denoise(&b->trainer, rn_trainer_evaluated(&b->trainer), z, logsnr, NULL, x0);
    return true;
}

static void noise(void *context, int64_t step, double *xi)
{
    const rn_bench *b = context;
    (void)step;
    rn_sampling_normals((rn_stream){.stream = rn_stream_of("sampler noise"), .step = b->steps}, 0, elements(b), xi);
}

static bool stop(void *context, int64_t step, const double *z, rn_error *err)
{
    (void)context, (void)step, (void)z;
    return rn_fail(err, RN_EINTERRUPTED, "one step is enough");
}

static bool sampling_step(rn_bench *b, rn_error *err)
{
    const rn_sampler_config *config = &b->trainer.experiment->evaluate.sampler;
    const int64_t n = elements(b);
    rn_sampler_run run = {.bytes = sizeof run, .logsnr = b->logsnr, .steps = 2, .n = n, .z = b->z, .x0 = b->z + n,
                          .scratch = b->z + 2 * n, .context = b, .denoise = denoise, .noise = noise, .after = stop};
    b->steps++;
    return ((const rn_sampler *)config->rule.what)->sample(config->rule.params, &run, err) || err->code == RN_EINTERRUPTED;
}

/* --- one step --------------------------------------------------------------------------------------- */

bool rn_bench_step(rn_bench *b, double *seconds, rn_error *err)
{
    rn_step_result result;
    const double begun = rn_clock();
    if (b->sample) {
        if (!sampling_step(b, err))
            return false;
    } else if (!rn_trainer_step(&b->trainer, b->images, b->labels, &result, err)) {
        return false;
    }
    *seconds = rn_clock() - begun; /* NOLINT(clang-analyzer-unix.Malloc): rn_bench_end() frees what rn_bench_begin() allocated */
    return true;
}

static int by_value(const void *x, const void *y)
{
    const double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

double rn_bench_median(double *v, int64_t n)
{
    qsort(v, (size_t)n, sizeof *v, by_value);
    return n % 2 ? v[n / 2] : 0.5 * (v[n / 2 - 1] + v[n / 2]);
}
