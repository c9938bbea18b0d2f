#ifndef RN_SPEC_GROWING_H
#define RN_SPEC_GROWING_H
/* An array that grows in an arena. Elements move when it grows: keep indices, not pointers. Zero to begin. */
#include "base/arena.h"

#include <string.h>

typedef struct rn_growing { void *v; int64_t n, room; } rn_growing;

/* Room for one more element, zeroed; NULL: no memory. */
static inline void *rn_grow(rn_arena *a, rn_growing *g, size_t bytes)
{
    if (g->n == g->room) {
        const int64_t room = g->room ? 2 * g->room : 8;
        void *larger = rn_arena_array(a, (size_t)room, bytes);
        if (!larger)
            return NULL;
        if (g->n)
            memcpy(larger, g->v, (size_t)g->n * bytes);
        g->v = larger;
        g->room = room;
    }
    return (char *)g->v + (size_t)g->n++ * bytes;
}

#endif
