#ifndef PLUGINS_SCHEDULES_HELD_H
#define PLUGINS_SCHEDULES_HELD_H
/* Curves without bounds reach λ = ±∞ at their ends. They are held where α² or σ² is 1e-9 (as public programs
 * of Chen 2023 do), so that nothing downstream meets an infinity; the slope there is 0. */
#include <math.h>

#define LOGSNR_HELD 20.72326583594641 /* log((1 − 1e-9)/1e-9) */

static inline double held(double logsnr)
{
    return fmin(fmax(logsnr, -LOGSNR_HELD), LOGSNR_HELD);
}

static inline double held_slope(double logsnr, double slope)
{
    return fabs(logsnr) < LOGSNR_HELD ? slope : 0;
}

#endif
