#include "spec/merge.h"

#include "spec/scalar.h"

#include <stdlib.h>
#include <string.h>

/* A copy of a mapping with room for `more` entries; its n counts what is filled. */
static rn_node *copy_mapping(rn_arena *a, const rn_node *m, int64_t more, rn_entry **entries)
{
    rn_node *copy = rn_arena_alloc(a, sizeof *copy);
    rn_entry *v = rn_arena_array(a, (size_t)(m->n + more), sizeof *v);
    if (!copy || !v)
        return NULL;
    *copy = *m;
    if (m->n)
        memcpy(v, m->entry, (size_t)m->n * sizeof *v);
    copy->entry = v;
    *entries = v;
    return copy;
}

static int64_t index_of(const rn_node *m, const char *key)
{
    for (int64_t i = 0; i < m->n; i++)
        if (strcmp(m->entry[i].key, key) == 0)
            return i;
    return -1;
}

/* A copy in the arena, so that an entry that is replaced can be remembered. */
static const rn_entry *kept(rn_arena *a, const rn_entry *e)
{
    rn_entry *copy = rn_arena_alloc(a, sizeof *copy);
    if (copy)
        *copy = *e;
    return copy;
}

const rn_node *rn_tree_merge(rn_arena *a, const rn_node *lower, const rn_node *upper)
{
    if (!lower || !upper)
        return lower ? lower : upper;
    if (upper->kind != RN_NODE_MAPPING)
        return upper;
    if (lower->kind != RN_NODE_MAPPING) {
        if (lower->kind != RN_NODE_SCALAR || rn_node_is_empty(lower))
            return upper;
        rn_node *named = rn_arena_alloc(a, sizeof *named); /* schedule: cosine, then schedule: {shift: …} */
        if (!named)
            return upper;
        *named = *upper;
        named->bare = lower;
        return named;
    }
    rn_entry *v;
    rn_node *out = copy_mapping(a, lower, upper->n, &v);
    if (!out)
        return upper;
    out->mark = upper->mark;
    for (int64_t i = 0; i < upper->n; i++) {
        const int64_t at = index_of(out, upper->entry[i].key);
        if (at < 0) {
            v[out->n++] = upper->entry[i];
            continue;
        }
        const rn_entry *before = kept(a, &v[at]);
        v[at] = upper->entry[i];
        v[at].before = before;
        v[at].value = rn_tree_merge(a, before ? before->value : NULL, upper->entry[i].value);
    }
    return out;
}

const rn_node *rn_tree_without(rn_arena *a, const rn_node *root, const char *key)
{
    rn_entry *v;
    const int64_t at = root->kind == RN_NODE_MAPPING ? index_of(root, key) : -1;
    rn_node *out = at < 0 ? NULL : copy_mapping(a, root, 0, &v);
    if (!out)
        return root;
    memmove(v + at, v + at + 1, (size_t)(out->n - at - 1) * sizeof *v);
    out->n--;
    return out;
}

/* --- paths ------------------------------------------------------------------------------------------ */

typedef struct setting {
    rn_arena *a;
    const char *path; /* the whole, for messages */
    const rn_node *value;
    int layer;
    rn_mark mark;
    rn_diagnostics *d;
    bool failed;
} setting;

static void fail(setting *s, rn_code code, const char *text)
{
    rn_diagnose(s->d, (rn_about){.code = code, .mark = s->mark, .path = s->path}, "%s", text);
    s->failed = true;
}

/* The first step of a path: a key, or the number of an element. *rest: what follows. */
static const char *step_of(setting *s, const char *path, const char **rest)
{
    size_t n = path[0] == '[' ? 1 + strcspn(path + 1, "]") : strcspn(path, ".[");
    const char *step = path[0] == '[' ? rn_arena_text_n(s->a, path + 1, n - 1) : rn_arena_text_n(s->a, path, n);
    if (path[0] == '[')
        n += path[n] == ']';
    *rest = path + n + (path[n] == '.');
    const bool broken = !step || !step[0] || (path[n] == '.' && !path[n + 1]) || (path[0] == '[' && path[n - 1] != ']');
    if (broken && !s->failed)
        fail(s, RN_ESYNTAX, "is no path: keys are separated by dots, elements of lists are counted from 0, "
                            "as in model.levels[2].channels");
    return step ? step : "";
}

