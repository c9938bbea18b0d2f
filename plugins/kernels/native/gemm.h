#ifndef KERNELS_NATIVE_GEMM_H
#define KERNELS_NATIVE_GEMM_H
/* Matrix products in float32: the core of linear, convolutions and attention.
 *
 *     c[i, j] = Σ_k a[i, k]·b[k, j]
 *
 * A micro-kernel keeps a tile of c, GEMM_ROWS × GEMM_COLUMNS, in registers over a block of k. It reads a packed copy of a few
 * rows of a, one element for all lanes, and a panel of b, GEMM_COLUMNS columns whose rows lie b_pitch apart: a packed copy, or
 * b itself. Rows left over have micro-kernels of fewer rows, columns left over panels filled up with zeros.
 * Each element of c is one running sum over k, in blocks of GEMM_K that are added in their order: its bytes depend on
 * neither the tile it is in nor the other rows. */
#include "native.h"

enum {
    /* 28 sums, 2 vectors of b and one of a in 32 registers; 12 + 2 + 1 of 16 */
    GEMM_ROWS = VF_LANES == 16 ? 14 : 6,
    GEMM_COLUMNS = 2 * VF_LANES,
    GEMM_K = 384,              /* a panel of b is then 48 KiB: with GEMM_BLOCKS of a it fits a level-2 cache of 1 MiB */
    GEMM_PITCH = GEMM_K + 16,  /* of packed rows of a: an odd number of cache lines, so that they do not share sets */
    GEMM_BLOCKS = 18,          /* of GEMM_ROWS rows, that use a panel while it is in the cache: 394 KiB */
    GEMM_LEFT = GEMM_BLOCKS * GEMM_ROWS * GEMM_PITCH /* elements of scratch for packed rows of a */
};

/* b in panels: panel p begins at v + p·step, its rows lie `pitch` apart. A matrix in memory is one with step GEMM_COLUMNS,
 * where these divide its columns. */
typedef struct gemm_right {
    const float *v;
    int64_t step, pitch;
} gemm_right;

/* Rows of a: `pack` copies rows [row, row + rows) and columns [k, k + n) of it, GEMM_PITCH apart. */
typedef struct gemm_left gemm_left;
struct gemm_left {
    void (*pack)(const gemm_left *a, int64_t row, int64_t rows, int64_t k, int64_t n, float *to);
    const float *v;
    int64_t pitch;
};

static inline int64_t gemm_panels(int64_t n) { return pieces(n, GEMM_COLUMNS); }
static inline int64_t gemm_blocks(int64_t rows) { return pieces(rows, GEMM_ROWS); }

static inline void gemm_copy(float *to, const float *from, int64_t n)
{
    int64_t i = 0;
    for (; i + VF_LANES <= n; i += VF_LANES)
        vf_store(to + i, vf_load(from + i));
    if (i < n)
        vf_store_part(to + i, vf_load_part(from + i, n - i), n - i);
}

/* a0 b0 a1 b1 … of the lower and of the upper halves of a and b. */
#if defined(__AVX512F__)
#define VF_LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define VF_HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif defined(__AVX2__)
#define VF_LOW 0, 8, 1, 9, 2, 10, 3, 11
#define VF_HIGH 4, 12, 5, 13, 6, 14, 7, 15
#else
#define VF_LOW 0, 4, 1, 5
#define VF_HIGH 2, 6, 3, 7
#endif
static inline vf vf_zip_low(vf a, vf b) { return __builtin_shufflevector(a, b, VF_LOW); }
static inline vf vf_zip_high(vf a, vf b) { return __builtin_shufflevector(a, b, VF_HIGH); }

/* v[i][j] ↔ v[j][i]: each round zips row i with row i + VF_LANES/2, and log₂ VF_LANES of them turn the matrix. */
static inline void vf_transpose(vf v[VF_LANES])
{
    for (int round = 1; round < VF_LANES; round *= 2) {
        vf t[VF_LANES];
        for (int i = 0; i < VF_LANES / 2; i++) {
            t[2 * i] = vf_zip_low(v[i], v[i + VF_LANES / 2]);
            t[2 * i + 1] = vf_zip_high(v[i], v[i + VF_LANES / 2]);
        }
        for (int i = 0; i < VF_LANES; i++)
            v[i] = t[i];
    }
}

/* to [k, GEMM_COLUMNS] = columns [0, n) of b [k, ..], rows `pitch` apart, n ≤ GEMM_COLUMNS; zeros beyond. `turned`: b is stored
 * as [n, k]. */
#define gemm_pack_panel NATIVE_(gemm_pack_panel)
void gemm_pack_panel(const float *b, int64_t pitch, bool turned, int64_t k, int64_t n, float *to);

/* gemm_left.pack for a matrix in memory, a[row·pitch + k]. */
#define gemm_pack_dense NATIVE_(gemm_pack_dense)
void gemm_pack_dense(const gemm_left *a, int64_t row, int64_t rows, int64_t k, int64_t n, float *to);

/* Where a product goes: c [.., n], rows `pitch` apart, written or `add`ed to, with a bias [n] or NULL. */
typedef struct gemm_target {
    float *c;
    int64_t pitch, n;
    const float *bias;
    bool add;
} gemm_target;

/* Up to GEMM_ROWS rows of c: packed rows of a, GEMM_PITCH apart, times all panels of b over k ≤ GEMM_K. */
#define gemm_strip NATIVE_(gemm_strip)
void gemm_strip(int64_t rows, int64_t k, const float *a, const gemm_right *b, const gemm_target *t);

/* The same where a is stored as [k, ..], rows a_pitch apart: up to GEMM_ROWS of its columns. */
#define gemm_cross_strip NATIVE_(gemm_cross_strip)
void gemm_cross_strip(int64_t rows, int64_t k, const float *a, int64_t a_pitch, const gemm_right *b, const gemm_target *t);

/* Blocks of nearly equal size: 16 rows are 8 + 8 and not 14 + 2. */
static inline int64_t gemm_cut(int64_t n, int64_t blocks, int64_t i) { return n * i / blocks; }

/* Rows [begin, end) of y [.., n] = a·b + bias (or NULL), a [.., k]; scratch of GEMM_LEFT elements. */
#define gemm_rows NATIVE_(gemm_rows)
void gemm_rows(const gemm_left *a, int64_t begin, int64_t end, int64_t k, const gemm_right *b, int64_t n, const float *bias,
               float *y, int64_t pitch, float *scratch);

/* y [m, n] = aᵀ·b: columns [column, column + m) of a by b, over `rows` rows from a's row `row` and b's first on. What is not
 * gemm_pack_dense must have m ≤ GEMM_K. Scratch of gemm_cross_scratch(n) elements. */
#define gemm_cross NATIVE_(gemm_cross)
void gemm_cross(const gemm_left *a, int64_t row, int64_t column, const float *b, int64_t b_pitch, int64_t rows, int64_t m,
                int64_t n, float *y, int64_t pitch, float *scratch);
static inline int64_t gemm_cross_scratch(int64_t n)
{
    return GEMM_K * (VF_LANES + gemm_panels(n) * GEMM_COLUMNS + GEMM_PITCH);
}
#endif
