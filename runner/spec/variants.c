#include "spec/variants.h"

#include "base/file.h"
#include "spec/merge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One axis of vary: a path and its values. */
typedef struct axis {
    const char *path;
    rn_mark mark;
    const rn_node *values; /* a sequence */
    const char *tail;      /* the shortest end of the path that no other axis has */
} axis;

/* One of `variants:`: a name and its overrides. */
typedef struct named {
    const char *name;
    rn_mark mark;
    rn_override *set;
    int64_t n;
} named;

typedef struct maker {
    rn_spec *s;
    const rn_catalogue *catalogue;
    rn_diagnostics *d;
    rn_growing defaults;
    axis *axis;
    int64_t n_axes;
    named *named;
    int64_t n_named;
    int64_t room;
} maker;

static bool wrong(maker *m, rn_code code, rn_mark mark, const char *path, const char *text)
{
    return rn_diagnose(m->d, (rn_about){.code = code, .mark = mark, .path = path}, "%s", text);
}

/* --- the axes --------------------------------------------------------------------------------------- */

/* name, seeds and plugins belong to the whole experiment: a variant cannot have its own. */
static bool may_vary(maker *m, const char *path, rn_mark mark)
{
    static const char *const fixed[] = {"version", "name", "question", "seeds", "plugins", NULL};
    const size_t n = strcspn(path, ".[");
    for (const char *const *f = fixed; *f; f++)
        if (strlen(*f) == n && strncmp(*f, path, n) == 0)
            return wrong(m, RN_ERANGE, mark, path, "belongs to the experiment as a whole and cannot differ between variants");
    return true;
}

/* The start of the last `steps` steps of a path. */
static const char *tail_of(const char *path, int steps)
{
    const char *at = path + strlen(path);
    while (at > path) {
        if (at[-1] == '.' && --steps == 0)
            return at;
        at--;
    }
    return path;
}

static bool ends_with(const char *path, const char *tail)
{
    const size_t n = strlen(path), t = strlen(tail);
    return n >= t && strcmp(path + n - t, tail) == 0 && (n == t || path[n - t - 1] == '.');
}

static void name_axes(maker *m)
{
    for (int64_t i = 0; i < m->n_axes; i++)
        for (int steps = 1;; steps++) {
            const char *tail = tail_of(m->axis[i].path, steps);
            bool unique = true;
            for (int64_t k = 0; k < m->n_axes; k++)
                unique &= k == i || !ends_with(m->axis[k].path, tail);
            m->axis[i].tail = tail;
            if (unique || tail == m->axis[i].path)
                break;
        }
}

static bool read_axes(maker *m)
{
    const rn_node *v = m->s->vary;
    bool ok = true;
    if (!v)
        return true;
    if (v->kind != RN_NODE_MAPPING)
        return wrong(m, RN_ETYPE, v->mark, "vary", "vary is a mapping of paths to lists of values, as in "
                     "{task.schedule.shift: [none, {from: 32}]}");
    m->axis = rn_arena_array(&m->s->arena, (size_t)v->n + 1, sizeof *m->axis);
    for (int64_t i = 0; m->axis && i < v->n; i++) {
        const rn_entry *e = &v->entry[i];
        const char *path = rn_arena_print(&m->s->arena, "vary.%s", e->key);
        if (!may_vary(m, e->key, e->mark))
            ok = false;
        else if (e->value->kind != RN_NODE_SEQUENCE)
            ok = wrong(m, RN_ETYPE, e->value->mark, path, "an axis is a list of values");
        else if (e->value->n == 0)
            ok = wrong(m, RN_ERANGE, e->value->mark, path, "an axis without values leaves no variant at all");
        else
            m->axis[m->n_axes++] = (axis){.path = e->key, .mark = e->mark, .values = e->value};
    }
    name_axes(m);
    return ok && m->axis;
}

/* --- named variants --------------------------------------------------------------------------------- */

static bool is_name(const char *name)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._=,-";
    return name[0] && strlen(name) <= RN_VARIANT_NAME && strspn(name, allowed) == strlen(name) && name[0] != '.' &&
           name[0] != '-';
}

