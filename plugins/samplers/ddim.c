/* ddim: keeps the direction of the estimated noise; with η > 0 a share of it is drawn anew.
 * Source: Song, Meng, Ermon 2021 (arXiv:2010.02502), eq. 12 and 16. */
#include <math.h>
#include <runner/sampler.h>
#include <runner/schedule.h>

typedef struct { double eta; } ddim;
/* clang-format off */
static const rn_param params[] = {
    RN_REAL(ddim, eta, NULL, "0", 0, 1, "share of fresh noise: 0 is deterministic, 1 the ancestral sampler with the smaller variance"),
    RN_PARAMS_END,
};
/* clang-format on */

/* From λ (α, σ) to μ (α', σ'):
 *
 *     ε̂  = (z − αx̂)/σ
 *     z' = α'x̂ + √(σ'² − s²)·ε̂ + s·ξ,   s = η·(σ'/σ)·√(1 − α²/α'²)
 *
 * 1 − α²/α'² = σ²·k with k = 1 − e^(λ−μ), so s = η·σ'·√k and √(σ'² − s²) = σ'·√(1 − η²k): no difference of two
 * numbers near 1 is left. */
static bool sample(const void *params_, rn_sampler_run *run, rn_error *err)
{
    const double eta = ((const ddim *)params_)->eta;
    double *xi = run->scratch;
    for (int64_t step = 0; step < run->steps; step++) {
        const double from = run->logsnr[step], to = run->logsnr[step + 1], k = -expm1(from - to);
        const double alpha = rn_alpha(from), sigma = rn_sigma(from);
        const double kept = rn_sigma(to) * sqrt(fmax(0, 1 - eta * eta * k)), fresh = eta * rn_sigma(to) * sqrt(fmax(0, k));
        const double by_z = kept / sigma, by_x0 = rn_alpha(to) - kept * alpha / sigma;
        if (!run->denoise(run->context, step, run->z, from, run->x0, err))
            return false;
        for (int64_t i = 0; i < run->n; i++)
            run->z[i] = by_x0 * run->x0[i] + by_z * run->z[i];
        if (fresh > 0) {
            run->noise(run->context, step, xi);
            for (int64_t i = 0; i < run->n; i++)
                run->z[i] += fresh * xi[i];
        }
        if (run->after && !run->after(run->context, step, run->z, err))
            return false;
    }
    return true;
}

extern const rn_sampler sampler_ddim;
const rn_sampler sampler_ddim = {.bytes = sizeof(rn_sampler), .name = "ddim",
                                 .doc = "deterministic, or with a share η of fresh noise", .params = params,
                                 .params_bytes = sizeof(ddim), .is_default = true, .scratch_arrays = 1,
                                 .default_steps = 50, .sample = sample};
