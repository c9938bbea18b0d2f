/* The micro-kernels of gemm.h, what packs for them, and the loops round them. */
#include "gemm.h"

/* What the sum of VF_LANES columns from `column` on becomes, of which n are there. */
static inline vf finish(const gemm_target *t, vf sum, const float *c, int64_t column, int64_t n)
{
    if (t->add)
        sum = sum + vf_get(c, n);
    if (t->bias)
        sum = sum + vf_get(t->bias + column, n);
    return sum;
}

/* One tile: rows × vectors·VF_LANES. Element (i, k) of a is a[i·row_step + k·k_step]. rows, vectors and row_step are
 * constants where this is inlined, so that `sum` becomes registers. */
#define INLINE static inline __attribute__((always_inline))
#if !defined(__clang__)
#define UNROLL _Pragma("GCC unroll 16")
#elif __has_feature(undefined_behavior_sanitizer)
#define UNROLL /* its checks, unrolled, take minutes to compile */
#else
#define UNROLL _Pragma("clang loop unroll(full)")
#endif
INLINE void tile(const int rows, const int vectors, const int64_t row_step, int64_t k_step, int64_t k, const float *a, const float *b,
                 int64_t b_pitch, const gemm_target *t)
{
    vf sum[GEMM_ROWS][2];
    UNROLL for (int i = 0; i < rows; i++)
        UNROLL for (int j = 0; j < vectors; j++)
            sum[i][j] = vf_of(0);
    for (; k > 0; k--, a += k_step, b += b_pitch) {
        vf right[2];
        UNROLL for (int j = 0; j < vectors; j++)
            right[j] = vf_load(b + j * VF_LANES);
        UNROLL for (int i = 0; i < rows; i++) {
            const vf left = vf_of(a[i * row_step]);
            UNROLL for (int j = 0; j < vectors; j++)
                sum[i][j] = vf_fma(left, right[j], sum[i][j]);
        }
    }
    UNROLL for (int i = 0; i < rows; i++)
        UNROLL for (int j = 0; j < vectors; j++) {
            float *c = t->c + i * t->pitch + j * VF_LANES;
            const int64_t n = least(VF_LANES, t->n - j * VF_LANES);
            if (n > 0)
                vf_put(c, finish(t, sum[i][j], c, j * VF_LANES, n), n);
        }
}

typedef void tile_function(int64_t k, const float *a, int64_t k_step, const float *b, int64_t b_pitch, const gemm_target *t);

/* clang-format off */
#define TILE(name_, n_, vectors_, row_step_, k_step_)                                                                  \
    static void name_##_##n_(int64_t k, const float *a, int64_t k_step, const float *b, int64_t b_pitch, const gemm_target *t)\
    {                                                                                                                  \
        (void)k_step;                                                                                                  \
        tile(n_, vectors_, row_step_, k_step_, k, a, b, b_pitch, t);                                                   \
    }
#define TILES(n_)                                                                                                      \
    TILE(wide, n_, 2, GEMM_PITCH, 1) TILE(narrow, n_, 1, GEMM_PITCH, 1)                                                \
    TILE(cross_wide, n_, 2, 1, k_step) TILE(cross_narrow, n_, 1, 1, k_step)
#if defined(__AVX512F__)
#define EACH(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#else
#define EACH(X) X(1) X(2) X(3) X(4) X(5) X(6)
#endif
/* clang-format on */
EACH(TILES)

/* [rows − 1][no more than one vector of columns] */
#define ROWS_ENTRY(n_) {wide_##n_, narrow_##n_},
#define CROSS_ENTRY(n_) {cross_wide_##n_, cross_narrow_##n_},
static tile_function *const rows_tile[GEMM_ROWS][2] = {EACH(ROWS_ENTRY)};
static tile_function *const cross_tile[GEMM_ROWS][2] = {EACH(CROSS_ENTRY)};

static void strip(tile_function *const tile_of[2], int64_t k, const float *a, int64_t k_step, const gemm_right *b,
                  const gemm_target *t)
{
    const float *panel = b->v;
    for (int64_t j = 0; j < t->n; j += GEMM_COLUMNS, panel += b->step) {
        const gemm_target part = {t->c + j, t->pitch, t->n - j, t->bias ? t->bias + j : NULL, t->add};
        tile_of[part.n <= VF_LANES](k, a, k_step, panel, b->pitch, &part);
    }
}

