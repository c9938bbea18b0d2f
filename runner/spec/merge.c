#include "spec/merge.h"

#include "spec/growing.h"
#include "spec/scalar.h"

#include <ctype.h>

/* ---- paths ---- */

static bool bad_path(rn_diagnostics *d, rn_mark mark, const char *text, const char *what)
{
    return rn_diagnose(d, (rn_about){.code = RN_ESYNTAX, .mark = mark, .path = text},
                       "%s; a path is keys joined by dots, with list elements as in model.levels[2].channels", what);
}

/* The number that n digits make, −1 where they are none. */
static int64_t index_of(const char *p, size_t n)
{
    if (n == 0 || n > 9)
        return -1;
    int64_t v = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isdigit((unsigned char)p[i]))
            return -1;
        v = 10 * v + (p[i] - '0');
    }
    return v;
}

/* The canonical text of the steps. */
static const char *path_text(rn_arena *a, const rn_path_step *step, int64_t n)
{
    size_t bytes = 1;
    for (int64_t i = 0; i < n; i++)
        bytes += strlen(step[i].key) + 2;
    char *out = rn_arena_alloc(a, bytes);
    if (!out)
        return NULL;
    for (int64_t i = 0, used = 0; i < n; i++) {
        const bool element = step[i].index >= 0;
        used += snprintf(out + used, bytes - (size_t)used, "%s%s%s", element ? "[" : i ? "." : "", step[i].key,
                         element ? "]" : "");
    }
    return out;
}

bool rn_path_parse(rn_arena *a, const char *text, rn_mark mark, rn_path *path, rn_diagnostics *d)
{
    rn_growing steps = {0};
    /* a quoted key is wider than its text: its steps have the place of the whole */
    const bool exact = mark.width == rn_code_points(text, strlen(text));
    for (const char *p = text; steps.n == 0 || *p;) {
        bool bracket = false;
        if (steps.n > 0) {
            bracket = *p == '[';
            if (!bracket && *p != '.')
                return bad_path(d, mark, text, "no key can follow a ']'");
            p++;
        }
        const size_t n = strcspn(p, bracket ? "]" : ".[");
        const int64_t index = index_of(p, n);
        if (n == 0)
            return bad_path(d, mark, text, "a step of the path is empty");
        if (bracket && (p[n] != ']' || index < 0))
            return bad_path(d, mark, text, "the brackets hold no number");
        rn_path_step *s = rn_grow(a, &steps, sizeof *s);
        if (!s)
            return false;
        *s = (rn_path_step){.key = rn_arena_text_n(a, p, n), .index = steps.n > 1 ? index : -1, .mark = mark};
        if (!s->key)
            return false;
        if (exact) {
            s->mark.column += rn_code_points(text, (size_t)(p - text));
            s->mark.width = rn_code_points(p, n);
        }
        p += n + bracket;
        if (steps.n > RN_TREE_DEPTH)
            return bad_path(d, mark, text, "the path is too deep");
    }
    *path = (rn_path){steps.v, (int)steps.n, mark, path_text(a, steps.v, steps.n)};
    return path->text != NULL;
}

const rn_node *rn_node_at(const rn_node *root, const rn_path *path)
{
    for (int i = 0; root && i < path->n; i++) {
        const rn_path_step *s = &path->step[i];
        if (root->kind == RN_NODE_SEQUENCE) {
            root = s->index >= 0 && s->index < root->n ? root->item[s->index] : NULL;
        } else {
            const rn_entry *e = rn_tree_entry(root, s->key);
            root = e ? e->value : NULL;
        }
    }
    return root;
}

/* ---- merging ---- */

/* A mapping that may be written to, with room for `more` keys: a copy of a mapping, an empty one, or one that a
 * bare name became. `layer` is that of the entry which holds the node, `mark` where the override stands. */
static rn_node *writable(rn_arena *a, const rn_node *node, int layer, rn_mark mark, int64_t more)
{
    const bool mapping = node && node->kind == RN_NODE_MAPPING;
    const int64_t n_old = mapping ? node->n : 0;
    rn_node *n = rn_arena_alloc(a, sizeof *n);
    rn_entry *entry = n ? rn_arena_array(a, (size_t)(n_old + more), sizeof *entry) : NULL;
    if (!entry)
        return NULL;
    *n = mapping ? *node : (rn_node){.kind = RN_NODE_MAPPING, .text = "", .mark = mark};
    if (n_old)
        memcpy(entry, node->entry, (size_t)n_old * sizeof *entry);
    if (!mapping && node && !rn_node_is_none(node)) {
        n->mark = node->mark;
        n->bare = node;
        n->bare_layer = layer;
    }
    n->entry = entry;
    return n;
}

/* key = value in a writable mapping with room, in the merger's layer. `replaced` says that the value took the
 * old one's place rather than grew from it. */
static void set_key(rn_merger *m, rn_node *n, const rn_path_step *step, const rn_node *value, bool replaced)
{
    const rn_entry *old = rn_tree_entry(n, step->key), *before = old ? old->before : NULL;
    if (old && replaced) {
        rn_entry *kept = rn_arena_alloc(m->arena, sizeof *kept);
        if (kept)
            *kept = *old;
        before = kept;
    }
    n->entry[old ? old - n->entry : n->n++] =
        (rn_entry){.key = step->key, .hash = rn_tree_hash(step->key), .layer = m->layer, .mark = step->mark,
                   .value = value, .before = before};
}

