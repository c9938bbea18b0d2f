/* From one tree to the list of variants: named override sets times the product of the axes of `vary`, less what
 * `exclude` drops, each under the command line's --set, checked and hashed. */
#include "base/file.h"
#include "spec/names.h"
#include "spec/spec.h"

#include <stdlib.h>
#include <string.h>

enum { ERRORS_ENOUGH = 1000 };

/* Hold for a whole spec: no variant has its own. */
static const char *const fixed[] = {"version", "name", "question", "seeds", "plugins", "base",
                                    "vary", "variants", "exclude", "baseline", NULL};

/* Known at the head of a spec beside the rows of rn_experiment_params. */
static const char *const root_keys[] = {"base", "variants", "vary", "exclude", "baseline", NULL};

/* A named override set; one without a name where the spec has none. */
typedef struct arm { const char *name; rn_mark mark; const rn_node *overrides; } arm;

typedef struct exclusion { const rn_node *node; const rn_path *path; int64_t found, matched; } exclusion;

typedef struct maker {
    rn_spec *spec;
    const rn_catalogue *catalogue;
    rn_diagnostics *d;
    arm *arms;
    int64_t n_arms;
    rn_path *axes;
    const rn_node **values; /* the list of each axis */
    const char **tails;
    int n_axes;
    exclusion *exclusions;
    int64_t n_exclusions;
    rn_growing made;     /* rn_variant */
    rn_growing texts;    /* const char *: what the name of each says */
    rn_growing excluded; /* const char *: names */
    rn_growing defaults;
} maker;

static bool complain(maker *m, rn_code code, rn_mark mark, const char *path, const char *text)
{
    return rn_diagnose(m->d, (rn_about){.code = code, .mark = mark, .path = path}, "%s", text);
}

static bool may_vary(maker *m, const char *key, size_t n, rn_mark mark, const char *path)
{
    for (const char *const *f = fixed; *f; f++)
        if (strlen(*f) == n && memcmp(*f, key, n) == 0)
            return rn_diagnose(m->d, (rn_about){.code = RN_ERANGE, .mark = mark, .path = path},
                               "'%s' holds for the whole spec and cannot differ between variants", *f);
    return true;
}

/* ---- reading ---- */

static bool read_arms(maker *m)
{
    const rn_node *node = m->spec->variants;
    const int64_t n = node && node->kind == RN_NODE_MAPPING ? node->n : 0;
    m->arms = rn_arena_array(&m->spec->arena, (size_t)n + 1, sizeof *m->arms);
    if (!m->arms)
        return false;
    m->arms[0] = (arm){.mark = m->spec->root->mark};
    m->n_arms = 1;
    if (!node)
        return true;
    if (n == 0)
        return complain(m, RN_ETYPE, node->mark, "variants",
                        "no variant is named; allowed: a mapping from names to overrides, or no such key");
    bool ok = true;
    for (int64_t i = 0; i < n; i++) {
        const rn_entry *e = &node->entry[i];
        const char *path = rn_arena_print(&m->spec->arena, "variants.%s", e->key);
        m->arms[i] = (arm){e->key, e->mark, NULL};
        if (!rn_is_name(e->key))
            ok = rn_diagnose(m->d, (rn_about){.code = RN_ERANGE, .mark = e->mark, .path = path},
                             "the name of a variant is 1 to %d of A-Z a-z 0-9 . _ = , - and begins with no . or -",
                             RN_VARIANT_NAME);
        if (rn_node_is_none(e->value))
            continue;
        if (e->value->kind != RN_NODE_MAPPING) {
            ok = rn_diagnose(m->d, (rn_about){.code = RN_ETYPE, .mark = e->value->mark, .path = path},
                             "%s is no mapping; allowed: overrides as in {train.steps: 100}, or none",
                             rn_node_shown(&m->spec->arena, e->value));
            continue;
        }
        m->arms[i].overrides = e->value;
        for (int64_t k = 0; k < e->value->n; k++) {
            const char *key = e->value->entry[k].key;
            ok &= may_vary(m, key, strcspn(key, ".["), e->value->entry[k].mark, path);
        }
    }
    m->n_arms = n;
    return ok;
}

