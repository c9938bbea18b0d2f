/* conv2d_dw of 3×3 windows, stride 1, padding 1, by Winograd's F(4×4, 3×3) (winograd.h): dw = Gᵀ S G with
 *
 *     S = Σ over tiles of (Bᵀ d B) ⊙ (A dy Aᵀ)     for each pair of channels: S[e] = V[e]ᵀ·D[e], V [36][tiles][in],
 *                                                  D [36][tiles][out]
 *
 * The 36 sums of a pair of 64×64 channels stay in the level-2 cache while tiles run past. So a unit is a block of channels
 * of x, one of y, and a part of the tiles; more channels are more units, which transform their tiles again, at the cost that
 * 64 channels have anyway. The parts' sums are added up in phase 1, in their order, and transformed back.
 *
 *     S [36][panels][BLOCK][PANEL]  a panel: PANEL channels of y side by side; the last may be one vector wide
 *     D [36][panels][tiles][PANEL]  alike */
#include "winograd.h"

enum {
    BLOCK = 64,       /* channels: S is 590 KiB of a level-2 cache of 1 MiB */
    TILES = 16,       /* that are transformed together: V and D are 147 KiB each */
    UNITS = 16,       /* wanted */
    MIN_PART = 128,   /* tiles of a part, so that transforming its S back is little beside making it */
    SUM_ROWS = 32     /* runs of channels of y of a unit of phase 1 */
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
    weight_gradient g = {.x = tiling_of(c->in[0]), .dy = tiling_of(c->in[1])};
    g.in = g.x.channels, g.out = g.dy.channels;
    g.in_blocks = pieces(g.in, BLOCK), g.out_blocks = pieces(g.out, BLOCK);
    g.in_block = padded(pieces(g.in, g.in_blocks));
    g.out_block = pieces(pieces(g.out, g.out_blocks), PANEL) * PANEL;
    g.parts = most(least(pieces(UNITS, g.in_blocks * g.out_blocks), g.x.tiles / MIN_PART), 1);
    g.part = pieces(pieces(g.x.tiles, g.parts), TILES) * TILES;
    g.parts = pieces(g.x.tiles, g.part);
    g.s_apart = g.in_block * g.out_block + LINE;
    g.v_apart = TILES * g.in_block + LINE;
    g.d_apart = TILES * g.out_block + LINE;
    return g;
}

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const rn_conv2d_dw_attr *a = c->attr;
    const char *why = winograd_refusal(&a->conv, a->kernel_h, a->kernel_w, rn_last(c->in[0]), rn_last(c->in[1]), c->in[0]);
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

static block block_of(const weight_gradient *g, int64_t number)
{
    block b = {.in_first = number / g->out_blocks * g->in_block, .out_first = number % g->out_blocks * g->out_block};
    b.in = least(g->in_block, g->in - b.in_first);
    b.out = least(g->out_block, g->out - b.out_first);
    return b;
}

/* --- phase 0: S of a part -------------------------------------------------------------------------------- */

static void transform_x(const weight_gradient *g, const float *x, int64_t channels, int64_t first, int64_t tiles,
                        const float *zeros, float *v)
{
    const float *pixels[2][TILE_ELEMENTS];
    tile_pixels(&g->x, x, first, TILE_IN, 1, zeros, pixels[0]);
    for (int64_t t = 0; t < tiles; t++, v += g->in_block) {
        int64_t k = 0;
        const float **pixel = pixels[t % 2], **next = pixels[(t + 1) % 2];
        tile_pixels(&g->x, x, least(first + t + 1, g->x.tiles - 1), TILE_IN, 1, zeros, next);
        for (; k + VF_LANES <= channels; k += VF_LANES)
            tile_in(pixel, next, k, VF_LANES, v + k, g->v_apart);
        if (k < channels)
            tile_in(pixel, next, k, channels - k, v + k, g->v_apart);
    }
}

static void transform_dy(const weight_gradient *g, const float *dy, int64_t channels, int64_t first, int64_t tiles,
                         const float *zeros, float *d)
{
    const float *pixels[2][TILE_OUT * TILE_OUT];
    tile_pixels(&g->dy, dy, first, TILE_OUT, 0, zeros, pixels[0]);
    for (int64_t t = 0; t < tiles; t++) {
        const float **pixel = pixels[t % 2], **next = pixels[(t + 1) % 2];
        tile_pixels(&g->dy, dy, least(first + t + 1, g->dy.tiles - 1), TILE_OUT, 0, zeros, next);
        for (int64_t n = 0; n < channels; n += VF_LANES) {
            const int64_t panel = n / PANEL * PANEL, width = least(PANEL, padded(channels) - panel);
            float *to = d + panel * TILES + t * width + n % PANEL;
            if (channels - n >= VF_LANES)
                tile_out_gradient(pixel, next, n, VF_LANES, to, g->d_apart);
            else
                tile_out_gradient(pixel, next, n, channels - n, to, g->d_apart);
        }
    }
}

