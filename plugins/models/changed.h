#ifndef MODELS_CHANGED_H
#define MODELS_CHANGED_H
/* A layer that a spec chose, with some of its parameters said elsewhere: a level's heads, a layout's channels. Any layer of
 * any plugin has its parameters in a table, so they can be set by name.
 * Thread safety: as graph.h. */
#include <runner/layer.h>

/* A copy of `from` whose parameters may be set; changed_free() frees them. Without memory the graph fails, and the copy
 * is of no layer (what NULL). */
rn_chosen changed_copy(rn_graph *g, const rn_chosen *from);
void changed_free(rn_chosen *copy);

/* Sets a whole number or a real one. Where the layer has no such parameter the graph fails, in words that begin with
 * `key`, the place in the spec that speaks of it. */
void changed_int(rn_graph *g, rn_chosen *copy, const char *key, const char *name, int64_t value);
void changed_real(rn_graph *g, rn_chosen *copy, const char *key, const char *name, double value);

#endif
