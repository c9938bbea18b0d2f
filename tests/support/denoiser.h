#ifndef TESTS_SUPPORT_DENOISER_H
#define TESTS_SUPPORT_DENOISER_H
/* Exact denoisers: x̂ = E[x₀ | z] for data whose law is known, so that a sampler alone is tested.
 *
 *     gaussian   x₀ ~ N(mean, diag(std²)):  x̂ = mean + α·std²/(α²std² + σ²)·(z − α·mean)
 *     mixture    x₀ ~ Σ weight_k·N(mean_k, std_k²·I), v_k = α²std_k² + σ², r_k ∝ weight_k·N(z; α·mean_k, v_k·I):
 *                x̂ = Σ r_k·(mean_k + α·std_k²/v_k·(z − α·mean_k))
 *     guidance   ε̂ = ε̂_u + w·(ε̂_c − ε̂_u) inside an interval of λ, ε̂_c outside; c is a Gaussian of its own */
#include "support/golden.h"

#include <runner/sampler.h>

enum { DENOISER_COMPONENTS = 16 };

typedef struct denoiser {
    int64_t dim, rows;  /* z is [rows, dim] */
    int64_t components; /* 0: one Gaussian with a standard deviation for each element */
    double *weight, *mean, *std;
    double *cond_mean, *cond_std; /* NULL: no condition */
    double guidance, interval_low, interval_high;
    double clip;         /* x̂ to ±clip; 0: not clipped */
    double *noise;       /* [step, rows, dim] */
} denoiser;

/* That of a data set of samplers.safetensors; `sampler` gives clip, guidance and interval, `sizes` the shapes. */
denoiser golden_denoiser(const char *data, const char *sizes, const char *sampler);
void denoiser_free(denoiser *d);

/* A row of samplers.tsv with that data: its sizes and its schedule. Fails the test where there is none. */
int golden_run_of(const char *data);

/* Keys of a sampler as the tables mean them: a last step of the full order unless they say otherwise. Borrowed until the
 * next call. */
const char *golden_sampler_keys(const char *keys);

/* As rn_sampler_run wants it; context: a denoiser. */
bool denoiser_denoise(void *context, int64_t step, const double *z, double logsnr, double *x0, rn_error *err);
void denoiser_noise(void *context, int64_t step, double *xi);

#endif
