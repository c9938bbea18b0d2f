#include "spec/check.h"

#include "spec/allowed.h"
#include "spec/scalar.h"

/* One mapping may hold the keys of several tables: its own, and those of the component that a key of it names. */
enum { TABLES = 4, KNOWN_KEYS = 256 };

/* Where the checker stands. */
typedef struct here {
    const char *path;
    rn_mark mark; /* where a missing key is missed: the nearest mapping that somebody wrote */
    bool cosmetic;
} here;

typedef struct table { const rn_param *rows; char *out; } table;

typedef struct tables {
    table v[TABLES];
    int n;
    bool complete; /* all components of it are known, so any other key is unknown */
    const rn_param *choice[TABLES]; /* the row that chose table i, NULL for the first */
    const rn_component *chosen[TABLES];
} tables;

static void check_mapping(rn_checker *c, const rn_param *rows, const rn_node *node, here h, void *out);

static const char *join(rn_checker *c, const char *path, const char *key)
{
    const char *p = path[0] ? rn_arena_print(c->arena, "%s.%s", path, key) : rn_arena_text(c->arena, key);
    return p ? p : key;
}

static const char *join_index(rn_checker *c, const char *path, int64_t i)
{
    const char *p = rn_arena_print(c->arena, "%s[%" PRId64 "]", path, i);
    return p ? p : path;
}

static here inside(rn_checker *c, here h, const rn_param *row)
{
    h.path = join(c, h.path, row->name);
    h.cosmetic |= (row->flags & RN_COSMETIC) != 0;
    return h;
}

static bool is_default(const rn_node *n) { return n->mark.source && n->mark.source->kind == RN_SOURCE_DEFAULT; }

/* A text, or a number where number is not NULL. */
static void record(rn_checker *c, here h, rn_mark mark, const char *text, const double *number)
{
    const rn_value *old = c->values.v;
    for (int64_t i = c->values.n - 1; i >= 0; i--) /* two tables of one mapping may read the same key */
        if (strcmp(old[i].path, h.path) == 0)
            return;
    rn_value *v = text ? rn_grow(c->arena, &c->values, sizeof *v) : NULL;
    if (!v)
        return;
    *v = (rn_value){.path = h.path, .text = text, .origin = rn_mark_text(c->arena, mark), .cosmetic = h.cosmetic};
    v->mark = mark;
    v->is_default = !mark.source || mark.source->kind == RN_SOURCE_DEFAULT;
    v->is_number = number != NULL;
    v->number = number ? *number : 0;
}

static void record_none(rn_checker *c, here h, rn_mark mark)
{
    record(c, h, mark, "none", NULL);
    rn_value *v = c->values.v;
    if (c->values.n && strcmp(v[c->values.n - 1].path, h.path) == 0)
        v[c->values.n - 1].is_none = true;
}

/* A text, where n is −1, or the texts that the list `text` is made of. */
static void record_texts(rn_checker *c, here h, rn_mark mark, const char *text, const char *const *texts, int64_t n, bool path)
{
    record(c, h, mark, text, NULL);
    rn_value *v = c->values.v;
    if (!c->values.n || strcmp(v[c->values.n - 1].path, h.path) != 0)
        return;
    v += c->values.n - 1;
    v->is_text = n < 0;
    v->is_path = path;
    v->texts = texts;
    v->n_texts = n < 0 ? 0 : n;
}

/* "'abc' is no whole number; allowed: …". False. */
static bool wrong(rn_checker *c, rn_code code, const rn_param *row, const rn_node *node, here h, const char *what)
{
    return rn_diagnose(c->diagnostics, (rn_about){.code = code, .mark = node->mark, .path = h.path}, "%s %s; allowed: %s",
                       rn_node_shown(c->arena, node), what, rn_allowed(c->arena, c->catalogue, row));
}

/* ---- defaults ---- */

typedef struct parsed { const char *text; const rn_node *node; } parsed;

/* Defaults are constants of the schemas, so their address says which one it is. */
static const rn_node *default_node(rn_checker *c, const char *text)
{
    const parsed *known = c->defaults->v;
    for (int64_t i = 0; i < c->defaults->n; i++)
        if (known[i].text == text)
            return known[i].node;
    rn_source *s = rn_arena_alloc(c->arena, sizeof *s);
    if (!s)
        return NULL;
    *s = (rn_source){.kind = RN_SOURCE_DEFAULT, .name = "default", .folder = "", .text = text, .bytes = strlen(text)};
    const rn_node *node = rn_tree_parse(c->arena, s, 0, false, c->diagnostics);
    parsed *p = node ? rn_grow(c->arena, c->defaults, sizeof *p) : NULL;
    if (p)
        *p = (parsed){text, node};
    return node;
}

