/* conv2d and conv2d_dx of 3×3 windows, stride 1, padding 1, by Winograd's F(4×4, 3×3) (winograd.h). The gradient with
 * respect to x is the same convolution, of dy, with the weight turned by 180° and its channels exchanged.
 *
 * Phase 0 transforms the weight into shared scratch, U; a unit of phase 1 is a block of tiles, which it transforms (V),
 * multiplies (M = V·U, 36 times) and transforms back, so that neither V nor M ever leaves the level-2 cache. Where U is
 * too large to stay there, too, it streams: each unit reads it once.
 *
 *     U [36][panels][in][PANEL]     a panel: PANEL channels of y side by side; the last may be one vector wide
 *     V [36][tiles][in]
 *     M [36][panels][tiles][PANEL]  of a slice of the panels at a time */
#include "winograd.h"

enum {
    /* Tiles of a unit: V and M are 258 KiB for 64 channels and 14 tiles, beside a U of 590 KiB in a level-2 cache of 1 MiB.
     * A U above STAY_BYTES streams in any case; with more tiles it does so less often, and V may come from the level-3
     * cache, too: each of its numbers is read once for 64 channels of y. */
    FEW_TILES = VF_LANES == 16 ? 14 : 12,
    MANY_TILES = VF_LANES == 16 ? 28 : 30,
    STAY_BYTES = 640 * 1024,
    UNITS = 4,                 /* their number is a multiple of it, for small maps on a few threads */
    SLICE_PANELS = 64 / PANEL, /* panels of M at a time: M is then no larger than V from 64 channels of x on */
    WEIGHT_ROWS = 16,          /* channels of x whose weights are transformed together */
};

typedef struct convolution {
    tiling x, y;
    int64_t in, out, panels;
    int64_t block;                            /* tiles of a unit */
    int64_t v_row, u_apart, v_apart, m_apart; /* floats from one tile of V, one matrix to the next */
    bool turned;                              /* conv2d_dx */
} convolution;

static convolution convolution_of(const rn_call *c, bool turned)
{
    convolution g = {.x = tiling_of(c->in[0]), .y = tiling_of(c->out[0]), .turned = turned};
    g.in = g.x.channels, g.out = g.y.channels;
    g.panels = pieces(g.out, PANEL);
    g.v_row = padded(g.in);
    const int64_t slice = least(SLICE_PANELS * PANEL, padded(g.out));
    g.u_apart = g.in * padded(g.out) + LINE;
    const bool stays = TILE_ELEMENTS * g.u_apart * (int64_t)sizeof(float) <= STAY_BYTES;
    const int64_t units = pieces(pieces(g.x.tiles, stays ? FEW_TILES : MANY_TILES), UNITS) * UNITS;
    g.block = pieces(g.x.tiles, units);
    g.v_apart = g.block * g.v_row + LINE;
    g.m_apart = g.block * slice + LINE;
    return g;
}

static const char *plan_of(const rn_call *c, const rn_conv2d_attr *a, bool turned, rn_work *work)
{
    const rn_shape w = c->in[1];
    const char *why = winograd_refusal(a, w.dim[0], w.dim[1], w.dim[2], w.dim[3], c->out[0]);
    if (why)
        return why;
    const convolution g = convolution_of(c, turned);
    work->units = g.panels * pieces(g.in, WEIGHT_ROWS);
    work->more_units[0] = pieces(g.x.tiles, g.block);
    work->scratch_bytes = (size_t)(TILE_ELEMENTS * g.u_apart) * sizeof(float);
    work->thread_scratch_bytes = (size_t)(g.v_row + TILE_ELEMENTS * (g.v_apart + g.m_apart)) * sizeof(float);
    return NULL;
}

/* --- phase 0: U ------------------------------------------------------------------------------------------ */

