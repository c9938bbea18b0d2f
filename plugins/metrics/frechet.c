/* With S = FᵀF, tr (S₁S₂)^½ is the sum of the singular values of F₁·F₂ᵀ. Nothing is squared on the way, so
 * singular covariances (fewer samples than dimensions, constant features) cost no digits and need no offset.
 *
 *     from samples   F = (x − mean)/√(n − 1), [n, dims]; where n > dims, its R of F = Q·R does as well
 *     from moments   F = D^½·Vᵀ with S = V·D·Vᵀ; eigenvalues that rounding makes negative are 0
 */
#include "metrics/frechet.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* LAPACK, as OpenBLAS exports it; its headers come with another package. */
void dsyevd_(const char *job, const char *half, const int *n, double *a, const int *lda, double *w, double *work,
             const int *lwork, int *iwork, const int *liwork, int *info);
void dgelqf_(const int *m, const int *n, double *a, const int *lda, double *tau, double *work, const int *lwork, int *info);
void dgesdd_(const char *job, const int *m, const int *n, double *a, const int *lda, double *s, double *u, const int *ldu,
             double *vt, const int *ldvt, double *work, const int *lwork, int *iwork, int *info);

static bool no_memory(const char *what, int64_t n, int64_t dims, rn_error *err)
{
    return rn_fail(err, RN_EMEMORY, "Fréchet distance: no memory for %s of %" PRId64 "×%" PRId64 " numbers", what, n, dims);
}

static bool all_finite(const double *v, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(v[i]))
            return false;
    return true;
}

/* A symmetric a [n, n] becomes F = D^½·Vᵀ (LAPACK's columns are our rows: row k is the vector of the k-th value). */
static bool factor(double *a, int n, rn_error *err)
{
    const int ask = -1;
    double work_size, *w = malloc((size_t)n * sizeof *w), *work = NULL;
    int iwork_size, *iwork = NULL, info = 0;
    if (w) {
        dsyevd_("V", "L", &n, a, &n, w, &work_size, &ask, &iwork_size, &ask, &info);
        work = malloc((size_t)work_size * sizeof *work);
        iwork = malloc((size_t)iwork_size * sizeof *iwork);
    }
    const bool memory = work && iwork;
    if (memory) {
        const int lwork = (int)work_size;
        dsyevd_("V", "L", &n, a, &n, w, work, &lwork, iwork, &iwork_size, &info);
        for (int i = 0; i < n && info == 0; i++)
            cblas_dscal(n, sqrt(fmax(w[i], 0)), a + (size_t)i * (size_t)n, 1);
    }
    free(w), free(work), free(iwork);
    if (!memory)
        return no_memory("the eigenvectors", n, n, err);
    return info == 0 || rn_fail(err, RN_EFAILED, "Fréchet distance: the eigenvalues of a covariance were not found "
                                "(LAPACK dsyevd says %d)", info);
}

/* f [n, dims], n > dims: its first dims rows become R of f = Q·R. LAPACK sees fᵀ = Rᵀ·Qᵀ, lower times orthogonal. */
static bool triangle(double *f, int n, int dims, rn_error *err)
{
    const int ask = -1;
    double size, *tau = malloc((size_t)dims * sizeof *tau), *work = NULL;
    int info = 0;
    if (tau) {
        dgelqf_(&dims, &n, f, &dims, tau, &size, &ask, &info);
        work = malloc((size_t)size * sizeof *work);
    }
    if (work) {
        const int lwork = (int)size;
        dgelqf_(&dims, &n, f, &dims, tau, work, &lwork, &info);
        for (size_t i = 1; i < (size_t)dims; i++)
            memset(f + i * (size_t)dims, 0, i * sizeof *f);
    }
    const bool memory = work != NULL;
    free(tau), free(work);
    return memory || no_memory("a triangular factor", n, dims, err);
}

