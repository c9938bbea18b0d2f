/* The instructions as Intel's manual (volume 2, TDPBF16PS) writes them down: products of the first and of the second elements of
 * pairs are summed up apart, then together, then added to the sum; rounded to the nearest each time, denormals taken and
 * given as zero. A product of two bfloat16 is exact in float32, so that a·b + c is a fused multiply-add. */
#include "tiles.h"

#include "kernels/native/bf16/tiles.h"

#include <runner/bf16.h>

#include <assert.h>
#include <float.h>
#include <math.h>

enum { TILES = 8, COLUMNS = TILE_BYTES / sizeof(float) };

typedef union tile {
    float sum[TILE_ROWS][COLUMNS];
    rn_bf16 pair[TILE_ROWS][COLUMNS][2];
    char row[TILE_ROWS][TILE_BYTES];
} tile;

static struct {
    bool configured, broken;
    long products;
    int rows[TILES];
    tile tile[TILES];
} state;

void emulated_tiles_break(bool broken) { state.broken = broken; }
long emulated_tiles_products(void) { return state.products; }
bool emulated_tiles_released(void) { return !state.configured; }

void tile_configure(int64_t rows)
{
    assert(rows >= 1 && rows <= TILE_ROWS);
    memset(state.tile, 0, sizeof state.tile);
    for (int t = 0; t < TILES; t++)
        state.rows[t] = t < 6 ? (int)rows : TILE_ROWS;
    state.configured = true;
}

void tile_release(void)
{
    assert(state.configured);
    memset(state.tile, 0xff, sizeof state.tile);
    state.configured = false;
}

void tile_zero(int t)
{
    assert(state.configured);
    memset(&state.tile[t], 0, sizeof state.tile[t]);
}

void tile_load(int t, const void *from, int64_t bytes)
{
    assert(state.configured);
    tile_zero(t);
    for (int i = 0; i < state.rows[t]; i++)
        memcpy(state.tile[t].row[i], (const char *)from + i * bytes, TILE_BYTES);
}

void tile_store(int t, void *to, int64_t bytes)
{
    assert(state.configured);
    for (int i = 0; i < state.rows[t]; i++)
        memcpy((char *)to + i * bytes, state.tile[t].row[i], TILE_BYTES);
}

static float flushed(float x) { return fabsf(x) < FLT_MIN ? copysignf(0.0f, x) : x; } /* NaN stays */

typedef float operand[TILE_ROWS][COLUMNS][2];
static void read_operand(int t, operand to)
{
    for (int i = 0; i < TILE_ROWS; i++)
        for (int j = 0; j < COLUMNS; j++)
            for (int l = 0; l < 2; l++)
                to[i][j][l] = flushed(rn_float_of(state.tile[t].pair[i][j][l]));
}

void tile_product(int sum, int a, int b)
{
    assert(state.configured);
    const int steps = state.broken ? COLUMNS - 1 : COLUMNS; /* of pairs */
    operand left, right;
    read_operand(a, left);
    read_operand(b, right);
    state.products++;
    for (int i = 0; i < state.rows[sum]; i++)
        for (int j = 0; j < COLUMNS; j++) {
            float half[2] = {0, 0};
            for (int k = 0; k < steps; k++)
                for (int l = 0; l < 2; l++)
                    half[l] = flushed(left[i][k][l] * right[k][j][l] + half[l]);
            float *y = &state.tile[sum].sum[i][j];
            *y = flushed(flushed(*y) + flushed(half[0] + half[1]));
        }
}
