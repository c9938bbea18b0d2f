#include "report/show.h"

#include "base/json.h"
#include "base/plural.h"
#include "report/error_map.h"
#include "report/flop.h"
#include "report/table.h"

#include <errno.h>
#include <math.h>
#include <string.h>

enum { STRETCHES = 8, CURVES = 8 };

typedef struct shown {
    const rn_row_shown *run;
    rn_row_differing *parameter;
    rn_row_shown_score *score;
    rn_row_stretch *stretch;
    rn_row_event *event;
    rn_error_map map;
    size_t n_parameters, n_scores, n_stretches, n_events;
} shown;

static bool read_all(rn_store *store, const rn_row_shown *run, rn_arena *a, shown *s, rn_error *err)
{
    rn_row_grid *grid;
    size_t n = 0;
    *s = (shown){.run = run};
    if (!rn_store_shown_parameters(store, run, a, &s->parameter, &s->n_parameters, err) ||
        !rn_store_shown_scores(store, run, a, &s->score, &s->n_scores, err) ||
        !rn_store_shown_curve(store, run, STRETCHES, a, &s->stretch, &s->n_stretches, err) ||
        !rn_store_shown_events(store, run, a, &s->event, &s->n_events, err) ||
        !rn_store_shown_errors(store, run, "x0", a, &grid, &n, err))
        return false;
    rn_error_map_of_run(grid, n, &s->map, a);
    return rn_arena_check(a, "what a run left", err);
}

static bool is_compared(const rn_row_shown *run) { return run->baseline && run->baseline != run->id; }

/* --- text ------------------------------------------------------------------------------------------- */

static void print_head(FILE *out, const rn_row_shown *r)
{
    fprintf(out, "%s / %s / seed %" PRId64 "%s\n", r->experiment, r->variant, r->seed, r->is_baseline ? " (baseline)" : "");
    if (!r->is_newest)
        fputs("of earlier settings: the experiment's file has asked for others since\n", out);
    fprintf(out, "  status     %s%s%s", r->status, r->error ? ": " : "", r->error ? r->error : "");
    fprintf(out, ", step %" PRId64, r->step);
    if (r->total_steps)
        fprintf(out, " of %" PRId64, r->total_steps);
    fprintf(out, ", attempt %" PRId64 "\n", r->attempt);
    if (r->images && !isnan(r->flop) && !isnan(r->seconds)) {
        const rn_flop_name unit = rn_flop_unit(r->flop);
        fprintf(out, "  cost       %" PRId64 " image%s, %.4g %s of training, %.1f s in all with evaluation\n", r->images,
                rn_plural(r->images), r->flop / unit.flop, unit.name, r->seconds);
    }
    fprintf(out, "  where      %s, %s, %" PRId64 " thread%s, runner %s, started %s UTC\n", r->host ? r->host : "?",
            r->cpu ? r->cpu : "?", r->threads, rn_plural(r->threads), r->runner_version ? r->runner_version : "?",
            r->started ? r->started : "?");
    if (r->weights_folder)
        fprintf(out, "  weights    those of %s: it differs in `evaluate` alone\n", r->weights_folder);
    fprintf(out, "  folder     %s\n  hash       %s\n", r->out_dir ? r->out_dir : "-", r->hash);
}

static void print_parameters(FILE *out, const shown *s, rn_arena *a)
{
    static const char *const head[] = {"  parameter", "here", "baseline"};
    rn_table t;
    if (s->run->is_baseline)
        return;
    if (!is_compared(s->run)) {
        fprintf(out, "\nthe baseline has no run of seed %" PRId64 " to compare with%s%s\n", s->run->seed,
                s->run->differs && *s->run->differs ? "; it differs in: " : "", s->run->differs ? s->run->differs : "");
        return;
    }
    fputs("\nparameters that differ from the baseline\n", out);
    rn_table_init(&t, a, "lll", head);
    for (size_t i = 0; i < s->n_parameters; i++) {
        rn_table_cell(&t, "  %s", s->parameter[i].path);
        rn_table_cell(&t, "%s", s->parameter[i].text ? s->parameter[i].text : "-");
        rn_table_cell(&t, "%s", s->parameter[i].baseline ? s->parameter[i].baseline : "-");
    }
    rn_table_print(&t, out);
}

