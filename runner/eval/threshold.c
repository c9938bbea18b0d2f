#include "eval/threshold.h"

#include <math.h>

void rn_clip(double *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = x[i] < -1 ? -1 : x[i] > 1 ? 1 : x[i];
}

/* Hoare's selection: afterwards v[k] is what sorting would put there, with nothing larger before it and nothing smaller
 * behind. On average some 3·n comparisons, where sorting takes n·log₂ n (a factor of five for 64×64 pixels). */
static void select_order(double *v, int64_t n, int64_t k)
{
    int64_t low = 0, high = n - 1;
    while (low < high) {
        const double pivot = v[low + (high - low) / 2];
        int64_t i = low, j = high;
        while (i <= j) {
            while (v[i] < pivot)
                i++;
            while (v[j] > pivot)
                j--;
            if (i <= j) {
                const double other = v[i];
                v[i++] = v[j];
                v[j--] = other;
            }
        }
        if (k <= j)
            high = j;
        else if (k >= i)
            low = i;
        else
            return;
    }
}

void rn_dynamic_threshold(double *x, int64_t n, double quantile, double *work)
{
    const double at = quantile * (double)(n - 1);
    const int64_t k = (int64_t)at;
    for (int64_t i = 0; i < n; i++)
        work[i] = fabs(x[i]);
    select_order(work, n, k);
    double next = k + 1 < n ? work[k + 1] : work[k]; /* the order statistic behind: the least of the rest */
    for (int64_t i = k + 2; i < n; i++)
        next = fmin(next, work[i]);
    const double s = fmax(1, work[k] + (at - (double)k) * (next - work[k]));
    for (int64_t i = 0; i < n; i++) /* not by fmin and fmax, which make a number of what is none: nobody would see it any more */
        x[i] = (x[i] < -s ? -s : x[i] > s ? s : x[i]) / s;
}
