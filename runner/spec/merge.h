#ifndef RN_SPEC_MERGE_H
#define RN_SPEC_MERGE_H
/* Layers of a spec upon one another: default < base < file < variant < vary < --set. Trees are constant; what a
 * layer changes is made new, the rest is shared. Every key remembers what it held before.
 * Thread safety: one thread per arena. */
#include "spec/tree.h"

/* Layers above those of files, which count from 0 (the innermost base). */
enum { RN_LAYER_VARIANT = 1000, RN_LAYER_VARY = 1001, RN_LAYER_SET = 1002 };

/* upper upon lower: mappings are merged deeply, all else is replaced. Either may be NULL. */
const rn_node *rn_tree_merge(rn_arena *a, const rn_node *lower, const rn_node *upper);

/* root with the node at a path ("train.steps", "model.levels[2].channels", "model.levels.2.channels") replaced. Keys
 * that are not there are made; a bare name on the way becomes a mapping. Errors (at mark): an empty or broken path,
 * an element that a list does not have. Returns root then. */
const rn_node *rn_tree_set(rn_arena *a, const rn_node *root, const char *path, const rn_node *value, int layer,
                           rn_mark mark, rn_diagnostics *d);

/* root without a key. */
const rn_node *rn_tree_without(rn_arena *a, const rn_node *root, const char *key);

/* Do two trees say the same? Scalars by their number where both are numbers. */
bool rn_tree_equal(const rn_node *x, const rn_node *y);

#endif