static void number_cell(rn_table *t, double value)
{
    if (isnan(value))
        rn_table_cell(t, "-");
    else
        rn_table_cell(t, "%.4g", value);
}

static void print_scores(FILE *out, const shown *s, rn_arena *a)
{
    static const char *const beside[] = {"  score", "features", "value", "floor", "baseline", "difference", "N", ""};
    static const char *const alone[] = {"  score", "features", "value", "floor", "N", ""};
    rn_table t;
    if (!s->n_scores) {
        fputs("\nno scores\n", out);
        return;
    }
    fprintf(out, "\nscores, beside their floors%s\n", is_compared(s->run) ? " and the baseline's run of the same seed" : "");
    if (is_compared(s->run))
        rn_table_init(&t, a, "llrrrrrl", beside);
    else
        rn_table_init(&t, a, "llrrrl", alone);
    for (size_t i = 0; i < s->n_scores; i++) {
        const rn_row_shown_score *r = &s->score[i];
        rn_table_cell(&t, "  %s%s%s", r->metric, *r->setting ? " " : "", r->setting);
        rn_table_cell(&t, "%s", r->features);
        rn_table_cell(&t, "%.4g", r->value);
        number_cell(&t, r->floor);
        if (is_compared(s->run))
            number_cell(&t, r->baseline);
        if (is_compared(s->run) && !isnan(r->baseline))
            rn_table_cell(&t, "%+.3g", r->value - r->baseline);
        else if (is_compared(s->run))
            rn_table_cell(&t, "-");
        rn_table_cell(&t, "%" PRId64, r->n);
        rn_table_cell(&t, "%s", r->note ? r->note : "");
    }
    rn_table_print(&t, out);
}

/* A row for each stretch of steps, a column for each name. */
static void print_curve(FILE *out, const shown *s, rn_arena *a)
{
    const char *head[CURVES + 1] = {"  steps"};
    char align[CURVES + 2] = "l";
    size_t begin[CURVES + 1] = {0};
    int n = 0;
    for (size_t i = 0; i < s->n_stretches && n < CURVES; i++)
        if (i == 0 || strcmp(s->stretch[i].name, s->stretch[i - 1].name) != 0) {
            const char *slash = strchr(s->stretch[i].name, '/');
            begin[n] = i;
            align[n + 1] = 'r';
            head[++n] = slash ? slash + 1 : s->stretch[i].name;
        }
    if (!n)
        return;
    rn_table t;
    align[n + 1] = '\0';
    fputs("\ntraining, means of what was logged\n", out);
    rn_table_init(&t, a, align, head);
    for (size_t i = 0; i < STRETCHES && i < s->n_stretches && strcmp(s->stretch[i].name, s->stretch[0].name) == 0; i++) {
        const rn_row_stretch *r = &s->stretch[i];
        rn_table_cell(&t, "  to %" PRId64, r->last);
        for (int k = 0; k < n; k++) {
            const size_t at = begin[k] + i;
            const bool there = at < s->n_stretches && strcmp(s->stretch[at].name, s->stretch[begin[k]].name) == 0;
            number_cell(&t, there ? s->stretch[at].value : (double)NAN);
        }
    }
    rn_table_print(&t, out);
}

static void print_events(FILE *out, const shown *s)
{
    if (s->n_events)
        fputs("\nevents\n", out);
    for (size_t i = 0; i < s->n_events; i++)
        fprintf(out, "  %s (%s) at step %" PRId64 ": %s\n", s->event[i].level, s->event[i].code, s->event[i].step, s->event[i].text);
}

static void print_grid(FILE *out, const shown *s, rn_arena *a)
{
    if (!s->map.scales)
        return;
    fprintf(out, "\nmean square error of x0 on %" PRId64 " held-out image%s, by logSNR and scale\n", s->map.images,
            rn_plural(s->map.images));
    rn_error_map_print(out, &s->map, a);
    if (!is_compared(s->run) || !rn_error_map_compares(&s->map))
        return;
    fputs("\nthe same, in % more or less than the baseline's run of the same seed (x: times)\n", out);
    rn_error_map_print_shares(out, &s->map, a);
    rn_error_map_print_words(out, &s->map);
    fprintf(out, "one seed: no interval; `runner show %s` has all of them\n", s->run->experiment);
}