static bool read_named(maker *m)
{
    const rn_node *v = m->s->variants_node;
    bool ok = true;
    if (!v)
        return true;
    if (v->kind != RN_NODE_MAPPING || v->n == 0)
        return wrong(m, RN_ETYPE, v->mark, "variants", "variants is a mapping of names to overrides, as in "
                     "{plain: {}, shifted: {task.schedule.shift: {from: 32}}}");
    m->named = rn_arena_array(&m->s->arena, (size_t)v->n, sizeof *m->named);
    for (int64_t i = 0; m->named && i < v->n; i++) {
        const rn_entry *e = &v->entry[i];
        const char *path = rn_arena_print(&m->s->arena, "variants.%s", e->key);
        named *to = &m->named[m->n_named];
        const bool none = rn_node_is_none(e->value) && !rn_node_is_empty(e->value);
        if (!is_name(e->key)) {
            ok = wrong(m, RN_ERANGE, e->mark, path, "a variant's name is a folder: 1 to 80 of A-Z a-z 0-9 . _ = , -, "
                       "and neither . nor - first");
            continue;
        }
        if (!none && e->value->kind != RN_NODE_MAPPING) {
            ok = wrong(m, RN_ETYPE, e->value->mark, path, "a variant is a mapping of paths to values ({}: nothing differs)");
            continue;
        }
        *to = (named){.name = e->key, .mark = e->mark};
        to->set = rn_arena_array(&m->s->arena, (size_t)e->value->n + 1, sizeof *to->set);
        for (int64_t k = 0; to->set && !none && k < e->value->n; k++) {
            const rn_entry *o = &e->value->entry[k];
            if (may_vary(m, o->key, o->mark))
                to->set[to->n++] = (rn_override){o->key, o->mark, o->value, RN_LAYER_VARIANT};
            else
                ok = false;
        }
        m->n_named++;
    }
    return ok && m->named;
}

/* --- exclude ---------------------------------------------------------------------------------------- */

/* The override of a path in a combination, NULL where nothing sets it. */
static const rn_node *value_in(const rn_override *set, int64_t n, const char *path)
{
    const rn_node *value = NULL;
    for (int64_t i = 0; i < n; i++)
        if (strcmp(set[i].path, path) == 0)
            value = set[i].value;
    return value;
}

static bool is_varied(const maker *m, const char *path)
{
    for (int64_t i = 0; i < m->n_axes; i++)
        if (strcmp(m->axis[i].path, path) == 0)
            return true;
    for (int64_t i = 0; i < m->n_named; i++)
        if (value_in(m->named[i].set, m->named[i].n, path))
            return true;
    return false;
}

static bool check_exclude(maker *m)
{
    const rn_node *x = m->s->exclude;
    bool ok = true;
    if (!x)
        return true;
    if (x->kind != RN_NODE_SEQUENCE)
        return wrong(m, RN_ETYPE, x->mark, "exclude", "exclude is a list of mappings of varied paths to values");
    for (int64_t i = 0; i < x->n; i++) {
        const char *path = rn_arena_print(&m->s->arena, "exclude[%" PRId64 "]", i);
        if (x->item[i]->kind != RN_NODE_MAPPING || x->item[i]->n == 0) {
            ok = wrong(m, RN_ETYPE, x->item[i]->mark, path, "what is excluded is a mapping of varied paths to values");
            continue;
        }
        for (int64_t k = 0; k < x->item[i]->n; k++)
            if (!is_varied(m, x->item[i]->entry[k].key))
                ok = rn_diagnose(m->d, (rn_about){.code = RN_EUNKNOWN_KEY, .mark = x->item[i]->entry[k].mark, .path = path},
                                 "%s is not varied", rn_shown(&m->s->arena, x->item[i]->entry[k].key));
    }
    return ok;
}

static bool excluded(const maker *m, const rn_override *set, int64_t n)
{
    const rn_node *x = m->s->exclude;
    for (int64_t i = 0; x && i < x->n; i++) {
        bool all = true;
        for (int64_t k = 0; all && k < x->item[i]->n; k++) {
            const rn_node *value = value_in(set, n, x->item[i]->entry[k].key);
            all = value && rn_tree_equal(value, x->item[i]->entry[k].value);
        }
        if (all)
            return true;
    }
    return false;
}

/* --- names ------------------------------------------------------------------------------------------ */