/* Weights of channels [row, row + rows) of x and `lanes` of y from `col` on, as the convolution has them. */
static void gather_weights(const convolution *g, const float *w, int64_t pitch, int64_t row, int64_t rows, int64_t col,
                           int64_t lanes, float to[TAPS][WEIGHT_ROWS][VF_LANES])
{
    for (int tap = 0; tap < TAPS; tap++) {
        if (!g->turned) {
            for (int64_t r = 0; r < rows; r++)
                vf_store(to[tap][r], load_lanes(w + (tap * g->in + row + r) * pitch + col, lanes));
            continue;
        }
        for (int64_t n = 0; n < lanes; n++)
            for (int64_t r = 0; r < rows; r++)
                to[TAPS - 1 - tap][r][n] = w[(tap * g->out + col + n) * pitch + row + r];
        for (int64_t n = lanes; n < VF_LANES; n++)
            for (int64_t r = 0; r < rows; r++)
                to[TAPS - 1 - tap][r][n] = 0;
    }
}

/* G w Gᵀ of a vector of channels of y: w[tap·WEIGHT_ROWS·VF_LANES] → u[e·apart]. */
static void tile_weight(const float *w, float *u, int64_t apart)
{
    vf half[TILE_IN * 3];
    for (int j = 0; j < 3; j++) {
        vf d[3], r[TILE_IN];
        for (int i = 0; i < 3; i++)
            d[i] = vf_load(w + (i * 3 + j) * WEIGHT_ROWS * VF_LANES);
        transform_weight(d, 1, r);
        for (int i = 0; i < TILE_IN; i++)
            half[i * 3 + j] = r[i];
    }
    for (int i = 0; i < TILE_IN; i++) {
        vf r[TILE_IN];
        transform_weight(half + i * 3, 1, r);
        for (int j = 0; j < TILE_IN; j++)
            vf_store(u + (i * TILE_IN + j) * apart, r[j]);
    }
}

static void transform_weights(const convolution *g, const float *w, int64_t pitch, float *u, int64_t begin, int64_t end)
{
    float taps[TAPS][WEIGHT_ROWS][VF_LANES];
    const int64_t chunks = pieces(g->in, WEIGHT_ROWS);
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t col = unit / chunks * PANEL, row = unit % chunks * WEIGHT_ROWS, rows = least(WEIGHT_ROWS, g->in - row);
        const int64_t width = least(PANEL, padded(g->out) - col);
        for (int64_t n = 0; n < width; n += VF_LANES) {
            gather_weights(g, w, pitch, row, rows, col + n, least(VF_LANES, g->out - col - n), taps);
            for (int64_t r = 0; r < rows; r++)
                tile_weight(taps[0][r], u + col * g->in + (row + r) * width + n, g->u_apart);
        }
    }
}

/* --- phase 1: y ------------------------------------------------------------------------------------------ */

static inline __attribute__((always_inline)) void rows_of_tiles(int rows, int vectors, const float *a, int64_t stride,
                                                                const float *b, int64_t k, float *y, bool add)
{
    (void)add;
    product_rows(rows, vectors, a, stride, 1, b, k, y, false);
}
PRODUCTS(rows_of_tiles)

static void transform_tiles(const convolution *g, const float *x, int64_t first, int64_t tiles, const float *zeros, float *v)
{
    const float *pixels[2][TILE_ELEMENTS];
    tile_pixels(&g->x, x, first, TILE_IN, 1, zeros, pixels[0]);
    for (int64_t t = 0; t < tiles; t++, v += g->v_row) {
        int64_t k = 0;
        const float **pixel = pixels[t % 2], **next = pixels[(t + 1) % 2];
        tile_pixels(&g->x, x, least(first + t + 1, g->x.tiles - 1), TILE_IN, 1, zeros, next);
        for (; k + VF_LANES <= g->in; k += VF_LANES)
            tile_in(pixel, next, k, VF_LANES, v + k, g->v_apart);
        if (k < g->in)
            tile_in(pixel, next, k, g->in - k, v + k, g->v_apart);
    }
}

/* M = V·U of panels [begin, end): rows are shared out evenly, 14 + 2 would be as slow as 14 + 14. */
static void multiply(const convolution *g, const float *v, const float *u, int64_t tiles, int64_t begin, int64_t end, float *m)
{
    const int64_t rows = pieces(tiles, pieces(tiles, PRODUCT_ROWS));
    for (int e = 0; e < TILE_ELEMENTS; e++)
        for (int64_t panel = begin; panel < end; panel++) {
            const int64_t vectors = least(PANEL_VECTORS, padded(g->out) / VF_LANES - panel * PANEL_VECTORS);
            const float *right = u + e * g->u_apart + panel * PANEL * g->in;
            float *y = m + e * g->m_apart + (panel - begin) * PANEL * g->block;
            for (int64_t t = 0; t < tiles; t += rows)
                rows_of_tiles_of[least(rows, tiles - t) - 1][vectors - 1](v + e * g->v_apart + t * g->v_row, g->v_row, right,
                                                                          g->in, y + t * vectors * VF_LANES, false);
        }
}

