/* conv2d_dw of 3×3 windows, stride 1, padding 1, by Winograd's F(4×4, 3×3) (winograd.h): dw = Gᵀ S G with
 *
 *     S = Σ over tiles of (Bᵀ d B) ⊙ (A dy Aᵀ)     for each pair of channels: S[e] = V[e]ᵀ·D[e]
 *
 * The 36 sums of 64×64 pairs of channels stay in the level-2 cache while tiles go by. So a unit is a block of channels of x,
 * one of y and a part of the tiles; with more channels there are more units, each of which transforms its tiles, at the cost
 * that 64 channels have anyway. S is transformed back for each part; phase 1 adds up the parts' dw, in their order.
 *
 *     S [36][panels][in][PANEL]     a panel: PANEL channels of y side by side; the last may be one vector wide
 *     V [36][tiles][in]
 *     D [36][panels][tiles][PANEL] */
#include "tile_product.h"
#include "tiles.h"

enum {
    BLOCK = 64,     /* channels of a unit: S is 590 KiB of a level-2 cache of 1 MiB */
    TILES = 16,     /* that are transformed together: V and D are 147 KiB each */
    UNITS = 16,     /* wanted */
    PART_TILES = 8 * TILES, /* at least, so that transforming S back is little beside making it */
    SUM_ROWS = 32   /* runs of channels of y of a unit of phase 1 */
};

typedef struct weight_gradient {
    tiling x, dy;
    int64_t in, out;
    int64_t in_blocks, out_blocks, in_block, out_block; /* blocks of channels, channels of each */
    int64_t parts, part;                                /* of all tiles, tiles of each */
    int64_t s_apart, v_apart, d_apart;                  /* floats from one of 36 matrices to the next */
} weight_gradient;

static weight_gradient weight_gradient_of(const rn_call *c)
{
    weight_gradient g = {.x = tiling_of(c->in[0]), .dy = tiling_of(c->in[1]), .in = rn_last(c->in[0]), .out = rn_last(c->in[1])};
    g.in_blocks = pieces(g.in, BLOCK), g.out_blocks = pieces(g.out, BLOCK);
    g.in_block = padded(pieces(g.in, g.in_blocks));
    g.out_block = pieces(pieces(g.out, g.out_blocks), PANEL) * PANEL;
    g.parts = most(least(pieces(UNITS, g.in_blocks * g.out_blocks), g.x.tiles / PART_TILES), 1);
    g.part = pieces(g.x.tiles, g.parts);
    g.s_apart = g.in_block * g.out_block + LINE;
    g.v_apart = TILES * g.in_block + LINE;
    g.d_apart = TILES * g.out_block + LINE;
    return g;
}

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const rn_conv2d_dw_attr *a = c->attr;
    const rn_shape x = c->in[0];
    const char *why = winograd_refusal(&a->conv, a->kernel_h, a->kernel_w, rn_last(x), rn_last(c->in[1]), x);
    if (why)
        return why;
    const weight_gradient g = weight_gradient_of(c);
    work->units = g.in_blocks * g.out_blocks * g.parts;
    work->thread_scratch_bytes = (size_t)(BLOCK + TILE_ELEMENTS * (g.v_apart + g.d_apart + g.s_apart)) * sizeof(float);
    if (g.parts > 1) {
        work->scratch_bytes = (size_t)(g.parts * TAPS * g.in * g.out) * sizeof(float);
        work->more_units[0] = pieces(TAPS * g.in, SUM_ROWS);
    }
    return NULL;
}

/* The channels of a block of x and of one of y, and where they begin. */
typedef struct block {
    int64_t in, in_first, out, out_first;
} block;

static block block_at(const weight_gradient *g, int64_t number)
{
    block b = {.in_first = number / g->out_blocks * g->in_block, .out_first = number % g->out_blocks * g->out_block};
    b.in = least(g->in_block, g->in - b.in_first);
    b.out = least(g->out_block, g->out - b.out_first);
    return b;
}

/* A dy Aᵀ of tiles [first, first + tiles), at most TILES; dy and its channels: a block's. */
NATIVE_INLINE void make_d_of(rn_type type, const weight_gradient *g, const void *dy, int64_t channels, int64_t first, int64_t tiles,
                             const void *zeros, float *d)
{
    const void *pixels[2][OUT_ELEMENTS] = {{NULL}};
    tile_pixels(&g->dy, dy, first, 0, zeros, pixels[0]);
    for (int64_t t = 0; t < tiles; t++) {
        const void **pixel = pixels[t % 2], **next = pixels[(t + 1) % 2];
        tile_pixels(&g->dy, dy, first + t + 1, 0, zeros, next);
        for (int64_t n = 0; n < channels; n += VF_LANES) {
            const int64_t panel = n / PANEL;
            float *to = d + panel * PANEL * TILES + t * panel_width(channels, panel) + n % PANEL;
            if (channels - n >= VF_LANES)
                tile_out_gradient(type, pixel, next, n, VF_LANES, to, g->d_apart);
            else
                tile_out_gradient(type, pixel, next, n, channels - n, to, g->d_apart);
        }
    }
}
static void make_d(const weight_gradient *g, const void *dy, int64_t channels, int64_t first, int64_t tiles, const void *zeros,
                   float *d)
{
    if (el_is_narrow(g->dy.type))
        make_d_of(RN_BF16, g, dy, channels, first, tiles, zeros, d);
    else
        make_d_of(RN_F32, g, dy, channels, first, tiles, zeros, d);
}

