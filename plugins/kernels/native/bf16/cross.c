/* cross.h: for a chunk of lines dy's panels and x turned, then for each tap strips of channels by all panels. */
#include "cross.h"

static int64_t lines_of(const cross *s) { return s->images * s->bands; }
static int64_t weight_count(const cross *s) { return s->kh * s->kw * s->m * s->n; }
/* Of a tile at most. */
static int64_t tile_channels(const cross *s) { return pieces(pieces(s->m, PAIRS), s->tiles_m) * PAIRS; }
static int64_t tile_panels(const cross *s) { return pieces(panels_of(s->n), s->tiles_n); }
/* From one channel of x turned to the next. */
static int64_t turned_pitch(const cross *s) { return odd_lines(s->chunk * s->span); }

void cross_lay_out(cross *s)
{
    s->across = s->out_w + s->kw - 1;
    s->bands = pieces(s->out_h, most(1, CROSS_PIXELS / s->across));
    s->high = pieces(s->out_h, s->bands);
    s->bands = pieces(s->out_h, s->high);
    s->k = whole_steps(s->high * s->across - (s->kw - 1));
    s->span = pieces(s->k + (s->kh - 1) * s->across + s->kw - 1, CROSS_ROWS) * CROSS_ROWS;
    s->tiles_m = pieces(s->m, CROSS_CHANNELS);
    s->tiles_n = pieces(panels_of(s->n), CROSS_PANELS);
    const int64_t bytes = weight_count(s) * (int64_t)sizeof(float), tiles = s->tiles_m * s->tiles_n;
    s->parts = most(1, least(least(pieces(CROSS_UNITS, tiles), lines_of(s)), CROSS_BYTES / bytes));
    s->chunk = least(pieces(lines_of(s), s->parts), most(1, CROSS_PIXELS / s->k));
}

const char *cross_plan(const cross *s, rn_work *work)
{
    const char *why = strips_refusal();
    if (why)
        return why;
    const int64_t left = pieces(tile_channels(s), GROUP_ROWS) * GROUP_ROWS * turned_pitch(s);
    const int64_t right = tile_panels(s) * s->chunk * s->k * STRIP_COLUMNS;
    work->units = s->tiles_m * s->tiles_n * s->parts;
    work->thread_scratch_bytes = (size_t)(left + right) * sizeof(rn_bf16);
    if (s->parts > 1) {
        work->more_units[0] = pieces(weight_count(s), CROSS_SUM);
        work->scratch_bytes = (size_t)(s->parts * weight_count(s)) * sizeof(float);
    }
    return NULL;
}

/* The maps of one image under a line: rows that begin at (y, x), of which [0, height) × [0, width) exist. */
typedef struct line_map {
    source v;
    int64_t pitch, height, width, stride, y, x, rows; /* rows: what lies beyond is no part of the line */
} line_map;

static line_map x_of(const cross *s, int64_t line)
{
    return (line_map){source_at(s->x, line / s->bands * s->height * s->width * s->x_pitch), s->x_pitch, s->height, s->width,
                      s->stride, line % s->bands * s->high * s->stride - s->pad_h, -s->pad_w, INT64_MAX};
}
static line_map dy_of(const cross *s, int64_t line)
{
    return (line_map){source_at(s->dy, line / s->bands * s->out_h * s->out_w * s->dy_pitch), s->dy_pitch, s->out_h, s->out_w,
                      1, line % s->bands * s->high, 0, s->high};
}

/* Pixels [at, at + CROSS_ROWS) of a line whose rows are `across` pixels long; NULL where there is none. */
static void find_pixels(const line_map *m, int64_t across, int64_t at, const void *pixel[CROSS_ROWS])
{
    int64_t row = at / across, column = at % across;
    for (int64_t i = 0; i < CROSS_ROWS; row++, column = 0) {
        const int64_t y = m->y + row * m->stride;
        const bool inside = row < m->rows && y >= 0 && y < m->height;
        for (; i < CROSS_ROWS && column < across; i++, column++) {
            const int64_t x = m->x + column * m->stride;
            pixel[i] = inside && x >= 0 && x < m->width ? source_at(m->v, (y * m->width + x) * m->pitch).v : NULL;
        }
    }
}

/* Channels [begin, end) of `lines` lines of x, to [channels, turned_pitch]. */
static void turn_x(const cross *s, int64_t line, int64_t lines, int64_t begin, int64_t end, rn_bf16 *to)
{
    const int64_t pitch = turned_pitch(s);
    for (int64_t l = 0; l < lines; l++) {
        const line_map map = x_of(s, line + l);
        for (int64_t at = 0; at < s->span; at += CROSS_ROWS) {
            const void *pixel[CROSS_ROWS];
            find_pixels(&map, s->across, at, pixel);
            for (int64_t c = begin; c < end; c += PAIRS)
                pack_cross(pixel, s->x.narrow, c, end, to + (c - begin) * pitch + l * s->span + at, pitch);
        }
    }
}

