#include "report/compare.h"
#include "report/table.h"
#include "base/plural.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* ---------------------------------------------------------------- what a reader has to know */
static void add_note(rn_arena *arena, rn_comparison *c, size_t *room, const char *text)
{
    if (!text)
        return;
    for (size_t i = 0; i < c->n_notes; i++)
        if (strcmp(c->note[i], text) == 0)
            return;
    if (c->n_notes == *room) {
        const size_t more = *room ? 2 * *room : 16;
        const char **larger = rn_arena_array(arena, more, sizeof *larger);
        if (!larger)
            return;
        if (c->n_notes)
            memcpy(larger, c->note, c->n_notes * sizeof *larger);
        c->note = larger;
        *room = more;
    }
    c->note[c->n_notes++] = text;
}

static const char *measure_text(rn_arena *a, const rn_row_ablation *s)
{
    return rn_arena_print(a, "%s%s%s%s%s%s", s->metric, *s->features ? " on " : "", s->features, *s->setting ? " (" : "",
                          s->setting, *s->setting ? ")" : "");
}

static void note_scores(rn_arena *a, rn_comparison *c, size_t *room)
{
    int64_t most_pairs = 0;
    for (size_t i = 0; i < c->n_scores; i++) {
        const rn_row_ablation *s = &c->score[i];
        const char *measure = measure_text(a, s);
        if (s->note) /* the metric's own, such as that few samples make it mostly bias */
            add_note(a, c, room, rn_arena_print(a, "%s: %s", measure, s->note));
        if (s->n_nan)
            add_note(a, c, room, rn_arena_print(a, "%s of %s: %" PRId64 " of %" PRId64 " seed%s gave no number and %s left out",
                                                measure, s->variant, s->n_nan, s->n_nan + s->n_seeds,
                                                rn_plural(s->n_nan + s->n_seeds), s->n_nan == 1 ? "is" : "are"));
        if (s->n_unlike)
            add_note(a, c, room, rn_arena_print(a, "%s of %s: %" PRId64 " seed%s cannot be compared with the baseline (other "
                                                   "number of samples, extractor or reference)",
                                                measure, s->variant, s->n_unlike, rn_plural(s->n_unlike)));
        if (s->n_pairs > most_pairs)
            most_pairs = s->n_pairs;
    }
    if (most_pairs == 1)
        add_note(a, c, room, "one seed: no interval; a claim needs at least three seeds");
    if (most_pairs == 2)
        add_note(a, c, room, "two seeds: intervals use t = 12.7; a claim needs at least three seeds");
}

static void note_runs(rn_arena *a, rn_comparison *c, size_t *room)
{
    for (size_t i = 0; i < c->n_runs; i++) {
        const rn_row_status *r = &c->run[i];
        if (strcmp(r->status, "done") == 0)
            continue;
        const char *of = r->total_steps ? rn_arena_print(a, " of %" PRId64, r->total_steps) : "";
        add_note(a, c, room, rn_arena_print(a, "not in the table: %s, seed %" PRId64 ": %s at step %" PRId64 "%s%s%s",
                                            r->variant, r->seed, r->status, r->step, of ? of : "", r->error ? ": " : "",
                                            r->error ? r->error : ""));
    }
    if (c->experiment.done_before)
        add_note(a, c, room, rn_arena_print(a, "%" PRId64 " finished run%s of earlier settings %s kept but not shown; "
                                               "run the file with those settings again to see them, or query run_status",
                                            c->experiment.done_before, rn_plural(c->experiment.done_before),
                                            c->experiment.done_before == 1 ? "is" : "are"));
}

bool rn_comparison_read(rn_store *store, const char *experiment, rn_arena *a, rn_comparison *c, rn_error *err)
{
    size_t room = 0;
    memset(c, 0, sizeof *c);
    c->database = rn_store_path(store);
    if (!rn_store_find(store, experiment, a, &c->experiment, err) ||
        !rn_store_variants(store, experiment, a, &c->variant, &c->n_variants, err) ||
        !rn_store_status(store, experiment, a, &c->run, &c->n_runs, err) ||
        !rn_store_ablation(store, experiment, a, &c->score, &c->n_scores, err))
        return false;
    note_scores(a, c, &room);
    note_runs(a, c, &room);
    return rn_arena_check(a, "a comparison", err);
}

/* ---------------------------------------------------------------- the table */
static bool same_measure(const rn_row_ablation *a, const rn_row_ablation *b)
{
    return strcmp(a->metric, b->metric) == 0 && strcmp(a->features, b->features) == 0 &&
           strcmp(a->setting, b->setting) == 0;
}

