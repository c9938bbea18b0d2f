/* describe: what `runner describe KIND NAME` and `runner describe spec` print. All of it comes from descriptors and
 * schemas, the same that check a spec. */
#include "plugin/describe.h"

#include "base/json.h"
#include "plugin/catalogue.h"
#include "plugin/load.h"
#include "spec/allowed.h"
#include "spec/diagnostics.h"
#include "spec/experiment.h"

#include <string.h>

enum { MAX_DEPTH = 8 };

typedef struct page {
    FILE *out;
    rn_json json; /* the same, written as JSON */
    rn_arena arena;
    rn_catalogue catalogue;
    const rn_param *open[MAX_DEPTH]; /* the tables that the current row stands in: a schema may contain itself */
    int depth;
} page;

static bool is_open(const page *p, const rn_param *rows)
{
    for (int i = 0; i < p->depth; i++)
        if (p->open[i] == rows)
            return true;
    return p->depth == MAX_DEPTH;
}

const char *rn_default_text(rn_arena *a, const rn_catalogue *catalogue, const rn_param *r)
{
    const bool chosen = r->type == RN_PARAM_COMPONENT || r->type == RN_PARAM_COMPONENTS || r->type == RN_PARAM_INLINE;
    if (!chosen || !r->def || *r->def)
        return r->def && !*r->def ? "\"\"" : r->def;
    const char *names = NULL;
    for (int i = 0; i < catalogue->count(catalogue->context, r->kind); i++) {
        const rn_component *c = catalogue->at(catalogue->context, r->kind, i);
        if (c->is_default)
            names = names ? rn_arena_print(a, "%s, %s", names, c->name) : c->name;
    }
    return names ? names : "none";
}

/*   channels    a whole number from 1 to 65536, in channel; required
 *               width of the output */
static void put_rows(page *p, const rn_param *rows)
{
    size_t widest = 8;
    for (const rn_param *r = rows; r->type != RN_PARAM_END; r++)
        widest = strlen(r->name) > widest ? strlen(r->name) : widest;
    const int left = 2 + 4 * p->depth, column = (int)widest + 2;
    p->open[p->depth++] = rows;
    for (const rn_param *r = rows; r->type != RN_PARAM_END; r++) {
        fprintf(p->out, "%*s%-*s%s%s%s; ", left, "", column, r->name, rn_allowed(&p->arena, &p->catalogue, r),
                r->unit ? ", in " : "", r->unit ? r->unit : "");
        const char *def = rn_default_text(&p->arena, &p->catalogue, r);
        fprintf(p->out, "%s%s\n", def ? "default " : "required", def ? def : "");
        fprintf(p->out, "%*s%s\n", left + column, "", r->doc);
        if (r->fields && !is_open(p, r->fields))
            put_rows(p, r->fields);
    }
    p->depth--;
}

static void put_rows_json(page *p, const char *name, const rn_param *rows)
{
    rn_json *j = &p->json;
    rn_json_array(j, name);
    p->open[p->depth++] = rows;
    for (const rn_param *r = rows; r && r->type != RN_PARAM_END; r++) {
        rn_json_object(j, NULL);
        rn_json_text(j, "name", r->name);
        rn_json_text(j, "doc", r->doc);
        rn_json_text(j, "allowed", rn_allowed(&p->arena, &p->catalogue, r));
        rn_json_text(j, "unit", r->unit);
        rn_json_text(j, "default", rn_default_text(&p->arena, &p->catalogue, r));
        rn_json_bool(j, "required", !r->def);
        if (r->fields && !is_open(p, r->fields))
            put_rows_json(p, "parameters", r->fields);
        rn_json_end(j);
    }
    p->depth--;
    rn_json_end(j);
}

static const struct {
    unsigned trait;
    const char *word;
} traits[] = {
    {RN_LINEAR, "linear"}, {RN_POINTWISE, "pointwise"}, {RN_RANDOM, "random"}, {RN_IN_PLACE, "in place"},
    {RN_VIEW, "view"},     {RN_SUM, "sum"},             {RN_COPY, "copy"},     {RN_PRODUCT, "product"},
};

static void put_op(page *p, const rn_op *op)
{
    fputs("  inputs: ", p->out);
    for (int i = 0; i < RN_MAX_IN && op->inputs[i].name; i++)
        fprintf(p->out, "%s%s%s", i ? ", " : "", op->inputs[i].name, op->inputs[i].optional ? " (may be absent)" : "");
    fprintf(p->out, "; outputs: %d; %s", op->n_out, op->gradient ? "has a gradient" : "no gradient");
    for (size_t i = 0; i < sizeof traits / sizeof *traits; i++)
        if (op->traits & traits[i].trait)
            fprintf(p->out, ", %s", traits[i].word);
    fputc('\n', p->out);
}

