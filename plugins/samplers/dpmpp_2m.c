/* dpmpp_2m: DPM-Solver++(2M), second order from one model call a step: the estimate of the image is extrapolated from
 * this step's and the one before.
 * Source: Lu et al. 2022 (arXiv:2211.01095), algorithm 2, data prediction. */
#include <math.h>
#include <runner/sampler.h>
#include <runner/schedule.h>
#include <string.h>

typedef struct { bool lower_order_final; } dpmpp_2m;
/* clang-format off */
static const rn_param params[] = {
    RN_BOOL(dpmpp_2m, lower_order_final, "true", "first order in the last step, in which logSNR rises too far for an extrapolation"),
    RN_PARAMS_END,
};
/* clang-format on */

/* From λ (α, σ) to μ (α', σ'), with h = (μ − λ)/2, half the step in logSNR, since the paper's λ is log(α/σ):
 *
 *     D  = x̂ + (x̂ − x̂_before)·h/(2·h_before);   D = x̂ in the first step
 *     z' = (σ'/σ)·z − α'·(e^−h − 1)·D */
static bool sample(const void *params_, rn_sampler_run *run, rn_error *err)
{
    const bool lower_order_final = ((const dpmpp_2m *)params_)->lower_order_final;
    double *before = run->scratch, h_before = 0;
    for (int64_t step = 0; step < run->steps; step++) {
        const double from = run->logsnr[step], to = run->logsnr[step + 1], h = (to - from) / 2;
        const double by_z = rn_sigma(to) / rn_sigma(from), by_d = -rn_alpha(to) * expm1(-h);
        const bool first_order = step == 0 || (lower_order_final && step + 1 == run->steps);
        const double ahead = first_order ? 0 : h / (2 * h_before);
        if (!run->denoise(run->context, step, run->z, from, run->x0, err))
            return false;
        if (step == 0)
            memcpy(before, run->x0, (size_t)run->n * sizeof *before);
        for (int64_t i = 0; i < run->n; i++) {
            const double d = run->x0[i] + ahead * (run->x0[i] - before[i]);
            run->z[i] = by_z * run->z[i] + by_d * d;
            before[i] = run->x0[i];
        }
        h_before = h;
        if (run->after && !run->after(run->context, step, run->z, err))
            return false;
    }
    return true;
}

extern const rn_sampler sampler_dpmpp_2m;
const rn_sampler sampler_dpmpp_2m = {.bytes = sizeof(rn_sampler), .name = "dpmpp_2m",
                                     .doc = "DPM-Solver++(2M): second order, one model call a step", .params = params,
                                     .params_bytes = sizeof(dpmpp_2m), .scratch_arrays = 1, .default_steps = 25,
                                     .sample = sample, .even_in_logsnr = true};
