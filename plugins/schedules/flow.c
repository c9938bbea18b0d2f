/* flow: the straight path from image to noise, z = (1 − t)·x₀ + t·ε, as a curve of logSNR.
 * Sources: Liu, Gong, Liu 2022 (arXiv:2209.03003); Lipman et al. 2022 (arXiv:2210.02747); logSNR of that path: Kingma, Gao
 * 2023 (arXiv:2303.00848), table 1. */
#include "schedules/held.h"

#include <runner/schedule.h>

/* λ = 2·log((1 − t)/t). A shift of it by log(k⁻²) is the known t' = k·t/(1 + (k − 1)·t) with k = to/from. */
static double logsnr(const void *params, double t, double move)
{
    (void)params, (void)move;
    return held(2 * (log1p(-t) - log(t)));
}

static double slope(const void *params, double t, double move)
{
    (void)params, (void)move;
    return held_slope(2 * (log1p(-t) - log(t)), -2 / (t * (1 - t)));
}

extern const rn_schedule schedule_flow;
const rn_schedule schedule_flow = {.bytes = sizeof(rn_schedule), .name = "flow",
                                   .doc = "straight path of rectified flow: α = 1 − t, σ = t before both are divided by √(α² + σ²)",
                                   .logsnr = logsnr, .slope = slope};