static void put_kernel(page *p, const rn_kernel *k)
{
    fprintf(p->out, "  op %s on device %s, rank %d%s%s\n", k->op, k->device, k->rank,
            k->type == RN_NO_TYPE ? "" : ", ", k->type == RN_NO_TYPE ? "" : rn_type_name(k->type));
}

static void put_text(page *p, rn_kind kind, const rn_component *c, const rn_loaded *owner)
{
    fprintf(p->out, "%s %s%s\n  %s\n  from %s %s (%s), %s\n", rn_kind_name(kind), c->name,
            c->is_default ? ", taken where a spec is silent" : "", c->doc, owner->plugin->name, owner->plugin->version,
            owner->plugin->licence, owner->path);
    if (kind == RN_KIND_OP)
        put_op(p, (const rn_op *)c);
    if (kind == RN_KIND_KERNEL)
        put_kernel(p, (const rn_kernel *)c);
    if (c->params && c->params->type != RN_PARAM_END) {
        fputc('\n', p->out);
        put_rows(p, c->params);
    } else if (kind != RN_KIND_KERNEL) {
        fputs("  no parameters\n", p->out);
    }
}

static void put_json(page *p, rn_kind kind, const rn_component *c, const rn_loaded *owner)
{
    rn_json *j = &p->json;
    rn_json_object(j, NULL);
    rn_json_text(j, "kind", rn_kind_name(kind));
    rn_json_text(j, "name", c->name);
    rn_json_text(j, "doc", c->doc);
    rn_json_text(j, "plugin", owner->plugin->name);
    rn_json_text(j, "version", owner->plugin->version);
    rn_json_text(j, "file", owner->path);
    if (kind == RN_KIND_KERNEL) {
        rn_json_text(j, "op", ((const rn_kernel *)c)->op);
        rn_json_text(j, "device", ((const rn_kernel *)c)->device);
    }
    rn_json_bool(j, "default", c->is_default);
    put_rows_json(p, "parameters", c->params);
    rn_json_end(j);
}

static bool fail_unknown(page *p, const rn_registry *r, rn_kind kind, const char *name, rn_error *err)
{
    char places[RN_SEARCHED_TEXT];
    const int n = rn_registry_count(r, kind);
    const char **known = rn_arena_array(&p->arena, (size_t)n + 1, sizeof *known);
    for (int i = 0; known && i < n; i++)
        known[i] = rn_registry_at(r, kind, i)->name;
    return rn_fail(err, RN_EUNKNOWN, "no loaded plugin offers the %s %s%s; `runner plugins` lists what is there; looked "
                   "in: %s", rn_kind_name(kind), rn_shown(&p->arena, name),
                   known ? rn_did_you_mean(&p->arena, name, known, (size_t)n) : "", rn_registry_searched_text(r, places));
}

bool rn_describe_print(FILE *out, rn_registry *r, rn_kind kind, const char *name, bool json, rn_error *err)
{
    page p = {.out = out, .catalogue = rn_registry_catalogue(r)};
    bool found = false, ok = true;
    rn_json_begin(&p.json, out);
    for (int i = 0; i < rn_registry_count(r, kind); i++) {
        const rn_component *c = rn_registry_at(r, kind, i);
        if (strcmp(c->name, name) != 0)
            continue;
        if (json && !found)
            rn_json_array(&p.json, NULL);
        if (json) {
            put_json(&p, kind, c, rn_registry_owner(r, kind, i));
        } else {
            fputs(found ? "\n" : "", out);
            put_text(&p, kind, c, rn_registry_owner(r, kind, i));
        }
        found = true;
    }
    if (!found)
        ok = fail_unknown(&p, r, kind, name, err);
    else if (json) {
        rn_json_end(&p.json);
        rn_json_finish(&p.json);
    }
    if (ok && ferror(out))
        ok = rn_fail(err, RN_EIO, "could not write the description of %s '%s'", rn_kind_name(kind), name);
    rn_arena_free(&p.arena);
    return ok;
}

static const struct {
    const char *title;
    const rn_param *rows;
} parts[] = {
    {"keys that make variants", rn_maker_params},
    {"keys of an experiment; each can be overridden, varied and given by --set", rn_experiment_params},
};

bool rn_describe_spec(FILE *out, rn_registry *r, bool json, rn_error *err)
{
    page p = {.out = out, .catalogue = rn_registry_catalogue(r)};
    rn_json *j = &p.json;
    rn_json_begin(j, out);
    if (json)
        rn_json_array(j, NULL);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (json) {
            rn_json_object(j, NULL);
            rn_json_text(j, "name", parts[i].title);
            put_rows_json(&p, "parameters", parts[i].rows);
            rn_json_end(j);
        } else {
            fprintf(out, "%s%s\n\n", i ? "\n" : "", parts[i].title);
            put_rows(&p, parts[i].rows);
        }
    }
    if (json) {
        rn_json_end(j);
        rn_json_finish(j);
    }
    rn_arena_free(&p.arena);
    return !ferror(out) || rn_fail(err, RN_EIO, "could not write the keys of a spec");
}
