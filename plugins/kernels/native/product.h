#ifndef KERNELS_NATIVE_PRODUCT_H
#define KERNELS_NATIVE_PRODUCT_H
/* Rows times a weight: linear, and convolutions whose windows are the rows.
 *
 * Where there are rows enough the weight is packed into panels first, in a phase of its own: one move of each element against
 * `rows` multiply-adds, shared by all threads, and it follows a weight that changes with every step. Few rows do not pay for
 * that: there a unit is a panel, read where it lies, by all rows. */
#include "gemm.h"

enum {
    PRODUCT_FEW = 4 * GEMM_ROWS, /* rows */
    PRODUCT_UNITS = 32,          /* wanted where there are rows enough, so that many cores have work */
    PRODUCT_BLOCKS = 4,          /* of GEMM_ROWS rows in a unit: a panel is read that many times once it is in the cache */
    PRODUCT_NARROW = 3 * VF_LANES / 4
};
static const char product_narrow[] = "few columns: most of a vector would stay unused";

/* rows × k times k × n. The weight is [taps, k/taps, n], its rows w_pitch apart; `turned`: it is stored as [taps, n, k/taps],
 * the last tap first (as the gradient of a convolution reads it). */
typedef struct product {
    int64_t rows, k, n, taps, w_pitch;
    bool turned;
} product;

static inline bool product_is_few(const product *p) { return p->rows <= PRODUCT_FEW; }

/* Units of rows. */
static inline int64_t product_units(const product *p)
{
    const int64_t blocks = gemm_blocks(p->rows);
    return most(pieces(blocks, GEMM_BLOCKS), least(PRODUCT_UNITS, pieces(blocks, PRODUCT_BLOCKS)));
}

static inline const char *product_plan(const product *p, rn_work *work)
{
    if (p->n < PRODUCT_NARROW && !product_is_few(p))
        return product_narrow;
    const int64_t panel = p->k * GEMM_COLUMNS, panels = gemm_panels(p->n);
    work->units = panels;
    work->thread_scratch_bytes = (size_t)(GEMM_LEFT + (product_is_few(p) ? panel : 0)) * sizeof(float);
    if (!product_is_few(p)) {
        work->more_units[0] = product_units(p);
        work->scratch_bytes = (size_t)(panels * panel) * sizeof(float);
    }
    return NULL;
}

static inline void product_pack(const product *p, const float *w, int64_t column, float *to)
{
    const int64_t depth = p->k / p->taps, n = least(GEMM_COLUMNS, p->n - column);
    for (int64_t tap = 0; tap < p->taps; tap++, to += depth * GEMM_COLUMNS)
        if (p->turned)
            gemm_pack_panel(w + ((p->taps - 1 - tap) * p->n + column) * p->w_pitch, p->w_pitch, true, depth, n, to);
        else
            gemm_pack_panel(w + tap * depth * p->w_pitch + column, p->w_pitch, false, depth, n, to);
}

/* Units of a phase; y [rows, n], rows y_pitch apart; bias [n] or NULL. */
static inline void product_run(const product *p, const gemm_left *x, const float *w, const float *bias, float *y, int64_t y_pitch,
                               const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    float *left = m->thread_scratch, *packed = product_is_few(p) ? left + GEMM_LEFT : m->scratch;
    const int64_t panel = p->k * GEMM_COLUMNS, units = product_units(p);
    for (int64_t u = begin; u < end; u++) {
        const int64_t column = u * GEMM_COLUMNS, n = least(GEMM_COLUMNS, p->n - column);
        if (phase == 1) {
            const gemm_right b = {.v = packed, .step = panel, .pitch = GEMM_COLUMNS};
            gemm_rows(x, p->rows * u / units, p->rows * (u + 1) / units, p->k, &b, p->n, bias, y, y_pitch, left);
        } else if (!product_is_few(p)) {
            product_pack(p, w, column, packed + u * panel);
        } else {
            const bool in_place = !p->turned && n == GEMM_COLUMNS;
            const gemm_right b = {.v = in_place ? w + column : packed, .pitch = in_place ? p->w_pitch : GEMM_COLUMNS};
            if (!in_place)
                product_pack(p, w, column, packed);
            gemm_rows(x, 0, p->rows, p->k, &b, n, bias ? bias + column : NULL, y + column, y_pitch, left);
        }
    }
}
#endif