static bool read_axes(maker *m)
{
    const rn_node *node = m->spec->vary;
    if (!node)
        return true;
    if (node->kind != RN_NODE_MAPPING || node->n == 0)
        return complain(m, RN_ETYPE, node->mark, "vary",
                        "no axis is given; allowed: a mapping from paths to lists of values, or no such key");
    rn_arena *a = &m->spec->arena;
    m->axes = rn_arena_array(a, (size_t)node->n, sizeof *m->axes);
    m->values = rn_arena_array(a, (size_t)node->n, sizeof *m->values);
    m->tails = rn_arena_array(a, (size_t)node->n, sizeof *m->tails);
    if (!m->axes || !m->values || !m->tails)
        return false;
    bool ok = true;
    for (int64_t i = 0; i < node->n; i++) {
        const rn_entry *e = &node->entry[i];
        rn_path path;
        if (!rn_path_parse(a, e->key, e->mark, &path, m->d)) {
            ok = false;
            continue;
        }
        ok &= may_vary(m, path.step[0].key, strlen(path.step[0].key), e->mark, path.text);
        for (int k = 0; k < m->n_axes; k++)
            if (strcmp(m->axes[k].text, path.text) == 0)
                ok = complain(m, RN_EDUPLICATE, e->mark, path.text, "the path is varied twice");
        if (e->value->kind != RN_NODE_SEQUENCE)
            ok = rn_diagnose(m->d, (rn_about){.code = RN_ETYPE, .mark = e->value->mark, .path = path.text},
                             "%s is no list; allowed: a list of the values to vary over",
                             rn_node_shown(a, e->value));
        else if (e->value->n == 0)
            ok = complain(m, RN_EMISSING, e->value->mark, path.text, "the list of values is empty, so there is no variant");
        else {
            m->axes[m->n_axes] = path;
            m->values[m->n_axes++] = e->value;
        }
    }
    for (int i = 0; i < m->n_axes; i++)
        m->tails[i] = rn_axis_tail(a, m->axes, m->n_axes, i);
    return ok;
}

static bool read_exclusions(maker *m)
{
    const rn_node *node = m->spec->exclude;
    if (!node)
        return true;
    if (node->kind != RN_NODE_SEQUENCE)
        return complain(m, RN_ETYPE, node->mark, "exclude", "no list; allowed: a list of mappings from paths to values");
    rn_arena *a = &m->spec->arena;
    m->exclusions = rn_arena_array(a, (size_t)node->n, sizeof *m->exclusions);
    if (!m->exclusions)
        return false;
    bool ok = true;
    for (int64_t i = 0; i < node->n; i++) {
        const rn_node *one = node->item[i];
        const char *where = rn_arena_print(a, "exclude[%" PRId64 "]", i);
        if (one->kind != RN_NODE_MAPPING || one->n == 0) {
            ok = complain(m, RN_ETYPE, one->mark, where, "no mapping; allowed: a mapping from paths to values");
            continue;
        }
        rn_path *paths = rn_arena_array(a, (size_t)one->n, sizeof *paths);
        bool usable = paths != NULL;
        for (int64_t k = 0; paths && k < one->n; k++)
            usable &= rn_path_parse(a, one->entry[k].key, one->entry[k].mark, &paths[k], m->d);
        if (usable)
            m->exclusions[m->n_exclusions++] = (exclusion){.node = one, .path = paths};
        ok &= usable;
    }
    return ok;
}

static bool count(maker *m)
{
    int64_t n = m->n_arms;
    for (int i = 0; i < m->n_axes && n <= RN_VARIANTS; i++)
        n *= m->values[i]->n; /* below 10⁴ · 2²⁰ */
    if (n <= RN_VARIANTS)
        return true;
    const rn_node *node = m->spec->vary ? m->spec->vary : m->spec->variants;
    return rn_diagnose(m->d, (rn_about){.code = RN_ELIMIT, .mark = node->mark, .path = m->spec->vary ? "vary" : "variants"},
                       "more than %d variants", RN_VARIANTS);
}

/* ---- making ---- */

static bool is_excluded(maker *m, const rn_node *tree)
{
    bool out = false;
    for (int64_t i = 0; i < m->n_exclusions; i++) {
        exclusion *e = &m->exclusions[i];
        int64_t equal = 0;
        for (int64_t k = 0; k < e->node->n; k++) {
            const rn_node *value = rn_node_at(tree, &e->path[k]);
            e->found |= value ? INT64_C(1) << (k < 62 ? k : 62) : 0;
            equal += value && rn_node_equal(value, e->node->entry[k].value);
        }
        e->matched += equal == e->node->n;
        out |= equal == e->node->n;
    }
    return out;
}

static int by_path(const void *a, const void *b)
{
    return strcmp((*(const rn_value *const *)a)->path, (*(const rn_value *const *)b)->path);
}

