/* Means, spreads, intervals, differences, adjusted p-values, a line. */
#include "eval/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

double rn_mean(const double *v, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += v[i];
    return n > 0 ? sum / (double)n : (double)NAN;
}

/* Two passes: the differences from the mean keep their digits. */
double rn_sample_sd(const double *v, int64_t n)
{
    if (n < 2)
        return (double)NAN;
    const double mean = rn_mean(v, n);
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (v[i] - mean) * (v[i] - mean);
    return sqrt(sum / (double)(n - 1));
}

double rn_standard_error(const double *v, int64_t n)
{
    return rn_sample_sd(v, n) / sqrt((double)n);
}

/* mean ± t·se, t the quantile at (1 + confidence)/2 */
static rn_interval around(double mean, double se, double df, double confidence)
{
    const double half = rn_student_quantile((1 + confidence) / 2, df) * se;
    return (rn_interval){mean - half, mean + half};
}

rn_interval rn_mean_interval(const double *v, int64_t n, double confidence)
{
    return around(rn_mean(v, n), rn_standard_error(v, n), (double)(n - 1), confidence);
}

static int rising(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double rn_quantile(const double *v, int64_t n, double p)
{
    double *sorted = n > 0 && p >= 0 && p <= 1 ? malloc((size_t)n * sizeof *sorted) : NULL;
    if (!sorted)
        return (double)NAN;
    memcpy(sorted, v, (size_t)n * sizeof *sorted);
    qsort(sorted, (size_t)n, sizeof *sorted, rising);
    const double at = p * (double)(n - 1);
    const int64_t below = (int64_t)at < n - 1 ? (int64_t)at : n - 1, above = below + 1 < n ? below + 1 : below;
    const double q = sorted[below] + (at - (double)below) * (sorted[above] - sorted[below]);
    free(sorted);
    return q;
}

double rn_median(const double *v, int64_t n)
{
    return rn_quantile(v, n, 0.5);
}

/* Without v[i] the sum of squares about the mean is S − (v[i] − mean)²·n/(n − 1). */
double rn_jackknife_se_of_variance(const double *v, int64_t n)
{
    if (n < 3)
        return (double)NAN;
    const double mean = rn_mean(v, n), sd = rn_sample_sd(v, n), squares = sd * sd * (double)(n - 1);
    double centre = 0, sum = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int64_t i = 0; i < n; i++) {
            const double d = v[i] - mean, left = (squares - d * d * (double)n / (double)(n - 1)) / (double)(n - 2);
            if (pass == 0)
                centre += left / (double)n;
            else
                sum += (left - centre) * (left - centre);
        }
    return sqrt((double)(n - 1) / (double)n * sum);
}

static rn_difference difference(double value, double se, double df, double confidence)
{
    const rn_interval in = around(value, se, df, confidence);
    const double t = se > 0 || isnan(se) ? value / se : value == 0 ? 0 : copysign((double)INFINITY, value);
    return (rn_difference){.value = value, .low = in.low, .high = in.high, .t = t, .df = df,
                           .p = isnan(se) ? (double)NAN : rn_student_two_sided_p(t, df)};
}

rn_difference rn_paired_difference(const double *a, const double *b, int64_t n, double confidence)
{
    double mean = 0, squares = 0;
    for (int64_t i = 0; i < n; i++)
        mean += (b[i] - a[i]) / (double)n;
    for (int64_t i = 0; i < n; i++)
        squares += (b[i] - a[i] - mean) * (b[i] - a[i] - mean);
    const double se = n > 1 ? sqrt(squares / (double)(n - 1) / (double)n) : (double)NAN;
    return difference(n > 0 ? mean : (double)NAN, se, (double)(n - 1), confidence);
}

