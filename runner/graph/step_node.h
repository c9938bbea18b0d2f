#ifndef RN_GRAPH_STEP_NODE_H
#define RN_GRAPH_STEP_NODE_H
/* A node of a program with its kernel: program_kernels.c makes it, program_run.c runs it, a chooser (program.h) times
 * several of them that differ in the kernel alone. */
#include "graph/program.h"

/* A node with bfloat16 in and out that a float32 kernel runs: on copies in scratch, as large as float32 is. */
typedef struct widened_call {
    rn_shape in_shape[RN_MAX_IN], out_shape[RN_MAX_OUT];
    size_t in_offset[RN_MAX_IN], out_offset[RN_MAX_OUT]; /* in the node's scratch */
    const void *in[RN_MAX_IN];                           /* what the kernel gets */
    void *out[RN_MAX_OUT];
} widened_call;

struct step_node {
    int32_t node; /* of the graph */
    unsigned parameters; /* bit k: input k is a parameter, of which a kernel may have a packed copy */
    bool repacked;       /* … which is made again for every run, since training moves parameters */
    const rn_kernel *kernel;
    rn_work work;
    rn_shape in_shape[RN_MAX_IN], out_shape[RN_MAX_OUT];
    rn_call call;        /* as the graph has it */
    rn_call kernel_call; /* as the kernel sees it: the same, or widened */
    widened_call *wide;       /* or NULL */
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
};

/* What a run of a node wants beside its tensors, aligned to 64 bytes. */
typedef struct node_scratch {
    uint8_t *own;          /* scratch_bytes */
    uint8_t *threads;      /* thread_bytes for each thread */
    size_t thread_bytes;   /* work.thread_scratch_bytes or more, a multiple of 64 */
} node_scratch;

/* Points the widened copies into `own`: whenever in[], out[] or the scratch have another place. */
void rn_node_find_copies(step_node *s, uint8_t *own);

/* Runs the node once: in[], out[] and packed[] are set. */
void rn_node_run(const step_node *s, const node_scratch *m, const rn_step *step);

static inline size_t rn_whole_lines(size_t bytes) { return (bytes + 63) / 64 * 64; }

/* Bytes from the first to the last element of a tensor (its rows may lie pitch elements apart). */
static inline size_t rn_span_bytes(rn_shape s)
{
    return s.rank ? ((size_t)(rn_rows(s) - 1) * (size_t)rn_pitch(s) + (size_t)rn_last(s)) * rn_type_bytes(s.type) : 0;
}

#endif