/* ---- scalars ---- */

static bool read_int(rn_checker *c, const rn_param *row, const rn_node *node, here h, int64_t *value)
{
    const rn_number r =
        node->kind == RN_NODE_SCALAR && node->plain ? rn_scalar_int(node->text, value) : RN_NUMBER_NONE;
    if (r == RN_NUMBER_NONE || r == RN_NUMBER_FRACTION)
        return wrong(c, RN_ETYPE, row, node, h, "is no whole number");
    if (r == RN_NUMBER_LARGE || !rn_in_range(row, (double)*value))
        return wrong(c, RN_ERANGE, row, node, h, "is out of range");
    return true;
}

static bool read_real(rn_checker *c, const rn_param *row, const rn_node *node, here h, double *value)
{
    const rn_number r =
        node->kind == RN_NODE_SCALAR && node->plain ? rn_scalar_real(node->text, value) : RN_NUMBER_NONE;
    if (r == RN_NUMBER_NONE)
        return wrong(c, RN_ETYPE, row, node, h, "is no number");
    if (r == RN_NUMBER_LARGE || !rn_in_range(row, *value))
        return wrong(c, RN_ERANGE, row, node, h, "is out of range");
    *value += 0.0; /* −0 and 0 are one value */
    return true;
}

static bool read_text(rn_checker *c, const rn_param *row, const rn_node *node, here h, bool path, const char **value)
{
    if (node->kind != RN_NODE_SCALAR)
        return wrong(c, RN_ETYPE, row, node, h, "is no text");
    if (rn_node_is_none(node))
        return wrong(c, RN_ETYPE, row, node, h, "is none unless it is quoted");
    if (path && !node->text[0])
        return wrong(c, RN_ERANGE, row, node, h, "is no path");
    *value = path ? rn_source_resolve(c->arena, node->mark.source, node->text) : node->text;
    return *value != NULL;
}

static void check_int(rn_checker *c, const rn_param *row, const rn_node *node, here h, void *slot)
{
    int64_t *value = slot;
    if (!read_int(c, row, node, h, value))
        return;
    const double number = (double)*value;
    record(c, h, node->mark, rn_arena_print(c->arena, "%" PRId64, *value), &number);
}

static void check_real(rn_checker *c, const rn_param *row, const rn_node *node, here h, void *slot)
{
    double *value = slot;
    char text[RN_REAL_TEXT];
    if (read_real(c, row, node, h, value))
        record(c, h, node->mark, rn_arena_text(c->arena, rn_real_text(*value, text)), value);
}

static void check_bool(rn_checker *c, const rn_param *row, const rn_node *node, here h, void *slot)
{
    bool *value = slot;
    if (node->kind != RN_NODE_SCALAR || !node->plain || !rn_scalar_bool(node->text, value)) {
        wrong(c, RN_ETYPE, row, node, h, "is no boolean");
        return;
    }
    const double number = *value;
    record(c, h, node->mark, *value ? "true" : "false", &number);
}

static void check_text(rn_checker *c, const rn_param *row, const rn_node *node, here h, void *slot)
{
    const char **value = slot;
    const bool path = row->type == RN_PARAM_PATH;
    if (read_text(c, row, node, h, path, value))
        record_texts(c, h, node->mark, *value, NULL, -1, path);
}

static int64_t word_of(const rn_param *row, const rn_node *node)
{
    if (node->kind == RN_NODE_SCALAR)
        for (int64_t i = 0; row->choices && row->choices[i]; i++)
            if (strcmp(row->choices[i], node->text) == 0)
                return i;
    return -1;
}

/* A word that is none of the choices: with the nearest one. */
static void wrong_word(rn_checker *c, const rn_param *row, const rn_node *node, here h)
{
    size_t n = 0;
    while (row->choices[n])
        n++;
    if (node->kind != RN_NODE_SCALAR) {
        wrong(c, RN_ETYPE, row, node, h, "is no word");
        return;
    }
    rn_diagnose(c->diagnostics,
                (rn_about){.code = RN_ERANGE, .mark = node->mark, .path = h.path,
                           .known = rn_joined(c->arena, row->choices, n)},
                "%s is not one of the choices; allowed: %s%s", rn_node_shown(c->arena, node),
                rn_allowed(c->arena, c->catalogue, row), rn_did_you_mean(c->arena, node->text, row->choices, n));
}

