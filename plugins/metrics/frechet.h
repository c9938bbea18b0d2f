#ifndef PLUGINS_METRICS_FRECHET_H
#define PLUGINS_METRICS_FRECHET_H
/* The squared Fréchet distance of two Gaussians, |m₁ − m₂|² + tr(S₁ + S₂ − 2·(S₁S₂)^½). Always finite and ≥ 0,
 * for singular covariances too, without an offset on the diagonal.
 * Source: Dowson, Landau 1982; Heusel et al. 2017 (arXiv:1706.08500), eq. 6.
 * Thread safety: functions are pure. */
#include <runner/error.h>

/* From moments: mean [dims], cov [dims, dims], symmetric. Errors: RN_EMEMORY; RN_EFAILED where a number is not
 * finite or the eigenvalues cannot be found. */
RN_NODISCARD bool frechet_moments(const double *mean1, const double *cov1, const double *mean2, const double *cov2,
                                  int64_t dims, double *distance, rn_error *err);

/* From samples x [n, dims] and y [m, dims], covariances with n − 1; n, m ≥ 2. Errors: as above, and RN_EDATA for
 * fewer than two samples. */
RN_NODISCARD bool frechet_samples(const double *x, int64_t n, const double *y, int64_t m, int64_t dims, double *distance,
                                  rn_error *err);

#endif
