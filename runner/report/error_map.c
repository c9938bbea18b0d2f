#include "report/error_map.h"

#include "eval/statistics.h"
#include "report/table.h"

#include <math.h>
#include <string.h>

/* Smaller differences are not worth a word, whatever their interval. */
static const double worth_a_word = 0.02;

/* --- making ----------------------------------------------------------------------------------------- */

static int scale_index(rn_error_map *m, int64_t scale)
{
    int at = 0;
    while (at < m->scales && m->scale[at] < scale)
        at++;
    if (at < m->scales && m->scale[at] == scale)
        return at;
    if (m->scales == RN_MAP_SCALES)
        return -1;
    for (int i = m->scales++; i > at; i--) {
        m->scale[i] = m->scale[i - 1];
        memcpy(m->cell[i], m->cell[i - 1], sizeof m->cell[i]);
    }
    m->scale[at] = scale;
    memset(m->cell[at], 0, sizeof m->cell[at]);
    return at;
}


/* What the row is compared with: its own baseline, or the row of the baseline with its seed. */
static double baseline_of(const rn_row_grid *rows, size_t n, const rn_row_grid *r)
{
    if (!r->variant)
        return r->baseline;
    for (size_t i = 0; i < n; i++)
        if (rows[i].is_baseline && rows[i].seed == r->seed && rows[i].scale == r->scale && rows[i].bin == r->bin)
            return rows[i].mean;
    return (double)NAN;
}

static bool is_of(const rn_row_grid *row, const char *variant) { return !variant || strcmp(row->variant, variant) == 0; }

static void fill_cell(const rn_row_grid *rows, size_t n, const char *variant, int64_t scale, int64_t bin, double *share,
                      rn_error_cell *c)
{
    double sum = 0, base = 0;
    const double none = (double)NAN;
    *c = (rn_error_cell){.mean = none, .baseline = none, .share = none, .low = none, .high = none};
    for (size_t i = 0; i < n; i++) {
        if (rows[i].scale != scale || rows[i].bin != bin || !is_of(&rows[i], variant) || isnan(rows[i].mean))
            continue;
        const double b = baseline_of(rows, n, &rows[i]);
        sum += rows[i].mean;
        c->n++;
        if (!(b > 0))
            continue;
        base += b;
        share[c->n_pairs++] = rows[i].mean / b - 1;
    }
    if (c->n)
        c->mean = sum / (double)c->n;
    if (!c->n_pairs)
        return;
    c->baseline = base / (double)c->n_pairs;
    c->share = rn_mean(share, c->n_pairs);
    if (c->n_pairs > 1) {
        const rn_interval i = rn_mean_interval(share, c->n_pairs, 0.95);
        c->low = i.low, c->high = i.high;
    }
}

void rn_error_map_of_variant(const rn_row_grid *row, size_t n, const char *variant, rn_error_map *m, rn_arena *arena)
{
    double *share = rn_arena_array(arena, n + 1, sizeof *share);
    *m = (rn_error_map){.scales = 0};
    if (!share)
        return;
    for (size_t i = 0; i < n; i++) {
        if (!is_of(&row[i], variant) || row[i].bin < 0 || row[i].bin >= RN_MAP_BINS || scale_index(m, row[i].scale) < 0)
            continue;
        m->logsnr[row[i].bin] = row[i].logsnr;
        m->bins = row[i].bin >= m->bins ? (int)row[i].bin + 1 : m->bins;
        m->images = row[i].n;
    }
    for (int s = 0; s < m->scales; s++)
        for (int k = 0; k < m->bins; k++)
            fill_cell(row, n, variant, m->scale[s], k, share, &m->cell[s][k]);
}

void rn_error_map_of_run(const rn_row_grid *row, size_t n, rn_error_map *m, rn_arena *arena)
{
    rn_error_map_of_variant(row, n, NULL, m, arena);
}

bool rn_error_map_compares(const rn_error_map *m)
{
    for (int s = 0; s < m->scales; s++)
        for (int k = 0; k < m->bins; k++)
            if (m->cell[s][k].n_pairs)
                return true;
    return false;
}

/* --- printing --------------------------------------------------------------------------------------- */

static bool is_marked(const rn_error_cell *c) { return c->low > 0 || c->high < 0; }

enum { SCALE_TEXT = 40 };
static const char *scale_text(int64_t scale, char text[SCALE_TEXT])
{
    if (scale == 1)
        return "full size";
    snprintf(text, SCALE_TEXT, "averaged %" PRId64 "x%" PRId64, scale, scale);
    return text;
}

static void begin_table(rn_table *t, const rn_error_map *m, rn_arena *arena)
{
    char align[RN_MAP_BINS + 2] = "l";
    const char *head[RN_MAP_BINS + 1] = {"  logSNR"};
    const int bins = m->bins < RN_TABLE_COLUMNS - 1 ? m->bins : RN_TABLE_COLUMNS - 1;
    for (int k = 0; k < bins; k++) {
        align[k + 1] = 'r';
        head[k + 1] = rn_arena_print(arena, "%+g", m->logsnr[k]);
    }
    align[bins + 1] = '\0';
    rn_table_init(t, arena, align, head);
}