/* "shift.from=32", "shift=none", "scales=1-2": a value under its tail; what no folder's name may hold becomes '-'. */
static const char *shown_value(rn_arena *a, const char *tail, const rn_node *v)
{
    const char *text = "";
    if (v->kind == RN_NODE_MAPPING) {
        for (int64_t i = 0; text && i < v->n; i++)
            text = rn_arena_print(a, "%s%s%s", text, i ? "," : "",
                                  shown_value(a, rn_arena_print(a, "%s.%s", tail, v->entry[i].key), v->entry[i].value));
        return v->n ? text : rn_arena_print(a, "%s=", tail);
    }
    if (v->kind == RN_NODE_SEQUENCE) {
        for (int64_t i = 0; text && i < v->n; i++) {
            const char *one = shown_value(a, "", v->item[i]);
            text = rn_arena_print(a, "%s%s%s", text, i ? "-" : "", one + (one[0] == '='));
        }
        return rn_arena_print(a, "%s=%s", tail, text);
    }
    return rn_arena_print(a, "%s=%s", tail, rn_node_is_none(v) ? "none" : v->text);
}

/* Within 80 bytes and the allowed characters; a name that was changed or cut ends with a hash of the whole. */
static const char *sound_name(rn_arena *a, const char *name)
{
    char *copy = rn_arena_text(a, name);
    bool changed = false;
    for (char *p = copy; p && *p; p++)
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._=,-", *p)) {
            *p = '-';
            changed = true;
        }
    if (!copy || (!changed && strlen(copy) <= RN_VARIANT_NAME))
        return copy;
    uint8_t digest[32];
    char hex[65];
    rn_sha256_of(name, strlen(name), digest);
    rn_hex(digest, 32, hex);
    return rn_arena_print(a, "%.*s.%.8s", RN_VARIANT_NAME - 9, copy, hex);
}

/* --- one variant ------------------------------------------------------------------------------------ */

static int by_path(const void *x, const void *y)
{
    return strcmp((*(const rn_value *const *)x)->path, (*(const rn_value *const *)y)->path);
}

/* SHA-256 over "path=text" of the values in the order of their paths: neither comments nor the order of keys nor
 * the place of a value are part of it. */
static bool hash_values(rn_arena *a, rn_variant *v)
{
    const rn_value **sorted = rn_arena_array(a, (size_t)v->n_values + 1, sizeof *sorted);
    rn_sha256 *h = rn_sha256_open();
    uint8_t digest[32];
    int64_t n = 0;
    for (int64_t i = 0; sorted && i < v->n_values; i++)
        if (!v->values[i].cosmetic)
            sorted[n++] = &v->values[i];
    if (sorted)
        qsort(sorted, (size_t)n, sizeof *sorted, by_path);
    for (int64_t i = 0; sorted && i < n; i++) {
        rn_sha256_add(h, sorted[i]->path, strlen(sorted[i]->path));
        rn_sha256_add(h, "=", 1);
        rn_sha256_add(h, sorted[i]->text, strlen(sorted[i]->text) + 1);
    }
    rn_sha256_close(h, digest);
    rn_hex(digest, 32, v->hash);
    return sorted != NULL && h != NULL;
}

static bool describe_values(rn_arena *a, rn_variant *v, const rn_growing *dropped)
{
    size_t bytes = 1;
    for (int64_t i = 0; i < v->n_values; i++)
        bytes += strlen(v->values[i].path) + strlen(v->values[i].text) + 3;
    char *text = rn_arena_alloc(a, bytes), *at = text;
    for (int64_t i = 0; text && i < v->n_values; i++)
        at += snprintf(at, bytes - (size_t)(at - text), "%s: %s\n", v->values[i].path, v->values[i].text);
    v->resolved_text = text;
    v->dropped_text = "";
    const rn_dropped *x = dropped->v;
    for (int64_t i = 0; v->dropped_text && i < dropped->n; i++)
        v->dropped_text = rn_arena_print(a, "%s%s%s (%s, of %s)", v->dropped_text, i ? ", " : "", x[i].path, x[i].origin,
                                         x[i].old_type);
    return text && v->dropped_text;
}

