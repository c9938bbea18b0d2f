#ifndef RN_GRAPH_PROGRAM_INTERNAL_H
#define RN_GRAPH_PROGRAM_INTERNAL_H
/* What a compiled program holds: made by program.c, run by program_run.c, and nobody else's. */
#include "graph/memory.h"
#include "graph/program.h"

/* Where a tensor's memory is. Views have the storage of what they look at, and an offset. */
typedef enum where { NOWHERE, IN_ARENA, IN_PARAMETERS, IN_GRADIENTS } where;

typedef struct storage {
    where where;
    int32_t block;    /* IN_ARENA: of the plan */
    int64_t element;  /* offset in elements within the block, the parameters or the gradients */
} storage;

/* A node with bfloat16 in and out that a float32 kernel runs: on copies in scratch, as large as float32 is. */
typedef struct widened {
    rn_shape in_shape[RN_MAX_IN], out_shape[RN_MAX_OUT];
    size_t in_offset[RN_MAX_IN], out_offset[RN_MAX_OUT]; /* in the node's scratch */
    const void *in[RN_MAX_IN];                           /* what the kernel gets */
    void *out[RN_MAX_OUT];
} widened;

typedef struct step_node {
    int32_t node; /* of the graph */
    const rn_kernel *kernel;
    rn_work work;
    rn_shape in_shape[RN_MAX_IN], out_shape[RN_MAX_OUT];
    rn_call call;        /* as the graph has it */
    rn_call kernel_call; /* as the kernel sees it: the same, or widened */
    widened *wide;       /* or NULL */
    size_t scratch_bytes; /* the kernel's, then the widened copies */
    rn_cost cost;
    int32_t scratch_block; /* or −1 */
    bool serial;           /* too little to be worth waking other threads */
    const char *refusals, *label;
    const void *in[RN_MAX_IN];
    void *out[RN_MAX_OUT];
    const void *packed[RN_MAX_IN];
    size_t packed_offset[RN_MAX_IN];
    double seconds;
} step_node;

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
    bool timing;
    uint8_t *memory, *packed_memory;
    const rn_parameter_set *set;
    const rn_parameter_set *packed_set;
    uint64_t packed_version;
    void *gradients;
};

#endif
