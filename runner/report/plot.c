#include "report/plot.h"

#include "base/file.h"

#include <math.h>
#include <string.h>

/* Pixels. */
enum { PANEL_WIDTH = 400, PANEL_HEIGHT = 320, LEFT = 64, TOP = 64, GAP = 28, BOTTOM = 56, LEGEND_WIDTH = 260, LINE_HEIGHT = 22 };
enum { LEGEND_LINES = 64 };

/* Okabe and Ito 2008, in the order of their distance on white; yellow is too light for a line. */
static const char *const colours[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"};
static const char *const dashes[] = {"none", "9 4", "3 3", "12 4 3 4"};
static const char *const backdrop = "#BBBBBB";

typedef struct page {
    FILE *f;
    const rn_plot *plot;
    const rn_plot_line *legend[LEGEND_LINES]; /* one for each name, in the order of appearance */
    int n_legend;
} page;

static void put_text(FILE *f, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '<': fputs("&lt;", f); break;
        case '>': fputs("&gt;", f); break;
        case '&': fputs("&amp;", f); break;
        case '"': fputs("&quot;", f); break;
        default: fputc(*text, f);
        }
}

static void put_label(FILE *f, double x, double y, const char *anchor, const char *more, const char *text)
{
    fprintf(f, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"%s>", x, y, anchor, more);
    put_text(f, text);
    fputs("</text>\n", f);
}

static double left_of(int64_t panel) { return LEFT + (double)panel * (PANEL_WIDTH + GAP); }

static double x_at(const rn_plot *p, int64_t panel, double x)
{
    return left_of(panel) + (x - p->x_min) / (p->x_max - p->x_min) * PANEL_WIDTH;
}

static double y_at(const rn_plot *p, double y) { return TOP + (p->y_max - y) / (p->y_max - p->y_min) * PANEL_HEIGHT; }

static int number_of(page *g, const rn_plot_line *line)
{
    for (int i = 0; i < g->n_legend; i++)
        if (strcmp(g->legend[i]->name, line->name) == 0)
            return i;
    if (g->n_legend == LEGEND_LINES)
        return LEGEND_LINES - 1;
    g->legend[g->n_legend] = line;
    return g->n_legend++;
}

/* How line number i is drawn; backdrops have no colour of their own, so they do not count. */
static void put_stroke(const page *g, int i)
{
    const size_t n_colours = sizeof colours / sizeof *colours, n_dashes = sizeof dashes / sizeof *dashes;
    size_t k = 0;
    for (int j = 0; j < i; j++)
        k += !g->legend[j]->backdrop;
    if (g->legend[i]->backdrop)
        fprintf(g->f, " fill=\"none\" stroke=\"%s\" stroke-width=\"7\"", backdrop);
    else
        fprintf(g->f, " fill=\"none\" stroke=\"%s\" stroke-width=\"2\" stroke-dasharray=\"%s\"", colours[k % n_colours],
                dashes[(k + k / n_colours) % n_dashes]);
}

static void put_line(page *g, int64_t panel, const rn_plot_line *line)
{
    bool down = false;
    fputs("<path", g->f);
    put_stroke(g, number_of(g, line));
    fprintf(g->f, " clip-path=\"url(#panel%" PRId64 ")\" d=\"", panel);
    for (int64_t i = 0; i < line->n; i++) {
        if (!isfinite(line->x[i]) || !isfinite(line->y[i])) {
            down = false;
            continue;
        }
        /* far outside is as good as infinitely far, and keeps the numbers short */
        const double span = g->plot->y_max - g->plot->y_min;
        const double y = fmax(g->plot->y_min - span, fmin(g->plot->y_max + span, line->y[i]));
        fprintf(g->f, "%c%.1f %.1f", down ? 'L' : 'M', x_at(g->plot, panel, line->x[i]), y_at(g->plot, y));
        down = true;
    }
    fputs("\"/>\n", g->f);
}