/* df of Welch and Satterthwaite */
rn_difference rn_welch_difference(const double *a, int64_t n, const double *b, int64_t m, double confidence)
{
    const double va = pow(rn_standard_error(a, n), 2), vb = pow(rn_standard_error(b, m), 2), v = va + vb;
    const double df = v > 0 ? v * v / (va * va / (double)(n - 1) + vb * vb / (double)(m - 1)) : (double)(n + m - 2);
    return difference(rn_mean(b, m) - rn_mean(a, n), sqrt(v), df, confidence);
}

/* Patterns in the order of a Gray code: each turns one sign. Sums are compared with room for their rounding, so that
 * the observed pattern always counts. */
double rn_sign_flip_p(const double *a, const double *b, int64_t n)
{
    enum { MOST = 24 };
    if (n < 1 || n > MOST)
        return (double)NAN;
    double d[MOST], observed = 0, scale = 0;
    for (int64_t i = 0; i < n; i++) {
        d[i] = b[i] - a[i];
        observed += d[i];
        scale += fabs(d[i]);
    }
    const double least = fabs(observed) - 1e-10 * scale;
    double sum = observed;
    uint64_t count = fabs(sum) >= least;
    for (uint64_t pattern = 1; pattern < 1ull << n; pattern++) {
        const int turned = __builtin_ctzll(pattern);
        d[turned] = -d[turned];
        sum += 2 * d[turned];
        count += fabs(sum) >= least;
    }
    return (double)count / (double)(1ull << n);
}

void rn_bonferroni(const double *p, int64_t n, double *adjusted)
{
    for (int64_t i = 0; i < n; i++)
        adjusted[i] = fmin(1, p[i] * (double)n);
}

/* How many p are below p[i], and how many equal ones come before it: its place in the rising order. */
static int64_t place(const double *p, int64_t n, int64_t i)
{
    int64_t k = 0;
    for (int64_t j = 0; j < n; j++)
        k += p[j] < p[i] || (p[j] == p[i] && j < i);
    return k;
}

/* factor(k)·p₍ₖ₎ in rising order, made monotone from below (Holm) or from above (Benjamini, Hochberg). Few p-values: the
 * square of their number costs nothing. */
static void step(const double *p, int64_t n, double *adjusted, bool down)
{
    double *raw = malloc((size_t)(n > 0 ? n : 1) * 2 * sizeof *raw), *at = raw ? raw + n : NULL;
    for (int64_t i = 0; raw && i < n; i++) {
        const int64_t k = place(p, n, i);
        at[i] = (double)k;
        raw[i] = p[i] * (down ? (double)(n - k) : (double)n / (double)(k + 1));
    }
    for (int64_t i = 0; i < n; i++) {
        double best = down ? 0 : 1;
        for (int64_t j = 0; raw && j < n; j++)
            if (down ? at[j] <= at[i] : at[j] >= at[i])
                best = down ? fmax(best, raw[j]) : fmin(best, raw[j]);
        adjusted[i] = raw ? fmin(1, best) : (double)NAN;
    }
    free(raw);
}

void rn_holm(const double *p, int64_t n, double *adjusted)
{
    step(p, n, adjusted, true);
}

void rn_benjamini_hochberg(const double *p, int64_t n, double *adjusted)
{
    step(p, n, adjusted, false);
}

rn_line rn_fit_line(const double *x, const double *y, int64_t n)
{
    const double mx = rn_mean(x, n), my = rn_mean(y, n);
    double xx = 0, xy = 0, left = 0;
    for (int64_t i = 0; i < n; i++) {
        xx += (x[i] - mx) * (x[i] - mx);
        xy += (x[i] - mx) * (y[i] - my);
    }
    rn_line line = {.slope = xy / xx, .intercept_se = (double)NAN};
    line.intercept = my - line.slope * mx;
    for (int64_t i = 0; i < n; i++) {
        const double r = y[i] - my - line.slope * (x[i] - mx);
        left += r * r;
    }
    if (n > 2)
        line.intercept_se = sqrt(left / (double)(n - 2) * (1 / (double)n + mx * mx / xx));
    return line;
}
