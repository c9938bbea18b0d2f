/* simple_linear: α² = 1 − t, so λ = log((1 − t)/t). Source: Chen 2023 (arXiv:2301.10972), section 2.1. */
#include "schedules/held.h"

#include <runner/schedule.h>

static double logsnr(const void *params, double t, double move)
{
    (void)params, (void)move;
    return held(log1p(-t) - log(t));
}

static double slope(const void *params, double t, double move)
{
    (void)params, (void)move;
    return held_slope(log1p(-t) - log(t), -1 / (t * (1 - t)));
}

extern const rn_schedule schedule_simple_linear;
const rn_schedule schedule_simple_linear = {.bytes = sizeof(rn_schedule), .name = "simple_linear",
                                            .doc = "α² = 1 − t", .logsnr = logsnr, .slope = slope};
