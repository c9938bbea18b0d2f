/* conv2d and conv2d_dx of 3×3 windows, stride 1, padding 1, by Winograd's F(4×4, 3×3) (winograd.h). The gradient with
 * respect to x is the same convolution, of dy, with the weight turned by 180° and its channels exchanged.
 *
 * Phase 0 transforms the weight into shared scratch, U; a unit of phase 1 is a block of tiles, which it transforms (V),
 * multiplies (M = V·U, 36 times) and transforms back, so that V and M stay near the processor. Where U does not stay there,
 * too, each unit reads it once.
 *
 *     U [36][panels][in][PANEL]     a panel: PANEL channels of y side by side; the last may be one vector wide
 *     V [36][tiles][in]
 *     M [36][panels][tiles][PANEL]  of a slice of the panels at a time
 *
 * U is no packed copy of a parameter: those are made by one thread, and every step of training would wait for it. */
#include "gemm.h" /* vf_transpose */
#include "tile_product.h"
#include "tiles.h"

enum {
    /* Tiles of a unit, multiples of PRODUCT_ROWS: with 64 channels V and M are 258 KiB, beside a U of 590 KiB in a level-2
     * cache of 1 MiB. A U above STAY_BYTES streams in any case, with more tiles less often; V may then lie in the
     * level-3 cache, since each of its numbers serves 64 channels of y. */
    FEW_TILES = VF_LANES == 16 ? 14 : 12,
    MANY_TILES = VF_LANES == 16 ? 28 : 30,
    STAY_BYTES = 640 * 1024,
    UNITS = 4,                 /* their number is a multiple of it: small maps, too, keep a few threads busy */
    SLICE_PANELS = 64 / PANEL, /* panels of M at a time: M is then no larger than V from 64 channels of x on */
    WEIGHT_ROWS = VF_LANES     /* channels of x whose weights are transformed together */
};

typedef struct convolution {
    tiling x, y;
    int64_t in, out, panels;
    int64_t block;                            /* tiles of a unit */
    int64_t v_row, u_apart, v_apart, m_apart; /* floats from one tile of V, one of 36 matrices to the next */
    bool turned;                              /* conv2d_dx */
} convolution;

static convolution convolution_of(const rn_call *c, bool turned)
{
    convolution g = {.x = tiling_of(c->in[0]), .y = tiling_of(c->out[0]), .turned = turned};
    g.in = rn_last(c->in[0]), g.out = rn_last(c->out[0]);
    g.panels = pieces(g.out, PANEL);
    g.v_row = padded(g.in);
    g.u_apart = g.in * padded(g.out) + LINE;
    const bool stays = TILE_ELEMENTS * g.u_apart * (int64_t)sizeof(float) <= STAY_BYTES;
    const int64_t units = pieces(pieces(g.x.tiles, stays ? FEW_TILES : MANY_TILES), UNITS) * UNITS;
    g.block = pieces(g.x.tiles, units);
    g.v_apart = g.block * g.v_row + LINE;
    g.m_apart = g.block * least(SLICE_PANELS * PANEL, padded(g.out)) + LINE;
    return g;
}

static const char *plan(const rn_call *c, const rn_conv2d_attr *a, bool turned, rn_work *work)
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

/* Weights of channels [row, row + rows) of x and `lanes` of y from `col` on, as the convolution has them: from w [3, 3, in,
 * out], or from w [3, 3, out, in] with the taps in reverse. */
static void gather_weights(const convolution *g, const float *w, int64_t pitch, int64_t row, int64_t rows, int64_t col,
                           int64_t lanes, float to[TAPS][WEIGHT_ROWS][VF_LANES])
{
    for (int tap = 0; tap < TAPS; tap++)
        if (g->turned) {
            vf v[VF_LANES];
            const float *from = w + ((TAPS - 1 - tap) * g->out + col) * pitch + row;
            for (int64_t n = 0; n < VF_LANES; n++)
                v[n] = n < lanes ? vf_get(from + n * pitch, rows) : vf_of(0);
            vf_transpose(v);
            memcpy(to[tap], v, sizeof v);
        } else {
            for (int64_t r = 0; r < rows; r++)
                vf_store(to[tap][r], vf_get(w + (tap * g->in + row + r) * pitch + col, lanes));
        }
}

/* G w Gᵀ of a vector of channels of y; taps: of its row. */
static void transform_weights(const float *taps, float *u, int64_t apart)
{
    vf w[TAPS], r[TILE_ELEMENTS];
#pragma GCC unroll 9
    for (int tap = 0; tap < TAPS; tap++)
        w[tap] = vf_load(taps + tap * WEIGHT_ROWS * VF_LANES);
    transform_twice(transform_weight, 3, TILE_IN, w, r);
    put_elements(r, u, apart);
}

/* A unit: WEIGHT_ROWS channels of x and a panel. */
static void make_u(const convolution *g, const float *w, int64_t pitch, float *u, int64_t begin, int64_t end)
{
    const int64_t chunks = pieces(g->in, WEIGHT_ROWS);
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t panel = unit / chunks, width = panel_width(g->out, panel);
        const int64_t row = unit % chunks * WEIGHT_ROWS, rows = least(WEIGHT_ROWS, g->in - row);
        for (int64_t n = 0; n < width; n += VF_LANES) {
            float taps[TAPS][WEIGHT_ROWS][VF_LANES];
            const int64_t col = panel * PANEL + n;
            gather_weights(g, w, pitch, row, rows, col, least(VF_LANES, g->out - col), taps);
            for (int64_t r = 0; r < rows; r++)
                transform_weights(taps[0][r], u + panel * PANEL * g->in + (row + r) * width + n, g->u_apart);
        }
    }
}