static bool add_variant(maker *m, const char *name, const rn_override *set, int64_t n)
{
    rn_spec *s = m->s;
    rn_arena *a = &s->arena;
    if (s->n_variants == m->room) {
        const int64_t room = m->room ? 2 * m->room : 16;
        rn_variant *v = rn_arena_array(a, (size_t)room, sizeof *v);
        if (!v)
            return false;
        if (s->n_variants)
            memcpy(v, s->variants, (size_t)s->n_variants * sizeof *v);
        s->variants = v, m->room = room;
    }
    const rn_node *root = s->root;
    for (int64_t i = 0; i < n; i++)
        root = rn_tree_set(a, root, set[i].path, set[i].value, set[i].layer, set[i].mark, m->d);
    for (int64_t i = 0; i < s->n_set; i++)
        root = rn_tree_set(a, root, s->set[i].path, s->set[i].value, s->set[i].layer, s->set[i].mark, m->d);
    rn_variant *v = &s->variants[s->n_variants++];
    *v = (rn_variant){.name = name};
    rn_checker c = {.arena = a, .catalogue = m->catalogue, .diagnostics = m->d, .root_keys = rn_structural_keys,
                    .defaults = &m->defaults};
    rn_check_table(&c, rn_experiment_params, root, &v->experiment);
    v->values = c.values.v;
    v->n_values = c.values.n;
    return hash_values(a, v) && describe_values(a, v, &c.dropped) && !a->exhausted;
}

/* --- all variants ----------------------------------------------------------------------------------- */

/* Combination number `number` of the axes: the last axis turns fastest. */
static int64_t choose(const maker *m, int64_t number, rn_override *set, const char **name, const char *prefix)
{
    int64_t stride[64], n = 0;
    int64_t turns = 1;
    for (int64_t i = m->n_axes - 1; i >= 0; i--) {
        stride[i] = turns;
        turns *= m->axis[i].values->n;
    }
    *name = prefix;
    for (int64_t i = 0; i < m->n_axes; i++) {
        const rn_node *value = m->axis[i].values->item[number / stride[i] % m->axis[i].values->n];
        set[n++] = (rn_override){m->axis[i].path, m->axis[i].mark, value, RN_LAYER_VARY};
        const char *one = shown_value(&m->s->arena, m->axis[i].tail, value);
        if (one && *name)
            *name = rn_arena_print(&m->s->arena, "%s%s%s", *name, (*name)[0] ? "," : "", one);
    }
    return n;
}

static bool make_all(maker *m)
{
    rn_arena *a = &m->s->arena;
    int64_t combinations = 1;
    for (int64_t i = 0; i < m->n_axes && combinations <= RN_MAX_VARIANTS; i++)
        combinations *= m->axis[i].values->n;
    const int64_t outer = m->n_named ? m->n_named : 1;
    if (m->n_axes > 64 || combinations > RN_MAX_VARIANTS / outer)
        return wrong(m, RN_ELIMIT, m->s->vary_mark, "vary", "more than 10000 variants, or more than 64 axes");
    for (int64_t k = 0; k < outer; k++) {
        const named *of = m->n_named ? &m->named[k] : NULL;
        rn_override *set = rn_arena_array(a, (size_t)((of ? of->n : 0) + m->n_axes + 1), sizeof *set);
        for (int64_t i = 0; set && i < combinations; i++) {
            const char *name;
            int64_t n = of ? of->n : 0;
            if (of && n)
                memcpy(set, of->set, (size_t)n * sizeof *set);
            n += choose(m, i, set + n, &name, of ? of->name : "");
            if (!name)
                return false;
            if (excluded(m, set, n))
                continue;
            if (!add_variant(m, sound_name(a, name[0] ? name : "base"), set, n))
                return false;
        }
    }
    if (m->s->n_variants == 0)
        return wrong(m, RN_ERANGE, m->s->exclude ? m->s->exclude->mark : m->s->vary_mark, "exclude", "no variant is left");
    return true;
}

static bool check_names(maker *m)
{
    bool ok = true;
    for (int64_t i = 0; i < m->s->n_variants; i++)
        for (int64_t k = 0; k < i; k++)
            if (strcmp(m->s->variants[i].name, m->s->variants[k].name) == 0)
                ok = rn_diagnose(m->d, (rn_about){.code = RN_EDUPLICATE, .mark = m->s->vary_mark, .path = "vary"},
                                 "two variants are called '%s': an axis holds the same value twice", m->s->variants[i].name);
    return ok;
}

