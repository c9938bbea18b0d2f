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
    /* Where given: image i begins between the noise of image 0 under `seed` and that under `to_seed`, at i/(n − 1) of
     * the way, and all images get the same fresh noise at a step. */
    const uint32_t *to_seed;
} rn_sampling;

/* Draws in batches of evaluate.batch (the last one is cut), with labels and guidance as `evaluate:` says. x̂ is clipped, or thresholded, as the sampler's settings say.
 * Errors: RN_EMEMORY, RN_EFAILED for samples that are not finite, what sink and progress say. */
RN_NODISCARD bool rn_sample(rn_trainer *t, const rn_sampling *s, rn_error *err);

/* The schedule that the sampler walks: its own where it has one, else the task's.
 * Errors: those of rn_curve_make, with the place in the spec. */
RN_NODISCARD bool rn_sampling_curve(const rn_experiment *e, rn_curve *curve, rn_error *err);

/* The logSNR that a sampler visits: steps + 1 values from t = 1 to t = 0, even in t or in logSNR. */
void rn_sampling_grid(const rn_curve *curve, int64_t steps, int64_t spacing, double *logsnr);
int64_t rn_sampling_steps(const rn_sampler_config *sampler);
/* How often the network is asked for one image, guidance included: counted on the run's own grid of logSNR; 0 where the
 * schedule is refused or memory is short. */
int64_t rn_sampling_evaluations(const rn_experiment *e);

/* What rn_sample allocates. */
size_t rn_sampling_bytes(const rn_experiment *e);

/* out = a and b turned into each other: sin((1 − u)Ω)/sin Ω·a + sin(uΩ)/sin Ω·b, Ω the angle between them. Noise stays
 * noise on the way: the norm is that of a and b, where a straight line would pass nearer to 0 (White 2016,
 * arXiv:1609.04468). u in 0 … 1; parallel a and b are mixed linearly. out may be a or b. */
void rn_slerp(const double *a, const double *b, int64_t n, double u, double *out);

#endif