void gemm_strip(int64_t rows, int64_t k, const float *a, const gemm_right *b, const gemm_target *t)
{
    strip(rows_tile[rows - 1], k, a, 1, b, t);
}

void gemm_cross_strip(int64_t rows, int64_t k, const float *a, int64_t a_pitch, const gemm_right *b, const gemm_target *t)
{
    strip(cross_tile[rows - 1], k, a, a_pitch, b, t);
}

/* A square: VF_LANES of b's columns, of which n are there, by k of its rows. */
static void pack_turned(const float *b, int64_t pitch, int64_t k, int64_t n, float *to)
{
    vf square[VF_LANES];
    UNROLL for (int j = 0; j < VF_LANES; j++)
        square[j] = j >= n ? vf_of(0) : k < VF_LANES ? vf_load_part(b + j * pitch, k) : vf_load(b + j * pitch);
    vf_transpose(square);
    UNROLL for (int i = 0; i < VF_LANES; i++)
        if (i < k)
            vf_store(to + i * GEMM_COLUMNS, square[i]);
}

void gemm_pack_panel(const float *b, int64_t pitch, bool turned, int64_t k, int64_t n, float *to)
{
    if (n < GEMM_COLUMNS)
        memset(to, 0, (size_t)(k * GEMM_COLUMNS) * sizeof *to);
    for (int64_t i = 0; turned && i < k; i += VF_LANES)
        for (int64_t j = 0; j < n; j += VF_LANES)
            pack_turned(b + j * pitch + i, pitch, least(VF_LANES, k - i), n - j, to + i * GEMM_COLUMNS + j);
    for (int64_t i = 0; !turned && i < k; i++)
        gemm_copy(to + i * GEMM_COLUMNS, b + i * pitch, n);
}

void gemm_pack_dense(const gemm_left *a, int64_t row, int64_t rows, int64_t k, int64_t n, float *to)
{
    for (int64_t i = 0; i < rows; i++)
        gemm_copy(to + i * GEMM_PITCH, a->v + (row + i) * a->pitch + k, n);
}

void gemm_rows(const gemm_left *a, int64_t begin, int64_t end, int64_t k, const gemm_right *b, int64_t n, const float *bias,
               float *y, int64_t pitch, float *scratch)
{
    const int64_t depths = pieces(k, GEMM_K);
    for (int64_t first = begin; first < end; first += GEMM_BLOCKS * GEMM_ROWS)
        for (int64_t d = 0; d < depths; d++) {
            const int64_t rows = least(end - first, GEMM_BLOCKS * GEMM_ROWS), blocks = gemm_blocks(rows);
            const int64_t k0 = gemm_cut(k, depths, d), depth = gemm_cut(k, depths, d + 1) - k0;
            a->pack(a, first, rows, k0, depth, scratch);
            for (int64_t j = 0; j < n; j += GEMM_COLUMNS) {
                const gemm_right panel = {.v = b->v + j / GEMM_COLUMNS * b->step + k0 * b->pitch, .pitch = b->pitch};
                for (int64_t i = 0; i < blocks; i++) {
                    const int64_t row = gemm_cut(rows, blocks, i);
                    const gemm_target t = {.c = y + (first + row) * pitch + j, .pitch = pitch, .n = least(GEMM_COLUMNS, n - j),
                                           .bias = bias && d == 0 ? bias + j : NULL, .add = d > 0};
                    gemm_strip(gemm_cut(rows, blocks, i + 1) - row, depth, scratch + row * GEMM_PITCH, &panel, &t);
                }
            }
        }
}

