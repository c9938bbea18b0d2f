/* Reading a spec: the file upon its bases, and what --set changes before there are variants. */
#include "spec/spec.h"

#include <string.h>
#include <sys/stat.h>

/* Keys of the file that make variants; the rest is what an experiment says (experiment.c). */
static const char *const makers[] = {"base", "variants", "vary", "exclude", "baseline", NULL};

/* The files being read, from the one that the user named to the base of its base. */
typedef struct chain {
    const struct chain *above;
    const char *path;
    struct stat stat;
    int length;
} chain;

/* "a.yaml → b.yaml → a.yaml" */
static const char *chain_text(rn_arena *a, const chain *c)
{
    if (!c->above)
        return c->path;
    const char *before = chain_text(a, c->above);
    return rn_arena_print(a, "%s → %s", before ? before : "", c->path);
}

static const rn_node *read_chain(rn_spec *spec, const char *path, rn_mark named, const rn_node *base, const chain *above,
                                 rn_growing *files, rn_diagnostics *d);

/* The base that `name` names, for the file at the end of the chain. */
static const rn_node *read_base(rn_spec *spec, const rn_node *name, const chain *c, rn_growing *files, rn_diagnostics *d)
{
    rn_about about = {.code = RN_ETYPE, .mark = name->mark, .path = "base"};
    if (name->kind != RN_NODE_SCALAR || rn_node_is_empty(name) || !name->text[0]) {
        rn_diagnose(d, about, "%s is no path; allowed: the path of a spec, from this file's folder",
                    rn_node_shown(&spec->arena, name));
        return NULL;
    }
    const char *path = rn_source_resolve(&spec->arena, name->mark.source, name->text);
    return path ? read_chain(spec, path, name->mark, NULL, c, files, d) : NULL;
}

/* The file merged upon its bases; `base`: what --set gives as its base, or NULL. NULL: told. */
static const rn_node *read_chain(rn_spec *spec, const char *path, rn_mark named, const rn_node *base, const chain *above,
                                 rn_growing *files, rn_diagnostics *d)
{
    chain here = {.above = above, .path = path, .length = above ? above->length + 1 : 1};
    const rn_about about = {.code = RN_ERANGE, .mark = named, .path = above ? "base" : ""};
    if (stat(path, &here.stat) == 0)
        for (const chain *c = above; c; c = c->above)
            if (c->stat.st_dev == here.stat.st_dev && c->stat.st_ino == here.stat.st_ino) {
                rn_diagnose(d, about, "the spec includes itself: %s", chain_text(&spec->arena, &here));
                return NULL;
            }
    if (here.length > RN_BASES) {
        rn_diagnose(d, about, "more than %d files, each the base of another", RN_BASES);
        return NULL;
    }
    const rn_node *tree = rn_tree_read(&spec->arena, path, named, d);
    if (!tree)
        return NULL;
    if (!above)
        spec->text = tree->mark.source->text;
    rn_spec_file *file = rn_grow(&spec->arena, files, sizeof *file);
    if (!file)
        return NULL;
    *file = (rn_spec_file){path, tree->mark.source->text};
    if (tree->kind != RN_NODE_MAPPING) {
        rn_diagnose(d, (rn_about){.code = RN_ETYPE, .mark = tree->mark},
                    "a spec is a mapping (version: 1, name: …), not %s", rn_node_shown(&spec->arena, tree));
        return NULL;
    }
    const rn_entry *own = rn_tree_entry(tree, "base");
    if (!base && own)
        base = own->value;
    if (!base || (rn_node_is_none(base) && !rn_node_is_empty(base)))
        return tree;
    const rn_node *under = read_base(spec, base, &here, files, d);
    return under ? rn_merge(&spec->merger, under, tree) : NULL;
}

static bool read_set(rn_spec *spec, const char *text, int number, int n_sets, rn_set *set, rn_diagnostics *d)
{
    rn_source *s = rn_arena_alloc(&spec->arena, sizeof *s);
    if (!s)
        return false;
    *s = (rn_source){.kind = RN_SOURCE_SET, .name = "--set", .folder = "", .text = text, .bytes = strlen(text),
                     .number = number, .several = n_sets > 1};
    const char *equals = strchr(text, '=');
    const int width = rn_code_points(text, equals ? (size_t)(equals - text) : s->bytes);
    const rn_mark mark = {s, 1, 1, width > 0 ? width : 1};
    if (!equals || equals == text)
        return rn_diagnose(d, (rn_about){.code = RN_EUSAGE, .mark = mark},
                           "no path=value: write for example --set train.steps=100");
    if (s->bytes > RN_TREE_BYTES)
        return rn_diagnose(d, (rn_about){.code = RN_ELIMIT, .mark = mark}, "longer than %d bytes", RN_TREE_BYTES);
    const char *path = rn_arena_text_n(&spec->arena, text, (size_t)(equals - text));
    set->value = path ? rn_tree_parse(&spec->arena, s, (size_t)(equals - text) + 1, false, d) : NULL;
    return set->value && rn_path_parse(&spec->arena, path, mark, &set->path, d);
}

static bool is_maker(const char *key)
{
    for (const char *const *m = makers; *m; m++)
        if (strcmp(*m, key) == 0)
            return true;
    return false;
}