/* The values in the order of their paths; NULL: no memory. */
static const rn_value **sorted(rn_arena *a, const rn_variant *v)
{
    const rn_value **all = rn_arena_array(a, (size_t)v->n_values, sizeof *all);
    for (int64_t i = 0; all && i < v->n_values; i++)
        all[i] = &v->value[i];
    if (all && v->n_values)
        qsort(all, (size_t)v->n_values, sizeof *all, by_path);
    return all;
}

static void hash_value(rn_sha256 *h, const rn_value *v)
{
    rn_sha256_add(h, v->path, strlen(v->path) + 1);
    rn_sha256_add(h, v->is_none ? "-" : "+", 1);
    rn_sha256_add(h, v->text, strlen(v->text) + 1);
}

/* path NUL tag text NUL for each value: neither the order of a file nor that of a schema matters. */
static void hash_values(rn_arena *a, rn_variant *v)
{
    static const char evaluation[] = "evaluate.";
    uint8_t digest[32];
    rn_arena scratch = {0};
    const rn_value **all = sorted(&scratch, v);
    rn_sha256 h, training;
    rn_sha256_begin(&h);
    rn_sha256_begin(&training);
    a->exhausted |= !all;
    for (int64_t i = 0; all && i < v->n_values; i++) {
        if (all[i]->cosmetic)
            continue;
        hash_value(&h, all[i]);
        if (strncmp(all[i]->path, evaluation, sizeof evaluation - 1) != 0)
            hash_value(&training, all[i]);
    }
    rn_sha256_end(&h, digest);
    rn_hex(digest, sizeof digest, v->hash);
    rn_sha256_end(&training, digest);
    rn_hex(digest, sizeof digest, v->training_hash);
    rn_arena_free(&scratch);
}

static void make_variant(maker *m, const rn_node *tree, const char *text, rn_mark mark)
{
    rn_spec *spec = m->spec;
    for (int64_t i = 0; tree && i < spec->n_sets; i++)
        tree = rn_patch(&spec->merger, tree, &spec->set[i].path, spec->set[i].value);
    rn_experiment *experiment = rn_arena_alloc(&spec->arena, sizeof *experiment);
    rn_variant *v = tree && experiment ? rn_grow(&spec->arena, &m->made, sizeof *v) : NULL;
    const char **said = v ? rn_grow(&spec->arena, &m->texts, sizeof *said) : NULL;
    if (!said)
        return;
    rn_checker c = {.arena = &spec->arena, .catalogue = m->catalogue, .diagnostics = m->d, .root_keys = root_keys,
                    .defaults = &m->defaults};
    rn_check_table(&c, rn_experiment_params, tree, experiment);
    *said = text;
    *v = (rn_variant){.name = rn_variant_name(&spec->arena, text, false), .experiment = experiment, .mark = mark,
                      .value = c.values.v, .n_values = c.values.n, .dropped = c.dropped.v, .n_dropped = c.dropped.n,
                      .component = c.components.v, .n_components = c.components.n};
    hash_values(&spec->arena, v);
}

/* Combination number k: the last axis runs fastest. */
static void combine(maker *m, int64_t k)
{
    rn_spec *spec = m->spec;
    const rn_node **values = rn_arena_array(&spec->arena, (size_t)m->n_axes, sizeof *values);
    if (!values)
        return;
    for (int i = m->n_axes - 1; i >= 0; i--) {
        values[i] = m->values[i]->item[k % m->values[i]->n];
        k /= m->values[i]->n;
    }
    const arm *own = &m->arms[k];
    const rn_node *tree = spec->root;
    if (own->overrides)
        tree = rn_override(&spec->merger, tree, own->overrides);
    for (int i = 0; tree && i < m->n_axes; i++)
        tree = rn_patch(&spec->merger, tree, &m->axes[i], values[i]);
    const char *text = own->name || m->n_axes ? rn_variant_text(&spec->arena, own->name, m->tails, values, m->n_axes)
                                              : "base";
    if (!tree || !text)
        return;
    if (is_excluded(m, tree)) {
        const char **name = rn_grow(&spec->arena, &m->excluded, sizeof *name);
        if (name)
            *name = rn_variant_name(&spec->arena, text, false);
        return;
    }
    make_variant(m, tree, text, m->n_axes ? values[m->n_axes - 1]->mark : own->mark);
}

/* ---- what only the whole shows ---- */

