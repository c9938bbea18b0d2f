/* Reading a spec: the file, its bases, --set, and the plugins that it names. variants.c makes variants of it. */
#include "spec/spec.h"

#include "spec/merge.h"
#include "spec/variants.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_BASES = 16, MOST_FILES = MOST_BASES + 1 };

const char *const rn_structural_keys[] = {"base", "vary", "variants", "exclude", "baseline", NULL};

static bool is_structural(const char *key)
{
    for (const char *const *k = rn_structural_keys; *k; k++)
        if (strcmp(*k, key) == 0)
            return true;
    return false;
}

/* --- base ------------------------------------------------------------------------------------------- */

typedef struct chain {
    rn_spec *spec;
    rn_diagnostics *d;
    char *resolved[MOST_FILES]; /* real paths of the files being read, for cycles */
    const rn_node *tree[MOST_FILES];
    int n;
} chain;

/* Reads a file and, first, what it is based on. The innermost base has the lowest layer. */
static bool read_chain(chain *c, const char *path, rn_mark named)
{
    rn_spec *s = c->spec;
    char *resolved = realpath(path, NULL);
    for (int i = 0; resolved && i < c->n; i++)
        if (strcmp(resolved, c->resolved[i]) == 0) {
            free(resolved);
            return rn_diagnose(c->d, (rn_about){.code = RN_ELIMIT, .mark = named, .path = "base"},
                               "%s is this spec itself, or based on it: a spec cannot be its own base", rn_shown(&s->arena, path));
        }
    if (c->n == MOST_FILES) {
        free(resolved);
        return rn_diagnose(c->d, (rn_about){.code = RN_ELIMIT, .mark = named, .path = "base"},
                           "more than %d specs based on one another", MOST_BASES);
    }
    /* layers count down from the file, so that a base lies below what is based on it */
    const rn_node *root = rn_tree_read(&s->arena, path, named, MOST_FILES - c->n, c->d);
    if (!root) {
        free(resolved);
        return false;
    }
    s->files[c->n] = (rn_spec_file){path, root->mark.source ? root->mark.source->text : ""};
    c->resolved[c->n] = resolved ? resolved : strdup(path);
    c->tree[c->n++] = root;
    s->n_files = c->n;
    if (root->kind != RN_NODE_MAPPING)
        return rn_diagnose(c->d, (rn_about){.code = RN_ETYPE, .mark = root->mark, .path = ""},
                           "a spec is a mapping of keys to values, this is %s", rn_node_shown(&s->arena, root));
    const rn_entry *base = rn_tree_entry(root, "base");
    if (!base || rn_node_is_none(base->value)) {
        if (base && rn_node_is_empty(base->value))
            return rn_diagnose(c->d, (rn_about){.code = RN_EMISSING, .mark = base->value->mark, .path = "base"},
                               "the value is empty; allowed: the path of another spec");
        return true;
    }
    if (base->value->kind != RN_NODE_SCALAR)
        return rn_diagnose(c->d, (rn_about){.code = RN_ETYPE, .mark = base->value->mark, .path = "base"},
                           "%s is no path; allowed: the path of another spec", rn_node_shown(&s->arena, base->value));
    const char *other = rn_source_resolve(&s->arena, base->value->mark.source, base->value->text);
    return other && read_chain(c, other, base->value->mark);
}

static bool read_files(rn_spec *s, const char *path, rn_diagnostics *d)
{
    chain c = {.spec = s, .d = d};
    const bool ok = read_chain(&c, path, (rn_mark){0});
    s->root = NULL;
    for (int i = c.n - 1; i >= 0; i--) {
        s->root = rn_tree_merge(&s->arena, s->root, c.tree[i]);
        free(c.resolved[i]);
    }
    return ok;
}

/* --- --set ------------------------------------------------------------------------------------------ */

static bool read_set(rn_spec *s, const char *text, int number, rn_override *out, rn_diagnostics *d)
{
    rn_source *source = rn_arena_alloc(&s->arena, sizeof *source);
    const char *copy = rn_arena_text(&s->arena, text);
    if (!source || !copy)
        return false;
    *source = (rn_source){.kind = RN_SOURCE_SET, .name = "--set", .folder = "", .text = copy, .bytes = strlen(copy),
                          .number = number};
    const char *equals = strchr(copy, '=');
    rn_mark mark = rn_source_mark(source, 0);
    mark.width = rn_code_points(copy, equals ? (size_t)(equals - copy) : strlen(copy));
    if (!equals)
        return rn_diagnose(d, (rn_about){.code = RN_EUSAGE, .mark = mark, .path = ""},
                           "%s has no '='; an override is PATH=VALUE, as in train.steps=100", rn_shown(&s->arena, copy));
    const rn_node *value = rn_tree_parse(&s->arena, source, (size_t)(equals - copy) + 1, false, RN_LAYER_SET, d);
    if (!value)
        return false;
    *out = (rn_override){rn_arena_text_n(&s->arena, copy, (size_t)(equals - copy)), mark, value, RN_LAYER_SET};
    return out->path != NULL;
}