static void check_choice(rn_checker *c, const rn_param *row, const rn_node *node, here h, void *slot)
{
    const int64_t word = word_of(row, node);
    if (word < 0) {
        wrong_word(c, row, node, h);
        return;
    }
    *(int64_t *)slot = word;
    record(c, h, node->mark, row->choices[word], NULL);
}

/* What is wrong with a number that has no unit, or one that nobody knows. */
static void wrong_unit(rn_checker *c, const rn_param *row, const rn_node *node, here h, const char *unit)
{
    const char *names[64];
    const size_t n = rn_scalar_units(row->choices, names, sizeof names / sizeof *names);
    if (!unit[0]) {
        wrong(c, RN_ETYPE, row, node, h, "has no unit");
        return;
    }
    rn_diagnose(c->diagnostics, (rn_about){.code = RN_ERANGE, .mark = node->mark, .path = h.path,
                                           .known = rn_joined(c->arena, names, n)},
                "%s has an unknown unit, %s; allowed: %s%s", rn_node_shown(c->arena, node), rn_shown(c->arena, unit),
                rn_allowed(c->arena, c->catalogue, row), rn_did_you_mean(c->arena, unit, names, n));
}

static void check_quantity(rn_checker *c, const rn_param *row, const rn_node *node, here h, void *slot)
{
    rn_quantity *q = slot;
    char unit[RN_UNIT_NAME] = "", text[RN_REAL_TEXT];
    const rn_number r = node->kind == RN_NODE_SCALAR && node->plain
                            ? rn_scalar_quantity(node->text, row->choices, &q->value, &q->unit, unit) : RN_NUMBER_NONE;
    if (r == RN_NUMBER_NONE)
        wrong(c, RN_ETYPE, row, node, h, "is no number with a unit");
    else if (r == RN_NUMBER_FRACTION)
        wrong_unit(c, row, node, h, unit);
    else if (r == RN_NUMBER_LARGE || !rn_in_range(row, q->value))
        wrong(c, RN_ERANGE, row, node, h, "is out of range");
    else
        record(c, h, node->mark, rn_arena_print(c->arena, "%s %s", rn_real_text(q->value, text), row->choices[q->unit]), NULL);
}

/* ---- lists ---- */

static bool is_list(rn_checker *c, const rn_param *row, const rn_node *node, here h)
{
    if (node->kind == RN_NODE_SEQUENCE)
        return true;
    if (node->kind == RN_NODE_SCALAR && !rn_node_is_empty(node))
        return rn_diagnose(c->diagnostics, (rn_about){.code = RN_ETYPE, .mark = node->mark, .path = h.path},
                           "%s is no list: write [%s]; allowed: %s", rn_node_shown(c->arena, node),
                           strlen(node->text) < 60 ? node->text : "…", rn_allowed(c->arena, c->catalogue, row));
    return wrong(c, RN_ETYPE, row, node, h, "is no list");
}

static here at_index(rn_checker *c, here h, int64_t i)
{
    h.path = join_index(c, h.path, i);
    return h;
}

/* "[a, b]" from n texts. */
static const char *list_text(rn_checker *c, const char *const *texts, int64_t n)
{
    size_t bytes = 3;
    for (int64_t i = 0; i < n; i++) {
        if (!texts[i])
            return NULL;
        bytes += strlen(texts[i]) + 2;
    }
    char *out = rn_arena_alloc(c->arena, bytes), *p = out;
    if (!out)
        return NULL;
    *p++ = '[';
    for (int64_t i = 0; i < n; i++) {
        const size_t length = strlen(texts[i]);
        if (i) {
            *p++ = ',';
            *p++ = ' ';
        }
        memcpy(p, texts[i], length);
        p += length;
    }
    *p = ']';
    return out;
}

static void check_ints(rn_checker *c, const rn_param *row, const rn_node *node, here h, void *slot)
{
    if (!is_list(c, row, node, h))
        return;
    int64_t *v = rn_arena_array(c->arena, (size_t)node->n, sizeof *v);
    const char **texts = rn_arena_array(c->arena, (size_t)node->n, sizeof *texts);
    if (!v || !texts)
        return;
    bool ok = true;
    for (int64_t i = 0; i < node->n; i++) {
        ok &= read_int(c, row, node->item[i], at_index(c, h, i), &v[i]);
        texts[i] = rn_arena_print(c->arena, "%" PRId64, v[i]);
    }
    *(rn_ints *)slot = (rn_ints){v, node->n};
    if (ok)
        record(c, h, node->mark, list_text(c, texts, node->n), NULL);
}

