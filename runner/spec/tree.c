#include "spec/tree.h"

#include "base/file.h"
#include "spec/growing.h"
#include "spec/scalar.h"

#include <string.h>
#include <yaml.h>

/* libyaml's own document loader takes time with the square of the nesting (200 KB of '[': two minutes), so
 * the tree is built from its events, and no deeper than RN_TREE_DEPTH. */

typedef struct anchor {
    const char *name;
    const rn_node *node; /* NULL while it is being read */
    int64_t nodes;       /* in it, aliases expanded */
    int depth;
} anchor;

typedef struct builder {
    rn_arena *arena;
    const rn_source *source;
    rn_diagnostics *diagnostics;
    yaml_parser_t parser;
    size_t begin; /* byte and code point of the text at which the parser began */
    int begin_points;
    anchor *anchors;
    int n_anchors;
    int64_t aliased; /* nodes that aliases stand for */
} builder;

/* What a subtree costs where it is used again. */
typedef struct built {
    const rn_node *node; /* NULL: stop, the error is told */
    int64_t nodes;
    int depth;
} built;

static const built stop = {NULL, 0, 0};

uint32_t rn_tree_hash(const char *key)
{
    uint32_t h = 2166136261u;
    for (; *key; key++)
        h = (h ^ (unsigned char)*key) * 16777619u;
    return h;
}

const rn_entry *rn_tree_entry(const rn_node *mapping, const char *key)
{
    if (!mapping || mapping->kind != RN_NODE_MAPPING)
        return NULL;
    const uint32_t hash = rn_tree_hash(key);
    for (int64_t i = 0; i < mapping->n; i++)
        if (mapping->entry[i].hash == hash && strcmp(mapping->entry[i].key, key) == 0)
            return &mapping->entry[i];
    return NULL;
}

bool rn_node_is_none(const rn_node *n)
{
    return n->kind == RN_NODE_SCALAR && n->plain && rn_scalar_is_none(n->text);
}

bool rn_node_is_empty(const rn_node *n) { return n->kind == RN_NODE_SCALAR && n->plain && n->text[0] == '\0'; }

const char *rn_node_shown(rn_arena *a, const rn_node *n)
{
    if (n->kind != RN_NODE_SCALAR)
        return n->kind == RN_NODE_MAPPING ? "a mapping" : "a list";
    if (rn_node_is_empty(n))
        return "an empty value";
    double number;
    if (!n->plain && rn_scalar_real(n->text, &number) == RN_NUMBER_OK)
        return rn_arena_print(a, "the quoted text %s", rn_shown(a, n->text));
    return rn_shown(a, n->text);
}

static rn_mark mark_of(const builder *b, yaml_mark_t begin, yaml_mark_t end)
{
    if (b->source->kind != RN_SOURCE_FILE) { /* one line, whatever it holds */
        const int width = (int)(end.index - begin.index);
        return (rn_mark){b->source, 1, b->begin_points + (int)begin.index + 1, width > 0 ? width : 1};
    }
    const int width = begin.line == end.line ? (int)(end.column - begin.column) : 1;
    return (rn_mark){b->source, (int)begin.line + 1, (int)begin.column + 1, width > 0 ? width : 1};
}

static rn_mark event_mark(const builder *b, const yaml_event_t *e, bool token)
{
    return mark_of(b, e->start_mark, token ? e->end_mark : e->start_mark);
}

static void complain(builder *b, rn_code code, rn_mark mark, const char *text)
{
    rn_diagnose(b->diagnostics, (rn_about){.code = code, .mark = mark}, "%s", text);
}

/* libyaml's own words, with the place that it means. */
static void parser_error(builder *b)
{
    const yaml_parser_t *p = &b->parser;
    rn_mark mark;
    if (p->error == YAML_MEMORY_ERROR) {
        b->arena->exhausted = true;
        return;
    }
    if (p->error == YAML_READER_ERROR)
        mark = rn_source_mark(b->source, b->begin + p->problem_offset);
    else
        mark = mark_of(b, p->problem_mark, p->problem_mark);
    const char *problem = p->problem ? p->problem : "a syntax error";
    const rn_about about = {.code = RN_ESYNTAX, .mark = mark};
    if (p->context && p->error == YAML_SCANNER_ERROR)
        rn_diagnose(b->diagnostics, about, "no YAML: %s (%s)", problem, p->context);
    else if (p->context)
        rn_diagnose(b->diagnostics, about, "no YAML: %s (%s that begins in line %zu)", problem, p->context,
                    p->context_mark.line + 1);
    else
        rn_diagnose(b->diagnostics, about, "no YAML: %s", problem);
}

static bool next(builder *b, yaml_event_t *e)
{
    if (yaml_parser_parse(&b->parser, e))
        return true;
    parser_error(b);
    return false;
}

