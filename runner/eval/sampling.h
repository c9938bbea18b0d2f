#ifndef RN_EVAL_SAMPLING_H
#define RN_EVAL_SAMPLING_H
/* Drawing samples from a trained model.
 * Thread safety: one thread. */
#include "train/trainer.h"

/* Images as they are made: n of them [n, H, W, 3] in −1 … 1, beginning with number `first`. False: stop. */
typedef bool rn_sample_sink(void *context, const float *images, int64_t first, int64_t n, rn_error *err);

typedef struct rn_sampling {
    const rn_sampler_config *sampler;
    const rn_parameter_set *set;
    int64_t n;
    uint32_t seed; /* of the noise; streams "sample noise" and "sampler noise", so all variants begin alike */
    rn_sample_sink *sink;
    void *context;
    /* After each step of each batch: how much is done, 0 … 1. False: stop, with err. May be NULL. */
    bool (*progress)(void *context, double done, rn_error *err);
} rn_sampling;

/* Draws in batches of evaluate.batch (the last one is cut). x̂ is clipped to ±1 where sampler->clip says so.
 * Errors: RN_EMEMORY, RN_EFAILED for samples that are not finite, what sink and progress say. */
RN_NODISCARD bool rn_sample(rn_trainer *t, const rn_sampling *s, rn_error *err);

/* The logSNR that a sampler visits: steps + 1 values from t = 1 to t = 0, even in t or in logSNR. */
void rn_sampling_grid(const rn_curve *curve, int64_t steps, int64_t spacing, double *logsnr);
int64_t rn_sampling_steps(const rn_sampler_config *sampler);

#endif