static void check_reals(rn_checker *c, const rn_param *row, const rn_node *node, here h, void *slot)
{
    const int64_t word = word_of(row, node);
    if (word >= 0) {
        *(rn_reals *)slot = (rn_reals){.word = word};
        record(c, h, node->mark, row->choices[word], NULL);
        return;
    }
    double one;
    if (row->choices && node->kind == RN_NODE_SCALAR && rn_scalar_real(node->text, &one) != RN_NUMBER_OK) {
        wrong_word(c, row, node, h);
        return;
    }
    if (!is_list(c, row, node, h))
        return;
    double *v = rn_arena_array(c->arena, (size_t)node->n, sizeof *v);
    const char **texts = rn_arena_array(c->arena, (size_t)node->n, sizeof *texts);
    if (!v || !texts)
        return;
    bool ok = true;
    for (int64_t i = 0; i < node->n; i++) {
        char text[RN_REAL_TEXT];
        ok &= read_real(c, row, node->item[i], at_index(c, h, i), &v[i]);
        texts[i] = rn_arena_text(c->arena, rn_real_text(v[i], text));
    }
    *(rn_reals *)slot = (rn_reals){v, node->n, -1};
    if (ok)
        record(c, h, node->mark, list_text(c, texts, node->n), NULL);
}

static void check_texts(rn_checker *c, const rn_param *row, const rn_node *node, here h, void *slot)
{
    if (!is_list(c, row, node, h))
        return;
    const char **v = rn_arena_array(c->arena, (size_t)node->n, sizeof *v);
    if (!v)
        return;
    bool ok = true;
    for (int64_t i = 0; i < node->n; i++)
        ok &= read_text(c, row, node->item[i], at_index(c, h, i), row->flags & RN_PATHS, &v[i]);
    *(rn_texts *)slot = (rn_texts){v, node->n};
    if (ok)
        record_texts(c, h, node->mark, list_text(c, v, node->n), v, node->n, row->flags & RN_PATHS);
}

static void check_size(rn_checker *c, const rn_param *row, const rn_node *node, here h, void *slot)
{
    rn_size *size = slot;
    if (node->kind != RN_NODE_SEQUENCE) {
        if (!read_int(c, row, node, h, &size->height))
            return;
        size->width = size->height;
    } else if (node->n != 2) {
        wrong(c, RN_ETYPE, row, node, h, "of another length than two is no size");
        return;
    } else {
        const bool height = read_int(c, row, node->item[0], at_index(c, h, 0), &size->height);
        if (!read_int(c, row, node->item[1], at_index(c, h, 1), &size->width) || !height)
            return;
    }
    const double side = (double)size->height;
    if (size->height == size->width) /* [64, 64] and 64 are one value */
        record(c, h, node->mark, rn_arena_print(c->arena, "%" PRId64, size->height), &side);
    else
        record(c, h, node->mark, rn_arena_print(c->arena, "[%" PRId64 ", %" PRId64 "]", size->height, size->width), NULL);
}

/* ---- groups and components ---- */

static void check_group(rn_checker *c, const rn_param *row, const rn_node *node, here h, void *slot)
{
    if (row->type == RN_PARAM_GROUP) {
        check_mapping(c, row->fields, node, h, slot);
        return;
    }
    void *group = rn_arena_alloc(c->arena, row->fields_bytes);
    if (group)
        check_mapping(c, row->fields, node, h, group);
    *(const void **)slot = group;
}

static void check_list(rn_checker *c, const rn_param *row, const rn_node *node, here h, void *slot)
{
    if (!is_list(c, row, node, h))
        return;
    char *v = rn_arena_array(c->arena, (size_t)node->n, row->fields_bytes);
    if (!v)
        return;
    for (int64_t i = 0; i < node->n; i++)
        check_mapping(c, row->fields, node->item[i], at_index(c, h, i), v + (size_t)i * row->fields_bytes);
    *(rn_list *)slot = (rn_list){v, node->n};
    if (node->n == 0)
        record(c, h, node->mark, "[]", NULL);
}

/* A component of its own mapping is a mapping whose only row of its own is `type`. */
static void check_component(rn_checker *c, const rn_param *row, const rn_node *node, here h, void *slot)
{
    const char *const def = row->def && !row->def[0] ? "" : NULL;
    const rn_param rows[] = {
        {.type = RN_PARAM_INLINE, .name = "type", .def = def, .kind = row->kind, .doc = row->doc},
        RN_PARAMS_END,
    };
    check_mapping(c, rows, node, h, slot);
}