/* Panels of b [k, n] from column `begin` on, GEMM_K rows apart: row by row, since a row may lie on a page of its own, and AHEAD of its turn. */
static void pack_panels(const float *b, int64_t pitch, int64_t k, int64_t begin, int64_t n, float *to)
{
    enum { AHEAD = 4, LINE = 64 / sizeof(float) };
    if (n % GEMM_COLUMNS)
        memset(to + n / GEMM_COLUMNS * GEMM_COLUMNS * GEMM_K, 0, (size_t)(k * GEMM_COLUMNS) * sizeof *to);
    for (int64_t l = 0; l < k; l++) {
        const float *row = b + l * pitch, *next = b + least(l + AHEAD, k - 1) * pitch;
        for (int64_t j = begin; j < n; j += GEMM_COLUMNS) {
            for (int64_t i = j; i < least(n, j + GEMM_COLUMNS); i += LINE)
                __builtin_prefetch(next + i);
            gemm_copy(to + j * GEMM_K + l * GEMM_COLUMNS, row + j, least(GEMM_COLUMNS, n - j));
        }
    }
}

/* Columns [0, n) of a, k rows of them, VF_LANES apart. */
static void pack_cross(const float *a, int64_t pitch, int64_t k, int64_t n, float *to)
{
    for (int64_t l = 0; l < k; l++)
        vf_store(to + l * VF_LANES, vf_load_part(a + l * pitch, n));
}

/* The next block's columns lie in a line of each of many rows, which no hardware foresees: each tile fetches a share. */
static inline void prefetch_cross(const float *a, int64_t pitch, int64_t begin, int64_t end)
{
    for (int64_t l = begin; l < end; l++)
        __builtin_prefetch(a + l * pitch, 0, 2);
}

/* One block of k of gemm_cross: a and b begin at its first row. */
static void cross_block(const float *a, int64_t a_pitch, const float *b, int64_t b_pitch, int64_t k, int64_t m,
                        const gemm_target *t, float *scratch)
{
    const int64_t blocks = gemm_blocks(m), panels = gemm_panels(t->n);
    const int64_t in_place = blocks > 2 ? 0 : t->n / GEMM_COLUMNS; /* panels that are not worth packing */
    float *left = scratch, *right = left + GEMM_K * VF_LANES;
    pack_panels(b, b_pitch, k, in_place * GEMM_COLUMNS, t->n, right);
    for (int64_t i = 0; i < blocks; i++) {
        const int64_t row = gemm_cut(m, blocks, i), count = gemm_cut(m, blocks, i + 1) - row;
        const float *next = a + least(row + count + GEMM_ROWS, m) - 1;
        pack_cross(a + row, a_pitch, k, count, left);
        for (int64_t p = 0; p < panels; p++) {
            const int64_t j = p * GEMM_COLUMNS;
            const gemm_right panel = {.v = p < in_place ? b + j : right + j * GEMM_K, .pitch = p < in_place ? b_pitch : GEMM_COLUMNS};
            const gemm_target tile = {.c = t->c + row * t->pitch + j, .pitch = t->pitch, .n = least(GEMM_COLUMNS, t->n - j),
                                      .add = t->add};
            prefetch_cross(next, a_pitch, gemm_cut(k, panels, p), gemm_cut(k, panels, p + 1));
            gemm_cross_strip(count, k, left, VF_LANES, &panel, &tile);
        }
    }
}

void gemm_cross(const gemm_left *a, int64_t row, int64_t column, const float *b, int64_t b_pitch, int64_t rows, int64_t m,
                int64_t n, float *y, int64_t pitch, float *scratch)
{
    const int64_t depths = pieces(rows, GEMM_K);
    float *gathered = scratch, *rest = scratch + GEMM_K * GEMM_PITCH;
    for (int64_t d = 0; d < depths; d++) {
        const int64_t k0 = gemm_cut(rows, depths, d), depth = gemm_cut(rows, depths, d + 1) - k0;
        const gemm_target t = {.c = y, .pitch = pitch, .n = n, .add = d > 0};
        if (a->pack == gemm_pack_dense) {
            cross_block(a->v + (row + k0) * a->pitch + column, a->pitch, b + k0 * b_pitch, b_pitch, depth, m, &t, rest);
        } else {
            a->pack(a, row + k0, depth, column, m, gathered);
            cross_block(gathered, GEMM_PITCH, b + k0 * b_pitch, b_pitch, depth, m, &t, rest);
        }
    }
}
