#ifndef KERNELS_NATIVE_SPLIT_H
#define KERNELS_NATIVE_SPLIT_H
/* Products aᵀ·b over many rows with a small result, the gradients of weights: tiles of the result by parts of the rows, so
 * that there are units enough. Each part makes a result of its own (phase 0); phase 1 adds them up in their order. */
#include "gemm.h"

enum {
    /* Of a tile at most, 512 × 256: b's panels are 384 KiB, and the tile, 512 KiB, comes from the same level-2 cache once in
     * GEMM_K rows. Of gathered rows less, since GEMM_K of them are there, too. */
    SPLIT_BLOCKS = 512 / GEMM_ROWS + 1,
    SPLIT_GATHERED_BLOCKS = 256 / GEMM_ROWS,
    SPLIT_PANELS = 256 / GEMM_COLUMNS,
    SPLIT_UNITS = 16,               /* wanted, so that many cores have work */
    SPLIT_ROWS = GEMM_K,            /* of a part at least: more work than adding it up */
    SPLIT_BYTES = 64 * 1024 * 1024, /* shared scratch at most */
    SPLIT_SUM = 16384               /* elements that a unit of phase 1 adds up */
};

/* rows of a [rows, m] and b [rows, n]; along m and n a tile has whole blocks and panels. */
typedef struct split {
    int64_t rows, m, n, tiles_m, tiles_n, parts;
} split;

static inline split split_for(int64_t rows, int64_t m, int64_t n, bool gathered)
{
    split s = {.rows = rows, .m = m, .n = n, .tiles_n = pieces(gemm_panels(n), SPLIT_PANELS),
               .tiles_m = pieces(gemm_blocks(m), gathered ? SPLIT_GATHERED_BLOCKS : SPLIT_BLOCKS)};
    s.parts = least(pieces(SPLIT_UNITS, s.tiles_m * s.tiles_n), SPLIT_BYTES / (m * n * (int64_t)sizeof(float)));
    s.parts = most(1, least(s.parts, rows / SPLIT_ROWS));
    return s;
}

static inline const char *split_plan(const split *s, rn_work *work)
{
    if (s->n < 3 * VF_LANES / 4)
        return "few columns: most of a vector would stay unused";
    work->units = s->parts * s->tiles_m * s->tiles_n;
    work->thread_scratch_bytes = (size_t)gemm_cross_scratch(SPLIT_PANELS * GEMM_COLUMNS) * sizeof(float);
    if (s->parts > 1) {
        work->more_units[0] = pieces(s->m * s->n, SPLIT_SUM);
        work->scratch_bytes = (size_t)(s->parts * s->m * s->n) * sizeof(float);
    }
    return NULL;
}

static inline void split_products(const split *s, const gemm_left *a, const float *b, int64_t b_pitch, const rn_buffers *m,
                                  int64_t begin, int64_t end)
{
    float *result = s->parts > 1 ? m->scratch : m->out[0];
    const int64_t panels = gemm_panels(s->n), blocks = gemm_blocks(s->m);
    for (int64_t u = begin; u < end; u++) {
        const int64_t tile_n = u % s->tiles_n, tile_m = u / s->tiles_n % s->tiles_m, part = u / s->tiles_n / s->tiles_m;
        const int64_t row = s->rows * part / s->parts, rows = s->rows * (part + 1) / s->parts - row;
        const int64_t i = blocks * tile_m / s->tiles_m * GEMM_ROWS, j = panels * tile_n / s->tiles_n * GEMM_COLUMNS;
        const int64_t m_end = least(s->m, blocks * (tile_m + 1) / s->tiles_m * GEMM_ROWS);
        const int64_t n_end = least(s->n, panels * (tile_n + 1) / s->tiles_n * GEMM_COLUMNS);
        gemm_cross(a, row, i, b + row * b_pitch + j, b_pitch, rows, m_end - i, n_end - j,
                   result + (part * s->m + i) * s->n + j, s->n, m->thread_scratch);
    }
}

static inline void split_sums(const split *s, const rn_buffers *m, int64_t begin, int64_t end)
{
    const int64_t count = s->m * s->n, last = least(end * SPLIT_SUM, count);
    const float *part = m->scratch;
    float *y = m->out[0];
    for (int64_t i = begin * SPLIT_SUM; i < last; i += VF_LANES) {
        const int64_t n = least(VF_LANES, last - i);
        vf sum = vf_get(part + i, n);
        for (int64_t p = 1; p < s->parts; p++)
            sum = sum + vf_get(part + p * count + i, n);
        vf_put(y + i, sum, n);
    }
}

/* out[0] [m, n], dense. */
static inline void split_run(const split *s, const gemm_left *a, const float *b, int64_t b_pitch, const rn_buffers *m, int phase,
                             int64_t begin, int64_t end)
{
    if (phase == 0)
        split_products(s, a, b, b_pitch, m, begin, end);
    else
        split_sums(s, m, begin, end);
}
#endif