static void check_components(rn_checker *c, const rn_param *row, const rn_node *node, here h, void *slot)
{
    if (!is_list(c, row, node, h))
        return;
    rn_chosen *v = rn_arena_array(c->arena, (size_t)node->n, sizeof *v);
    if (!v)
        return;
    const rn_param one = {.type = RN_PARAM_COMPONENT, .name = row->name, .kind = row->kind, .doc = row->doc};
    for (int64_t i = 0; i < node->n; i++)
        check_component(c, &one, node->item[i], at_index(c, h, i), &v[i]);
    *(rn_chosen_list *)slot = (rn_chosen_list){v, node->n};
    if (node->n == 0)
        record(c, h, node->mark, "[]", NULL);
}

typedef void check_value_fn(rn_checker *c, const rn_param *row, const rn_node *node, here h, void *slot);

static check_value_fn *const checks[] = {
    [RN_PARAM_INT] = check_int,
    [RN_PARAM_REAL] = check_real,
    [RN_PARAM_BOOL] = check_bool,
    [RN_PARAM_TEXT] = check_text,
    [RN_PARAM_PATH] = check_text,
    [RN_PARAM_CHOICE] = check_choice,
    [RN_PARAM_INTS] = check_ints,
    [RN_PARAM_REALS] = check_reals,
    [RN_PARAM_TEXTS] = check_texts,
    [RN_PARAM_SIZE] = check_size,
    [RN_PARAM_GROUP] = check_group,
    [RN_PARAM_GROUP_PTR] = check_group,
    [RN_PARAM_LIST] = check_list,
    [RN_PARAM_COMPONENT] = check_component,
    [RN_PARAM_COMPONENTS] = check_components,
    [RN_PARAM_QUANTITY] = check_quantity,
};

static void check_value(rn_checker *c, const rn_param *row, const rn_node *node, here h, void *slot)
{
    if (!is_default(node))
        h.mark = node->mark;
    if (row->type == RN_PARAM_REALS)
        ((rn_reals *)slot)->word = -1;
    if (!rn_node_is_none(node) || word_of(row, node) >= 0)
        checks[row->type](c, row, node, h, slot);
    else if (row->flags & RN_NULLABLE)
        record_none(c, h, node->mark);
    else if (rn_node_is_empty(node))
        rn_diagnose(c->diagnostics, (rn_about){.code = RN_EMISSING, .mark = node->mark, .path = h.path},
                    "the value is empty; allowed: %s", rn_allowed(c->arena, c->catalogue, row));
    else
        rn_diagnose(c->diagnostics, (rn_about){.code = RN_ETYPE, .mark = node->mark, .path = h.path},
                    "none is not allowed here; allowed: %s", rn_allowed(c->arena, c->catalogue, row));
}

/* ---- which component ---- */

static const char *searched(rn_checker *c)
{
    if (!c->catalogue->n_searched)
        return NULL;
    return rn_arena_print(c->arena, "looked for plugins in: %s",
                          rn_joined(c->arena, c->catalogue->searched, (size_t)c->catalogue->n_searched));
}

static void unknown_component(rn_checker *c, rn_kind kind, const rn_node *name, const char *path)
{
    const rn_catalogue *k = c->catalogue;
    const int n = k->count(k->context, kind);
    const char **names = rn_arena_array(c->arena, (size_t)n + 1, sizeof *names);
    if (!names)
        return;
    for (int i = 0; i < n; i++)
        names[i] = k->at(k->context, kind, i)->name;
    rn_diagnose(c->diagnostics,
                (rn_about){.code = RN_EUNKNOWN, .mark = name->mark, .path = path, .note = searched(c),
                           .known = n ? rn_joined(c->arena, names, (size_t)n) : "none"},
                "no loaded plugin offers the %s %s%s", k->kind_name(kind), rn_shown(c->arena, name->text),
                rn_did_you_mean(c->arena, name->text, names, (size_t)n));
}

static const rn_component *default_component(const rn_catalogue *k, rn_kind kind)
{
    for (int i = 0; i < k->count(k->context, kind); i++)
        if (k->at(k->context, kind, i)->is_default)
            return k->at(k->context, kind, i);
    return NULL;
}

/* The node that names the component: the key's value, or the mapping itself where it is a bare name. NULL: none. */
static const rn_node *name_of(const rn_param *row, const rn_node *node)
{
    const rn_entry *entry = rn_tree_entry(node, row->name);
    if (entry)
        return entry->value;
    if (node->kind == RN_NODE_SCALAR)
        return node;
    return node->bare && !rn_node_is_none(node->bare) ? node->bare : NULL;
}

