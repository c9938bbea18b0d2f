/* conv2d and its gradient with respect to x as products. A unit is a band of rows of y: the rows of x under it are copied with
 * their border of zeros, in bfloat16, and stay in the cache. There the window of a pixel is kh runs of kw·C elements, each a line
 * below the other, and the next pixel's begins stride·C further on: rows of a matrix that is nowhere gathered.
 * With stride 1 dx is a convolution of dy by the weight turned round,
 *
 *     dx[y, x, c] = Σ w[kh−1−p, kw−1−q, c, o]·dy[y + p − (kh−1−pad_h), x + q − (kw−1−pad_w), o]. */
#include "product.h"

enum {
    BAND_BYTES = 192 * 1024, /* of x at most, where rows are short enough: beside panels in a level-2 cache of 1 MiB */
    BAND_UNITS = 32          /* wanted, so that many cores have work */
};

typedef struct geometry {
    int64_t images, height, width, channels; /* of x, whose pixels lie x_pitch apart */
    int64_t kh, kw, stride, pad_h, pad_w, out_h, out_w, n;
    int64_t x_pitch, w_pitch, y_pitch;
    int64_t high, bands;        /* rows of y in a band, bands of an image */
    int64_t size, per_row;      /* pixels of a group, groups of a row of y */
    int64_t line;               /* pixels of a line of the band */
    int64_t k;                  /* elements of a run of the window, in whole steps */
    bool turned, x_narrow, y_narrow;
} geometry;

static int64_t band_lines(const geometry *g, int64_t rows) { return (rows - 1) * g->stride + g->kh; }
/* Elements; behind the last line there is what a group that sticks out and a whole step may read. */
static int64_t band_slack(const geometry *g) { return g->size * g->stride * g->channels + K_STEP; }
static int64_t band_elements(const geometry *g, int64_t rows)
{
    return band_lines(g, rows) * g->line * g->channels + band_slack(g);
}
static int64_t panel_elements(const geometry *g) { return g->kh * g->k * STRIP_COLUMNS; }

static geometry geometry_of(const rn_call *c, const rn_conv2d_attr *a, bool turned)
{
    const rn_shape x = c->in[0], w = c->in[1], y = c->out[0];
    geometry g = {.images = x.dim[0], .height = x.dim[1], .width = x.dim[2], .channels = x.dim[3], .kh = w.dim[0], .kw = w.dim[1],
                  .stride = a->stride, .pad_h = a->pad_h, .pad_w = a->pad_w, .out_h = y.dim[1], .out_w = y.dim[2], .n = y.dim[3],
                  .x_pitch = rn_pitch(x), .w_pitch = rn_pitch(w), .y_pitch = rn_pitch(y), .turned = turned,
                  .x_narrow = is_narrow(x), .y_narrow = is_narrow(y)};
    if (turned)
        g.pad_h = g.kh - 1 - a->pad_h, g.pad_w = g.kw - 1 - a->pad_w;
    g.size = even_group(g.out_w);
    g.per_row = pieces(g.out_w, g.size);
    g.line = (g.out_w - 1) * g.stride + g.kw;
    g.k = whole_steps(g.kw * g.channels);
    const int64_t row_bytes = g.stride * g.line * g.channels * (int64_t)sizeof(rn_bf16);
    g.bands = most(pieces(g.out_h * row_bytes, BAND_BYTES), pieces(BAND_UNITS, g.images));
    g.high = pieces(g.out_h, least(g.out_h, g.bands));
    g.bands = pieces(g.out_h, g.high);
    return g;
}

/* Is the map itself the matrix? Then it is read where it lies. */
static bool is_pixels(const geometry *g) { return g->kh == 1 && g->kw == 1 && g->stride == 1 && g->pad_h == 0 && g->pad_w == 0; }

