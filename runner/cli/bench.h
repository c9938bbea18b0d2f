#ifndef RN_CLI_BENCH_H
#define RN_CLI_BENCH_H
/* A step that is timed: verb_bench.c times one way to make it, bench_compare.c several in turns. */
#include "cli/cli.h"
#include "train/trainer.h"

enum { RN_BENCH_WARM_UP = 3 };

typedef struct rn_bench {
    rn_trainer trainer;
    bool sample; /* one denoising call and one step of the sampler's arithmetic, instead of a training step */
    float *images;
    int32_t *labels;
    double *z, *x0;
    int64_t images_per_step;
    double step_flop;
} rn_bench;

/* Plans and allocates; `sample` and trainer.chooser are set before. To be ended in any case. */
RN_NODISCARD bool rn_bench_begin(rn_bench *b, const rn_registry *registry, const rn_experiment *e, rn_error *err);
void rn_bench_end(rn_bench *b);

/* One step; *seconds: what it took. */
RN_NODISCARD bool rn_bench_step(rn_bench *b, double *seconds, rn_error *err);

/* Sorts v. */
double rn_bench_median(double *v, int64_t n);

/* Prints the step's time with each kernel set tried first, `steps` of each in turns; a set that runs no node of the
 * program is left out. */
RN_NODISCARD bool rn_bench_compare_kernels(rn_cli *cli, const rn_experiment *e, bool sample, int64_t steps,
                                           const rn_chooser *chooser, rn_error *err);

#endif
