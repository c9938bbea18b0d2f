#ifndef PLUGINS_KERNELS_OPENBLAS_BLAS_H
#define PLUGINS_KERNELS_OPENBLAS_BLAS_H
/* What the kernels of this folder share: a product for either type, how many rows a unit has, and sums over
 * rows that are split into a fixed number of parts.
 *
 * Each unit makes its own calls of a library that uses one thread, and units are cut by shapes alone, so any
 * number of threads gives the same bytes. Kernels see elements as bytes of a size: gathering is copying. */
#include <runner/kernel.h>
#include <runner/ops.h>

/* Element i of an array of that type. */
static inline void *blas_at(void *v, rn_type type, int64_t i) { return (char *)v + i * (int64_t)rn_type_bytes(type); }
static inline const void *blas_in(const void *v, rn_type type, int64_t i)
{
    return (const char *)v + i * (int64_t)rn_type_bytes(type);
}
static inline int64_t blas_least(int64_t a, int64_t b) { return a < b ? a : b; }

/* Why not: float32 and float64 only, all alike, and sizes that an int can say. NULL: the library can do it. */
const char *blas_refusal(const rn_call *c);

/* A matrix with rows ld elements apart; `turned`: stored transposed. */
typedef struct blas_matrix {
    const void *v;
    int64_t ld;
    bool turned;
} blas_matrix;

/* y [m, n] = alpha·a·b + beta·y, a [m, k], b [k, n], rows of y ldy apart. */
void blas_product(rn_type type, int64_t m, int64_t n, int64_t k, double alpha, blas_matrix a, blas_matrix b,
                  double beta, void *y, int64_t ldy);

/* The same with a bias [n] (or NULL) for each row: y = a·b + bias. */
void blas_affine(rn_type type, int64_t m, int64_t n, int64_t k, blas_matrix a, blas_matrix b, const void *bias, void *y,
                 int64_t ldy);

/* Rows of a unit, of `total` rows, where each takes row_bytes of a panel (0: no panel is made). */
int64_t blas_unit_rows(int64_t total, int64_t row_bytes);

/* Sums over `total` rows in `parts` parts of `rows` rows (the last may be shorter). Each part makes a result of
 * `elements` in shared scratch (phase 0); phase 1 adds them up in their order. */
typedef struct blas_split {
    int64_t parts, rows, elements;
    rn_type type;
} blas_split;
blas_split blas_split_of(rn_type type, int64_t total, int64_t elements);
void blas_split_plan(const blas_split *s, rn_work *work);
/* Where part number `part` puts its result: with one part, straight into y. */
void *blas_split_result(const blas_split *s, const rn_buffers *m, int64_t part);
void blas_split_sum(const blas_split *s, const rn_buffers *m, int64_t begin, int64_t end);

#endif