static product product_of(const geometry *g, const rn_call *c, const rn_buffers *m)
{
    product p = {.rows = rn_rows(c->out[0]), .k = g->channels, .n = g->n, .a_pitch = g->x_pitch, .b_pitch = g->w_pitch,
                 .c_pitch = g->y_pitch, .turned = g->turned, .a.narrow = g->x_narrow, .c_narrow = g->y_narrow};
    if (m) {
        p.a.v = m->in[0];
        p.b.v = m->in[1];
        p.bias = c->n_in > 2 ? m->in[2] : NULL;
        p.c = m->out[0];
    }
    return p;
}

static const char *plan_conv(const rn_call *c, const rn_conv2d_attr *a, bool turned, rn_work *work)
{
    if (a->groups != 1)
        return "one group only";
    if (turned && a->stride != 1)
        return "stride 1 only";
    const char *why = strips_refusal();
    if (why)
        return why;
    const geometry g = geometry_of(c, a, turned);
    const product p = product_of(&g, c, NULL);
    work->units = panels_of(g.n);
    if (is_pixels(&g)) {
        work->more_units[0] = product_units(&p);
        work->scratch_bytes = product_scratch_bytes(&p);
        work->thread_scratch_bytes = product_thread_bytes(&p);
    } else {
        work->more_units[0] = g.images * g.bands;
        work->scratch_bytes = (size_t)(work->units * panel_elements(&g)) * sizeof(rn_bf16);
        work->thread_scratch_bytes = (size_t)band_elements(&g, g.high) * sizeof(rn_bf16);
    }
    return NULL;
}

/* --- the weight ------------------------------------------------------------------------------------- */

/* Where a pair of k belongs to two taps: element by element. */
static void pack_odd_taps(const geometry *g, const float *w, int64_t p, int64_t column, int64_t n, rn_bf16 *to)
{
    memset(to, 0, (size_t)(g->k * STRIP_COLUMNS) * sizeof *to);
    for (int64_t l = 0; l < g->kw * g->channels; l++) {
        const int64_t tap = (g->kh - p) * g->kw - 1 - l / g->channels;
        const float *from = w + (tap * g->n + column) * g->w_pitch + l % g->channels;
        for (int64_t j = 0; j < n; j++)
            to[l / 2 * 2 * STRIP_COLUMNS + 2 * j + l % 2] = rn_bf16_of(from[j * g->w_pitch]);
    }
}

static void pack_weight(const geometry *g, const float *w, int64_t column, rn_bf16 *to)
{
    const int64_t n = least(STRIP_COLUMNS, g->n - column), c = g->channels;
    for (int64_t p = 0; p < g->kh; p++, to += g->k * STRIP_COLUMNS) {
        if (!g->turned) {
            pack_panel((source){w + p * g->kw * c * g->w_pitch + column, false}, g->w_pitch, false, g->kw * c, g->k, n, to);
            continue;
        }
        if (c % 2 && g->kw > 1) {
            pack_odd_taps(g, w, p, column, n, to);
            continue;
        }
        for (int64_t q = 0; q < g->kw; q++) {
            const int64_t tap = (g->kh - p) * g->kw - 1 - q;
            pack_panel((source){w + (tap * g->n + column) * g->w_pitch, false}, g->w_pitch, true, c,
                       q + 1 < g->kw ? c : g->k - q * c, n, to + q * c * STRIP_COLUMNS);
        }
    }
}

/* --- the map ---------------------------------------------------------------------------------------- */

static void copy_pixels(const geometry *g, source x, int64_t pixels, rn_bf16 *to)
{
    if (g->x_pitch == g->channels) {
        pack_run(x, pixels * g->channels, to);
        return;
    }
    for (int64_t i = 0; i < pixels; i++)
        pack_run(source_at(x, i * g->x_pitch), g->channels, to + i * g->channels);
}