static anchor *find_anchor(builder *b, const char *name)
{
    for (int i = b->n_anchors - 1; i >= 0; i--) /* the last one of a name counts */
        if (strcmp(b->anchors[i].name, name) == 0)
            return &b->anchors[i];
    return NULL;
}

/* Notes an anchor as being read. −1: there was none; −2: stop. */
static int open_anchor(builder *b, const yaml_char_t *name, rn_mark mark)
{
    if (!name)
        return -1;
    if (b->n_anchors == RN_TREE_ANCHORS) {
        rn_diagnose(b->diagnostics, (rn_about){.code = RN_ELIMIT, .mark = mark}, "more than %d anchors", RN_TREE_ANCHORS);
        return -2;
    }
    if (!b->anchors)
        b->anchors = rn_arena_array(b->arena, RN_TREE_ANCHORS, sizeof *b->anchors);
    const char *copy = rn_arena_text(b->arena, (const char *)name);
    if (!b->anchors || !copy)
        return -2;
    b->anchors[b->n_anchors] = (anchor){.name = copy};
    return b->n_anchors++;
}

static void close_anchor(builder *b, int index, built done)
{
    if (index >= 0)
        b->anchors[index] = (anchor){b->anchors[index].name, done.node, done.nodes, done.depth};
}

static built build_alias(builder *b, const yaml_event_t *e, int depth)
{
    const rn_mark mark = event_mark(b, e, true);
    const char *name = (const char *)e->data.alias.anchor;
    const anchor *a = find_anchor(b, name);
    const rn_about unknown = {.code = RN_ESYNTAX, .mark = mark}, limit = {.code = RN_ELIMIT, .mark = mark};
    if (!a || !a->node) {
        rn_diagnose(b->diagnostics, unknown, a ? "alias '*%s' stands inside of its own anchor" : "no anchor '&%s' before this alias", name);
        return stop;
    }
    b->aliased += a->nodes;
    if (b->aliased > RN_TREE_NODES) {
        rn_diagnose(b->diagnostics, limit, "aliases stand for more than %d values", RN_TREE_NODES);
        return stop;
    }
    if (depth + a->depth > RN_TREE_DEPTH) {
        rn_diagnose(b->diagnostics, limit, "nested deeper than %d levels", RN_TREE_DEPTH);
        return stop;
    }
    return (built){a->node, a->nodes, a->depth};
}

/* YAML's own tags only say how a scalar is to be read; others are for programs that know them. */
static const struct { const char *name; int plain; } tags[] = {
    {YAML_STR_TAG, 0}, {"!", 0}, {YAML_INT_TAG, 1}, {YAML_FLOAT_TAG, 1}, {YAML_BOOL_TAG, 1}, {YAML_NULL_TAG, 1},
    {YAML_MAP_TAG, -1}, {YAML_SEQ_TAG, -1},
};

/* Is the scalar plain, its tag considered? An unknown tag is told and ignored. */
static bool plain_by_tag(builder *b, const yaml_char_t *tag, rn_mark mark, bool plain)
{
    if (!tag)
        return plain;
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        if (strcmp((const char *)tag, tags[i].name) == 0)
            return tags[i].plain < 0 ? plain : tags[i].plain;
    rn_diagnose(b->diagnostics, (rn_about){.code = RN_ESYNTAX, .mark = mark}, "unknown tag %s; values need no tags",
                rn_shown(b->arena, (const char *)tag));
    return plain;
}

static rn_node *new_node(builder *b, rn_node_kind kind, rn_mark mark)
{
    rn_node *n = rn_arena_alloc(b->arena, sizeof *n);
    if (n)
        *n = (rn_node){.kind = kind, .mark = mark, .text = "", .plain = kind == RN_NODE_SCALAR};
    return n;
}

static built build_scalar(builder *b, const yaml_event_t *e)
{
    const rn_mark mark = event_mark(b, e, true);
    if (memchr(e->data.scalar.value, 0, e->data.scalar.length)) {
        complain(b, RN_ESYNTAX, mark, "a NUL character in a text");
        return stop;
    }
    rn_node *n = new_node(b, RN_NODE_SCALAR, mark);
    if (!n)
        return stop;
    n->text = rn_arena_text_n(b->arena, (const char *)e->data.scalar.value, e->data.scalar.length);
    n->plain = plain_by_tag(b, e->data.scalar.tag, mark, e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE);
    return n->text ? (built){n, 1, 1} : stop;
}

static built build(builder *b, yaml_event_t *e, int depth);