static void put_axes(const page *g, int64_t panel)
{
    const rn_plot *p = g->plot;
    char number[32];
    const double left = left_of(panel), right = left + PANEL_WIDTH, bottom = TOP + PANEL_HEIGHT;
    fprintf(g->f, "<clipPath id=\"panel%" PRId64 "\"><rect x=\"%.1f\" y=\"%d\" width=\"%d\" height=\"%d\"/></clipPath>\n", panel,
            left, TOP, PANEL_WIDTH, PANEL_HEIGHT);
    for (int i = 0; p->x_min + i * p->x_step <= p->x_max + 1e-9; i++) {
        const double x = x_at(p, panel, p->x_min + i * p->x_step);
        fprintf(g->f, "<path stroke=\"#E0E0E0\" d=\"M%.1f %dV%.1f\"/>\n", x, TOP, bottom);
        snprintf(number, sizeof number, "%g", p->x_min + i * p->x_step);
        put_label(g->f, x, bottom + 18, "middle", "", number);
    }
    for (int i = 0; p->y_min + i * p->y_step <= p->y_max + 1e-9; i++) {
        const double value = p->y_min + i * p->y_step, y = y_at(p, value);
        fprintf(g->f, "<path stroke=\"%s\" d=\"M%.1f %.1fH%.1f\"/>\n", fabs(value) < 1e-9 ? "#909090" : "#E0E0E0", left, y, right);
        snprintf(number, sizeof number, "%s%g", value < -1e-9 ? "\xE2\x88\x92" : "", fabs(value));
        if (panel == 0)
            put_label(g->f, left - 8, y + 4, "end", "", number);
    }
    fprintf(g->f, "<rect x=\"%.1f\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"#404040\"/>\n", left, TOP, PANEL_WIDTH,
            PANEL_HEIGHT);
    put_label(g->f, left + PANEL_WIDTH / 2.0, TOP - 10, "middle", "", p->panel[panel].title);
    put_label(g->f, left + PANEL_WIDTH / 2.0, bottom + 42, "middle", "", p->x_label);
}

static void put_legend(const page *g)
{
    const double left = left_of(g->plot->n_panels);
    for (int i = 0; i < g->n_legend; i++) {
        const double y = TOP + 10 + (double)i * LINE_HEIGHT;
        fputs("<path", g->f);
        put_stroke(g, i);
        fprintf(g->f, " d=\"M%.1f %.1fh34\"/>\n", left, y);
        put_label(g->f, left + 42, y + 4, "start", "", g->legend[i]->name);
    }
}

static bool write_plot(void *context, FILE *f, rn_error *err)
{
    page g = {.f = f, .plot = context};
    const rn_plot *p = g.plot;
    char more[96];
    (void)err; /* rn_file_write asks the file */
    int64_t lines = 0;
    for (int64_t i = 0; i < p->n_panels; i++)
        lines = p->panel[i].n_lines > lines ? p->panel[i].n_lines : lines;
    const double width = left_of(p->n_panels) + LEGEND_WIDTH;
    double height = TOP + PANEL_HEIGHT + BOTTOM;
    height = fmax(height, TOP + (double)(lines + 1) * LINE_HEIGHT);
    fprintf(f, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\" "
               "font-family=\"Helvetica, Arial, sans-serif\" font-size=\"13\" fill=\"#202020\">\n"
               "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n", width, height, width, height);
    put_label(f, LEFT, 26, "start", " font-size=\"16\" font-weight=\"bold\"", p->title);
    const double middle = TOP + PANEL_HEIGHT / 2.0;
    snprintf(more, sizeof more, " transform=\"rotate(-90 20 %.1f)\"", middle);
    put_label(f, 20, middle, "middle", more, p->y_label);
    for (int64_t i = 0; i < p->n_panels; i++) {
        put_axes(&g, i);
        for (int under = 1; under >= 0; under--) /* backdrops first */
            for (int64_t k = 0; k < p->panel[i].n_lines; k++)
                if (p->panel[i].line[k].backdrop == (under != 0))
                    put_line(&g, i, &p->panel[i].line[k]);
    }
    put_legend(&g);
    fputs("</svg>\n", f);
    return true;
}

bool rn_plot_write(const char *path, const rn_plot *plot, rn_error *err)
{
    rn_plot copy = *plot;
    return rn_file_write(path, write_plot, &copy, err);
}