static const rn_node *with_item(rn_merger *m, const rn_node *list, int64_t index, const rn_node *value)
{
    rn_node *n = value ? rn_arena_alloc(m->arena, sizeof *n) : NULL;
    const rn_node **item = n ? rn_arena_array(m->arena, (size_t)list->n, sizeof *item) : NULL;
    if (!item)
        return NULL;
    memcpy(item, list->item, (size_t)list->n * sizeof *item);
    item[index] = value;
    *n = *list;
    n->item = item;
    return n;
}

static bool no_element(rn_merger *m, const rn_node *list, const rn_path *path, int i)
{
    const rn_about about = {.code = RN_ERANGE, .mark = path->step[i].mark, .path = path->text};
    const char *before = path_text(m->arena, path->step, i);
    if (path->step[i].index < 0)
        return rn_diagnose(m->diagnostics, about, "'%s' is a list of %" PRId64 ": name one element, as in %s[0]",
                           before ? before : "", list->n, before ? before : "");
    if (list->n == 0)
        return rn_diagnose(m->diagnostics, about, "'%s' is an empty list: it has no element to set", before ? before : "");
    return rn_diagnose(m->diagnostics, about, "'%s' has no element %" PRId64 "; allowed: 0 to %" PRId64,
                       before ? before : "", path->step[i].index, list->n - 1);
}

static const rn_node *patch(rn_merger *m, const rn_node *node, int layer, const rn_path *path, int i,
                            const rn_node *value)
{
    if (i == path->n)
        return value;
    const rn_path_step *s = &path->step[i];
    if (node && node->kind == RN_NODE_SEQUENCE) {
        if (s->index < 0 || s->index >= node->n) {
            no_element(m, node, path, i);
            return NULL;
        }
        return with_item(m, node, s->index, patch(m, node->item[s->index], layer, path, i + 1, value));
    }
    const rn_entry *e = rn_tree_entry(node, s->key);
    const rn_node *child = patch(m, e ? e->value : NULL, e ? e->layer : 0, path, i + 1, value);
    rn_node *n = child ? writable(m->arena, node, layer, s->mark, 1) : NULL;
    if (n)
        set_key(m, n, s, child, i + 1 == path->n);
    return n;
}

const rn_node *rn_patch(rn_merger *m, const rn_node *root, const rn_path *path, const rn_node *value)
{
    m->layer++;
    return patch(m, root, 0, path, 0, value);
}

static bool is_path(const char *key) { return strpbrk(key, ".[") != NULL; }

/* Recursion is as deep as the overrides are nested. `paths`: keys may be paths. */
static const rn_node *merge(rn_merger *m, const rn_node *under, int layer, const rn_node *over, bool paths)
{
    rn_node *n = writable(m->arena, under, layer, over->mark, over->n + 1);
    for (int64_t i = 0; n && i < over->n; i++) {
        const rn_entry *e = &over->entry[i];
        if (paths && is_path(e->key)) {
            rn_path path = {0};
            const rn_node *patched = rn_path_parse(m->arena, e->key, e->mark, &path, m->diagnostics)
                                         ? patch(m, n, 0, &path, 0, e->value)
                                         : NULL;
            n = patched ? writable(m->arena, patched, 0, e->mark, over->n + 1) : NULL;
            continue;
        }
        const rn_entry *old = rn_tree_entry(n, e->key);
        const rn_node *value = e->value;
        const bool deep = value->kind == RN_NODE_MAPPING && (!old || old->value->kind != RN_NODE_SEQUENCE);
        if (deep)
            value = merge(m, old ? old->value : NULL, old ? old->layer : 0, value, paths);
        if (!value)
            return NULL;
        set_key(m, n, &(rn_path_step){.key = e->key, .index = -1, .mark = e->mark}, value, !deep);
    }
    if (n && !paths) /* what a file lacks is missed in that file, not in its base */
        n->mark = over->mark;
    return n;
}

const rn_node *rn_merge(rn_merger *m, const rn_node *under, const rn_node *over)
{
    m->layer++;
    return merge(m, under, 0, over, false);
}

const rn_node *rn_override(rn_merger *m, const rn_node *root, const rn_node *overrides)
{
    m->layer++;
    return merge(m, root, 0, overrides, true);
}

const rn_node *rn_without(rn_arena *a, const rn_node *mapping, const char *const *keys)
{
    rn_node *n = writable(a, mapping, 0, mapping->mark, 1);
    if (!n)
        return NULL;
    n->n = 0;
    for (int64_t i = 0; i < mapping->n; i++) {
        bool left_out = false;
        for (const char *const *k = keys; *k; k++)
            left_out |= strcmp(*k, mapping->entry[i].key) == 0;
        if (!left_out)
            n->entry[n->n++] = mapping->entry[i];
    }
    return n;
}

static bool scalar_equal(const rn_node *a, const rn_node *b)
{
    double x, y;
    if (a->plain && b->plain) {
        if (rn_scalar_is_none(a->text) && rn_scalar_is_none(b->text))
            return true;
        if (rn_scalar_real(a->text, &x) == RN_NUMBER_OK && rn_scalar_real(b->text, &y) == RN_NUMBER_OK)
            return !(x < y) && !(x > y);
    }
    return strcmp(a->text, b->text) == 0;
}

bool rn_node_equal(const rn_node *a, const rn_node *b)
{
    if (a->kind != b->kind || a->n != b->n)
        return false;
    if (a->kind == RN_NODE_SCALAR)
        return scalar_equal(a, b);
    for (int64_t i = 0; i < a->n; i++) {
        const rn_entry *other = a->kind == RN_NODE_MAPPING ? rn_tree_entry(b, a->entry[i].key) : NULL;
        if (a->kind == RN_NODE_MAPPING ? !other || !rn_node_equal(a->entry[i].value, other->value)
                                       : !rn_node_equal(a->item[i], b->item[i]))
            return false;
    }
    return true;
}