/* Columns [begin, end) of `lines` lines of dy, to [panel, lines, k/2, STRIP_COLUMNS, 2]. */
static void pack_dy(const cross *s, int64_t line, int64_t lines, int64_t begin, int64_t end, rn_bf16 *to)
{
    const int64_t panel = lines * s->k * STRIP_COLUMNS;
    for (int64_t l = 0; l < lines; l++) {
        const line_map map = dy_of(s, line + l);
        for (int64_t at = 0; at < s->k; at += CROSS_ROWS) {
            const void *pixel[CROSS_ROWS];
            find_pixels(&map, s->across, at, pixel);
            for (int64_t j = begin; j < end; j += STRIP_COLUMNS)
                pack_pairs(pixel, s->dy.narrow, j, end, least(CROSS_ROWS, s->k - at),
                           to + (j - begin) / STRIP_COLUMNS * panel + (l * s->k + at) * STRIP_COLUMNS);
        }
    }
}

/* A tile of dw: channels [c0, c1) by columns [n0, n1). */
typedef struct tile { int64_t c0, c1, n0, n1; } tile;

static void multiply(const cross *s, tile t, int64_t lines, const rn_bf16 *x, const rn_bf16 *dy, float *dw, bool add)
{
    const int64_t pitch = turned_pitch(s), channels = t.c1 - t.c0;
    const int64_t size = STRIP_GROUPS == 1 ? even_group(channels) : GROUP_ROWS, strips = pieces(channels, size * STRIP_GROUPS);
    strip g = {.group_rows = GROUP_ROWS, .a_pitch = pitch, .lines = lines, .line_step = s->span, .k = s->k, .c_pitch = s->n};
    for (int64_t tap = 0; tap < s->kh * s->kw; tap++)
        for (int64_t i = 0; i < strips; i++) {
            for (int k = 0; k < STRIP_GROUPS; k++) {
                const int64_t c = (i * STRIP_GROUPS + k) * size;
                g.group[k] = (strip_group){x + c * pitch + tap / s->kw * s->across + tap % s->kw,
                                           dw + (tap * s->m + t.c0 + c) * s->n, most(0, least(size, channels - c))};
            }
            const rn_bf16 *panel = dy;
            for (int64_t j = t.n0; j < t.n1; j += STRIP_COLUMNS, panel += lines * s->k * STRIP_COLUMNS)
                strip_product(&g, panel, j, least(STRIP_COLUMNS, t.n1 - j), NULL, add);
        }
}

static void products(const cross *s, const rn_buffers *m, int64_t unit)
{
    const int64_t tile_n = unit % s->tiles_n, tile_m = unit / s->tiles_n % s->tiles_m, part = unit / s->tiles_n / s->tiles_m;
    const int64_t blocks = pieces(s->m, PAIRS), panels = panels_of(s->n);
    const tile t = {.c0 = blocks * tile_m / s->tiles_m * PAIRS, .c1 = least(s->m, blocks * (tile_m + 1) / s->tiles_m * PAIRS),
                    .n0 = panels * tile_n / s->tiles_n * STRIP_COLUMNS,
                    .n1 = least(s->n, panels * (tile_n + 1) / s->tiles_n * STRIP_COLUMNS)};
    const int64_t first = lines_of(s) * part / s->parts, last = lines_of(s) * (part + 1) / s->parts;
    rn_bf16 *dy = m->thread_scratch, *x = dy + tile_panels(s) * s->chunk * s->k * STRIP_COLUMNS;
    float *dw = s->parts > 1 ? (float *)m->scratch + part * weight_count(s) : s->dw;
    for (int64_t line = first; line < last; line += s->chunk) {
        const int64_t lines = least(s->chunk, last - line);
        pack_dy(s, line, lines, t.n0, t.n1, dy);
        turn_x(s, line, lines, t.c0, t.c1, x);
        multiply(s, t, lines, x, dy, dw, line > first);
    }
}

static void sums(const cross *s, const float *part, int64_t begin, int64_t end)
{
    const int64_t count = weight_count(s), last = least(end * CROSS_SUM, count);
    for (int64_t i = begin * CROSS_SUM; i < last; i += VF_LANES) {
        const int64_t n = least(VF_LANES, last - i);
        vf sum = vf_get(part + i, n);
        for (int64_t p = 1; p < s->parts; p++)
            sum = sum + vf_get(part + p * count + i, n);
        vf_put(s->dw + i, sum, n);
    }
}

void cross_run(const cross *s, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    if (phase == 1) {
        sums(s, m->scratch, begin, end);
        return;
    }
    strips_begin(GROUP_ROWS);
    for (int64_t u = begin; u < end; u++)
        products(s, m, u);
    strips_end();
}
