/* The comparison for programs. Each thing has a `name`; shares are fractions. */
#include "report/compare.h"

#include "base/json.h"

#include <string.h>

static void put_score(rn_json *j, const rn_row_ablation *s)
{
    rn_json_row(j, NULL);
    rn_json_text(j, "name", s->metric);
    rn_json_text(j, "features", s->features);
    rn_json_text(j, "setting", s->setting);
    rn_json_text(j, "better", s->better);
    rn_json_int(j, "n_seeds", s->n_seeds);
    rn_json_number(j, "mean", s->mean);
    rn_json_number(j, "sd", s->sd);
    rn_json_number(j, "low", s->low);
    rn_json_number(j, "high", s->high);
    rn_json_int(j, "n_pairs", s->n_pairs);
    rn_json_number(j, "difference", s->difference);
    rn_json_number(j, "difference_low", s->difference_low);
    rn_json_number(j, "difference_high", s->difference_high);
    rn_json_number(j, "p", s->p);
    rn_json_int(j, "n_nan", s->n_nan);
    rn_json_int(j, "n_unlike", s->n_unlike);
    rn_json_number(j, "floor", s->floor);
    rn_json_int(j, "n_samples", s->n_samples);
    rn_json_int(j, "dims", s->dims);
    rn_json_text(j, "note", s->note);
    rn_json_end(j);
}

static void put_variant(rn_json *j, const rn_comparison *c, const rn_row_variant *v)
{
    rn_json_object(j, NULL);
    rn_json_text(j, "name", v->name);
    rn_json_bool(j, "is_baseline", v->is_baseline);
    rn_json_text(j, "differs", v->differs);
    rn_json_array(j, "scores");
    for (size_t i = 0; i < c->n_scores; i++)
        if (strcmp(c->score[i].variant, v->name) == 0)
            put_score(j, &c->score[i]);
    rn_json_end(j);
    rn_json_end(j);
}

static void put_run(rn_json *j, const rn_row_status *r)
{
    char name[256]; /* variant names have at most 80 bytes */
    snprintf(name, sizeof name, "%s/seed%" PRId64, r->variant, r->seed);
    rn_json_row(j, NULL);
    rn_json_text(j, "name", name);
    rn_json_text(j, "variant", r->variant);
    rn_json_int(j, "seed", r->seed);
    rn_json_text(j, "status", r->status);
    rn_json_int(j, "step", r->step);
    rn_json_int(j, "total_steps", r->total_steps);
    rn_json_int(j, "attempt", r->attempt);
    rn_json_number(j, "seconds", r->seconds);
    rn_json_text(j, "error", r->error);
    rn_json_text(j, "out_dir", r->out_dir);
    rn_json_end(j);
}

void rn_comparison_json(FILE *out, const rn_comparison *c)
{
    rn_json j;
    rn_json_begin(&j, out);
    rn_json_object(&j, NULL);
    rn_json_text(&j, "name", c->experiment.name);
    rn_json_text(&j, "question", c->experiment.question);
    rn_json_int(&j, "done", c->experiment.done);
    rn_json_int(&j, "unfinished", c->experiment.unfinished);
    rn_json_int(&j, "done_before", c->experiment.done_before);
    rn_json_array(&j, "variants");
    for (size_t i = 0; i < c->n_variants; i++)
        put_variant(&j, c, &c->variant[i]);
    rn_json_end(&j);
    rn_json_array(&j, "runs");
    for (size_t i = 0; i < c->n_runs; i++)
        put_run(&j, &c->run[i]);
    rn_json_end(&j);
    rn_json_array(&j, "notes");
    for (size_t i = 0; i < c->n_notes; i++) {
        rn_json_row(&j, NULL);
        rn_json_text(&j, "name", c->note[i]);
        rn_json_end(&j);
    }
    rn_json_end(&j);
    rn_json_end(&j);
    rn_json_finish(&j);
}
