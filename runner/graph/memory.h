#ifndef RN_GRAPH_MEMORY_H
#define RN_GRAPH_MEMORY_H
/* Laying blocks with lifetimes into one arena. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct rn_block {
    size_t bytes;
    int32_t first, last; /* alive from step `first` to step `last`, both included */
    size_t offset;       /* out; a multiple of 64 */
} rn_block;

/* Gives every block an offset so that blocks alive at the same step do not overlap: largest first, each in the
 * lowest gap where it fits. *total: bytes of the arena. False: no memory for the plan itself. */
bool rn_memory_plan(rn_block *block, int64_t n, size_t *total);

#endif
