/* strip.h by AMX: two groups of rows by two halves of a panel are four tiles of sums, so that four loads serve four products. */
#include "strip.h"
#include "tiles.h"

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
            y[j] = sum[j] + (bias && j < n ? bias[j] : 0);
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
