#ifndef PLUGINS_METRICS_MMD_H
#define PLUGINS_METRICS_MMD_H
/* The squared maximum mean discrepancy of two sets with the kernel k(a, b) = (a·b/dims + 1)³.
 * Source: Gretton et al. 2012; Bińkowski et al. 2018 (arXiv:1801.01401), section 3.
 * Thread safety: functions are pure. */
#include <runner/error.h>

typedef struct mmd {
    double unbiased; /* mean k(x, x') + mean k(y, y') over different samples − 2·mean k(x, y); may be below 0 */
    double biased;   /* the same with the diagonals: ≥ 0 */
    double se;       /* standard error of `unbiased` by the jackknife over both sets; NaN for two samples */
} mmd;

/* x [n, dims], y [m, dims]; n, m ≥ 2. Errors: RN_EDATA, RN_EMEMORY, RN_EFAILED where a feature is not finite. */
RN_NODISCARD bool mmd_cubic(const double *x, int64_t n, const double *y, int64_t m, int64_t dims, mmd *out, rn_error *err);

#endif