typedef void cell_printer(rn_table *t, const rn_error_cell *c);

static void print_map(FILE *out, const rn_error_map *m, rn_arena *arena, cell_printer *print)
{
    rn_table t;
    char text[SCALE_TEXT];
    begin_table(&t, m, arena);
    for (int s = 0; s < m->scales; s++) {
        rn_table_cell(&t, "  %s", scale_text(m->scale[s], text));
        for (int k = 0; k < t.columns - 1; k++)
            print(&t, &m->cell[s][k]);
    }
    rn_table_print(&t, out);
}

static void print_mean(rn_table *t, const rn_error_cell *c)
{
    if (isnan(c->mean))
        rn_table_cell(t, "-");
    else
        rn_table_cell(t, c->mean >= 0.001 ? "%.4f" : "%.1e", c->mean);
}

/* "+12.5", or "x34" from ten times on, where per cent are no help any more. */
enum { SHARE_TEXT = 32 };
static const double as_a_factor = 9;
static const char *share_text(double share, char text[SHARE_TEXT])
{
    if (share >= as_a_factor)
        snprintf(text, SHARE_TEXT, "x%.3g", 1 + share);
    else
        snprintf(text, SHARE_TEXT, "%+.1f", 100 * share);
    return text;
}

static void print_share(rn_table *t, const rn_error_cell *c)
{
    char text[SHARE_TEXT];
    if (isnan(c->share))
        rn_table_cell(t, "-");
    else
        rn_table_cell(t, "%s%s", share_text(c->share, text), is_marked(c) ? "*" : " ");
}

void rn_error_map_print(FILE *out, const rn_error_map *m, rn_arena *arena) { print_map(out, m, arena, print_mean); }
void rn_error_map_print_shares(FILE *out, const rn_error_map *m, rn_arena *arena) { print_map(out, m, arena, print_share); }

/* Does the cell count for the words of that sign? */
static bool counts(const rn_error_cell *c, int sign)
{
    return c->share * sign >= worth_a_word && (c->n_pairs < 2 || is_marked(c));
}

static bool print_direction(FILE *out, const rn_error_map *m, int sign)
{
    bool any = false;
    for (int s = m->scales - 1; s >= 0; s--) /* coarse structure first */
        for (int k = 0; k < m->bins; k++) {
            if (!counts(&m->cell[s][k], sign))
                continue;
            const int first = k;
            double least = fabs(m->cell[s][k].share), most = least;
            for (; k < m->bins && counts(&m->cell[s][k], sign); k++) {
                least = fmin(least, fabs(m->cell[s][k].share));
                most = fmax(most, fabs(m->cell[s][k].share));
            }
            char text[SCALE_TEXT], range[64] = "", share[64];
            if (k - 1 > first)
                snprintf(range, sizeof range, " to %+g", m->logsnr[k - 1]);
            if (most >= as_a_factor)
                snprintf(share, sizeof share, "up to %.3g times", 1 + most);
            else if (k - 1 > first)
                snprintf(share, sizeof share, "%.0f to %.0f %%", 100 * least, 100 * most);
            else
                snprintf(share, sizeof share, "%.0f %%", 100 * most);
            fprintf(out, "%s%s at logSNR %+g%s (%s)", any ? "; " : sign < 0 ? "  lower error:  " : "  higher error: ",
                    scale_text(m->scale[s], text), m->logsnr[first], range, share);
            any = true;
        }
    if (any)
        fputc('\n', out);
    return any;
}

void rn_error_map_print_words(FILE *out, const rn_error_map *m)
{
    const bool lower = print_direction(out, m, -1), higher = print_direction(out, m, 1);
    if (!lower && !higher)
        fprintf(out, "  no cell differs by more than %.0f %% and beyond its interval\n", 100 * worth_a_word);
}

void rn_error_map_json(rn_json *j, const rn_error_map *m)
{
    rn_json_array(j, "error_grid");
    for (int s = 0; s < m->scales; s++)
        for (int k = 0; k < m->bins; k++) {
            const rn_error_cell *c = &m->cell[s][k];
            rn_json_row(j, NULL);
            rn_json_int(j, "scale", m->scale[s]);
            rn_json_number(j, "logsnr", m->logsnr[k]);
            rn_json_number(j, "mean", c->mean);
            rn_json_number(j, "baseline", c->baseline);
            rn_json_number(j, "share", c->share);
            rn_json_number(j, "low", c->low);
            rn_json_number(j, "high", c->high);
            rn_json_int(j, "seeds", c->n);
            rn_json_int(j, "pairs", c->n_pairs);
            rn_json_end(j);
        }
    rn_json_end(j);
}