static built build_sequence(builder *b, rn_node *n, int depth)
{
    rn_growing items = {0};
    built all = {n, 1, 1};
    for (;;) {
        yaml_event_t e;
        if (!next(b, &e))
            return stop;
        if (e.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&e);
            break;
        }
        const built item = build(b, &e, depth + 1);
        yaml_event_delete(&e);
        const rn_node **place = item.node ? rn_grow(b->arena, &items, sizeof *place) : NULL;
        if (!place)
            return stop;
        *place = item.node;
        all.nodes += item.nodes;
        all.depth = item.depth + 1 > all.depth ? item.depth + 1 : all.depth;
    }
    n->item = items.v;
    n->n = items.n;
    return all;
}

static const rn_entry *entry_in(const rn_growing *entries, const char *key, uint32_t hash)
{
    const rn_entry *v = entries->v;
    for (int64_t i = 0; i < entries->n; i++)
        if (v[i].hash == hash && strcmp(v[i].key, key) == 0)
            return &v[i];
    return NULL;
}

/* `<<: *common` or `<<: [*a, *b]`: keys that stand in none before are added. */
static bool merge_key(builder *b, rn_growing *entries, const rn_node *from, rn_mark mark)
{
    if (from->kind == RN_NODE_SEQUENCE) {
        for (int64_t i = 0; i < from->n; i++)
            if (from->item[i]->kind != RN_NODE_MAPPING || !merge_key(b, entries, from->item[i], mark)) {
                complain(b, RN_ETYPE, mark, "'<<' takes a mapping or a list of mappings");
                return false;
            }
        return true;
    }
    if (from->kind != RN_NODE_MAPPING) {
        complain(b, RN_ETYPE, mark, "'<<' takes a mapping or a list of mappings");
        return true; /* told; the rest can be read */
    }
    for (int64_t i = 0; i < from->n; i++) {
        if (entry_in(entries, from->entry[i].key, from->entry[i].hash))
            continue;
        rn_entry *place = rn_grow(b->arena, entries, sizeof *place);
        if (!place)
            return false;
        *place = from->entry[i];
    }
    return true;
}

/* The key that an event holds; NULL: stop. */
static const char *build_key(builder *b, const yaml_event_t *e)
{
    const rn_mark mark = event_mark(b, e, true);
    if (e->type == YAML_SCALAR_EVENT && memchr(e->data.scalar.value, 0, e->data.scalar.length) == NULL)
        return rn_arena_text_n(b->arena, (const char *)e->data.scalar.value, e->data.scalar.length);
    complain(b, RN_ESYNTAX, mark, e->type == YAML_SCALAR_EVENT ? "a NUL character in a key" : "a key must be a word");
    return NULL;
}

static built build_mapping(builder *b, rn_node *n, int depth)
{
    rn_growing entries = {0};
    const rn_node *merged = NULL;
    rn_mark merged_mark = {0};
    built all = {n, 1, 1};
    for (;;) {
        yaml_event_t e;
        if (!next(b, &e))
            return stop;
        if (e.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&e);
            break;
        }
        const rn_mark mark = event_mark(b, &e, true);
        const char *key = build_key(b, &e);
        const bool is_merge = key && strcmp(key, "<<") == 0 && e.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
        yaml_event_delete(&e);
        if (!key || !next(b, &e))
            return stop;
        const built value = build(b, &e, depth + 1);
        yaml_event_delete(&e);
        if (!value.node)
            return stop;
        all.nodes += value.nodes;
        all.depth = value.depth + 1 > all.depth ? value.depth + 1 : all.depth;

        const uint32_t hash = rn_tree_hash(key);
        const rn_entry *first = entry_in(&entries, key, hash);
        if (first || (is_merge && merged)) {
            const rn_mark before = first ? first->mark : merged_mark;
            rn_diagnose(b->diagnostics, (rn_about){.code = RN_EDUPLICATE, .mark = mark, .path = key},
                        "the key is there twice, first in line %d, column %d", before.line, before.column);
        } else if (is_merge) {
            merged = value.node;
            merged_mark = mark;
        } else if (entries.n == RN_TREE_KEYS) {
            rn_diagnose(b->diagnostics, (rn_about){.code = RN_ELIMIT, .mark = mark}, "more than %d keys", RN_TREE_KEYS);
            return stop;
        } else {
            rn_entry *place = rn_grow(b->arena, &entries, sizeof *place);
            if (!place)
                return stop;
            *place = (rn_entry){.key = key, .hash = hash, .mark = mark, .value = value.node};
        }
    }
    if (merged && !merge_key(b, &entries, merged, merged_mark))
        return stop;
    n->entry = entries.v;
    n->n = entries.n;
    return all;
}

