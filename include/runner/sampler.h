#ifndef RUNNER_SAMPLER_H
#define RUNNER_SAMPLER_H
/* Samplers: how noise becomes an image. A sampler walks a given list of logSNR values and asks for x̂
 * at each. Arithmetic is in double; the network behind `denoise` has its own precision.
 * Thread safety: sample() may run in several threads on different runs. */
#include <runner/param.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rn_sampler_run {
    size_t bytes;          /* sizeof(rn_sampler_run) of the caller */
    const double *logsnr;  /* steps + 1 values, from t = 1 to t = 0 */
    int64_t steps;
    int64_t n;             /* elements of z */
    double *z;             /* [n], in: the noise at logsnr[0]; out: the sample */
    double *x0;            /* [n], out: x̂ where the last step begins */
    double *scratch;       /* [scratch_arrays · n] */
    void *context;
    /* x0[n] = x̂ at z and λ, clipped already where the spec asks for it. `step` numbers the step that asks. */
    bool (*denoise)(void *context, int64_t step, const double *z, double logsnr, double *x0, rn_error *err);
    /* xi[n] = standard normal numbers of that step. */
    void (*noise)(void *context, int64_t step, double *xi);
    /* After each step, the new z (for golden tests and progress); may be NULL. False: stop, with err. */
    bool (*after)(void *context, int64_t step, const double *z, rn_error *err);
} rn_sampler_run;

typedef struct rn_sampler {
    RN_COMPONENT_HEAD;
    int64_t scratch_arrays; /* arrays of n numbers that sample() wants as scratch */
    int64_t default_steps;  /* where `steps` is none; at least 1 */
    /* Walks run->logsnr from its first value to its last. False with err where denoise() or after() gave false. */
    RN_NODISCARD bool (*sample)(const void *params, rn_sampler_run *run, rn_error *err);
    int64_t calls_a_step; /* model calls in a step, for estimates of time; 0: one */
    bool even_in_logsnr;  /* where `spacing` is none: steps even in logSNR instead of t */
} rn_sampler;

#ifdef __cplusplus
}
#endif
#endif