NATIVE_INLINE void inputs_by_outputs(int rows, int vectors, const float *v, int64_t row, const float *d, int64_t k, float *s,
                                     bool add)
{
    product_rows(rows, vectors, v, 1, row, d, k, s, add);
}
PRODUCTS(inputs_by_outputs)

/* S = or += Vᵀ·D */
static void multiply(const weight_gradient *g, const block *b, const float *v, const float *d, int64_t tiles, float *s, bool add)
{
    for (int e = 0; e < TILE_ELEMENTS; e++)
        for (int64_t panel = 0; panel < pieces(b->out, PANEL); panel++)
            product_panel(inputs_by_outputs_of, b->in, panel_width(b->out, panel), v + e * g->v_apart, 1, g->in_block,
                          d + e * g->d_apart + panel * PANEL * TILES, tiles,
                          s + e * g->s_apart + panel * PANEL * g->in_block, add);
}

/* dw = Gᵀ S G of a block. */
static void finish(const weight_gradient *g, const block *b, const float *s, float *dw, int64_t pitch)
{
    for (int64_t k = 0; k < b->in; k++)
        for (int64_t n = 0; n < b->out; n += VF_LANES) {
            const int64_t panel = n / PANEL, lanes = least(VF_LANES, b->out - n);
            const float *from = s + panel * PANEL * g->in_block + k * panel_width(b->out, panel) + n % PANEL;
            float *to = dw + (b->in_first + k) * pitch + b->out_first + n;
            vf d[TILE_ELEMENTS], r[TAPS];
#pragma GCC unroll 36
            for (int e = 0; e < TILE_ELEMENTS; e++)
                d[e] = vf_load(from + e * g->s_apart);
            transform_twice(transform_weight_gradient, TILE_IN, 3, d, r);
#pragma GCC unroll 9
            for (int tap = 0; tap < TAPS; tap++)
                vf_put(to + tap * g->in * pitch, r[tap], lanes);
        }
}

static void sum_tiles(const weight_gradient *g, const rn_buffers *m, int64_t pitch, int64_t begin, int64_t end)
{
    float *zeros = m->thread_scratch, *v = zeros + BLOCK, *d = v + TILE_ELEMENTS * g->v_apart;
    float *s = d + TILE_ELEMENTS * g->d_apart;
    memset(zeros, 0, BLOCK * sizeof *zeros);
    for (int64_t unit = begin; unit < end; unit++) {
        const block b = block_at(g, unit / g->parts);
        const int64_t part = unit % g->parts, first = part * g->part, last = least(first + g->part, g->x.tiles);
        for (int64_t t = first; t < last; t += TILES) {
            const int64_t tiles = least(TILES, last - t);
            tiles_in(&g->x, el_at(g->x.type, m->in[0], b.in_first), b.in, t, tiles, zeros, v, g->in_block, g->v_apart);
            make_d(g, el_at(g->dy.type, m->in[1], b.out_first), b.out, t, tiles, zeros, d);
            multiply(g, &b, v, d, tiles, s, t > first);
        }
        if (g->parts == 1)
            finish(g, &b, s, m->out[0], pitch);
        else
            finish(g, &b, s, (float *)m->scratch + part * TAPS * g->in * g->out, g->out);
    }
}

static void sum_parts(const weight_gradient *g, const rn_buffers *m, int64_t pitch, int64_t begin, int64_t end)
{
    for (int64_t row = begin * SUM_ROWS; row < least(end * SUM_ROWS, TAPS * g->in); row++)
        for (int64_t n = 0; n < g->out; n += VF_LANES) {
            const int64_t lanes = least(VF_LANES, g->out - n);
            const float *from = (const float *)m->scratch + row * g->out + n;
            vf sum = vf_get(from, lanes);
            for (int64_t part = 1; part < g->parts; part++)
                sum += vf_get(from + part * TAPS * g->in * g->out, lanes);
            vf_put((float *)m->out[0] + row * pitch + n, sum, lanes);
        }
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work;
    const weight_gradient g = weight_gradient_of(c);
    if (phase == 0)
        sum_tiles(&g, m, rn_pitch(c->out[0]), begin, end);
    else
        sum_parts(&g, m, rn_pitch(c->out[0]), begin, end);
}

WINOGRAD(conv2d_dw, "3×3 by F(4×4, 3×3), sums of 64×64 channels at a time", .plan = plan, .run = run);
