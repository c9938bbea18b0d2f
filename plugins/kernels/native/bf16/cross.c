/* cross.h: for a chunk of lines and each tap strips of channels by all panels. */
#include "cross.h"

static int64_t weight_count(const cross *s) { return s->kh * s->kw * s->m * s->n; }

void cross_lay_out(cross *s)
{
    const bool taps = s->kh * s->kw > 1;
    s->across = s->out_w + s->kw - 1;
    s->high = pieces(s->out_h, pieces(s->out_h, most(1, (taps ? CROSS_TAPS_LINE : CROSS_LINE) / s->across)));
    s->bands = pieces(s->out_h, s->high);
    s->lines = s->images * s->bands;
    s->k = whole_steps(s->high * s->across - (s->kw - 1));
    s->span = pieces(s->k + (s->kh - 1) * s->across + s->kw - 1, CROSS_ROWS) * CROSS_ROWS;
    s->chunk = least(s->lines, most(1, CROSS_PIXELS / s->k));
    s->chunks = pieces(s->lines, s->chunk);
    s->turned_pitch = odd_lines(s->chunk * s->span);
    s->x_chunk = pieces(s->m, PAIRS) * PAIRS * s->turned_pitch;
    s->dy_chunk = panels_of(s->n) * s->chunk * s->k * STRIP_COLUMNS;
    s->tiles_m = pieces(s->m, CROSS_CHANNELS);
    s->tiles_n = pieces(panels_of(s->n), taps ? CROSS_TAPS_PANELS : CROSS_PANELS);
    s->before = s->tiles_m * s->tiles_n > 1;
    const int64_t bytes = weight_count(s) * (int64_t)sizeof(float), wanted = pieces(CROSS_UNITS, s->tiles_m * s->tiles_n);
    s->parts = most(1, least(least(wanted, s->chunks), CROSS_BYTES / bytes));
}

/* Shared scratch: the parts where there are several, then what is packed before, x turned and dy's panels. */
static int64_t part_floats(const cross *s) { return s->parts > 1 ? pieces(s->parts * weight_count(s), VF_LANES) * VF_LANES : 0; }
static rn_bf16 *packed_chunk(const cross *s, void *scratch, int64_t chunk)
{
    return (rn_bf16 *)(void *)((float *)scratch + part_floats(s)) + chunk * (s->x_chunk + s->dy_chunk);
}