/* Sum of the singular values of a [rows, cols], which is overwritten. */
static bool singular_sum(double *a, int64_t rows, int64_t cols, double *sum, rn_error *err)
{
    const int m = (int)cols, n = (int)rows, least = m < n ? m : n, one = 1, ask = -1; /* LAPACK sees the transposed */
    double size;
    int info;
    int *iwork = malloc((size_t)least * 8 * sizeof *iwork);
    double *s = malloc((size_t)least * sizeof *s), *work = NULL;
    if (iwork && s) {
        dgesdd_("N", &m, &n, a, &m, s, NULL, &one, NULL, &one, &size, &ask, iwork, &info);
        work = malloc((size_t)size * sizeof *work);
    }
    if (!work) {
        free(iwork), free(s);
        return no_memory("the singular values", rows, cols, err);
    }
    const int lwork = (int)size;
    dgesdd_("N", &m, &n, a, &m, s, NULL, &one, NULL, &one, work, &lwork, iwork, &info);
    double total = 0;
    for (int i = least - 1; i >= 0; i--) /* the small ones first */
        total += s[i];
    free(iwork), free(s), free(work);
    if (info)
        return rn_fail(err, RN_EFAILED, "Fréchet distance: the singular values of the samples were not found "
                       "(LAPACK dgesdd says %d)", info);
    *sum = total;
    return true;
}

static double square_distance(const double *a, const double *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum;
}

static double sum_of_squares(const double *v, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += v[i] * v[i];
    return sum;
}

/* From factors f1 [n, dims] and f2 [m, dims]; `means` is |m₁ − m₂|². tr S = Σ F². */
static bool from_factors(const double *f1, int64_t n, const double *f2, int64_t m, int64_t dims, double means,
                         double *distance, rn_error *err)
{
    double *a = malloc((size_t)n * (size_t)m * sizeof *a), nuclear = 0;
    if (!a)
        return no_memory("the product of two factors", n, m, err);
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)n, (int)m, (int)dims, 1, f1, (int)dims, f2, (int)dims, 0, a, (int)m);
    const bool ok = singular_sum(a, n, m, &nuclear, err);
    free(a);
    if (ok)
        *distance = fmax(0, means + sum_of_squares(f1, n * dims) + sum_of_squares(f2, m * dims) - 2 * nuclear);
    return ok;
}

bool frechet_moments(const double *mean1, const double *cov1, const double *mean2, const double *cov2, int64_t dims,
                     double *distance, rn_error *err)
{
    const size_t square = (size_t)dims * (size_t)dims;
    if (!all_finite(cov1, (int64_t)square) || !all_finite(cov2, (int64_t)square) || !all_finite(mean1, dims) ||
        !all_finite(mean2, dims))
        return rn_fail(err, RN_EFAILED, "Fréchet distance: a mean or covariance is not finite");
    double *f = malloc(2 * square * sizeof *f);
    if (!f)
        return no_memory("the covariances", 2 * dims, dims, err);
    memcpy(f, cov1, square * sizeof *f);
    memcpy(f + square, cov2, square * sizeof *f);
    const bool ok = factor(f, (int)dims, err) && factor(f + square, (int)dims, err) &&
                    from_factors(f, dims, f + square, dims, dims, square_distance(mean1, mean2, dims), distance, err);
    free(f);
    return ok;
}

/* mean [dims], and f [n, dims] = (x − mean)/√(n − 1) */
static void centre(const double *x, int64_t n, int64_t dims, double *mean, double *f)
{
    memset(mean, 0, (size_t)dims * sizeof *mean);
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < dims; k++)
            mean[k] += x[i * dims + k];
    for (int64_t k = 0; k < dims; k++)
        mean[k] /= (double)n;
    const double scale = 1 / sqrt((double)(n - 1));
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < dims; k++)
            f[i * dims + k] = (x[i * dims + k] - mean[k]) * scale;
}

bool frechet_samples(const double *x, int64_t n, const double *y, int64_t m, int64_t dims, double *distance, rn_error *err)
{
    if (n < 2 || m < 2)
        return rn_fail(err, RN_EDATA, "Fréchet distance: %" PRId64 " and %" PRId64 " samples; a covariance needs two of each",
                       n, m);
    if (!all_finite(x, n * dims) || !all_finite(y, m * dims))
        return rn_fail(err, RN_EFAILED, "Fréchet distance: a feature is not finite");
    double *memory = malloc((size_t)(n + m + 2) * (size_t)dims * sizeof *memory);
    if (!memory)
        return no_memory("the samples", n + m, dims, err);
    double *mean1 = memory, *mean2 = mean1 + dims, *f1 = mean2 + dims, *f2 = f1 + n * dims;
    centre(x, n, dims, mean1, f1);
    centre(y, m, dims, mean2, f2);
    const bool ok = (n <= dims || triangle(f1, (int)n, (int)dims, err)) && (m <= dims || triangle(f2, (int)m, (int)dims, err)) &&
                    from_factors(f1, n < dims ? n : dims, f2, m < dims ? m : dims, dims, square_distance(mean1, mean2, dims),
                                 distance, err);
    free(memory);
    return ok;
}
