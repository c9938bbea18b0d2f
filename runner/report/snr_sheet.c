#include "report/snr_sheet.h"

#include "data/pixels.h"
#include "data/png_write.h"
#include "eval/snr.h"
#include "report/canvas.h"

#include <runner/random.h>

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Pixels of the canvas. A picture is as near to CELL as whole zooms of the pooled image come; larger ones are cut. */
enum { CELL = 128, GAP = 6, MARGIN = 20, ZOOM = 2, TITLE_ZOOM = 3, CAPTION_ROOM = 30, LABEL_LETTERS = 22, HEADING_ROOM = 66 };
enum { LINE = (RN_GLYPH_HEIGHT + 2) * ZOOM, LETTER = (RN_GLYPH_WIDTH + 1) * ZOOM, LABEL_ROOM = LABEL_LETTERS * LETTER + 12 };
enum { TITLE_ROOM = 86, FIXED_ROWS = 4, FOOT_ROOM = 2 * LINE + 12, LABEL_LINES = 5 };

static const rn_colour ink = {24, 24, 24}, faint = {110, 110, 110}, rule = {190, 190, 190};

/* What a row shows of z. */
typedef enum shown { AS_NOISED, POOLED, SMALL } shown;

typedef struct row {
    shown what;
    const rn_curve *curve;
    int64_t top;
} row;

typedef struct page {
    const rn_snr_sheet *s;
    rn_pixels canvas;
    int64_t small_height, small_width;  /* of the pooled image */
    int64_t cell_height, cell_width;
    double *x, *eps, *z, *small_x, *small_eps, *small_z;
    uint8_t *rgb;
    row *row;
    int64_t n_rows;
    char size[48], small_size[48]; /* "512x512" */
    int64_t top;                   /* of what is drawn next */
} page;

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* Whole zooms of the pooled image that fit into a cell; 1 where it is larger. */
static int64_t zoom_of(int64_t height, int64_t width)
{
    const int64_t side = height > width ? height : width;
    return side >= CELL ? 1 : CELL / side;
}

/* --- numbers ---------------------------------------------------------------------------------------- */

static void draw_noise(const rn_snr_sheet *s, const char *stream, uint32_t draw, double *eps, int64_t n)
{
    const rn_stream from = {.seed = s->seed, .stream = rn_stream_of(stream), .draw = draw};
    for (int64_t k = 0; k < n; k++)
        eps[k] = rn_random_normal(from, (uint64_t)k);
}

static void mix(const double *x, const double *eps, double alpha, double sigma, double *z, int64_t n)
{
    for (int64_t k = 0; k < n; k++)
        z[k] = alpha * x[k] + sigma * eps[k];
}

/* The picture of a row at one t, as large as it is, and its logSNR. What was averaged has α² + (σ/s)² < 1 and is scaled back
 * to 1, since contrast is not what is to be compared. */
static const double *picture(page *g, const row *r, double t, int64_t *height, int64_t *width, double *logsnr)
{
    const rn_snr_sheet *s = g->s;
    const double l = rn_curve_logsnr(r->curve, t), alpha = rn_alpha(l), sigma = rn_sigma(l), pool = (double)s->pool;
    const int64_t small = 3 * g->small_height * g->small_width;
    *height = g->small_height, *width = g->small_width;
    *logsnr = l;
    if (r->what == SMALL) {
        mix(g->small_x, g->small_eps, alpha, sigma, g->small_z, small);
        return g->small_z;
    }
    mix(g->x, g->eps, alpha, sigma, g->z, 3 * s->height * s->width);
    if (r->what == AS_NOISED) {
        *height = s->height, *width = s->width;
        return g->z;
    }
    *logsnr = rn_logsnr_shift(l, pool, 1);
    rn_snr_pool(g->z, s->height, s->width, s->pool, g->small_z);
    const double scale = 1 / sqrt(alpha * alpha + sigma * sigma / (pool * pool));
    for (int64_t k = 0; k < small; k++)
        g->small_z[k] *= scale;
    return g->small_z;
}

/* --- drawing ---------------------------------------------------------------------------------------- */