static void check_exclusions(maker *m)
{
    for (int64_t i = 0; i < m->n_exclusions; i++) {
        const exclusion *e = &m->exclusions[i];
        bool all = true;
        for (int64_t k = 0; k < e->node->n && k < 62; k++)
            if (!(e->found >> k & 1)) {
                all = false;
                complain(m, RN_EUNKNOWN_KEY, e->node->entry[k].mark, e->path[k].text,
                         "no variant has a value at this path; allowed: paths that vary, variants or the file set");
            }
        if (all && !e->matched && !m->spec->axes_set)
            complain(m, RN_ERANGE, e->node->mark, rn_arena_print(&m->spec->arena, "exclude[%" PRId64 "]", i),
                     "drops nothing: no variant has all of these values");
    }
}

typedef struct keyed { const char *key; int64_t i; } keyed;

static int by_key(const void *a_, const void *b_)
{
    const keyed *a = a_, *b = b_;
    const int order = strcmp(a->key, b->key);
    return order ? order : (a->i > b->i) - (a->i < b->i);
}

/* The variants in the order of their names, or of their hashes. */
static keyed *ordered(maker *m, bool hashes)
{
    const rn_variant *v = m->made.v;
    keyed *all = rn_arena_array(&m->spec->arena, (size_t)m->made.n, sizeof *all);
    for (int64_t i = 0; all && i < m->made.n; i++)
        all[i] = (keyed){hashes ? v[i].hash : v[i].name ? v[i].name : "", i};
    if (all && m->made.n)
        qsort(all, (size_t)m->made.n, sizeof *all, by_key);
    return all;
}

/* Values that differ only in what a name cannot hold get the hash of what they say into their names. */
static void part_names(maker *m)
{
    rn_variant *v = m->made.v;
    const char **text = m->texts.v;
    const keyed *all = ordered(m, false);
    for (int64_t i = 0; all && i < m->made.n; i++) {
        const bool before = i > 0 && strcmp(all[i].key, all[i - 1].key) == 0;
        const bool after = i + 1 < m->made.n && strcmp(all[i].key, all[i + 1].key) == 0;
        if (before && strcmp(text[all[i].i], text[all[i - 1].i]) == 0)
            rn_diagnose(m->d, (rn_about){.code = RN_EDUPLICATE, .mark = v[all[i].i].mark},
                        "two variants are called '%s'", all[i].key);
        else if (before || after)
            v[all[i].i].name = rn_variant_name(&m->spec->arena, text[all[i].i], true);
    }
}

static void check_twins(maker *m)
{
    const rn_variant *v = m->made.v;
    const keyed *all = ordered(m, true);
    for (int64_t i = 1; all && i < m->made.n; i++)
        if (strcmp(all[i].key, all[i - 1].key) == 0)
            rn_diagnose(m->d, (rn_about){.code = RN_EDUPLICATE, .mark = v[all[i].i].mark, .path = v[all[i].i].name},
                        "the variant has the same values as '%s'%s", v[all[i - 1].i].name,
                        m->spec->n_sets ? "; does a --set replace what makes them differ?" : "");
}

static void find_baseline(maker *m)
{
    const rn_node *node = m->spec->baseline_name;
    const rn_variant *v = m->made.v;
    if (!node)
        return;
    rn_arena *a = &m->spec->arena;
    const char **names = rn_arena_array(a, (size_t)m->made.n, sizeof *names);
    if (!names)
        return;
    for (int64_t i = 0; i < m->made.n; i++) {
        names[i] = v[i].name ? v[i].name : "";
        if (node->kind == RN_NODE_SCALAR && strcmp(names[i], node->text) == 0) {
            m->spec->baseline = i;
            return;
        }
    }
    const char *const *excluded = m->excluded.v;
    for (int64_t i = 0; i < m->excluded.n; i++)
        if (node->kind == RN_NODE_SCALAR && excluded[i] && strcmp(excluded[i], node->text) == 0) {
            rn_diagnose(m->d, (rn_about){.code = RN_ERANGE, .mark = node->mark, .path = "baseline"},
                        "the variant %s is dropped by exclude", rn_shown(a, node->text));
            return;
        }
    rn_diagnose(m->d, (rn_about){.code = RN_EUNKNOWN, .mark = node->mark, .path = "baseline",
                                 .known = rn_joined(a, names, (size_t)m->made.n)},
                "%s is no variant%s", rn_node_shown(a, node),
                rn_did_you_mean(a, node->text, names, (size_t)m->made.n));
}