/* The node that begins with the event. Recursion is as deep as the nesting, at most RN_TREE_DEPTH. */
static built build(builder *b, yaml_event_t *e, int depth)
{
    if (e->type == YAML_ALIAS_EVENT)
        return build_alias(b, e, depth);
    const bool scalar = e->type == YAML_SCALAR_EVENT, mapping = e->type == YAML_MAPPING_START_EVENT;
    const rn_mark mark = event_mark(b, e, scalar);
    if (depth > RN_TREE_DEPTH) {
        rn_diagnose(b->diagnostics, (rn_about){.code = RN_ELIMIT, .mark = mark}, "nested deeper than %d levels", RN_TREE_DEPTH);
        return stop;
    }
    const int index = open_anchor(b, scalar    ? e->data.scalar.anchor
                                     : mapping ? e->data.mapping_start.anchor
                                               : e->data.sequence_start.anchor, mark);
    if (index == -2)
        return stop;
    built done;
    if (scalar) {
        done = build_scalar(b, e);
    } else {
        plain_by_tag(b, mapping ? e->data.mapping_start.tag : e->data.sequence_start.tag, mark, false);
        rn_node *n = new_node(b, mapping ? RN_NODE_MAPPING : RN_NODE_SEQUENCE, mark);
        done = !n ? stop : mapping ? build_mapping(b, n, depth) : build_sequence(b, n, depth);
    }
    close_anchor(b, index, done);
    return done;
}

static const rn_node *build_document(builder *b, bool document)
{
    yaml_event_t e;
    const rn_node *root = NULL;
    if (!next(b, &e)) /* the stream starts */
        return NULL;
    yaml_event_delete(&e);
    if (!next(b, &e))
        return NULL;
    const bool empty = e.type == YAML_STREAM_END_EVENT;
    const rn_mark mark = event_mark(b, &e, false);
    yaml_event_delete(&e);
    if (empty) {
        if (!document)
            return new_node(b, RN_NODE_SCALAR, mark);
        complain(b, RN_EMISSING, (rn_mark){b->source, 1, 1, 1}, "the file is empty: nothing but blanks and comments");
        return NULL;
    }
    if (!next(b, &e))
        return NULL;
    root = build(b, &e, 1).node;
    yaml_event_delete(&e);
    if (!root || !next(b, &e)) /* the document ends */
        return NULL;
    yaml_event_delete(&e);
    if (!next(b, &e))
        return NULL;
    const bool more = e.type != YAML_STREAM_END_EVENT;
    const rn_mark second = event_mark(b, &e, false);
    yaml_event_delete(&e);
    if (more) {
        complain(b, RN_ESYNTAX, second, "a second document: a spec is one");
        return NULL;
    }
    return root;
}

const rn_node *rn_tree_parse(rn_arena *a, const rn_source *source, size_t begin, bool document,
                             rn_diagnostics *d)
{
    builder b = {.arena = a, .source = source, .diagnostics = d, .begin = begin,
                 .begin_points = rn_code_points(source->text, begin)};
    if (!yaml_parser_initialize(&b.parser)) {
        yaml_parser_delete(&b.parser);
        a->exhausted = true;
        return NULL;
    }
    yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&b.parser, (const unsigned char *)source->text + begin, source->bytes - begin);
    const rn_node *root = build_document(&b, document);
    yaml_parser_delete(&b.parser);
    return root;
}

/* What no YAML parser need be asked about. */
static bool readable(const rn_source *s, rn_diagnostics *d)
{
    const unsigned char *p = (const unsigned char *)s->text;
    rn_about about = {.code = RN_ESYNTAX, .mark = {s, 1, 1, 1}};
    if (s->bytes >= 2 && ((p[0] == 0xff && p[1] == 0xfe) || (p[0] == 0xfe && p[1] == 0xff)))
        return rn_diagnose(d, about, "the file is UTF-16; save it as UTF-8");
    const unsigned char *nul = memchr(p, 0, s->bytes);
    if (nul) {
        about.mark = rn_source_mark(s, (size_t)(nul - p));
        return rn_diagnose(d, about, "a NUL byte: the file is no UTF-8 text");
    }
    return true;
}

const rn_node *rn_tree_read(rn_arena *a, const char *path, rn_mark named, rn_diagnostics *d)
{
    uint8_t *data;
    size_t bytes;
    rn_error err;
    rn_source *s = rn_arena_alloc(a, sizeof *s);
    if (!s)
        return NULL;
    if (!rn_file_read(a, path, RN_TREE_BYTES, &data, &bytes, &err)) {
        /* of the spec, not of the environment: it was the spec or the command line that named the file */
        rn_diagnose(d, (rn_about){.code = err.code == RN_EIO ? RN_EUSAGE : err.code, .mark = named}, "%s", err.text);
        return NULL;
    }
    const size_t mark_bytes = bytes >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    *s = (rn_source){.kind = RN_SOURCE_FILE, .name = rn_arena_text(a, path), .folder = rn_folder_of(a, path),
                     .text = (const char *)data + mark_bytes, .bytes = bytes - mark_bytes};
    if (!s->name || !s->folder || !readable(s, d))
        return NULL;
    return rn_tree_parse(a, s, 0, true, d);
}
