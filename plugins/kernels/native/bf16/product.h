#ifndef KERNELS_NATIVE_BF16_PRODUCT_H
#define KERNELS_NATIVE_BF16_PRODUCT_H
/* Rows times a matrix: linear, 1×1 convolutions, matmul. The matrix is packed into panels first, in a phase of its own, by all
 * threads: parameters are float32 and change with every step. Rows that are bfloat16 are read where they lie. */
#include "pack.h"

enum {
    PRODUCT_UNITS = 32,            /* of rows wanted, so that many cores have work */
    PRODUCT_STRIPS = 4,            /* in a unit at least: a panel is read that many times once it is in the cache */
    PRODUCT_BYTES = 384 * 1024,    /* of rows that use a panel while it is in a level-2 cache of 1 MiB */
    PRODUCT_BLOCK = 18             /* of strips, at most */
};

/* c [rows, n] = a·b + bias; a [rows, k], or `crossed` stored as [k, rows]. */
typedef struct product {
    int64_t rows, k, n;
    source a, b;
    int64_t a_pitch, b_pitch, c_pitch;
    bool crossed, turned; /* turned: b is stored as [n, k] */
    const float *bias;    /* [n] or NULL */
    void *c;
    bool c_narrow;
} product;

static inline int64_t product_panel(const product *p) { return whole_steps(p->k) * STRIP_COLUMNS; } /* elements */
static inline int64_t product_panels(const product *p) { return panels_of(p->n); }
static inline int64_t product_units(const product *p)
{
    return least(PRODUCT_UNITS, pieces(p->rows, PRODUCT_STRIPS * STRIP_ROWS));
}
static inline int64_t product_pitch(const product *p) { return odd_lines(whole_steps(p->k)); }
/* Rows of a block, whole strips. */
static inline int64_t product_block(const product *p)
{
    const int64_t strip_bytes = STRIP_ROWS * product_pitch(p) * (int64_t)sizeof(rn_bf16);
    return most(1, least(PRODUCT_BLOCK, PRODUCT_BYTES / strip_bytes)) * STRIP_ROWS;
}

static inline size_t product_scratch_bytes(const product *p)
{
    return (size_t)(product_panels(p) * product_panel(p)) * sizeof(rn_bf16);
}
/* A tile of a has all its rows, and squares of CROSS_ROWS are turned. */
static inline size_t product_thread_bytes(const product *p)
{
    return (size_t)((product_block(p) + CROSS_ROWS) * product_pitch(p)) * sizeof(rn_bf16);
}

/* Panels [begin, end). */
#define product_pack NATIVE_(product_pack)
void product_pack(const product *p, rn_bf16 *panels, int64_t begin, int64_t end);

/* Unit `unit` of product_units(), between strips_begin(GROUP_ROWS) and strips_end(). */
#define product_unit NATIVE_(product_unit)
void product_unit(const product *p, const rn_bf16 *panels, int64_t unit, rn_bf16 *scratch);
#endif