static void find_differences(rn_spec *spec, rn_variant *v, const rn_value **base, int64_t n_base)
{
    rn_growing found = {0};
    const rn_value **own = sorted(&spec->arena, v);
    for (int64_t i = 0, k = 0; own && (i < v->n_values || k < n_base);) {
        const int order = i == v->n_values ? 1 : k == n_base ? -1 : strcmp(own[i]->path, base[k]->path);
        const char *text = order <= 0 ? own[i]->text : NULL, *other = order >= 0 ? base[k]->text : NULL;
        if (order != 0 || strcmp(text, other) != 0) {
            rn_difference *d = rn_grow(&spec->arena, &found, sizeof *d);
            if (d)
                *d = (rn_difference){order <= 0 ? own[i]->path : base[k]->path, text, other};
        }
        i += order <= 0;
        k += order >= 0;
    }
    v->difference = found.v;
    v->n_differences = found.n;
}

/* The place of a key at the head of the spec as --set leaves it. */
static rn_mark head_mark(const rn_spec *spec, const char *key)
{
    for (int64_t i = spec->n_sets - 1; i >= 0; i--)
        if (strcmp(spec->set[i].path.text, key) == 0)
            return spec->set[i].value->mark;
    const rn_entry *e = rn_tree_entry(spec->root, key);
    return e ? e->value->mark : spec->root->mark;
}

/* Name, question and seeds are the same in all variants. What the schema refused has no value and was told. */
static void take_head(maker *m, const rn_variant *first)
{
    rn_spec *spec = m->spec;
    const rn_experiment *x = first->experiment;
    spec->name = x->name;
    spec->question = x->question;
    spec->seeds = x->seeds;
    if (rn_variant_value(first, "name") && (!rn_is_name(x->name) || strpbrk(x->name, "=,")))
        rn_diagnose(m->d, (rn_about){.code = RN_ERANGE, .mark = head_mark(spec, "name"), .path = "name"},
                    "%s is no name; allowed: 1 to %d of A-Z a-z 0-9 . _ -, beginning with no . or -",
                    rn_shown(&spec->arena, x->name), RN_VARIANT_NAME);
    if (!rn_variant_value(first, "seeds"))
        return;
    const rn_about seeds = {.code = RN_ERANGE, .mark = head_mark(spec, "seeds"), .path = "seeds"};
    if (x->seeds.n == 0)
        rn_diagnose(m->d, seeds, "the list of seeds is empty, so there is no run");
    if (x->seeds.n > RN_VARIANTS)
        rn_diagnose(m->d, seeds, "more than %d seeds", RN_VARIANTS);
    for (int64_t i = 0; i < x->seeds.n && x->seeds.n <= RN_VARIANTS; i++)
        for (int64_t k = 0; k < i; k++)
            if (x->seeds.v[i] == x->seeds.v[k])
                rn_diagnose(m->d, seeds, "the seed %" PRId64 " is there twice", x->seeds.v[i]);
}

bool rn_spec_check(rn_spec *spec, const rn_catalogue *catalogue, rn_diagnostics *d)
{
    maker m = {.spec = spec, .catalogue = catalogue, .d = d};
    bool ok = read_arms(&m);
    ok &= read_axes(&m);
    ok &= read_exclusions(&m);
    const bool few = m.arms && count(&m);
    int64_t n = m.arms ? m.n_arms : 0;
    for (int i = 0; i < m.n_axes; i++)
        n = few ? n * m.values[i]->n : n;
    /* of too many the first ones are still checked: their errors are shown with this one */
    for (int64_t k = 0; k < (few ? n : 1) && m.arms && d->n < ERRORS_ENOUGH && !spec->arena.exhausted; k++)
        combine(&m, k);
    if (ok && few && d->n < ERRORS_ENOUGH)
        check_exclusions(&m);
    if (d->n == 0 && m.made.n == 0 && !spec->arena.exhausted)
        complain(&m, RN_EMISSING, spec->exclude ? spec->exclude->mark : spec->root->mark, "exclude",
                 "drops every variant");
    if (ok && few)
        part_names(&m);
    if (ok && few && m.made.n)
        find_baseline(&m);
    rn_variant *v = m.made.v;
    if (m.made.n)
        take_head(&m, &v[0]);
    if (d->n == 0 && m.made.n)
        check_twins(&m);
    if (d->n == 0 && m.made.n) {
        const rn_value **base = sorted(&spec->arena, &v[spec->baseline]);
        for (int64_t i = 0; base && i < m.made.n; i++)
            find_differences(spec, &v[i], base, v[spec->baseline].n_values);
    }
    spec->variant = v;
    spec->n_variants = m.made.n;
    if (spec->arena.exhausted)
        rn_diagnose(d, (rn_about){.code = RN_EMEMORY}, "out of memory while checking '%s'", spec->path);
    rn_diagnostics_sort(d);
    return d->n == 0;
}