/* vary.train.lr=[…]: all behind the first dot is one key of `vary`. */
static const rn_node *set_axis(rn_spec *spec, const rn_node *root, const rn_set *set)
{
    const rn_path_step first = set->path.step[0];
    rn_path_step axis = {.key = set->path.text + strlen(first.key) + 1, .index = -1, .mark = set->path.step[1].mark};
    for (int i = 2; i < set->path.n; i++)
        axis.mark.width += 1 + set->path.step[i].mark.width;
    const rn_path_step steps[] = {first, axis};
    return rn_patch(&spec->merger, root, &(rn_path){steps, 2, set->path.mark, set->path.text}, set->value);
}

/* Those --set that say how variants are made hold before there are any; the others are kept for each of them. */
static const rn_node *apply_makers(rn_spec *spec, const rn_node *root, rn_set *set, int64_t n, rn_diagnostics *d)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < n; i++) {
        const rn_path *path = &set[i].path;
        const char *key = path->step[0].key;
        if (!is_maker(key)) {
            set[kept++] = set[i];
            continue;
        }
        const rn_node *changed = root;
        if (path->n == 1)
            changed = rn_patch(&spec->merger, root, path, set[i].value);
        else if (strcmp(key, "vary") == 0)
            changed = set_axis(spec, root, &set[i]);
        else
            rn_diagnose(d, (rn_about){.code = RN_EUSAGE, .mark = path->mark, .path = path->text},
                        "'%s' can only be set as a whole", key);
        spec->axes_set |= strcmp(key, "variants") == 0 || strcmp(key, "vary") == 0;
        root = changed ? changed : root;
    }
    spec->set = set;
    spec->n_sets = kept;
    return root;
}

static const rn_node *maker(const rn_node *root, const char *key)
{
    const rn_entry *e = rn_tree_entry(root, key);
    return e && (!rn_node_is_none(e->value) || rn_node_is_empty(e->value)) ? e->value : NULL;
}

/* The one list that must be known before anything can be checked: where plugins are. */
static void read_plugins(rn_spec *spec, rn_diagnostics *d)
{
    const rn_node *root = spec->root;
    for (int64_t i = 0; i < spec->n_sets && root; i++)
        if (strcmp(spec->set[i].path.step[0].key, "plugins") == 0)
            root = rn_patch(&spec->merger, root, &spec->set[i].path, spec->set[i].value);
    const rn_entry *e = root ? rn_tree_entry(root, "plugins") : NULL;
    if (!e)
        return;
    rn_param rows[] = {RN_PARAMS_END, RN_PARAMS_END};
    for (const rn_param *row = rn_experiment_params; row->type != RN_PARAM_END; row++)
        if (strcmp(row->name, "plugins") == 0)
            rows[0] = *row;
    rows[0].offset = 0;
    rn_entry only = *e;
    const rn_node one = {.kind = RN_NODE_MAPPING, .text = "", .mark = root->mark, .entry = &only, .n = 1};
    rn_checker c = {.arena = &spec->arena, .diagnostics = d};
    rn_check_table(&c, rows, &one, &spec->plugins);
}

static bool read_all(const char *path, const char *const *sets, int n_sets, rn_spec *spec, rn_diagnostics *d)
{
    spec->merger = (rn_merger){.arena = &spec->arena, .diagnostics = d};
    spec->path = rn_arena_text(&spec->arena, path);
    rn_set *set = rn_arena_array(&spec->arena, (size_t)n_sets + 1, sizeof *set);
    const rn_node *base = NULL;
    int64_t n = 0;
    if (!spec->path || !set)
        return false;
    for (int i = 0; i < n_sets; i++) {
        if (!read_set(spec, sets[i], i + 1, n_sets, &set[n], d))
            continue;
        if (strcmp(set[n].path.text, "base") == 0)
            base = set[n].value;
        n++;
    }
    rn_growing files = {0};
    const rn_node *root = read_chain(spec, spec->path, (rn_mark){0}, base, NULL, &files, d);
    spec->files = files.v;
    spec->n_files = files.n;
    root = root ? apply_makers(spec, root, set, n, d) : NULL;
    spec->root = root ? rn_without(&spec->arena, root, makers) : NULL;
    if (!spec->root)
        return false;
    spec->variants = maker(root, "variants");
    spec->vary = maker(root, "vary");
    spec->exclude = maker(root, "exclude");
    spec->baseline_name = maker(root, "baseline");
    read_plugins(spec, d);
    return true;
}

bool rn_spec_read(const char *path, const char *const *sets, int n_sets, rn_spec *spec, rn_diagnostics *d)
{
    *spec = (rn_spec){0};
    const bool ok = read_all(path, sets, n_sets, spec, d);
    if (spec->arena.exhausted)
        return rn_diagnose(d, (rn_about){.code = RN_EMEMORY}, "out of memory while reading '%s'", path);
    return ok;
}

void rn_spec_free(rn_spec *spec)
{
    rn_arena_free(&spec->arena);
    *spec = (rn_spec){0};
}

const rn_value *rn_variant_value(const rn_variant *v, const char *path)
{
    for (int64_t i = 0; i < v->n_values; i++)
        if (strcmp(v->value[i].path, path) == 0)
            return &v->value[i];
    return NULL;
}