const char *cross_plan(const cross *s, rn_work *work)
{
    const char *why = strips_refusal();
    if (why)
        return why;
    const size_t chunk_bytes = (size_t)(s->x_chunk + s->dy_chunk) * sizeof(rn_bf16);
    const int64_t sum_units = s->parts > 1 ? pieces(weight_count(s), CROSS_SUM) : 0, units = s->tiles_m * s->tiles_n * s->parts;
    work->units = s->before ? s->lines : units;
    work->more_units[0] = s->before ? units : sum_units;
    work->more_units[1] = s->before ? sum_units : 0;
    work->scratch_bytes = (size_t)part_floats(s) * sizeof(float) + (s->before ? (size_t)s->chunks * chunk_bytes : 0);
    work->thread_scratch_bytes = s->before ? 0 : chunk_bytes;
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

/* All channels, to line `l` of a chunk [m, turned_pitch]. */
static void turn_x(const cross *s, int64_t line, int64_t l, rn_bf16 *to)
{
    const line_map map = x_of(s, line);
    for (int64_t at = 0; at < s->span; at += CROSS_ROWS) {
        const void *pixel[CROSS_ROWS];
        find_pixels(&map, s->across, at, pixel);
        for (int64_t c = 0; c < s->m; c += PAIRS)
            pack_cross(pixel, s->x.narrow, c, s->m, to + c * s->turned_pitch + l * s->span + at, s->turned_pitch);
    }
}

/* All columns, to line `l` of a chunk [panel, chunk, k/2, STRIP_COLUMNS, 2]. */
static void pack_dy(const cross *s, int64_t line, int64_t l, rn_bf16 *to)
{
    const line_map map = dy_of(s, line);
    const int64_t panel = s->chunk * s->k * STRIP_COLUMNS;
    for (int64_t at = 0; at < s->k; at += CROSS_ROWS) {
        const void *pixel[CROSS_ROWS];
        find_pixels(&map, s->across, at, pixel);
        for (int64_t j = 0; j < s->n; j += STRIP_COLUMNS)
            pack_pairs(pixel, s->dy.narrow, j, s->n, least(CROSS_ROWS, s->k - at),
                       to + j / STRIP_COLUMNS * panel + (l * s->k + at) * STRIP_COLUMNS);
    }
}

static void pack_line(const cross *s, int64_t line, rn_bf16 *chunk)
{
    turn_x(s, line, line % s->chunk, chunk);
    pack_dy(s, line, line % s->chunk, chunk + s->x_chunk);
}

/* A tile of dw: channels [c0, c1) by columns [n0, n1). */
typedef struct tile { int64_t c0, c1, n0, n1; } tile;

/* dw: of all channels and columns; x and dy: a chunk, of which `lines` are there. */
static void multiply(const cross *s, tile t, int64_t lines, const rn_bf16 *x, const rn_bf16 *dy, float *dw, bool add)
{
    const int64_t channels = t.c1 - t.c0, panel = s->chunk * s->k * STRIP_COLUMNS;
    const int64_t size = STRIP_GROUPS == 1 ? even_group(channels) : GROUP_ROWS, strips = pieces(channels, size * STRIP_GROUPS);
    strip g = {.group_rows = GROUP_ROWS, .a_pitch = s->turned_pitch, .lines = lines, .line_step = s->span, .k = s->k,
               .c_pitch = s->n};
    for (int64_t tap = 0; tap < s->kh * s->kw; tap++)
        for (int64_t i = 0; i < strips; i++) {
            for (int k = 0; k < STRIP_GROUPS; k++) {
                const int64_t c = t.c0 + (i * STRIP_GROUPS + k) * size;
                g.group[k] = (strip_group){x + c * s->turned_pitch + tap / s->kw * s->across + tap % s->kw,
                                           dw + (tap * s->m + c) * s->n, most(0, least(size, t.c1 - c))};
            }
            for (int64_t j = t.n0; j < t.n1; j += STRIP_COLUMNS)
                strip_product(&g, dy + j / STRIP_COLUMNS * panel, j, least(STRIP_COLUMNS, t.n1 - j), NULL, add);
        }
}

static void products(const cross *s, const rn_buffers *m, int64_t unit)
{
    const int64_t tile_n = unit % s->tiles_n, tile_m = unit / s->tiles_n % s->tiles_m, part = unit / s->tiles_n / s->tiles_m;
    const int64_t blocks = pieces(s->m, PAIRS), panels = panels_of(s->n);
    const tile t = {.c0 = blocks * tile_m / s->tiles_m * PAIRS, .c1 = least(s->m, blocks * (tile_m + 1) / s->tiles_m * PAIRS),
                    .n0 = panels * tile_n / s->tiles_n * STRIP_COLUMNS,
                    .n1 = least(s->n, panels * (tile_n + 1) / s->tiles_n * STRIP_COLUMNS)};
    const int64_t first = s->chunks * part / s->parts, last = s->chunks * (part + 1) / s->parts;
    float *dw = s->parts > 1 ? (float *)m->scratch + part * weight_count(s) : s->dw;
    for (int64_t i = first; i < last; i++) {
        rn_bf16 *chunk = s->before ? packed_chunk(s, m->scratch, i) : m->thread_scratch;
        const int64_t end = least(s->lines, (i + 1) * s->chunk);
        for (int64_t line = i * s->chunk; line < end && !s->before; line++)
            pack_line(s, line, chunk);
        multiply(s, t, end - i * s->chunk, chunk, chunk + s->x_chunk, dw, i > first);
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
    const int product_phase = s->before ? 1 : 0;
    if (phase > product_phase) {
        sums(s, m->scratch, begin, end);
        return;
    }
    if (phase < product_phase) {
        for (int64_t line = begin; line < end; line++)
            pack_line(s, line, packed_chunk(s, m->scratch, line / s->chunk));
        return;
    }
    strips_begin(GROUP_ROWS);
    for (int64_t u = begin; u < end; u++)
        products(s, m, u);
    strips_end();
}
