/* strip.h by AMX: two groups of rows by two halves of a panel are four tiles of sums, so that four loads serve four products. */
#include "amx.h"
#include "tiles.h"

#include <stdatomic.h>

void strips_begin(int64_t group_rows) { tile_configure(group_rows); }
void strips_end(void) { tile_release(); }

/* Of a panel in the order of tiles: K_STEP rows of b, and the second half of its columns. */
enum { PANEL_STEP = K_STEP * STRIP_COLUMNS, PANEL_HALF = 2 * TILE_ROWS, PANEL_BYTES = 2 * STRIP_COLUMNS * (int)sizeof(rn_bf16) };

NATIVE_INLINE void sum_up(const strip *s, const rn_bf16 *panel, const bool both, const bool wide)
{
    const int64_t bytes = s->a_pitch * (int64_t)sizeof(rn_bf16);
    for (int64_t line = 0; line < s->lines; line++) {
        const rn_bf16 *a = s->group[0].a + line * s->line_step, *a2 = both ? s->group[1].a + line * s->line_step : a;
        for (int64_t k = 0; k < s->k; k += K_STEP, panel += PANEL_STEP) {
            tile_load(4, a + k, bytes);
            tile_load(6, panel, PANEL_BYTES);
            tile_product(0, 4, 6);
            if (wide) {
                tile_load(7, panel + PANEL_HALF, PANEL_BYTES);
                tile_product(1, 4, 7);
            }
            if (both) {
                tile_load(5, a2 + k, bytes);
                tile_product(2, 5, 6);
            }
            if (both && wide)
                tile_product(3, 5, 7);
        }
    }
}

static void multiply(const strip *s, const rn_bf16 *panel, bool wide)
{
    if (s->group[1].rows && wide)
        sum_up(s, panel, true, true);
    else if (s->group[1].rows)
        sum_up(s, panel, true, false);
    else if (wide)
        sum_up(s, panel, false, true);
    else
        sum_up(s, panel, false, false);
}

/* n sums of a row into c: bias, what was there, rounding. */
static void finish(const float *sum, void *c, bool narrow, int64_t n, const float *bias, bool add)
{
    if (narrow) {
        float y[STRIP_COLUMNS];
        for (int64_t j = 0; j < STRIP_COLUMNS; j++)
            y[j] = sum[j] + (bias && j < n ? bias[j] : 0); /* NOLINT(clang-analyzer-core.UndefinedBinaryOperatorResult): by tile_store() */
        pairs p;
        pairs_of_run(&p, y, false, n);
        if (n == STRIP_COLUMNS)
            pairs_store(c, &p);
        else
            memcpy(c, &p, (size_t)n * sizeof(rn_bf16));
        return;
    }
    for (int64_t j = 0; j < n; j += VF_LANES) {
        const int64_t lanes = least(VF_LANES, n - j);
        float *to = (float *)c + j;
        vf v = vf_load(sum + j);
        if (add)
            v = v + vf_get(to, lanes);
        if (bias)
            v = v + vf_get(bias + j, lanes);
        vf_put(to, v, lanes);
    }
}

/* Where c is just tiles of float32, they are read from it and written to it. */
static bool is_tiles(const strip *s, int64_t n, const float *bias)
{
    return !s->c_narrow && !bias && n == STRIP_COLUMNS && s->group[0].rows == s->group_rows && s->group[1].rows == s->group_rows;
}

static void in_place(const strip *s, const rn_bf16 *panel, int64_t column, bool add)
{
    const int64_t bytes = s->c_pitch * (int64_t)sizeof(float);
    float *c = (float *)s->group[0].c + column, *c2 = (float *)s->group[1].c + column;
    if (add) {
        tile_load(0, c, bytes);
        tile_load(1, c + TILE_ROWS, bytes);
        tile_load(2, c2, bytes);
        tile_load(3, c2 + TILE_ROWS, bytes);
    } else {
        tile_zero(0);
        tile_zero(1);
        tile_zero(2);
        tile_zero(3);
    }
    multiply(s, panel, true);
    tile_store(0, c, bytes);
    tile_store(1, c + TILE_ROWS, bytes);
    tile_store(2, c2, bytes);
    tile_store(3, c2 + TILE_ROWS, bytes);
}

