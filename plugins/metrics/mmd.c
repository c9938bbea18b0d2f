/* All sums come from the rows of the three kernel matrices, made in tiles of TILE×TILE so that no matrix is ever
 * whole in memory. Row sums also give the estimate without any one sample, for the jackknife, at no further cost. */
#include "metrics/mmd.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>

enum { TILE = 256 }; /* 512 KiB of doubles: a second-level cache */

/* For each sample the sum of k to the others (row) and to the other set (cross); k of each to itself. */
typedef struct sums { double *row, *cross, self; } sums;

/* k between rows [i, i + n) of a and [j, j + m) of b, into tile [n, m] */
static void kernel_tile(const double *a, int64_t n, const double *b, int64_t m, int64_t dims, double *tile)
{
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)n, (int)m, (int)dims, 1 / (double)dims, a, (int)dims, b,
                (int)dims, 0, tile, (int)m);
    for (int64_t i = 0; i < n * m; i++) {
        const double k = tile[i] + 1;
        tile[i] = k * k * k;
    }
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Tiles on and above the diagonal; what is above counts for both of its samples. */
static void within(const double *x, int64_t n, int64_t dims, double *tile, sums *s)
{
    for (int64_t i = 0; i < n; i += TILE)
        for (int64_t j = i; j < n; j += TILE) {
            const int64_t rows = least(TILE, n - i), cols = least(TILE, n - j);
            kernel_tile(x + i * dims, rows, x + j * dims, cols, dims, tile);
            for (int64_t r = 0; r < rows; r++)
                for (int64_t c = 0; c < cols; c++) {
                    const double k = tile[r * cols + c];
                    if (i + r == j + c)
                        s->self += k;
                    else
                        s->row[i + r] += k;
                    if (i != j)
                        s->row[j + c] += k;
                }
        }
}

static void between(const double *x, int64_t n, const double *y, int64_t m, int64_t dims, double *tile, sums *sx, sums *sy)
{
    for (int64_t i = 0; i < n; i += TILE)
        for (int64_t j = 0; j < m; j += TILE) {
            const int64_t rows = least(TILE, n - i), cols = least(TILE, m - j);
            kernel_tile(x + i * dims, rows, y + j * dims, cols, dims, tile);
            for (int64_t r = 0; r < rows; r++)
                for (int64_t c = 0; c < cols; c++) {
                    sx->cross[i + r] += tile[r * cols + c];
                    sy->cross[j + c] += tile[r * cols + c];
                }
        }
}

static double total(const double *v, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += v[i];
    return sum;
}

/* (n − 1)/n·Σ (θ₋ᵢ − mean θ₋)² over the samples of the set with these sums; other: the part of θ that stays. */
static double jackknife_variance(const sums *s, int64_t n, int64_t m, double within_sum, double cross_sum, double other)
{
    const double left = (double)(n - 1);
    double mean = 0, m2 = 0;
    for (int64_t i = 0; i < n; i++) {
        const double theta = (within_sum - 2 * s->row[i]) / (left * (left - 1)) + other -
                             2 * (cross_sum - s->cross[i]) / (left * (double)m);
        const double delta = theta - mean;
        mean += delta / (double)(i + 1);
        m2 += delta * (theta - mean);
    }
    return left / (double)n * m2;
}

bool mmd_cubic(const double *x, int64_t n, const double *y, int64_t m, int64_t dims, mmd *out, rn_error *err)
{
    if (n < 2 || m < 2)
        return rn_fail(err, RN_EDATA, "kernel distance: %" PRId64 " and %" PRId64 " samples; it needs two of each", n, m);
    double *memory = calloc((size_t)(2 * n + 2 * m + TILE * TILE), sizeof *memory);
    if (!memory)
        return rn_fail(err, RN_EMEMORY, "kernel distance: no memory for the sums of %" PRId64 " samples", n + m);
    sums sx = {memory, memory + n, 0}, sy = {memory + 2 * n, memory + 2 * n + m, 0};
    double *tile = memory + 2 * n + 2 * m;
    within(x, n, dims, tile, &sx);
    within(y, m, dims, tile, &sy);
    between(x, n, y, m, dims, tile, &sx, &sy);
    const double xx = total(sx.row, n), yy = total(sy.row, m), xy = total(sx.cross, n);
    const double a = (double)n, b = (double)m, mean_xx = xx / (a * (a - 1)), mean_yy = yy / (b * (b - 1));
    mmd r = {.unbiased = mean_xx + mean_yy - 2 * xy / (a * b),
             .biased = (xx + sx.self) / (a * a) + (yy + sy.self) / (b * b) - 2 * xy / (a * b),
             .se = (double)NAN};
    if (n > 2 && m > 2)
        r.se = sqrt(jackknife_variance(&sx, n, m, xx, xy, mean_yy) + jackknife_variance(&sy, m, n, yy, xy, mean_xx));
    free(memory);
    if (!isfinite(r.unbiased))
        return rn_fail(err, RN_EFAILED, "kernel distance: a feature is not finite");
    *out = r;
    return true;
}
