#ifndef KERNELS_NATIVE_TILE_PRODUCT_H
#define KERNELS_NATIVE_TILE_PRODUCT_H
/* The product of Winograd's 36 pairs of matrices: small ones in the cache, so nothing is packed. */
#include "native.h"

enum {
    /* 28 sums, 2 vectors of the right operand and one of the left in 32 registers; 12 + 2 + 1 of 16 */
    PRODUCT_ROWS = VF_LANES == 16 ? 14 : 6,
    PANEL_VECTORS = 2,
    PANEL = PANEL_VECTORS * VF_LANES
};

/* Columns of panel `panel` of `columns` columns: PANEL, or in the last one as many vectors as hold the rest. */
static inline int64_t panel_width(int64_t columns, int64_t panel)
{
    return least(PANEL, pieces(columns - panel * PANEL, VF_LANES) * VF_LANES);
}

/* y [rows, vectors·VF_LANES] = or += a·b, where element (r, i) of a is a[r·a_row + i·a_step] and b [k, ..] and y have no gaps.
 * Inlined with constant rows and vectors: the sums are registers. */
NATIVE_INLINE void product_rows(int rows, int vectors, const float *a, int64_t a_row, int64_t a_step, const float *b, int64_t k,
                                float *y, bool add)
{
    vf sum[PRODUCT_ROWS][PANEL_VECTORS];
#pragma GCC unroll 14
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            sum[r][v] = vf_of(0);
    for (int64_t i = 0; i < k; i++, a += a_step, b += vectors * VF_LANES) {
        vf right[PANEL_VECTORS];
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            right[v] = vf_load(b + v * VF_LANES);
#pragma GCC unroll 14
        for (int r = 0; r < rows; r++) {
            const vf left = vf_of(a[r * a_row]);
#pragma GCC unroll 2
            for (int v = 0; v < vectors; v++)
                sum[r][v] = vf_fma(left, right[v], sum[r][v]);
        }
    }
#pragma GCC unroll 14
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++) {
            float *to = y + (r * vectors + v) * VF_LANES;
            if (add)
                sum[r][v] += vf_load(to);
            vf_store(to, sum[r][v]);
        }
}

/* PRODUCTS(name) makes of an inline function `name`, which is product_rows with one of a_row and a_step 1 and the other
 * `stride` (the addresses of a's elements then fit into registers), a table of functions: name_of[rows − 1][vectors − 1]. */
typedef void product(const float *a, int64_t stride, const float *b, int64_t k, float *y, bool add);

/* clang-format off */
#define PRODUCTS(name_)                                                                                                \
    PRODUCT_EACH_ROWS(PRODUCT_FUNCTIONS, name_)                                                                        \
    static product *const name_##_of[PRODUCT_ROWS][PANEL_VECTORS] = {PRODUCT_EACH_ROWS(PRODUCT_ADDRESSES, name_)};
#define PRODUCT_EACH_ROWS(X, name_)                                                                                    \
    X(name_, 1) X(name_, 2) X(name_, 3) X(name_, 4) X(name_, 5) X(name_, 6) PRODUCT_MORE_ROWS(X, name_)
#if defined(__AVX512F__)
#define PRODUCT_MORE_ROWS(X, name_)                                                                                    \
    X(name_, 7) X(name_, 8) X(name_, 9) X(name_, 10) X(name_, 11) X(name_, 12) X(name_, 13) X(name_, 14)
#else
#define PRODUCT_MORE_ROWS(X, name_)
#endif
#define PRODUCT_FUNCTIONS(name_, rows_) PRODUCT_FUNCTION(name_, rows_, 1) PRODUCT_FUNCTION(name_, rows_, 2)
#define PRODUCT_FUNCTION(name_, rows_, vectors_)                                                                       \
    static void name_##_##rows_##_##vectors_(const float *a, int64_t stride, const float *b, int64_t k, float *y, bool add)\
    {                                                                                                                  \
        name_(rows_, vectors_, a, stride, b, k, y, add);                                                               \
    }
#define PRODUCT_ADDRESSES(name_, rows_) {name_##_##rows_##_1, name_##_##rows_##_2},
/* clang-format on */

/* y [rows, width] = or += a·b for any number of rows, row r of a at a + r·a_row. They are shared out evenly: 14 + 2 would take as
 * long as 14 + 14. */
static inline void product_panel(product *const of[PRODUCT_ROWS][PANEL_VECTORS], int64_t rows, int64_t width, const float *a,
                                 int64_t a_row, int64_t stride, const float *b, int64_t k, float *y, bool add)
{
    const int64_t most_rows = pieces(rows, pieces(rows, PRODUCT_ROWS));
    for (int64_t r = 0; r < rows; r += most_rows)
        of[least(most_rows, rows - r) - 1][width / VF_LANES - 1](a + r * a_row, stride, b, k, y + r * width, add);
}
#endif
