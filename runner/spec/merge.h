#ifndef RN_SPEC_MERGE_H
#define RN_SPEC_MERGE_H
/* Trees over trees: a base under a file, and overrides at paths. Trees are never changed: what differs is copied,
 * the rest is shared.
 * Thread safety: one thread per arena. */
#include "spec/tree.h"

/* One step of a path: a key, or an element of a list. */
typedef struct rn_path_step {
    const char *key; /* as written; digits for an element */
    int64_t index;   /* −1: only a key */
    rn_mark mark;
} rn_path_step;

/* "task.schedule.shift", "model.levels[2].channels" or "model.levels.2.channels". */
typedef struct rn_path {
    const rn_path_step *step;
    int n;
    rn_mark mark;
    const char *text; /* with brackets: two spellings of a path have one text */
} rn_path;

/* `mark` is that of the text. False: told. */
RN_NODISCARD bool rn_path_parse(rn_arena *a, const char *text, rn_mark mark, rn_path *path, rn_diagnostics *d);

typedef struct rn_merger {
    rn_arena *arena;
    rn_diagnostics *diagnostics;
    int layer; /* of the last merge: each is a layer of its own, above all before */
} rn_merger;

/* `over` (a file) upon `under` (its base): mappings are merged deeply, all else is replaced. NULL: no memory. */
const rn_node *rn_merge(rn_merger *m, const rn_node *under, const rn_node *over);

/* The overrides of a variant: like rn_merge, but keys may be paths, and a value at a path of several steps
 * replaces the node there. NULL: told. */
const rn_node *rn_override(rn_merger *m, const rn_node *root, const rn_node *overrides);

/* The value replaces the node at the path; what is missing on the way is made, a bare name on the way becomes a
 * mapping. NULL: told (an element that a list does not have). */
const rn_node *rn_patch(rn_merger *m, const rn_node *root, const rn_path *path, const rn_node *value);

/* The node at a path, NULL for none. */
const rn_node *rn_node_at(const rn_node *root, const rn_path *path);

/* The mapping without some of its keys (NULL-ended). */
const rn_node *rn_without(rn_arena *a, const rn_node *mapping, const char *const *keys);

/* Do two nodes say the same? Numbers are compared as numbers, mappings in any order. */
bool rn_node_equal(const rn_node *a, const rn_node *b);

#endif