/* --- JSON ------------------------------------------------------------------------------------------- */

static void json_lists(rn_json *j, const shown *s)
{
    rn_json_array(j, "differs");
    for (size_t i = 0; is_compared(s->run) && i < s->n_parameters; i++) {
        rn_json_row(j, NULL);
        rn_json_text(j, "name", s->parameter[i].path);
        rn_json_text(j, "value", s->parameter[i].text);
        rn_json_text(j, "baseline", s->parameter[i].baseline);
        rn_json_end(j);
    }
    rn_json_end(j);
    rn_json_array(j, "scores");
    for (size_t i = 0; i < s->n_scores; i++) {
        const rn_row_shown_score *r = &s->score[i];
        rn_json_row(j, NULL);
        rn_json_text(j, "name", r->metric);
        rn_json_text(j, "features", r->features);
        rn_json_text(j, "setting", r->setting);
        rn_json_text(j, "better", r->better);
        rn_json_number(j, "value", r->value);
        rn_json_number(j, "floor", r->floor);
        rn_json_number(j, "baseline", is_compared(s->run) ? r->baseline : (double)NAN);
        rn_json_int(j, "n", r->n);
        rn_json_text(j, "note", r->note);
        rn_json_end(j);
    }
    rn_json_end(j);
    rn_json_array(j, "training");
    for (size_t i = 0; i < s->n_stretches; i++) {
        rn_json_row(j, NULL);
        rn_json_text(j, "name", s->stretch[i].name);
        rn_json_int(j, "first_step", s->stretch[i].first);
        rn_json_int(j, "last_step", s->stretch[i].last);
        rn_json_number(j, "mean", s->stretch[i].value);
        rn_json_end(j);
    }
    rn_json_end(j);
    rn_json_array(j, "events");
    for (size_t i = 0; i < s->n_events; i++) {
        rn_json_row(j, NULL);
        rn_json_text(j, "name", s->event[i].code);
        rn_json_text(j, "level", s->event[i].level);
        rn_json_int(j, "step", s->event[i].step);
        rn_json_text(j, "text", s->event[i].text);
        rn_json_end(j);
    }
    rn_json_end(j);
}

static void print_json(FILE *out, const shown *s)
{
    rn_json j;
    const rn_row_shown *r = s->run;
    rn_json_begin(&j, out);
    rn_json_object(&j, NULL);
    rn_json_text(&j, "name", r->variant);
    rn_json_text(&j, "experiment", r->experiment);
    rn_json_int(&j, "seed", r->seed);
    rn_json_bool(&j, "baseline", r->is_baseline);
    rn_json_bool(&j, "newest", r->is_newest);
    rn_json_text(&j, "status", r->status);
    rn_json_text(&j, "error", r->error);
    rn_json_int(&j, "step", r->step);
    rn_json_number(&j, "total_steps", r->total_steps ? (double)r->total_steps : (double)NAN);
    rn_json_int(&j, "images", r->images);
    rn_json_number(&j, "flop", r->flop);
    rn_json_number(&j, "seconds", r->seconds);
    rn_json_text(&j, "folder", r->out_dir);
    rn_json_text(&j, "weights_folder", r->weights_folder);
    rn_json_text(&j, "hash", r->hash);
    json_lists(&j, s);
    rn_error_map_json(&j, &s->map);
    rn_json_end(&j);
    rn_json_finish(&j);
}

bool rn_show_run(FILE *out, rn_store *store, const rn_row_shown *run, bool json, rn_error *err)
{
    rn_arena a = {0};
    shown s;
    bool ok = read_all(store, run, &a, &s, err);
    if (ok && json) {
        print_json(out, &s);
    } else if (ok) {
        print_head(out, run);
        print_parameters(out, &s, &a);
        print_scores(out, &s, &a);
        print_curve(out, &s, &a);
        print_events(out, &s);
        print_grid(out, &s, &a);
    }
    ok = ok && rn_arena_check(&a, "the table of a run", err);
    if (ok && (fflush(out) != 0 || ferror(out)))
        ok = rn_fail(err, RN_EIO, "could not write what is known of the run: %s", strerror(errno));
    rn_arena_free(&a);
    return ok;
}