/* The middle of the picture in the cell at that place: enlarged by a whole number, or cut. */
static void put_picture(page *g, int64_t left, int64_t top, const double *z, int64_t height, int64_t width)
{
    const int64_t zoom = height <= g->cell_height && width <= g->cell_width
                             ? least(g->cell_height / height, g->cell_width / width) : 1;
    const int64_t h = least(height, g->cell_height / zoom), w = least(width, g->cell_width / zoom);
    const int64_t y0 = (height - h) / 2, x0 = (width - w) / 2;
    for (int64_t y = 0; y < h; y++)
        for (int64_t x = 0; x < 3 * w; x++) {
            const float value = (float)z[3 * ((y0 + y) * width + x0) + x];
            rn_pixels_from_floats(&value, 1, &g->rgb[3 * y * w + x]);
        }
    rn_canvas_picture(&g->canvas, left + (g->cell_width - w * zoom) / 2, top + (g->cell_height - h * zoom) / 2, g->rgb, w, h,
                      zoom);
}

static void put_centred(page *g, int64_t left, int64_t top, const char *text, rn_colour colour)
{
    rn_canvas_text(&g->canvas, left + (g->cell_width - rn_canvas_text_width(text, ZOOM)) / 2, top, text, ZOOM, colour);
}

/* The label in lines of LABEL_LETTERS, broken behind commas and spaces, in the middle of the row's height. */
static void put_label(page *g, const char *text)
{
    char line[LABEL_LINES][LABEL_LETTERS + 1] = {""};
    int n = 0;
    while (*text && n < LABEL_LINES) {
        size_t take = strlen(text);
        if (take > LABEL_LETTERS) {
            take = LABEL_LETTERS;
            while (take > 1 && text[take - 1] != ' ' && text[take - 1] != ',')
                take--;
            if (take == 1)
                take = LABEL_LETTERS;
        }
        const char *end = memchr(text, '\n', take);
        take = end ? (size_t)(end - text) : take;
        memcpy(line[n++], text, take);
        text += take;
        text += *text == '\n' || *text == ' ';
    }
    const int64_t top = g->top + (g->cell_height - n * LINE) / 2;
    for (int i = 0; i < n; i++)
        rn_canvas_text(&g->canvas, MARGIN, top + i * LINE, line[i], ZOOM, ink);
}

static int64_t column_left(const page *g, int64_t i) { return MARGIN + LABEL_ROOM + i * (g->cell_width + GAP); }

/* The pictures of a column, row by row: all of one t share their noise. */
static void put_column(page *g, int64_t column)
{
    const rn_snr_sheet *s = g->s;
    draw_noise(s, "snr sheet", (uint32_t)column, g->eps, 3 * s->height * s->width);
    draw_noise(s, "snr sheet, small", (uint32_t)column, g->small_eps, 3 * g->small_height * g->small_width);
    for (int64_t i = 0; i < g->n_rows; i++) {
        int64_t height, width;
        double logsnr;
        char caption[32];
        const double *z = picture(g, &g->row[i], s->t[column], &height, &width, &logsnr);
        put_picture(g, column_left(g, column), g->row[i].top, z, height, width);
        snprintf(caption, sizeof caption, "%+.1f", fabs(logsnr) < 0.05 ? 0.0 : logsnr);
        put_centred(g, column_left(g, column), g->row[i].top + g->cell_height + 4, caption, faint);
    }
}

/* A row below those before it, with its label; its pictures come column by column. */
static void RN_PRINTF(4, 5) add_row(page *g, shown what, const rn_curve *curve, const char *label, ...)
{
    char text[512];
    va_list args;
    va_start(args, label);
    vsnprintf(text, sizeof text, label, args);
    va_end(args);
    put_label(g, text);
    g->row[g->n_rows++] = (row){what, curve, g->top};
    g->top += g->cell_height + CAPTION_ROOM;
}

/* "A  The same noise …" under a rule, and the columns' t. */
static void RN_PRINTF(2, 3) put_heading(page *g, const char *format, ...)
{
    char text[512], t[32];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    rn_canvas_fill(&g->canvas, MARGIN, g->top + 6, g->canvas.width - 2 * MARGIN, 1, rule);
    for (int bold = 0; bold < 2; bold++)
        rn_canvas_text(&g->canvas, MARGIN + bold, g->top + 16, text, ZOOM, ink);
    for (int64_t i = 0; i < g->s->n_t; i++) {
        snprintf(t, sizeof t, "t=%.3g", g->s->t[i]);
        put_centred(g, column_left(g, i), g->top + 16 + LINE + 4, t, faint);
    }
    g->top += HEADING_ROOM;
}