void strip_product(const strip *s, const rn_bf16 *panel, int64_t column, int64_t n, const float *bias, bool add)
{
    if (is_tiles(s, n, bias)) {
        in_place(s, panel, column, add);
        return;
    }
    _Alignas(64) float sum[STRIP_GROUPS][TILE_ROWS][STRIP_COLUMNS];
    const int64_t bytes = sizeof sum[0][0];
    tile_zero(0);
    tile_zero(1);
    tile_zero(2);
    tile_zero(3);
    multiply(s, panel, n > TILE_ROWS);
    tile_store(0, &sum[0][0][0], bytes);
    tile_store(1, &sum[0][0][TILE_ROWS], bytes);
    tile_store(2, &sum[1][0][0], bytes);
    tile_store(3, &sum[1][0][TILE_ROWS], bytes);
    for (int g = 0; g < STRIP_GROUPS; g++)
        for (int64_t i = 0; i < s->group[g].rows; i++) {
            char *c = (char *)s->group[g].c + (i * s->c_pitch + column) * (int64_t)source_bytes(s->c_narrow);
            finish(sum[g][i], c, s->c_narrow, n, bias, add);
        }
}

/* --- before they are used: do they what they should? ------------------------------------------------ */

enum { CHECK_ROWS = 2 * TILE_ROWS, CHECK_K = 3 * K_STEP };

typedef struct example {
    _Alignas(64) rn_bf16 a[CHECK_ROWS][CHECK_K], panel[CHECK_K / 2][STRIP_COLUMNS][2];
    _Alignas(64) float wide[CHECK_ROWS][STRIP_COLUMNS], want[CHECK_ROWS][STRIP_COLUMNS], bias[STRIP_COLUMNS];
    rn_bf16 narrow[CHECK_ROWS][STRIP_COLUMNS];
} example;

/* Small whole numbers: sums of their products are exact in any order. */
static void fill_example(example *e)
{
    for (int k = 0; k < CHECK_K; k++) {
        for (int i = 0; i < CHECK_ROWS; i++)
            e->a[i][k] = rn_bf16_of((float)((7 * i + 5 * k + i * k) % 17 - 8));
        for (int j = 0; j < STRIP_COLUMNS; j++)
            e->panel[k / 2][j][k % 2] = rn_bf16_of((float)((3 * k + 11 * j + j * k) % 13 - 6));
    }
    for (int j = 0; j < STRIP_COLUMNS; j++)
        e->bias[j] = (float)(j - 5);
    for (int i = 0; i < CHECK_ROWS; i++)
        for (int j = 0; j < STRIP_COLUMNS; j++) {
            e->wide[i][j] = (float)(i - j);
            e->narrow[i][j] = 0;
            e->want[i][j] = 0;
            for (int k = 0; k < CHECK_K; k++)
                e->want[i][j] += rn_float_of(e->a[i][k]) * rn_float_of(e->panel[k / 2][j][k % 2]);
        }
}

/* The ways that strip_product() goes: tiles of c added to in place; some rows and columns, through a buffer. */
static bool example_agrees(example *e)
{
    enum { FEW_ROWS = 13, FEW_COLUMNS = 19 };
    strip s = {.group = {{e->a[0], e->wide[0], TILE_ROWS}, {e->a[TILE_ROWS], e->wide[TILE_ROWS], TILE_ROWS}},
               .group_rows = TILE_ROWS, .a_pitch = CHECK_K, .lines = 1, .k = CHECK_K, .c_pitch = STRIP_COLUMNS};
    strip_product(&s, e->panel[0][0], 0, STRIP_COLUMNS, NULL, true);
    s.group[0].c = e->narrow[0], s.group[1].c = e->narrow[TILE_ROWS], s.group[1].rows = FEW_ROWS;
    s.c_narrow = true;
    strip_product(&s, e->panel[0][0], 0, FEW_COLUMNS, e->bias, false);
    bool same = true;
    for (int i = 0; i < CHECK_ROWS; i++)
        for (int j = 0; j < STRIP_COLUMNS; j++) {
            const bool written = i < TILE_ROWS + FEW_ROWS && j < FEW_COLUMNS;
            same = same && e->wide[i][j] == e->want[i][j] + (float)(i - j) &&
                   e->narrow[i][j] == (written ? rn_bf16_of(e->want[i][j] + e->bias[j]) : 0);
        }
    return same;
}

bool strips_agree(void)
{
    example e;
    fill_example(&e);
    strips_begin(TILE_ROWS);
    const bool same = example_agrees(&e);
    strips_end();
    return same;
}

/* Two threads that ask at the same time both find out. */
const char *strips_refusal(void)
{
    enum { UNKNOWN, AGREE, DIFFER };
    static _Atomic int known = UNKNOWN;
    int found = atomic_load(&known);
    if (found == UNKNOWN) {
        found = strips_agree() ? AGREE : DIFFER;
        atomic_store(&known, found);
    }
    return found == AGREE ? NULL : "its results differ from the reference";
}