static inline __attribute__((always_inline)) void rows_of_channels(int rows, int vectors, const float *a, int64_t stride,
                                                                   const float *b, int64_t k, float *y, bool add)
{
    product_rows(rows, vectors, a, 1, stride, b, k, y, add);
}
PRODUCTS(rows_of_channels)

/* S (+)= Vᵀ·D */
static void accumulate(const weight_gradient *g, const block *b, const float *v, const float *d, int64_t tiles, float *s, bool add)
{
    const int64_t rows = pieces(b->in, pieces(b->in, PRODUCT_ROWS));
    for (int e = 0; e < TILE_ELEMENTS; e++)
        for (int64_t panel = 0; panel < b->out; panel += PANEL) {
            const int64_t vectors = least(PANEL, padded(b->out) - panel) / VF_LANES;
            for (int64_t k = 0; k < b->in; k += rows)
                rows_of_channels_of[least(rows, b->in - k) - 1][vectors - 1](
                    v + e * g->v_apart + k, g->in_block, d + e * g->d_apart + panel * TILES, tiles,
                    s + e * g->s_apart + panel * g->in_block + k * vectors * VF_LANES, add);
        }
}

/* --- dw from S --------------------------------------------------------------------------------------------- */

/* Gᵀ S G of `lanes` channels of y. */
static inline void finish_vector(const float *s, int64_t apart, int64_t lanes, float *dw, int64_t tap_floats)
{
    vf half[3 * TILE_IN];
    for (int j = 0; j < TILE_IN; j++) {
        vf d[TILE_IN], r[3];
        for (int i = 0; i < TILE_IN; i++)
            d[i] = vf_load(s + (i * TILE_IN + j) * apart);
        transform_weight_gradient(d, 1, r);
        for (int i = 0; i < 3; i++)
            half[i * TILE_IN + j] = r[i];
    }
    for (int i = 0; i < 3; i++) {
        vf r[3];
        transform_weight_gradient(half + i * TILE_IN, 1, r);
        for (int j = 0; j < 3; j++)
            store_lanes(dw + (i * 3 + j) * tap_floats, r[j], lanes);
    }
}

static void finish(const weight_gradient *g, const block *b, const float *s, float *dw, int64_t pitch)
{
    for (int64_t k = 0; k < b->in; k++)
        for (int64_t n = 0; n < b->out; n += VF_LANES) {
            const int64_t panel = n / PANEL * PANEL, width = least(PANEL, padded(b->out) - panel);
            finish_vector(s + panel * g->in_block + k * width + n % PANEL, g->s_apart, least(VF_LANES, b->out - n),
                          dw + (b->in_first + k) * pitch + b->out_first + n, g->in * pitch);
        }
}

static void sum_tiles(const weight_gradient *g, const rn_buffers *m, int64_t pitch, int64_t begin, int64_t end)
{
    float *zeros = m->thread_scratch, *v = zeros + BLOCK, *d = v + TILE_ELEMENTS * g->v_apart;
    float *s = d + TILE_ELEMENTS * g->d_apart;
    memset(zeros, 0, BLOCK * sizeof *zeros);
    for (int64_t unit = begin; unit < end; unit++) {
        const block b = block_of(g, unit / g->parts);
        const int64_t part = unit % g->parts, first = part * g->part, last = least(first + g->part, g->x.tiles);
        for (int64_t t = first; t < last; t += TILES) {
            const int64_t tiles = least(TILES, last - t);
            transform_x(g, (const float *)m->in[0] + b.in_first, b.in, t, tiles, zeros, v);
            transform_dy(g, (const float *)m->in[1] + b.out_first, b.out, t, tiles, zeros, d);
            accumulate(g, &b, v, d, tiles, s, t > first);
        }
        if (g->parts == 1)
            finish(g, &b, s, m->out[0], pitch);
        else
            finish(g, &b, s, (float *)m->scratch + part * TAPS * g->in * g->out, g->out);
    }
}

static void sum_parts(const weight_gradient *g, const rn_buffers *m, int64_t pitch, int64_t begin, int64_t end)
{
    for (int64_t row = begin * SUM_ROWS; row < least(end * SUM_ROWS, TAPS * g->in); row++) {
        const float *from = (const float *)m->scratch + row * g->out;
        for (int64_t n = 0; n < g->out; n += VF_LANES) {
            const int64_t lanes = least(VF_LANES, g->out - n);
            vf sum = load_lanes(from + n, lanes);
            for (int64_t p = 1; p < g->parts; p++)
                sum += load_lanes(from + p * TAPS * g->in * g->out + n, lanes);
            store_lanes((float *)m->out[0] + row * pitch + n, sum, lanes);
        }
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

NATIVE(conv2d_dw, "3×3 by Winograd's F(4×4, 3×3), sums of 64×64 channels in the level-2 cache", .plan = plan, .run = run);
