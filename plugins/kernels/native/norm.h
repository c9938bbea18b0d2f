#ifndef KERNELS_NATIVE_NORM_H
#define KERNELS_NATIVE_NORM_H
/* What normalisations are made of: means and variances, and x → (x − mean)·factor + shift. The variance is the mean of
 * the squares of what is left without a mean, never E[x²] − mean², which loses all digits where the mean is large. */
#include "strips.h"

#include <math.h>

/* A vector without its last lanes. */
static inline vf vf_first_lanes(vf v, int64_t lanes)
{
    float lane[VF_LANES];
    vf_store(lane, v);
    return vf_load_part(lane, lanes);
}

/* Σ over a row in four interleaved vectors. */
static inline float row_sum(const float *x, int64_t n)
{
    vf sum[4] = {vf_of(0), vf_of(0), vf_of(0), vf_of(0)};
    int64_t k = 0;
    for (; k + 4 * VF_LANES <= n; k += 4 * VF_LANES)
        for (int v = 0; v < 4; v++)
            sum[v] += vf_load(x + k + v * VF_LANES);
    for (; k + VF_LANES <= n; k += VF_LANES)
        sum[0] += vf_load(x + k);
    if (k < n)
        sum[1] += vf_load_part(x + k, n - k);
    return vf_sum((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

/* The mean and the variance (biased) of a row, corrected as moments_strip() is. */
static inline void row_moments(const float *x, int64_t n, double *mean, double *variance)
{
    const float about = row_sum(x, n) / (float)n;
    const vf m = vf_of(about);
    vf rest[4] = {vf_of(0), vf_of(0), vf_of(0), vf_of(0)}, square[4] = {vf_of(0), vf_of(0), vf_of(0), vf_of(0)};
    int64_t k = 0;
    for (; k + 4 * VF_LANES <= n; k += 4 * VF_LANES)
        for (int v = 0; v < 4; v++) {
            const vf d = vf_load(x + k + v * VF_LANES) - m;
            rest[v] += d;
            square[v] = vf_fma(d, d, square[v]);
        }
    for (; k < n; k += VF_LANES) {
        const int64_t lanes = least(VF_LANES, n - k);
        vf d = vf_get(x + k, lanes) - m;
        if (lanes < VF_LANES)
            d = vf_first_lanes(d, lanes);
        rest[0] += d;
        square[0] = vf_fma(d, d, square[0]);
    }
    const double d = (double)vf_sum((rest[0] + rest[1]) + (rest[2] + rest[3])) / (double)n;
    const double squares = (double)vf_sum((square[0] + square[1]) + (square[2] + square[3]));
    *mean = (double)about + d;
    *variance = fmax(0, squares / (double)n - d * d);
}

#endif