static void put_title(page *g)
{
    const rn_snr_sheet *s = g->s;
    const double factor = (double)(s->pool * s->pool);
    char text[512];
    rn_canvas_text(&g->canvas, MARGIN, MARGIN, "Signal-to-noise ratio under average pooling", TITLE_ZOOM, ink);
    snprintf(text, sizeof text, "%.200s: %s pixels, averaged over %" PRId64 "x%" PRId64 " to %s: SNR x %g, logSNR %+.2f", s->name,
             g->size, s->pool, s->pool, g->small_size, factor, log(factor));
    rn_canvas_text(&g->canvas, MARGIN, MARGIN + 38, text, ZOOM, ink);
    g->top = TITLE_ROOM;
}

static void put_page(page *g)
{
    const rn_snr_sheet *s = g->s;
    put_title(g);
    put_heading(g, "A  The same noise at two resolutions: %.200s, no shift", s->plain_label);
    const bool cut = s->height > g->cell_height || s->width > g->cell_width;
    add_row(g, AS_NOISED, &s->plain, "%s%s", g->size, cut ? "\n(its middle)" : "");
    add_row(g, POOLED, &s->plain, "%s,\naveraged to %s", g->size, g->small_size);
    add_row(g, SMALL, &s->plain, "%s", g->small_size);
    put_heading(g, "B  Plain against shifted: %s averaged to %s", g->size, g->small_size);
    for (int64_t i = 0; i < s->n_curves; i++)
        add_row(g, POOLED, &s->curve[i], "%.300s", s->label[i]);
    add_row(g, SMALL, &s->plain, "%s, no shift:\nwhat is aimed at", g->small_size);
    for (int64_t i = 0; i < s->n_t; i++)
        put_column(g, i);
    rn_canvas_fill(&g->canvas, MARGIN, g->top + 6, g->canvas.width - 2 * MARGIN, 1, rule);
    rn_canvas_text(&g->canvas, MARGIN, g->top + 16, "Under each picture: logSNR = log(alpha^2/sigma^2) of what it shows.", ZOOM, faint);
    rn_canvas_text(&g->canvas, MARGIN, g->top + 16 + LINE,
                   "Averaged pictures are scaled back to alpha^2 + sigma^2 = 1; values beyond black and white are clipped.", ZOOM, faint);
}

/* --- the file --------------------------------------------------------------------------------------- */

static bool make_page(page *g, rn_error *err)
{
    const rn_snr_sheet *s = g->s;
    const int64_t n = 3 * s->height * s->width;
    g->small_height = s->height / s->pool, g->small_width = s->width / s->pool;
    const int64_t zoom = zoom_of(g->small_height, g->small_width), small = 3 * g->small_height * g->small_width;
    g->cell_height = least(g->small_height * zoom, CELL), g->cell_width = least(g->small_width * zoom, CELL);
    g->x = malloc((size_t)(3 * n + 3 * small) * sizeof *g->x);
    g->rgb = malloc((size_t)(3 * g->cell_height * g->cell_width));
    g->row = malloc((size_t)(FIXED_ROWS + s->n_curves) * sizeof *g->row);
    snprintf(g->size, sizeof g->size, "%" PRId64 "x%" PRId64, s->height, s->width);
    snprintf(g->small_size, sizeof g->small_size, "%" PRId64 "x%" PRId64, g->small_height, g->small_width);
    if (!g->x || !g->rgb || !g->row)
        return rn_fail(err, RN_EMEMORY, "no memory for a figure of %" PRId64 "x%" PRId64 " pixels", s->width, s->height);
    g->eps = g->x + n, g->z = g->eps + n, g->small_x = g->z + n, g->small_eps = g->small_x + small;
    g->small_z = g->small_eps + small;
    for (int64_t k = 0; k < n; k++)
        g->x[k] = (double)s->image[k];
    rn_snr_pool(g->x, s->height, s->width, s->pool, g->small_x);
    const int64_t width = column_left(g, s->n_t) - GAP + MARGIN;
    const int64_t height = TITLE_ROOM + 2 * HEADING_ROOM + (FIXED_ROWS + s->n_curves) * (g->cell_height + CAPTION_ROOM) + FOOT_ROOM + MARGIN;
    return rn_canvas_make(&g->canvas, width, height, err);
}

bool rn_snr_sheet_write(const char *path, const rn_snr_sheet *sheet, const char *const *texts, int64_t *width, int64_t *height,
                        rn_error *err)
{
    page g = {.s = sheet};
    bool ok = make_page(&g, err);
    if (ok) {
        put_page(&g);
        *width = g.canvas.width, *height = g.canvas.height;
        ok = rn_png_write(path, &g.canvas, texts, err);
    }
    rn_pixels_free(&g.canvas);
    free(g.x);
    free(g.rgb);
    free(g.row);
    return ok;
}