/* What was chosen, and where; kept for those who find what is wrong with it later. */
static rn_chosen chosen_at(rn_checker *c, const rn_component *what, here h, rn_mark mark, const rn_node *node)
{
    rn_placed *p = rn_grow(c->arena, &c->components, sizeof *p);
    if (p)
        *p = (rn_placed){h.path, mark, node};
    return (rn_chosen){.what = what, .place = rn_mark_place(mark)};
}

/* Finds the component of an RN_PARAM_INLINE row. False: it is not known which, and that is told. */
static bool choose(rn_checker *c, const rn_param *row, const rn_node *node, here h, rn_chosen *chosen)
{
    const rn_catalogue *k = c->catalogue;
    const here at = inside(c, h, row);
    const rn_node *name = name_of(row, node);
    if (!name && !row->def)
        return rn_diagnose(c->diagnostics, (rn_about){.code = RN_EMISSING, .mark = h.mark, .path = at.path},
                           "missing: %s", rn_allowed(c->arena, k, row));
    if (!name && !row->def[0]) {
        const rn_component *what = default_component(k, row->kind);
        if (!what)
            return rn_diagnose(c->diagnostics,
                               (rn_about){.code = RN_EUNKNOWN, .mark = h.mark, .path = at.path, .note = searched(c)},
                               "missing, and no loaded plugin offers a default %s", k->kind_name(row->kind));
        *chosen = chosen_at(c, what, h, h.mark, node);
        record(c, at, (rn_mark){0}, what->name, NULL);
        return true;
    }
    if (!name)
        name = default_node(c, row->def);
    if (!name)
        return false;
    if (rn_node_is_none(name) && row->flags & RN_NULLABLE) {
        record_none(c, at, name->mark);
        return true;
    }
    /* a bare name stands for its mapping, and messages call it by the mapping's path */
    const here told = {.path = name == node || name == node->bare ? h.path : at.path};
    if (name->kind != RN_NODE_SCALAR || rn_node_is_none(name))
        return wrong(c, RN_ETYPE, row, name, told, "is no name");
    const rn_component *what = k->find(k->context, row->kind, name->text);
    if (!what) {
        unknown_component(c, row->kind, name, told.path);
        return false;
    }
    *chosen = chosen_at(c, what, h, is_default(name) ? h.mark : name->mark, node);
    record(c, at, name->mark, what->name, NULL);
    return true;
}

/* The tables whose keys may stand in the mapping: each may choose a component whose table is the next. */
static void gather(rn_checker *c, const rn_param *rows, const rn_node *node, here h, void *out, tables *t)
{
    *t = (tables){.v = {{rows, out}}, .n = 1, .complete = true};
    for (int i = 0; i < t->n; i++)
        for (const rn_param *row = t->v[i].rows; row->type != RN_PARAM_END; row++) {
            if (row->type != RN_PARAM_INLINE)
                continue;
            rn_chosen *chosen = (rn_chosen *)(void *)(t->v[i].out + row->offset);
            if (!choose(c, row, node, h, chosen)) {
                t->complete = false;
                continue;
            }
            const rn_component *what = chosen->what;
            if (!what || !what->params_bytes)
                continue;
            void *params = rn_arena_alloc(c->arena, what->params_bytes);
            chosen->params = params;
            if (!what->params || t->n == TABLES || !params)
                continue;
            t->choice[t->n] = row;
            t->chosen[t->n] = what;
            t->v[t->n++] = (table){what->params, params};
        }
}

/* ---- keys ---- */

static bool table_has(const rn_param *rows, const char *key)
{
    for (; rows && rows->type != RN_PARAM_END; rows++)
        if (strcmp(rows->name, key) == 0)
            return true;
    return false;
}

static bool component_has(rn_checker *c, rn_kind kind, const char *name, const char *key)
{
    const rn_component *what = c->catalogue->find(c->catalogue->context, kind, name);
    return what && table_has(what->params, key);
}

/* Was the key one of a component that a later layer replaced by naming another? The old component's name, or
 * NULL. */
static const char *old_type_of(rn_checker *c, const rn_param *row, const rn_node *node, const rn_entry *e)
{
    const rn_entry *type = rn_tree_entry(node, row->name);
    if (!type || e->layer >= type->layer)
        return NULL;
    for (const rn_entry *old = type->before; old; old = old->before)
        if (old->value->kind == RN_NODE_SCALAR && component_has(c, row->kind, old->value->text, e->key))
            return old->value->text;
    if (node->bare && node->bare_layer < type->layer && component_has(c, row->kind, node->bare->text, e->key))
        return node->bare->text;
    if (!type->before && !node->bare && row->def) {
        const rn_component *what = row->def[0] ? NULL : default_component(c->catalogue, row->kind);
        const char *name = what ? what->name : row->def;
        return component_has(c, row->kind, name, e->key) ? name : NULL;
    }
    return NULL;
}

