/* ddpm: the ancestral sampler, with a variance between the two bounds that are known for it.
 * Source: Ho, Jain, Abbeel 2020 (arXiv:2006.11239); interpolation of the log variance: Hoogeboom, Heek, Salimans
 * 2023 (arXiv:2301.11093), appendix A. */
#include <math.h>
#include <runner/sampler.h>
#include <runner/schedule.h>

typedef struct { double interp; } ddpm;
/* clang-format off */
static const rn_param params[] = {
    RN_REAL(ddpm, interp, NULL, "0.2", 0, 1, "log variance between that of the posterior (0) and that of the forward process (1)"),
    RN_PARAMS_END,
};
/* clang-format on */

/* From λ (α, σ) to μ (α', σ'), with k = 1 − e^(λ−μ):
 *
 *     z' = α'·((1 − k)·z/α + k·x̂) + s·ξ
 *     log s² = interp·log(k·σ²) + (1 − interp)·log(k·σ'²);   no noise in the last step
 *
 * 1 − k = α²σ'²/(σ²α'²), so the factor of z is ασ'²/(α'σ²): nothing is divided by an α near 0. */
static bool sample(const void *params_, rn_sampler_run *run, rn_error *err)
{
    const double interp = ((const ddpm *)params_)->interp;
    double *xi = run->scratch;
    for (int64_t step = 0; step < run->steps; step++) {
        const double from = run->logsnr[step], to = run->logsnr[step + 1], k = -expm1(from - to);
        const double alpha = rn_alpha(from), sigma = rn_sigma(from), alpha2 = rn_alpha(to), sigma2 = rn_sigma(to);
        const double by_z = alpha * (sigma2 * sigma2) / (alpha2 * (sigma * sigma)), by_x0 = alpha2 * k;
        const double fresh = sqrt(fmax(0, k)) * pow(sigma, interp) * pow(sigma2, 1 - interp);
        if (!run->denoise(run->context, step, run->z, from, run->x0, err))
            return false;
        for (int64_t i = 0; i < run->n; i++)
            run->z[i] = by_z * run->z[i] + by_x0 * run->x0[i];
        if (step + 1 < run->steps) {
            run->noise(run->context, step, xi);
            for (int64_t i = 0; i < run->n; i++)
                run->z[i] += fresh * xi[i];
        }
        if (run->after && !run->after(run->context, step, run->z, err))
            return false;
    }
    return true;
}

extern const rn_sampler sampler_ddpm;
const rn_sampler sampler_ddpm = {.bytes = sizeof(rn_sampler), .name = "ddpm",
                                 .doc = "ancestral sampling with interpolated variance", .params = params,
                                 .params_bytes = sizeof(ddpm), .scratch_arrays = 1, .default_steps = 256,
                                 .sample = sample};