/* --- phase 1: y ------------------------------------------------------------------------------------------ */

NATIVE_INLINE void tiles_by_weights(int rows, int vectors, const float *v, int64_t row, const float *u, int64_t k, float *m,
                                    bool add)
{
    product_rows(rows, vectors, v, row, 1, u, k, m, add);
}
PRODUCTS(tiles_by_weights)

/* M = V·U of panels [begin, end) */
static void multiply(const convolution *g, const float *v, const float *u, int64_t tiles, int64_t begin, int64_t end, float *m)
{
    for (int e = 0; e < TILE_ELEMENTS; e++)
        for (int64_t panel = begin; panel < end; panel++)
            product_panel(tiles_by_weights_of, tiles, panel_width(g->out, panel), v + e * g->v_apart, g->v_row, g->v_row,
                          u + e * g->u_apart + panel * PANEL * g->in, g->in,
                          m + e * g->m_apart + (panel - begin) * PANEL * g->block, false);
}

/* Aᵀ m A + bias of a vector of channels into those pixels of a tile that lie in the map. */
NATIVE_INLINE void finish_vector(rn_type type, const convolution *g, const float *m, const float *bias, const tile_place *p,
                                 void *y, int64_t lanes)
{
    vf d[TILE_ELEMENTS], r[OUT_ELEMENTS];
#pragma GCC unroll 36
    for (int e = 0; e < TILE_ELEMENTS; e++)
        d[e] = vf_load(m + e * g->m_apart);
    transform_twice(transform_out, TILE_IN, TILE_OUT, d, r);
    const vf b = bias ? vf_get(bias, lanes) : vf_of(0);
    for (int64_t i = 0; i < p->rows; i++)
        for (int64_t j = 0; j < p->cols; j++)
            vf_put_as(type, el_to(type, y, (i * g->y.width + j) * g->y.pitch), r[i * TILE_OUT + j] + b, lanes);
}

/* Panels [begin, end) of y. */
NATIVE_INLINE void finish_of(rn_type type, const convolution *g, const float *m, const float *bias, int64_t first, int64_t tiles,
                             int64_t begin, int64_t end, void *y)
{
    for (int64_t t = 0; t < tiles; t++) {
        const tile_place p = tile_at(&g->y, first + t);
        const int64_t corner = ((p.image * g->y.height + p.row) * g->y.width + p.col) * g->y.pitch;
        for (int64_t n = begin * PANEL; n < least(end * PANEL, g->out); n += VF_LANES) {
            const int64_t panel = n / PANEL;
            const float *from = m + (panel - begin) * PANEL * g->block + t * panel_width(g->out, panel) + n % PANEL;
            if (g->out - n >= VF_LANES)
                finish_vector(type, g, from, bias ? bias + n : NULL, &p, el_to(type, y, corner + n), VF_LANES);
            else
                finish_vector(type, g, from, bias ? bias + n : NULL, &p, el_to(type, y, corner + n), g->out - n);
        }
    }
}
static void finish(const convolution *g, const float *m, const float *bias, int64_t first, int64_t tiles, int64_t begin,
                   int64_t end, void *y)
{
    if (el_is_narrow(g->y.type))
        finish_of(RN_BF16, g, m, bias, first, tiles, begin, end, y);
    else
        finish_of(RN_F32, g, m, bias, first, tiles, begin, end, y);
}

static void make_y(const convolution *g, const rn_buffers *m, const float *bias, int64_t begin, int64_t end)
{
    float *zeros = m->thread_scratch, *v = zeros + g->v_row, *products = v + TILE_ELEMENTS * g->v_apart;
    memset(zeros, 0, (size_t)g->in * sizeof *zeros);
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t first = unit * g->block, tiles = least(g->block, g->x.tiles - first);
        tiles_in(&g->x, m->in[0], g->in, first, tiles, zeros, v, g->v_row, g->v_apart);
        for (int64_t panel = 0; panel < g->panels; panel += SLICE_PANELS) {
            const int64_t last = least(panel + SLICE_PANELS, g->panels);
            multiply(g, v, m->scratch, tiles, panel, last, products);
            finish(g, products, bias, first, tiles, panel, last, m->out[0]);
        }
    }
}

static void run(const rn_call *c, bool turned, const rn_buffers *m, const float *bias, int phase, int64_t begin, int64_t end)
{
    const convolution g = convolution_of(c, turned);
    if (phase == 0)
        make_u(&g, m->in[1], rn_pitch(c->in[1]), m->scratch, begin, end);
    else
        make_y(&g, m, bias, begin, end);
}

static const char *conv2d_plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    return plan(c, c->attr, false, work);
}

static void conv2d_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work;
    run(c, false, m, c->n_in > 2 ? m->in[2] : NULL, phase, begin, end);
}

static const char *dx_plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    return plan(c, &((const rn_conv2d_dx_attr *)c->attr)->conv, true, work);
}

static void dx_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work;
    run(c, true, m, NULL, phase, begin, end);
}

WINOGRAD(conv2d, "3×3 by F(4×4, 3×3), a block of tiles at a time", .plan = conv2d_plan, .run = conv2d_run);
WINOGRAD(conv2d_dx, "3×3 by F(4×4, 3×3), a block of tiles at a time", .plan = dx_plan, .run = dx_run);
