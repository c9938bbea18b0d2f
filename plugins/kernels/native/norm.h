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
static inline float row_sum(const el *x, int64_t n)
{
    vf sum[4] = {vf_of(0), vf_of(0), vf_of(0), vf_of(0)};
    int64_t k = 0;
    for (; k + 4 * VF_LANES <= n; k += 4 * VF_LANES)
        for (int v = 0; v < 4; v += 2) {
            vf a, b;
            vf_load_pair(x + k + v * VF_LANES, &a, &b);
            sum[v] += a;
            sum[v + 1] += b;
        }
    for (; k + VF_LANES <= n; k += VF_LANES)
        sum[0] += vf_load(x + k);
    if (k < n)
        sum[1] += vf_load_part(x + k, n - k);
    return vf_sum((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

/* Σ(x − about) and Σ(x − about)² over a row. */
static inline void row_moments(const el *x, int64_t n, float about, float *rest, float *squares)
{
    const vf m = vf_of(about);
    vf sum[4] = {vf_of(0), vf_of(0), vf_of(0), vf_of(0)}, square[4] = {vf_of(0), vf_of(0), vf_of(0), vf_of(0)};
    int64_t k = 0;
    for (; k + 4 * VF_LANES <= n; k += 4 * VF_LANES)
        for (int v = 0; v < 4; v += 2) {
            vf d[2];
            vf_load_pair(x + k + v * VF_LANES, &d[0], &d[1]);
            for (int i = 0; i < 2; i++) {
                d[i] -= m;
                sum[v + i] += d[i];
                square[v + i] = vf_fma(d[i], d[i], square[v + i]);
            }
        }
    for (; k < n; k += VF_LANES) {
        const int64_t lanes = least(VF_LANES, n - k);
        vf d = vf_get(x + k, lanes) - m;
        if (lanes < VF_LANES)
            d = vf_first_lanes(d, lanes);
        sum[1] += d;
        square[1] = vf_fma(d, d, square[1]);
    }
    *rest = vf_sum((sum[0] + sum[1]) + (sum[2] + sum[3]));
    *squares = vf_sum((square[0] + square[1]) + (square[2] + square[3]));
}

/* 1/√(var + eps) and the mean of each of n rows, in two parts: float32 `middle` and what its rounding left out times
 * rstd, so that x̂ = (x − middle)·rstd + rest. A step is taken for all rows before the next, so that the latencies of
 * sums over lanes, divisions and roots lie beside one another. The first mean is corrected by the mean of what is left:
 *     m₀ = Σx/n,  d = Σ(x − m₀)/n,  mean = m₀ + d,  var = Σ(x − m₀)²/n − d² */
enum { TEAM = 8 };
typedef struct row_statistics { float mean[TEAM], rstd[TEAM], rest[TEAM]; } row_statistics;
static inline void rows_statistics(const el *x, int64_t pitch, int n, int64_t channels, double eps, row_statistics *s)
{
    float about[TEAM], squares[TEAM];
    const double share = 1 / (double)channels;
    for (int i = 0; i < n; i++)
        about[i] = row_sum(x + i * pitch, channels) * (float)share;
    for (int i = 0; i < n; i++)
        row_moments(x + i * pitch, channels, about[i], &s->rest[i], &squares[i]);
    for (int i = 0; i < n; i++) {
        const double d = (double)s->rest[i] * share, mean = (double)about[i] + d;
        const double rstd = 1 / sqrt(fmax(0, (double)squares[i] * share - d * d) + eps);
        s->mean[i] = (float)mean;
        s->rstd[i] = (float)rstd;
        s->rest[i] = (float)(((double)s->mean[i] - mean) * rstd);
    }
}

#endif