static bool drop(rn_checker *c, const tables *t, const rn_node *node, const rn_entry *e, here h)
{
    for (int i = 0; i < t->n; i++)
        for (const rn_param *row = t->v[i].rows; row->type != RN_PARAM_END; row++) {
            const char *old = row->type == RN_PARAM_INLINE ? old_type_of(c, row, node, e) : NULL;
            rn_dropped *d = old ? rn_grow(c->arena, &c->dropped, sizeof *d) : NULL;
            if (!d)
                continue;
            *d = (rn_dropped){join(c, h.path, e->key), rn_mark_text(c->arena, e->mark), old,
                              name_of(row, node)->text};
            return true;
        }
    return false;
}

static void unknown_key(rn_checker *c, const tables *t, const rn_entry *e, here h)
{
    const char *known[KNOWN_KEYS];
    size_t n = 0;
    for (int i = 0; i < t->n; i++)
        for (const rn_param *row = t->v[i].rows; row->type != RN_PARAM_END && n < KNOWN_KEYS; row++)
            if (i == 0 || !table_has(t->v[0].rows, row->name))
                known[n++] = row->name;
    for (size_t i = 0; !h.path[0] && c->root_keys && c->root_keys[i] && n < KNOWN_KEYS; i++)
        known[n++] = c->root_keys[i];
    const rn_about about = {.code = RN_EUNKNOWN_KEY, .mark = e->mark, .path = join(c, h.path, e->key),
                            .known = n ? rn_joined(c->arena, known, n) : "no key at all"};
    const bool path = strchr(e->key, '.') != NULL;
    rn_diagnose(c->diagnostics, about, "unknown key%s%s", path ? "; paths with dots are for vary, variants and --set" : "",
                path ? "" : rn_did_you_mean(c->arena, e->key, known, n));
}

static void check_row(rn_checker *c, const rn_param *row, const rn_node *node, here h, char *out)
{
    const here at = inside(c, h, row);
    const rn_entry *entry = rn_tree_entry(node, row->name);
    if (entry) {
        check_value(c, row, entry->value, at, out + row->offset);
        return;
    }
    if (!row->def) {
        rn_diagnose(c->diagnostics, (rn_about){.code = RN_EMISSING, .mark = h.mark, .path = at.path}, "missing: %s (%s)",
                    rn_allowed(c->arena, c->catalogue, row), row->doc);
        return;
    }
    if (row->type == RN_PARAM_COMPONENTS && !row->def[0]) { /* all that say so of themselves */
        const rn_catalogue *k = c->catalogue;
        const int n = k->count(k->context, row->kind);
        rn_chosen *v = rn_arena_array(c->arena, (size_t)n, sizeof *v);
        const rn_node *bare = default_node(c, "{}");
        int64_t used = 0;
        for (int i = 0; v && bare && i < n; i++) {
            const rn_component *what = k->at(k->context, row->kind, i);
            if (!what->is_default)
                continue;
            const rn_param one[] = {{.type = RN_PARAM_INLINE, .name = "type", .def = what->name, .kind = row->kind},
                                    RN_PARAMS_END};
            check_mapping(c, one, bare, at_index(c, at, used), &v[used]);
            used++;
        }
        *(rn_chosen_list *)(void *)(out + row->offset) = (rn_chosen_list){v, used};
        return;
    }
    const rn_node *value = default_node(c, row->type == RN_PARAM_COMPONENT && !row->def[0] ? "{}" : row->def);
    if (value)
        check_value(c, row, value, at, out + row->offset);
}

/* Of the rows that say one thing in different ways (RN_ALTERNATIVE): that of the latest layer. NULL: the table has
 * none, or what is wrong has been told. */
