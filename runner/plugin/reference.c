/* reference: docs/spec.md, from the same schemas that check a spec. Rows have the paths that errors, `vary` and --set
 * use: "train.optimizer.lr", "levels[].channels". */
#include "plugin/catalogue.h"
#include "plugin/describe.h"
#include "spec/allowed.h"
#include "spec/experiment.h"

enum { MAX_DEPTH = 8 };

typedef struct page {
    FILE *out;
    rn_arena arena;
    rn_catalogue catalogue;
} page;

/* The kinds that a spec names, in the order of its sections. */
static const struct {
    rn_kind kind;
    const char *place;
} kinds[] = {
    {RN_KIND_DATASET, "`data.type`, and `evaluate.reference`. The keys stand in `data` beside `type`."},
    {RN_KIND_MODEL, "`model`."},
    {RN_KIND_LAYER, "`block:` of a level of a model, and a model's `stem`. The keys stand beside the name."},
    {RN_KIND_TASK, "`task`."},
    {RN_KIND_SCHEDULE, "`task.schedule.type`. The keys stand in `task.schedule`, beside `shift`."},
    {RN_KIND_WEIGHTING, "`task.weighting`."},
    {RN_KIND_OPTIMIZER, "`train.optimizer.type`. The keys stand in `train.optimizer`."},
    {RN_KIND_SAMPLER, "`evaluate.sampler.type`. The keys stand in `evaluate.sampler`."},
    {RN_KIND_FEATURES, "`evaluate.features`, a list."},
    {RN_KIND_METRIC, "`evaluate.metrics`, a list."},
};

/* In a cell of a table '|' ends the cell, and '<' may begin a tag. */
static void put_cell(page *p, const char *text)
{
    for (; *text; text++)
        if (*text == '|')
            fputs("\\|", p->out);
        else if (*text == '<')
            fputs("&lt;", p->out);
        else
            fputc(*text, p->out);
}

static void put_rows(page *p, const char *before, const rn_param *rows, int depth)
{
    for (const rn_param *r = rows; r->type != RN_PARAM_END; r++) {
        const char *def = rn_default_text(&p->arena, &p->catalogue, r);
        fprintf(p->out, "| `%s%s` | ", before, r->name);
        put_cell(p, rn_allowed(&p->arena, &p->catalogue, r));
        fprintf(p->out, "%s%s | ", r->unit ? ", in " : "", r->unit ? r->unit : "");
        fprintf(p->out, def ? "`%s` | " : "required | ", def ? def : "");
        put_cell(p, r->doc);
        fputs(" |\n", p->out);
        const char *path = rn_arena_print(&p->arena, "%s%s%s.", before, r->name, r->type == RN_PARAM_LIST ? "[]" : "");
        if (r->fields && r->fields != rows && path && depth < MAX_DEPTH)
            put_rows(p, path, r->fields, depth + 1);
    }
}

static void put_table(page *p, const rn_param *rows)
{
    fputs("\n| key | allowed | default | what it is |\n|---|---|---|---|\n", p->out);
    put_rows(p, "", rows, 0);
}

static void put_kind(page *p, const rn_registry *r, rn_kind kind, const char *place)
{
    fprintf(p->out, "\n## %s\n\nStands at %s\n", rn_kind_name(kind), place);
    for (int i = 0; i < rn_registry_count(r, kind); i++) {
        const rn_component *c = rn_registry_at(r, kind, i);
        fprintf(p->out, "\n### %s `%s`\n\n%s%s.\n", rn_kind_name(kind), c->name, c->doc,
                c->is_default ? " (taken where a spec is silent)" : "");
        if (c->params && c->params->type != RN_PARAM_END)
            put_table(p, c->params);
        else
            fputs("\nNo keys of its own.\n", p->out);
    }
}

bool rn_describe_reference(FILE *out, rn_registry *r, rn_error *err)
{
    page p = {.out = out, .catalogue = rn_registry_catalogue(r)};
    fputs("# Reference of the spec\n\n"
          "Every key, with what is allowed and what stands where a spec is silent. How a spec is put together is told in\n"
          "[spec-language.md](spec-language.md). This page is made from the components' own schemas by\n"
          "`cmake --build build --target docs`; a test compares it with them. For plugins of your own,\n"
          "`runner describe KIND NAME --plugin-dir FILE` says the same.\n\n"
          "## Keys that make variants\n", out);
    put_table(&p, rn_maker_params);
    fputs("\n## Keys of an experiment\n\n"
          "Where a component is chosen, its own keys stand beside its name; they follow below.\n", out);
    put_table(&p, rn_experiment_params);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        put_kind(&p, r, kinds[i].kind, kinds[i].place);
    rn_arena_free(&p.arena);
    return !ferror(out) || rn_fail(err, RN_EIO, "could not write the reference of the spec");
}
