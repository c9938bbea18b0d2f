#ifndef RN_SPEC_CATALOGUE_H
#define RN_SPEC_CATALOGUE_H
/* The components that a spec may choose from, as spec/ sees them: the registry of plugins lies above it and is
 * handed down through these functions.
 * Thread safety: that of what `context` is. */
#include <runner/param.h>

typedef struct rn_catalogue {
    void *context;
    const rn_component *(*find)(void *context, rn_kind kind, const char *name); /* NULL: nobody offers it */
    int (*count)(void *context, rn_kind kind);
    const rn_component *(*at)(void *context, rn_kind kind, int i);
    const char *(*kind_name)(rn_kind kind); /* "layer", "data set" … for messages */
    const char *const *searched;            /* folders and files where plugins were looked for */
    int n_searched;
} rn_catalogue;

#endif
