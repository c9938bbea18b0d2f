#ifndef RN_SPEC_TREE_H
#define RN_SPEC_TREE_H
/* YAML text → a tree in which every key and value keeps its place. What the text may hold is bounded (nesting,
 * size, aliases), so that a hostile file costs no more than an honest one. Nodes are constant once made, so
 * aliases and merged trees share them.
 * Thread safety: one thread per arena. */
#include "spec/diagnostics.h"

enum {
    RN_TREE_DEPTH = 64,
    RN_TREE_BYTES = 1 << 20,
    RN_TREE_NODES = 100000,    /* that aliases stand for */
    RN_TREE_ANCHORS = 1000,
    RN_TREE_KEYS = 20000,      /* of one mapping */
};

typedef enum rn_node_kind { RN_NODE_SCALAR, RN_NODE_MAPPING, RN_NODE_SEQUENCE } rn_node_kind;

typedef struct rn_node rn_node;

/* A key and its value. A key that a later layer (base < file < variant < vary < --set) set again remembers what
 * it held before. Layers are counted by the merger; what was parsed and never merged is of layer 0. */
typedef struct rn_entry {
    const char *key;
    uint32_t hash;
    int layer;
    rn_mark mark; /* of the key */
    const rn_node *value;
    const struct rn_entry *before; /* NULL: set once */
} rn_entry;

struct rn_node {
    rn_node_kind kind;
    bool plain; /* a scalar without quotes: may be a number, true, none … */
    rn_mark mark;
    const char *text;       /* of a scalar, without NUL bytes inside */
    rn_entry *entry;        /* [n] of a mapping */
    const rn_node *const *item; /* [n] of a sequence */
    int64_t n;
    const rn_node *bare; /* of a mapping that was a bare name before a deeper key was set: that name */
    int bare_layer;      /* which layer said it */
};

/* Reads and parses a file. `named` is where it was named (base: …), zeroed for the command line. NULL where
 * nothing can be made of it; duplicate keys and unknown tags are reported and the rest is still read. */
const rn_node *rn_tree_read(rn_arena *a, const char *path, rn_mark named, rn_diagnostics *d);

/* Parses source->text from byte `begin`. An empty text is an empty scalar unless `document` is set. */
const rn_node *rn_tree_parse(rn_arena *a, const rn_source *source, size_t begin, bool document,
                             rn_diagnostics *d);

/* The entry of a key, NULL for none or where the node is no mapping. */
const rn_entry *rn_tree_entry(const rn_node *mapping, const char *key);

uint32_t rn_tree_hash(const char *key);

/* A plain none, null, ~ or nothing at all. */
bool rn_node_is_none(const rn_node *n);

/* Written without a value: `key:`. */
bool rn_node_is_empty(const rn_node *n);

/* "a list", "a mapping", "the number '3'" …, for messages. */
const char *rn_node_shown(rn_arena *a, const rn_node *n);

#endif
