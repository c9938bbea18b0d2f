/* The comparison for programs. Each thing has a `name`; shares are fractions; NaN is null and an infinity 1e999,
 * which every reader of JSON takes for one. */
#include "report/compare.h"

#include <math.h>
#include <string.h>

static void put_text(FILE *out, const char *key, const char *text)
{
    fprintf(out, "\"%s\": ", key);
    if (!text) {
        fputs("null", out);
        return;
    }
    fputc('"', out);
    for (const unsigned char *s = (const unsigned char *)text; *s; s++)
        if (*s == '"' || *s == '\\')
            fprintf(out, "\\%c", *s);
        else if (*s < 0x20)
            fprintf(out, "\\u%04x", *s);
        else
            fputc(*s, out);
    fputc('"', out);
}

static void put_real(FILE *out, const char *key, double value)
{
    if (isnan(value))
        fprintf(out, ", \"%s\": null", key);
    else if (isinf(value))
        fprintf(out, ", \"%s\": %s1e999", key, value < 0 ? "-" : "");
    else
        fprintf(out, ", \"%s\": %.17g", key, value);
}

static void put_int(FILE *out, const char *key, int64_t value) { fprintf(out, ", \"%s\": %" PRId64, key, value); }

static void put_also(FILE *out, const char *key, const char *text)
{
    fputs(", ", out);
    put_text(out, key, text);
}

static void put_score(FILE *out, const rn_row_ablation *s)
{
    fputc('{', out);
    put_text(out, "name", s->metric);
    put_also(out, "features", s->features);
    put_also(out, "setting", s->setting);
    put_also(out, "better", s->better);
    put_int(out, "n_seeds", s->n_seeds);
    put_real(out, "mean", s->mean);
    put_real(out, "sd", s->sd);
    put_real(out, "low", s->low);
    put_real(out, "high", s->high);
    put_int(out, "n_pairs", s->n_pairs);
    put_real(out, "difference", s->difference);
    put_real(out, "difference_low", s->difference_low);
    put_real(out, "difference_high", s->difference_high);
    put_real(out, "p", s->p);
    put_int(out, "n_nan", s->n_nan);
    put_int(out, "n_unlike", s->n_unlike);
    put_real(out, "floor", s->floor);
    put_int(out, "n_samples", s->n_samples);
    put_int(out, "dims", s->dims);
    put_also(out, "note", s->note);
    fputc('}', out);
}

static void put_variant(FILE *out, const rn_comparison *c, const rn_row_variant *v)
{
    const char *between = "";
    fputs("\n    {", out);
    put_text(out, "name", v->name);
    fprintf(out, ", \"is_baseline\": %s", v->is_baseline ? "true" : "false");
    put_also(out, "differs", v->differs);
    fputs(", \"scores\": [", out);
    for (size_t i = 0; i < c->n_scores; i++) {
        if (strcmp(c->score[i].variant, v->name) != 0)
            continue;
        fprintf(out, "%s\n      ", between);
        put_score(out, &c->score[i]);
        between = ",";
    }
    fputs("]}", out);
}

static void put_run(FILE *out, const rn_row_status *r)
{
    char name[256]; /* variant names have at most 80 bytes */
    snprintf(name, sizeof name, "%s/seed%" PRId64, r->variant, r->seed);
    fputs("\n    {", out);
    put_text(out, "name", name);
    put_also(out, "variant", r->variant);
    put_int(out, "seed", r->seed);
    put_also(out, "status", r->status);
    put_int(out, "step", r->step);
    put_int(out, "total_steps", r->total_steps);
    put_int(out, "attempt", r->attempt);
    put_real(out, "seconds", r->seconds);
    put_also(out, "error", r->error);
    put_also(out, "out_dir", r->out_dir);
    fputc('}', out);
}

void rn_comparison_json(FILE *out, const rn_comparison *c)
{
    fputs("{", out);
    put_text(out, "name", c->experiment.name);
    put_also(out, "question", c->experiment.question);
    put_int(out, "done", c->experiment.done);
    put_int(out, "unfinished", c->experiment.unfinished);
    put_int(out, "done_before", c->experiment.done_before);
    fputs(",\n  \"variants\": [", out);
    for (size_t i = 0; i < c->n_variants; i++) {
        fputs(i ? "," : "", out);
        put_variant(out, c, &c->variant[i]);
    }
    fputs("],\n  \"runs\": [", out);
    for (size_t i = 0; i < c->n_runs; i++) {
        fputs(i ? "," : "", out);
        put_run(out, &c->run[i]);
    }
    fputs("],\n  \"notes\": [", out);
    for (size_t i = 0; i < c->n_notes; i++) {
        fputs(i ? ",\n    {" : "\n    {", out);
        put_text(out, "name", c->note[i]);
        fputc('}', out);
    }
    fputs("]}\n", out);
}
