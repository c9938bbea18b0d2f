#ifndef RN_EVAL_STATISTICS_H
#define RN_EVAL_STATISTICS_H
/* Statistics of few numbers: what stands behind intervals, verdicts and comparisons. Quantities of pairs are of
 * b − a. p-values are two-sided. NaN where a quantity does not exist (a spread of one number, an interval of one pair).
 * Thread safety: all functions are pure. */
#include <runner/error.h>

/* --- distributions (distributions.c) --- */

double rn_normal_cdf(double x);
double rn_normal_quantile(double p);                  /* p in (0, 1) */
double rn_student_quantile(double p, double df);    /* p in (0, 1), df > 0 */
double rn_student_two_sided_p(double t, double df); /* chance of |T| ≥ |t| */

/* --- one set (statistics.c) --- */

typedef struct rn_interval { double low, high; } rn_interval;

double rn_mean(const double *v, int64_t n);
double rn_sample_sd(const double *v, int64_t n);      /* divided by n − 1 */
double rn_standard_error(const double *v, int64_t n); /* sd/√n */
rn_interval rn_mean_interval(const double *v, int64_t n, double confidence); /* Student's, e.g. 0.95 */
double rn_median(const double *v, int64_t n);
double rn_quantile(const double *v, int64_t n, double p); /* linear between order statistics (type 7) */
/* Standard error of the sample variance by leaving out one number at a time. */
double rn_jackknife_se_of_variance(const double *v, int64_t n);

/* --- two sets --- */

typedef struct rn_difference {
    double value;     /* mean of b − mean of a */
    double low, high; /* interval of the confidence asked for */
    double t, df, p;  /* Student's t. All differences equal: ±∞ and p = 0, or t = 0 and p = 1 where they are 0 */
} rn_difference;

/* a[i] and b[i] belong together (the same seed). */
rn_difference rn_paired_difference(const double *a, const double *b, int64_t n, double confidence);
/* Welch's: unequal variances, no pairs. */
rn_difference rn_welch_difference(const double *a, int64_t n, const double *b, int64_t m, double confidence);
/* Share of the 2ⁿ sign patterns whose |mean difference| is at least the observed one; NaN for n > 24. */
double rn_sign_flip_p(const double *a, const double *b, int64_t n);

/* --- order (ranks.c) --- */

/* Exact; pairs that are equal are left out, ties share ranks. NaN for n > 400. */
double rn_wilcoxon_signed_rank_p(const double *a, const double *b, int64_t n);
double rn_pearson(const double *a, const double *b, int64_t n);
double rn_spearman(const double *a, const double *b, int64_t n);
double rn_kendall_tau_b(const double *a, const double *b, int64_t n);

/* --- several tests at once: adjusted[i] belongs to p[i]; the arrays may be the same --- */

void rn_bonferroni(const double *p, int64_t n, double *adjusted);
void rn_holm(const double *p, int64_t n, double *adjusted);
void rn_benjamini_hochberg(const double *p, int64_t n, double *adjusted);

/* --- a line (statistics.c) --- */

/* Least squares of y = intercept + slope·x. Against x = 1/N the intercept of a Fréchet distance is its
 * extrapolation to infinitely many samples (Chong, Forsyth 2020, arXiv:1911.07023). */
typedef struct rn_line { double intercept, slope, intercept_se; } rn_line;
rn_line rn_fit_line(const double *x, const double *y, int64_t n);

#endif