static bool find_baseline(maker *m)
{
    const rn_node *b = m->s->baseline_node;
    rn_spec *s = m->s;
    if (!b)
        return true;
    if (b->kind != RN_NODE_SCALAR)
        return wrong(m, RN_ETYPE, b->mark, "baseline", "the baseline is the name of a variant");
    const char **names = rn_arena_array(&s->arena, (size_t)s->n_variants, sizeof *names);
    for (int64_t i = 0; names && i < s->n_variants; i++) {
        names[i] = s->variants[i].name;
        if (strcmp(names[i], b->text) == 0) {
            s->baseline = i;
            return true;
        }
    }
    return names && rn_diagnose(m->d, (rn_about){.code = RN_EUNKNOWN, .mark = b->mark, .path = "baseline",
                                                 .known = rn_joined(&s->arena, names, (size_t)s->n_variants)},
                                "no variant is called %s%s", rn_shown(&s->arena, b->text),
                                rn_did_you_mean(&s->arena, b->text, names, (size_t)s->n_variants));
}

static const rn_value *value_at(const rn_variant *v, const char *path)
{
    for (int64_t i = 0; i < v->n_values; i++)
        if (strcmp(v->values[i].path, path) == 0)
            return &v->values[i];
    return NULL;
}

/* "path=text" of every value that the baseline has otherwise or not at all; where there is none, what only the
 * baseline has. */
static bool find_differences(rn_spec *s)
{
    const rn_variant *b = &s->variants[s->baseline];
    for (int64_t i = 0; i < s->n_variants; i++) {
        rn_variant *v = &s->variants[i];
        v->differs_text = "";
        for (int64_t k = 0; v->differs_text && k < v->n_values; k++) {
            const rn_value *other = value_at(b, v->values[k].path);
            if (!other || strcmp(other->text, v->values[k].text) != 0)
                v->differs_text = rn_arena_print(&s->arena, "%s%s%s=%s", v->differs_text, v->differs_text[0] ? ", " : "",
                                                 v->values[k].path, v->values[k].text);
        }
        for (int64_t k = 0; v->differs_text && !v->differs_text[0] && i != s->baseline && k < b->n_values; k++)
            if (!value_at(v, b->values[k].path))
                v->differs_text = rn_arena_print(&s->arena, "without %s", b->values[k].path);
        if (!v->differs_text)
            return false;
    }
    return true;
}

/* The experiment's name is a folder; seeds may not repeat. */
static bool check_whole(maker *m)
{
    const rn_experiment *e = &m->s->variants[0].experiment;
    const rn_entry *name = rn_tree_entry(m->s->root, "name"), *seeds = rn_tree_entry(m->s->root, "seeds");
    bool ok = true;
    if (!is_name(e->name))
        ok = wrong(m, RN_ERANGE, name ? name->value->mark : (rn_mark){0}, "name", "an experiment's name is a folder: 1 to 80 "
                   "of A-Z a-z 0-9 . _ = , -, and neither . nor - first");
    rn_mark mark = seeds ? seeds->value->mark : (rn_mark){0};
    for (int64_t i = 0; i < m->s->n_set; i++)
        if (strcmp(m->s->set[i].path, "seeds") == 0)
            mark = m->s->set[i].value->mark;
    if (e->seeds.n == 0)
        ok = wrong(m, RN_ERANGE, mark, "seeds", "at least one seed is needed");
    for (int64_t i = 0; i < e->seeds.n; i++)
        for (int64_t k = 0; k < i; k++)
            if (e->seeds.v[i] == e->seeds.v[k])
                ok = rn_diagnose(m->d, (rn_about){.code = RN_EDUPLICATE, .mark = mark, .path = "seeds"},
                                 "seed %" PRId64 " is there twice", e->seeds.v[i]);
    m->s->seeds = e->seeds;
    return ok;
}

bool rn_variants_make(rn_spec *s, const rn_catalogue *catalogue, rn_diagnostics *d)
{
    maker m = {.s = s, .catalogue = catalogue, .d = d};
    const int64_t before = d->n;
    const bool axes = read_axes(&m), variants = read_named(&m);
    if (!axes || !variants || !check_exclude(&m)) {
        m.n_axes = m.n_named = 0; /* what is wrong with the values themselves is told in the same run */
        s->exclude = NULL;
        add_variant(&m, "base", NULL, 0);
        return false;
    }
    if (!make_all(&m))
        return false;
    return d->n == before && check_whole(&m) && check_names(&m) && find_baseline(&m) && find_differences(s);
}