/* Aᵀ m A + bias of a tile's channels [col, col + lanes), those of its pixels that lie in the map. */
static inline __attribute__((always_inline)) void finish_tile(const convolution *g, const float *m, const float *bias, float *corner, int64_t rows,
                                                              int64_t cols, int64_t lanes)
{
    vf y[TILE_OUT * TILE_OUT];
    tile_out(m, g->m_apart, y);
    const vf b = bias ? load_lanes(bias, lanes) : vf_of(0);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < cols; j++)
            store_lanes(corner + (i * g->y.width + j) * g->y.pitch, y[i * TILE_OUT + j] + b, lanes);
}

static void finish_tiles(const convolution *g, const float *m, const float *bias, int64_t first, int64_t tiles,
                         int64_t begin, int64_t end, float *y)
{
    const int64_t in_image = g->y.down * g->y.across;
    for (int64_t t = first; t < first + tiles; t++) {
        const int64_t row = t % in_image / g->y.across * TILE_OUT, col = t % g->y.across * TILE_OUT;
        const int64_t rows = least(TILE_OUT, g->y.height - row), cols = least(TILE_OUT, g->y.width - col);
        float *corner = y + ((t / in_image * g->y.height + row) * g->y.width + col) * g->y.pitch;
        for (int64_t n = begin * PANEL; n < least(end * PANEL, g->out); n += VF_LANES) {
            const int64_t panel = n / PANEL, width = least(PANEL, padded(g->out) - panel * PANEL);
            const float *from = m + (panel - begin) * PANEL * g->block + (t - first) * width + n % PANEL;
            if (g->out - n >= VF_LANES)
                finish_tile(g, from, bias ? bias + n : NULL, corner + n, rows, cols, VF_LANES);
            else
                finish_tile(g, from, bias ? bias + n : NULL, corner + n, rows, cols, g->out - n);
        }
    }
}

static void convolve(const convolution *g, const rn_buffers *m, const float *bias, int64_t begin, int64_t end)
{
    float *zeros = m->thread_scratch, *v = zeros + g->v_row, *products = v + TILE_ELEMENTS * g->v_apart;
    memset(zeros, 0, (size_t)g->in * sizeof *zeros);
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t first = unit * g->block, tiles = least(g->block, g->x.tiles - first);
        transform_tiles(g, m->in[0], first, tiles, zeros, v);
        for (int64_t panel = 0; panel < g->panels; panel += SLICE_PANELS) {
            const int64_t last = least(panel + SLICE_PANELS, g->panels);
            multiply(g, v, m->scratch, tiles, panel, last, products);
            finish_tiles(g, products, bias, first, tiles, panel, last, m->out[0]);
        }
    }
}

static void run_of(const rn_call *c, const convolution *g, const rn_buffers *m, const float *bias, int phase, int64_t begin, int64_t end)
{
    if (phase == 0)
        transform_weights(g, m->in[1], rn_pitch(c->in[1]), m->scratch, begin, end);
    else
        convolve(g, m, bias, begin, end);
}

static const char *conv2d_plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    return plan_of(c, c->attr, false, work);
}

static const char *dx_plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    return plan_of(c, &((const rn_conv2d_dx_attr *)c->attr)->conv, true, work);
}

static void conv2d_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work;
    const convolution g = convolution_of(c, false);
    run_of(c, &g, m, c->n_in > 2 ? m->in[2] : NULL, phase, begin, end);
}

static void dx_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work;
    const convolution g = convolution_of(c, true);
    run_of(c, &g, m, NULL, phase, begin, end);
}

NATIVE(conv2d, "3×3 by Winograd's F(4×4, 3×3), blocks of tiles in the level-2 cache", .plan = conv2d_plan, .run = conv2d_run);
NATIVE(conv2d_dx, "3×3 by Winograd's F(4×4, 3×3), blocks of tiles in the level-2 cache", .plan = dx_plan, .run = dx_run);
