/* linear: the variance-preserving process with a noise rate that grows linearly.
 * Source: Song et al. 2021 (arXiv:2011.13456), appendix C, after Ho, Jain, Abbeel 2020. */
#include "schedules/held.h"

#include <runner/schedule.h>

typedef struct { double beta0, beta1; } linear;
/* clang-format off */
static const rn_param params[] = {
    RN_POSITIVE(linear, beta0, NULL, "0.1", 1000, "noise rate at t = 0"),
    RN_POSITIVE(linear, beta1, NULL, "20",  1000, "noise rate at t = 1"),
    RN_PARAMS_END,
};
/* clang-format on */

/* B(t) = β₀t + (β₁ − β₀)t²/2 */
static double noise(const linear *p, double t)
{
    return t * (p->beta0 + (p->beta1 - p->beta0) * t / 2);
}

/* α² = e^(−B), so λ = log(e^(−B)/(1 − e^(−B))) = −log(e^B − 1) */
static double free_logsnr(const linear *p, double t)
{
    return -log(expm1(noise(p, t)));
}

static double logsnr(const void *params_, double t, double move)
{
    (void)move;
    return held(free_logsnr(params_, t));
}

/* dλ/dt = −B′·e^B/(e^B − 1) */
static double slope(const void *params_, double t, double move)
{
    (void)move;
    const linear *p = params_;
    const double rate = p->beta0 + (p->beta1 - p->beta0) * t;
    return held_slope(free_logsnr(p, t), rate / expm1(-noise(p, t)));
}

extern const rn_schedule schedule_linear;
const rn_schedule schedule_linear = {.bytes = sizeof(rn_schedule), .name = "linear",
                                     .doc = "variance preserving, noise rate linear in t", .params = params,
                                     .params_bytes = sizeof(linear), .logsnr = logsnr, .slope = slope};