static const rn_node *set_at(setting *s, const rn_node *node, int node_layer, const char *path);

static const rn_node *set_element(setting *s, const rn_node *list, const char *step, const char *rest)
{
    char *end;
    const long i = strtol(step, &end, 10);
    if (*end || i < 0 || i >= list->n) {
        fail(s, RN_ERANGE, rn_arena_print(s->a, "the list has no element '%s': it has %" PRId64 ", counted from 0", step,
                                          list->n));
        return list;
    }
    rn_node *out = rn_arena_alloc(s->a, sizeof *out);
    const rn_node **v = rn_arena_array(s->a, (size_t)list->n, sizeof *v);
    if (!out || !v)
        return list;
    memcpy(v, list->item, (size_t)list->n * sizeof *v);
    *out = *list;
    v[i] = set_at(s, list->item[i], s->layer, rest);
    out->item = v;
    return out;
}

static const rn_node *set_key(setting *s, const rn_node *node, int node_layer, const char *step, const char *at_path,
                              const char *rest)
{
    rn_mark mark = s->mark; /* of this step in the path */
    mark.column += rn_code_points(s->path, (size_t)(at_path - s->path));
    mark.width = rn_code_points(step, strlen(step));
    const bool mapping = node && node->kind == RN_NODE_MAPPING;
    rn_node empty = {.kind = RN_NODE_MAPPING, .mark = mark};
    if (node && !mapping) { /* a bare name on the way */
        empty.bare = node;
        empty.bare_layer = node_layer;
    }
    rn_entry *v;
    rn_node *out = copy_mapping(s->a, mapping ? node : &empty, 1, &v);
    if (!out)
        return node;
    const int64_t at = index_of(out, step);
    const rn_entry *before = at < 0 ? NULL : kept(s->a, &v[at]);
    const rn_entry e = {.key = step, .hash = rn_tree_hash(step), .layer = s->layer, .mark = mark, .before = before,
                        .value = set_at(s, before ? before->value : NULL, before ? before->layer : 0, rest)};
    if (at < 0)
        v[out->n++] = e;
    else
        v[at] = e;
    return out;
}

static const rn_node *set_at(setting *s, const rn_node *node, int node_layer, const char *path)
{
    if (!path[0] || s->failed)
        return s->value;
    const char *rest, *step = step_of(s, path, &rest);
    if (s->failed)
        return node;
    if (node && node->kind == RN_NODE_SEQUENCE)
        return set_element(s, node, step, rest);
    if (path[0] == '[') {
        fail(s, RN_ETYPE, "there is no list of which an element could be set");
        return node;
    }
    return set_key(s, node, node_layer, step, path, rest);
}

const rn_node *rn_tree_set(rn_arena *a, const rn_node *root, const char *path, const rn_node *value, int layer,
                           rn_mark mark, rn_diagnostics *d)
{
    setting s = {.a = a, .path = path, .value = value, .layer = layer, .mark = mark, .d = d};
    if (!path[0]) {
        fail(&s, RN_ESYNTAX, "an empty path");
        return root;
    }
    const rn_node *out = set_at(&s, root, 0, path);
    return s.failed ? root : out;
}

/* --- equality --------------------------------------------------------------------------------------- */

static bool same_scalar(const rn_node *x, const rn_node *y)
{
    double p, q;
    if (x->plain && y->plain && rn_scalar_real(x->text, &p) == RN_NUMBER_OK && rn_scalar_real(y->text, &q) == RN_NUMBER_OK)
        return p == q;
    if (rn_node_is_none(x) || rn_node_is_none(y))
        return rn_node_is_none(x) && rn_node_is_none(y);
    return strcmp(x->text, y->text) == 0;
}

bool rn_tree_equal(const rn_node *x, const rn_node *y)
{
    if (x->kind != y->kind || (x->kind != RN_NODE_SCALAR && x->n != y->n))
        return false;
    if (x->kind == RN_NODE_SCALAR)
        return same_scalar(x, y);
    for (int64_t i = 0; i < x->n; i++) {
        const rn_entry *e = x->kind == RN_NODE_MAPPING ? rn_tree_entry(y, x->entry[i].key) : NULL;
        if (x->kind == RN_NODE_MAPPING ? !e || !rn_tree_equal(x->entry[i].value, e->value)
                                       : !rn_tree_equal(x->item[i], y->item[i]))
            return false;
    }
    return true;
}