/* The lines under rows [row, row + rows) of y. */
static void copy_band(const geometry *g, source x, int64_t image, int64_t row, int64_t rows, rn_bf16 *to)
{
    const int64_t c = g->channels, lines = band_lines(g, rows);
    const int64_t begin = least(g->line, most(0, g->pad_w)), end = most(begin, least(g->line, g->pad_w + g->width)); /* inside */
    for (int64_t i = 0; i < lines; i++, to += g->line * c) {
        const int64_t y = row * g->stride - g->pad_h + i;
        const bool inside = y >= 0 && y < g->height && begin < end;
        const int64_t b = inside ? begin : g->line, e = inside ? end : g->line;
        memset(to, 0, (size_t)(b * c) * sizeof *to);
        if (inside)
            copy_pixels(g, source_at(x, ((image * g->height + y) * g->width + b - g->pad_w) * g->x_pitch), e - b, to + b * c);
        memset(to + e * c, 0, (size_t)((g->line - e) * c) * sizeof *to);
    }
    memset(to, 0, (size_t)band_slack(g) * sizeof *to);
}

static void strip_of(const geometry *g, strip *s, const rn_bf16 *band, char *y, int64_t groups, int64_t i)
{
    for (int k = 0; k < STRIP_GROUPS; k++) {
        const int64_t group = i * STRIP_GROUPS + k, row = group / g->per_row, column = group % g->per_row * g->size;
        s->group[k] = (strip_group){0};
        if (group < groups)
            s->group[k] = (strip_group){band + (row * g->line + column) * g->stride * g->channels,
                                        y + (row * g->out_w + column) * g->y_pitch * (int64_t)source_bytes(g->y_narrow),
                                        least(g->size, g->out_w - column)};
    }
}

static void band_unit(const geometry *g, source x, const rn_bf16 *panels, const float *bias, void *y, int64_t unit, rn_bf16 *band)
{
    const int64_t image = unit / g->bands, row = unit % g->bands * g->high, rows = least(g->high, g->out_h - row);
    const int64_t groups = rows * g->per_row, strips = pieces(groups, STRIP_GROUPS);
    strip s = {.group_rows = g->size, .a_pitch = g->stride * g->channels, .lines = g->kh, .line_step = g->line * g->channels,
               .k = g->k, .c_pitch = g->y_pitch, .c_narrow = g->y_narrow};
    char *to = (char *)y + (image * g->out_h + row) * g->out_w * g->y_pitch * (int64_t)source_bytes(g->y_narrow);
    copy_band(g, x, image, row, rows, band);
    for (int64_t j = 0; j < g->n; j += STRIP_COLUMNS, panels += panel_elements(g))
        for (int64_t i = 0; i < strips; i++) {
            strip_of(g, &s, band, to, groups, i);
            strip_product(&s, panels, j, least(STRIP_COLUMNS, g->n - j), bias ? bias + j : NULL, false);
        }
}

/* --- kernels ---------------------------------------------------------------------------------------- */

static void run_conv(const rn_call *c, const rn_conv2d_attr *a, bool turned, const rn_buffers *m, int phase, int64_t begin,
                     int64_t end)
{
    const geometry g = geometry_of(c, a, turned);
    const product p = product_of(&g, c, m);
    rn_bf16 *panels = m->scratch;
    if (phase == 0) {
        if (is_pixels(&g))
            product_pack(&p, panels, begin, end);
        for (int64_t u = begin; u < end && !is_pixels(&g); u++)
            pack_weight(&g, m->in[1], u * STRIP_COLUMNS, panels + u * panel_elements(&g));
        return;
    }
    strips_begin(is_pixels(&g) ? GROUP_ROWS : g.size);
    for (int64_t u = begin; u < end; u++)
        if (is_pixels(&g))
            product_unit(&p, panels, u, m->thread_scratch);
        else
            band_unit(&g, p.a, panels, p.bias, p.c, u, m->thread_scratch);
    strips_end();
}

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    return plan_conv(c, c->attr, false, work);
}
static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work;
    run_conv(c, c->attr, false, m, phase, begin, end);
}

static const char *plan_dx(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    return plan_conv(c, &((const rn_conv2d_dx_attr *)c->attr)->conv, true, work);
}
static void run_dx(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work;
    run_conv(c, &((const rn_conv2d_dx_attr *)c->attr)->conv, true, m, phase, begin, end);
}

BF16(conv2d, "windows read where they lie, in bands with a border", .plan = plan, .run = run);
BF16(conv2d_dx, "windows read where they lie, in bands with a border", .plan = plan_dx, .run = run_dx);