static const rn_param *alternative(rn_checker *c, const rn_param *rows, const rn_node *node, here h)
{
    const rn_param *chosen = NULL, *first = NULL;
    const rn_entry *by = NULL;
    const char *names = NULL;
    for (const rn_param *row = rows; row->type != RN_PARAM_END; row++) {
        if (!(row->flags & RN_ALTERNATIVE))
            continue;
        const rn_entry *entry = rn_tree_entry(node, row->name);
        first = first ? first : row;
        names = names ? rn_arena_print(c->arena, "%s or %s", names, row->name) : row->name;
        if (entry && rn_node_is_empty(entry->value)) {
            rn_diagnose(c->diagnostics, (rn_about){.code = RN_EMISSING, .mark = entry->value->mark, .path = inside(c, h, row).path},
                        "the value is empty; allowed: %s", rn_allowed(c->arena, c->catalogue, row));
            return NULL;
        }
        if (!entry || rn_node_is_none(entry->value))
            continue;
        if (by && by->layer == entry->layer) {
            rn_diagnose(c->diagnostics, (rn_about){.code = RN_ERANGE, .mark = entry->mark, .path = inside(c, h, row).path},
                        "%s stands beside %s, which says the same in another way: keep one of them", row->name, chosen->name);
            return NULL;
        }
        if (!by || entry->layer > by->layer)
            chosen = row, by = entry;
    }
    if (first && !chosen)
        rn_diagnose(c->diagnostics, (rn_about){.code = RN_EMISSING, .mark = h.mark, .path = inside(c, h, first).path},
                    "missing: %s (%s)", names, first->doc);
    return chosen;
}

static void check_mapping(rn_checker *c, const rn_param *rows, const rn_node *node, here h, void *out)
{
    bool bare_allowed = false;
    const rn_param *choice = rows;
    for (const rn_param *row = rows; row->type != RN_PARAM_END; row++)
        if (row->type == RN_PARAM_INLINE) {
            bare_allowed = true;
            choice = row;
        }
    if (!is_default(node))
        h.mark = node->mark;
    const rn_node *scalar = node->kind == RN_NODE_SCALAR ? node : NULL;
    if (node->kind == RN_NODE_SEQUENCE || (scalar && (!bare_allowed || rn_node_is_empty(scalar)))) {
        const rn_param any = {.type = bare_allowed ? RN_PARAM_COMPONENT : RN_PARAM_GROUP, .kind = choice->kind};
        wrong(c, rn_node_is_empty(node) ? RN_EMISSING : RN_ETYPE, &any, node, h, "is no mapping");
        return;
    }
    if (node->bare && !bare_allowed && !rn_node_is_none(node->bare)) {
        const rn_param any = {.type = RN_PARAM_GROUP};
        wrong(c, RN_ETYPE, &any, node->bare, h, "is no mapping");
    }
    tables t;
    gather(c, rows, node, h, out, &t);
    for (int64_t i = 0; node->kind == RN_NODE_MAPPING && i < node->n; i++) {
        bool known = false;
        for (int k = 0; k < t.n; k++)
            known |= table_has(t.v[k].rows, node->entry[i].key);
        if (!known && !drop(c, &t, node, &node->entry[i], h) && t.complete)
            unknown_key(c, &t, &node->entry[i], h);
    }
    for (int i = 0; i < t.n; i++) {
        const rn_param *chosen = alternative(c, t.v[i].rows, node, h);
        for (const rn_param *row = t.v[i].rows; row->type != RN_PARAM_END; row++)
            if (row->type != RN_PARAM_INLINE && (row == chosen || !(row->flags & RN_ALTERNATIVE)))
                check_row(c, row, node, h, t.v[i].out);
    }
}

/* ---- the doors ---- */

void rn_check_table(rn_checker *c, const rn_param *rows, const rn_node *node, void *out)
{
    rn_growing defaults = {0};
    const bool own = !c->defaults;
    if (own)
        c->defaults = &defaults;
    check_mapping(c, rows, node, (here){.path = "", .mark = node->mark}, out);
    if (own)
        c->defaults = NULL;
}

bool rn_check_text(rn_arena *a, const rn_catalogue *catalogue, const rn_param *rows, const char *name, const char *yaml,
                   void *out, rn_diagnostics *d)
{
    rn_checker c = {.arena = a, .catalogue = catalogue, .diagnostics = d};
    const int64_t before = d->n;
    rn_source *s = rn_arena_alloc(a, sizeof *s);
    if (!s)
        return false;
    *s = (rn_source){.kind = RN_SOURCE_FILE, .name = rn_arena_text(a, name), .folder = "", .bytes = strlen(yaml),
                     .text = rn_arena_text(a, yaml)};
    const rn_node *node = s->name && s->text ? rn_tree_parse(a, s, 0, true, d) : NULL;
    if (!node)
        return false;
    rn_check_table(&c, rows, node, out);
    return d->n == before && !a->exhausted;
}

bool rn_check_component(rn_arena *a, const rn_catalogue *catalogue, rn_kind kind, const char *name, const char *yaml,
                        rn_chosen *out, rn_diagnostics *d)
{
    const rn_param rows[] = {{.type = RN_PARAM_INLINE, .name = "type", .kind = kind}, RN_PARAMS_END};
    *out = (rn_chosen){0};
    return rn_check_text(a, catalogue, rows, name, yaml, out, d);
}