/* Structural keys are set before variants are made; values are kept for the end, as the order of layers says. */
static bool read_sets(rn_spec *s, rn_texts sets, rn_diagnostics *d)
{
    bool ok = true;
    s->set = rn_arena_array(&s->arena, (size_t)sets.n + 1, sizeof *s->set);
    if (!s->set)
        return false;
    for (int64_t i = 0; i < sets.n; i++) {
        rn_override o;
        if (!read_set(s, sets.v[i], (int)i + 1, &o, d)) {
            ok = false;
            continue;
        }
        char *first = rn_arena_text_n(&s->arena, o.path, strcspn(o.path, ".["));
        if (first && strcmp(first, "base") == 0)
            ok = rn_diagnose(d, (rn_about){.code = RN_EUSAGE, .mark = o.mark, .path = "base"},
                             "the base of a spec cannot be overridden");
        else if (first && is_structural(first)) {
            if (s->root)
                s->root = rn_tree_set(&s->arena, s->root, o.path, o.value, o.layer, o.mark, d);
        } else
            s->set[s->n_set++] = o;
    }
    return ok;
}

/* --- structure -------------------------------------------------------------------------------------- */

static const rn_node *take(rn_spec *s, const char *key, rn_mark *mark)
{
    const rn_entry *e = rn_tree_entry(s->root, key);
    if (!e)
        return NULL;
    const rn_node *value = e->value;
    if (mark)
        *mark = e->mark;
    s->root = rn_tree_without(&s->arena, s->root, key);
    return rn_node_is_none(value) && !rn_node_is_empty(value) ? NULL : value;
}

/* `plugins:` alone, by its row of the schema, since the other rows need what it names. */
static void read_plugins(rn_spec *s, rn_diagnostics *d)
{
    const rn_node *root = s->root;
    for (int64_t i = 0; i < s->n_set; i++)
        if (strncmp(s->set[i].path, "plugins", 7) == 0)
            root = rn_tree_set(&s->arena, root, s->set[i].path, s->set[i].value, s->set[i].layer, s->set[i].mark, d);
    const rn_entry *e = rn_tree_entry(root, "plugins");
    rn_param rows[] = {RN_PARAMS_END, RN_PARAMS_END};
    for (const rn_param *row = rn_experiment_params; row->type != RN_PARAM_END; row++)
        if (strcmp(row->name, "plugins") == 0)
            rows[0] = *row;
    rows[0].offset = 0;
    if (!e)
        return;
    rn_catalogue none = {0};
    rn_checker c = {.arena = &s->arena, .catalogue = &none, .diagnostics = d};
    rn_node only = *root;
    only.entry = e;
    only.n = 1;
    rn_check_table(&c, rows, &only, &s->plugins);
}

bool rn_spec_read(const char *path, rn_texts sets, rn_spec **spec, rn_diagnostics *d)
{
    const int64_t before = d->n;
    rn_spec *s = calloc(1, sizeof *s);
    *spec = s;
    if (!s)
        return rn_diagnose(d, (rn_about){.code = RN_EMEMORY, .path = ""}, "no memory for a spec");
    s->files = rn_arena_array(&s->arena, MOST_FILES, sizeof *s->files);
    const char *copy = rn_arena_text(&s->arena, path);
    if (!s->files || !copy || !read_files(s, copy, d) || !read_sets(s, sets, d)) {
        if (d->n == before)
            rn_diagnose(d, (rn_about){.code = RN_EMEMORY, .path = ""}, "no memory for a spec");
        return false;
    }
    rn_mark unused;
    take(s, "base", &unused);
    s->vary = take(s, "vary", &s->vary_mark);
    s->variants_node = take(s, "variants", &s->variants_mark);
    s->exclude = take(s, "exclude", &unused);
    s->baseline_node = take(s, "baseline", &unused);
    read_plugins(s, d);
    return d->n == before;
}

bool rn_spec_check(rn_spec *s, const rn_catalogue *catalogue, rn_diagnostics *d)
{
    const int64_t before = d->n;
    if (!rn_variants_make(s, catalogue, d) && d->n == before)
        rn_diagnose(d, (rn_about){.code = RN_EMEMORY, .path = ""}, "no memory for the variants of a spec");
    return d->n == before;
}

void rn_spec_close(rn_spec *s)
{
    if (!s)
        return;
    rn_arena_free(&s->arena);
    free(s);
}
