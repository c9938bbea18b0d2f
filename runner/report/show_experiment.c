#include "report/show.h"

#include "base/json.h"
#include "base/plural.h"
#include "report/error_map.h"
#include "report/table.h"

#include <errno.h>
#include <math.h>
#include <string.h>

typedef struct shown {
    rn_row_listed experiment;
    rn_row_variant *variant;
    rn_row_status *run;
    rn_error_map *map; /* [variants] */
    size_t n_variants, n_runs;
} shown;

static bool read_all(rn_store *store, const char *experiment, rn_arena *a, shown *s, rn_error *err)
{
    rn_row_grid *grid;
    size_t n = 0;
    if (!rn_store_find(store, experiment, a, &s->experiment, err) ||
        !rn_store_variants(store, experiment, a, &s->variant, &s->n_variants, err) ||
        !rn_store_status(store, experiment, a, &s->run, &s->n_runs, err) ||
        !rn_store_final_errors(store, experiment, "x0", a, &grid, &n, err))
        return false;
    s->map = rn_arena_array(a, s->n_variants + 1, sizeof *s->map);
    for (size_t i = 0; s->map && i < s->n_variants; i++)
        rn_error_map_of_variant(grid, n, s->variant[i].name, &s->map[i], a);
    return rn_arena_check(a, "the runs of an experiment", err);
}

/* --- text ------------------------------------------------------------------------------------------- */

static void print_runs(FILE *out, const shown *s, rn_arena *a)
{
    static const char *const head[] = {"  variant", "seed", "status", "steps", "seconds", "folder", ""};
    rn_table t;
    rn_table_init(&t, a, "lrlrrll", head);
    for (size_t i = 0; i < s->n_runs; i++) {
        const rn_row_status *r = &s->run[i];
        rn_table_cell(&t, "  %s%s", r->variant, r->is_baseline ? " (baseline)" : "");
        rn_table_cell(&t, "%" PRId64, r->seed);
        rn_table_cell(&t, "%s", r->status);
        rn_table_cell(&t, "%" PRId64, r->step);
        if (isnan(r->seconds))
            rn_table_cell(&t, "-");
        else
            rn_table_cell(&t, "%.1f", r->seconds);
        rn_table_cell(&t, "%s", r->out_dir ? r->out_dir : "");
        rn_table_cell(&t, "%s", r->error ? r->error : "");
    }
    rn_table_print(&t, out);
}

static int64_t most_pairs(const rn_error_map *m)
{
    int64_t most = 0;
    for (int i = 0; i < m->scales; i++)
        for (int k = 0; k < m->bins; k++)
            most = m->cell[i][k].n_pairs > most ? m->cell[i][k].n_pairs : most;
    return most;
}

static void print_difference(FILE *out, const shown *s, size_t variant, rn_arena *a)
{
    const rn_row_variant *v = &s->variant[variant];
    const rn_error_map *m = &s->map[variant];
    const int64_t pairs = most_pairs(m);
    fprintf(out, "\n%s", v->name);
    if (!m->scales || !pairs) {
        fputs(": no finished run to compare\n", out);
        return;
    }
    fprintf(out, ": error in %% more or less than the baseline's (x: times), mean of %" PRId64 " seed%s\n", pairs, rn_plural(pairs));
    rn_error_map_print_shares(out, m, a);
    rn_error_map_print_words(out, m);
}

static void print_text(FILE *out, const shown *s, rn_arena *a)
{
    const rn_row_listed *e = &s->experiment;
    bool any = false, intervals = false;
    int64_t cells = 0;
    fprintf(out, "%s%s%s\n\n", e->name, e->question ? ": " : "", e->question ? e->question : "");
    print_runs(out, s, a);
    for (size_t i = 0; i < s->n_variants; i++)
        if (s->variant[i].is_baseline && s->map[i].scales) {
            any = true;
            cells = s->map[i].scales * s->map[i].bins;
            fprintf(out, "\n%s (baseline): mean square error of x0 on %" PRId64 " held-out image%s, by logSNR and scale\n",
                    s->variant[i].name, s->map[i].images, rn_plural(s->map[i].images));
            rn_error_map_print(out, &s->map[i], a);
        }
    if (!any) {
        fputs("\nno finished run of the baseline has an error grid yet\n", out);
        return;
    }
    for (size_t i = 0; i < s->n_variants; i++)
        if (!s->variant[i].is_baseline) {
            print_difference(out, s, i, a);
            intervals |= most_pairs(&s->map[i]) > 1;
        }
    if (intervals)
        fprintf(out, "\n* the 95 %% interval over seeds, paired, leaves out 0; of %" PRId64 " cells about %.0f would do so by chance\n",
                cells, ceil(0.05 * (double)cells));
    fprintf(out, "\nlow logSNR is where layout is decided, high logSNR where detail is; averaged errors see coarse structure alone.\n"
                 "Scores: `runner compare %s`; one run: `runner show %s/VARIANT/SEED`\n", e->name, e->name);
}

/* --- JSON ------------------------------------------------------------------------------------------- */

static void print_json(FILE *out, const shown *s)
{
    rn_json j;
    rn_json_begin(&j, out);
    rn_json_object(&j, NULL);
    rn_json_text(&j, "name", s->experiment.name);
    rn_json_text(&j, "question", s->experiment.question);
    rn_json_array(&j, "runs");
    for (size_t i = 0; i < s->n_runs; i++) {
        const rn_row_status *r = &s->run[i];
        rn_json_row(&j, NULL);
        rn_json_text(&j, "name", r->variant);
        rn_json_int(&j, "seed", r->seed);
        rn_json_text(&j, "status", r->status);
        rn_json_int(&j, "step", r->step);
        rn_json_number(&j, "seconds", r->seconds);
        rn_json_text(&j, "folder", r->out_dir);
        rn_json_text(&j, "error", r->error);
        rn_json_end(&j);
    }
    rn_json_end(&j);
    rn_json_array(&j, "variants");
    for (size_t i = 0; i < s->n_variants; i++) {
        rn_json_object(&j, NULL);
        rn_json_text(&j, "name", s->variant[i].name);
        rn_json_bool(&j, "baseline", s->variant[i].is_baseline);
        rn_json_text(&j, "differs", s->variant[i].differs);
        rn_error_map_json(&j, &s->map[i]);
        rn_json_end(&j);
    }
    rn_json_end(&j);
    rn_json_end(&j);
    rn_json_finish(&j);
}

bool rn_show_experiment(FILE *out, rn_store *store, const char *experiment, bool json, rn_error *err)
{
    rn_arena a = {0};
    shown s = {0};
    bool ok = read_all(store, experiment, &a, &s, err);
    if (ok && json)
        print_json(out, &s);
    else if (ok)
        print_text(out, &s, &a);
    ok = ok && rn_arena_check(&a, "the table of an experiment", err);
    if (ok && (fflush(out) != 0 || ferror(out)))
        ok = rn_fail(err, RN_EIO, "could not write what is known of the experiment: %s", strerror(errno));
    rn_arena_free(&a);
    return ok;
}
