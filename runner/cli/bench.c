#include "cli/bench.h"

#include "base/clock.h"

#include <stdlib.h>

bool rn_bench_begin(rn_bench *b, const rn_registry *registry, const rn_experiment *e, rn_error *err)
{
    rn_trainer *t = &b->trainer;
    if (!rn_trainer_plan(t, registry, e, err) || !rn_trainer_start(t, 0, err))
        return false;
    const rn_task_env *env = b->sample ? &t->denoise_env : &t->train_env;
    const int64_t n = 3 * env->batch * env->height * env->width;
    const rn_stream stream = {.stream = rn_stream_of("bench")};
    b->images_per_step = env->batch;
    b->step_flop = (b->sample ? 1.0 : 3.0) * (double)t->cost.flop_per_image * (double)env->batch;
    b->images = malloc((size_t)n * sizeof *b->images);
    b->labels = calloc((size_t)env->batch, sizeof *b->labels);
    b->z = malloc((size_t)n * sizeof *b->z);
    b->x0 = malloc((size_t)n * sizeof *b->x0);
    if (!b->images || !b->labels || !b->z || !b->x0)
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
    free(b->x0);
}

bool rn_bench_step(rn_bench *b, double *seconds, rn_error *err)
{
    rn_step_result result;
    const double begun = rn_clock();
    if (b->sample) {
        const int64_t n = 3 * b->images_per_step * b->trainer.denoise_env.height * b->trainer.denoise_env.width;
        rn_trainer_denoise(&b->trainer, rn_trainer_evaluated(&b->trainer), b->z, 0, NULL, b->x0);
        for (int64_t i = 0; i < n; i++) /* DDIM's arithmetic from logSNR 0 to 0 */
            b->x0[i] = 0.5 * b->x0[i] + 0.5 * b->z[i];
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
