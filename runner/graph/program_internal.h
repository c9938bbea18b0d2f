#ifndef RN_GRAPH_PROGRAM_INTERNAL_H
#define RN_GRAPH_PROGRAM_INTERNAL_H
/* What a compiled program holds: made by program.c, run by program_run.c, and nobody else's. */
#include "graph/memory.h"
#include "graph/step_node.h"

/* Where a tensor's memory is. Views have the storage of what they look at, and an offset. */
typedef enum where { NOWHERE, IN_ARENA, IN_PARAMETERS, IN_GRADIENTS } where;

typedef struct storage {
    where where;
    int32_t block;    /* IN_ARENA: of the plan */
    int64_t element;  /* offset in elements within the block, the parameters or the gradients */
} storage;

struct rn_program {
    const rn_graph *g;
    rn_arena arena;
    step_node *node;
    int64_t n_nodes;
    storage *storage; /* of each tensor */
    rn_block *block;
    int64_t n_blocks;
    size_t arena_bytes, thread_scratch_bytes, thread_scratch_offset, packed_bytes;
    int threads;
    unsigned cpu; /* rn_cpu_features(), which takes microseconds */
    bool timing;
    uint8_t *memory, *packed_memory;
    const rn_parameter_set *set;
    const rn_parameter_set *packed_set;
    uint64_t packed_version;
    void *gradients;
};

/* Gives a node (its call and cost are known) a kernel, as program_kernels.c says. Errors: RN_EPLUGIN, RN_EMEMORY. */
RN_NODISCARD bool rn_node_choose_kernel(rn_program *p, step_node *s, const rn_program_options *o, const char *device, rn_error *err);

#endif