/* "fid_proxy on random_conv: lower is better, N = 2048, 64 dimensions, floor 0.123" */
static void put_section(rn_table *t, rn_arena *a, const rn_row_ablation *s)
{
    const char *better = strcmp(s->better, "min") == 0   ? ": lower is better"
                         : strcmp(s->better, "max") == 0 ? ": higher is better"
                                                         : ":";
    const char *dims = s->dims ? rn_arena_print(a, ", %" PRId64 " dimensions", s->dims) : "";
    const char *floor_text = isnan(s->floor) ? "" : rn_arena_print(a, ", floor %.4g", s->floor);
    const char *measure = measure_text(a, s);
    if (t->first)
        rn_table_section(t, "%s", "");
    rn_table_section(t, "%s%s, N = %" PRId64 "%s%s", measure ? measure : "", better, s->n_samples, dims ? dims : "",
                     floor_text ? floor_text : "");
}

static void put_row(rn_table *t, const rn_row_variant *v, const rn_row_ablation *s, double baseline)
{
    rn_table_cell(t, "  %s", v->name);
    if (!s) {
        rn_table_cell(t, "0");
        rn_table_cell(t, "no score");
        rn_table_end_row(t);
        return;
    }
    rn_table_cell(t, "%" PRId64, s->n_seeds);
    if (isnan(s->mean))
        rn_table_cell(t, "no number");
    else if (isnan(s->sd))
        rn_table_cell(t, "%.4g", s->mean);
    else
        rn_table_cell(t, "%.4g ± %.2g", s->mean, s->sd);
    if (v->is_baseline || isnan(s->difference)) {
        rn_table_cell(t, "%s", v->is_baseline ? "baseline" : "");
        rn_table_end_row(t);
        return;
    }
    rn_table_cell(t, "%+.3g", s->difference);
    if (baseline != 0 && isfinite(baseline)) /* a share for the eye; the test is on the difference itself */
        rn_table_cell(t, "%+.0f %%", 100 * s->difference / fabs(baseline));
    else
        rn_table_cell(t, "%s", "");
    if (s->n_pairs < 2)
        rn_table_cell(t, "one seed: no interval");
    else
        rn_table_cell(t, "[%+.3g, %+.3g]", s->difference_low, s->difference_high);
    if (s->p < 0.0001)
        rn_table_cell(t, "< 0.0001");
    else if (!isnan(s->p))
        rn_table_cell(t, "%.2g", s->p);
    rn_table_end_row(t);
}

static void print_scores(FILE *out, const rn_comparison *c, rn_arena *a)
{
    static const char *const head[] = {"  variant", "seeds", "mean ± sd", "difference", "", "95 % interval", "p"};
    rn_table t;
    rn_table_init(&t, a, "lrrrrll", head);
    for (size_t i = 0; i < c->n_scores; i++) {
        const rn_row_ablation *first = &c->score[i];
        bool seen = false;
        for (size_t j = 0; j < i; j++)
            seen = seen || same_measure(&c->score[j], first);
        if (seen)
            continue;
        put_section(&t, a, first);
        double baseline = (double)NAN;
        for (size_t j = i; j < c->n_scores; j++)
            if (same_measure(&c->score[j], first) && c->score[j].is_baseline)
                baseline = c->score[j].mean;
        for (size_t v = 0; v < c->n_variants; v++) {
            const rn_row_ablation *of = NULL;
            for (size_t j = i; j < c->n_scores; j++)
                if (same_measure(&c->score[j], first) && strcmp(c->score[j].variant, c->variant[v].name) == 0)
                    of = &c->score[j];
            put_row(&t, &c->variant[v], of, baseline);
        }
    }
    rn_table_print(&t, out);
}

static void print_text(FILE *out, const rn_comparison *c, rn_arena *a)
{
    const rn_row_listed *e = &c->experiment;
    fprintf(out, "%s%s%s\n", e->name, e->question ? ": " : "", e->question ? e->question : "");
    fprintf(out, "%" PRId64 " variant%s, %" PRId64 " run%s done", e->variants, rn_plural(e->variants), e->done,
            rn_plural(e->done));
    if (e->unfinished)
        fprintf(out, ", %" PRId64 " not done", e->unfinished);
    fprintf(out, " (%s)\n\n", c->database);
    if (c->n_scores)
        print_scores(out, c, a);
    else
        fprintf(out, "no finished run has a score yet\n");
    if (c->n_scores)
        fprintf(out, "\nmean ± sample standard deviation over seeds; difference to the baseline, paired by seed, with its "
                     "95 %% Student interval and two-sided p\n");
    for (size_t i = 0; i < c->n_notes; i++)
        fprintf(out, "%snote: %s\n", i ? "" : "\n", c->note[i]);
}

bool rn_compare_print(FILE *out, rn_store *store, const char *experiment, const rn_compare_options *options,
                      rn_error *err)
{
    rn_arena arena = {0};
    rn_comparison c;
    bool ok = rn_comparison_read(store, experiment, &arena, &c, err);
    if (ok && options->json)
        rn_comparison_json(out, &c);
    else if (ok)
        print_text(out, &c, &arena);
    ok = ok && rn_arena_check(&arena, "a comparison", err);
    if (ok && (fflush(out) != 0 || ferror(out)))
        ok = rn_fail(err, RN_EIO, "could not write the comparison: %s", strerror(errno));
    rn_arena_free(&arena);
    return ok;
}
