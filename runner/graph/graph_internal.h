#ifndef RN_GRAPH_GRAPH_INTERNAL_H
#define RN_GRAPH_GRAPH_INTERNAL_H
/* The graph as the rest of the runner sees it: nodes in the order in which they were built, which is an order
 * in which they can run. include/runner/graph.h has what layers and tasks see. */
#include "base/arena.h"
#include "plugin/registry.h"

/* --- parameters: one table, shared by all programs of a run ---------------------------------------- */

typedef struct rn_parameter {
    const char *name;
    rn_shape shape; /* as in memory */
    rn_parameter_options options;
    int64_t offset, count; /* in the flat array, in elements; offsets are multiples of 16 */
} rn_parameter;

typedef struct rn_parameters {
    rn_arena arena;
    rn_parameter *v;
    int64_t n, room;
    int64_t total;    /* elements of the flat array, with the gaps between parameters */
    int64_t elements; /* of the parameters alone: what people call the number of parameters */
    int32_t *slots;   /* hash table of names: index + 1, 0: free */
    int64_t n_slots;
} rn_parameters;

void rn_parameters_free(rn_parameters *p);
const rn_parameter *rn_parameters_find(const rn_parameters *p, const char *name); /* NULL: not there */

/* The parameter of that name, made if it is new. Errors: RN_ESHAPE if it is there with another shape. */
RN_NODISCARD bool rn_parameters_get(rn_parameters *p, const char *name, rn_shape shape, rn_parameter_options options,
                                    int64_t *index, rn_error *err);

/* First values for a seed: streams by parameter name, so that adding a block leaves the others as they were.
 * values: [total] of `type`, gaps become 0. */
void rn_parameters_init(const rn_parameters *p, uint32_t seed, rn_type type, void *values);

/* One parameter between the order in files ([out, in, kh, kw]) and that in memory. rank and dim: as in the
 * file. */
int rn_parameter_file_dims(const rn_parameter *p, int64_t dim[RN_MAX_RANK]);
void rn_parameter_to_file(const rn_parameter *p, const float *memory, float *file);
void rn_parameter_from_file(const rn_parameter *p, const float *file, float *memory);

/* --- the graph ------------------------------------------------------------------------------------- */

typedef enum rn_origin { RN_FROM_INPUT, RN_FROM_PARAMETER, RN_FROM_NODE } rn_origin;

typedef struct rn_tensor_info {
    rn_shape shape;
    rn_origin origin;
    int32_t index;  /* of the input, parameter or node */
    int16_t output; /* of the node */
    bool needs_gradient; /* depends on a parameter */
} rn_tensor_info;

typedef struct rn_graph_node {
    const rn_op *op;
    const void *attr;
    int n_in, n_out;
    rn_tensor in[RN_MAX_IN], out[RN_MAX_OUT];
    const char *scope;
    rn_place place;
    int32_t block; /* number of the layer that it is a part of, the outermost; 0: none */
} rn_graph_node;

typedef struct rn_named { const char *name; rn_tensor tensor; } rn_named;

struct rn_graph {
    rn_arena arena;
    const rn_registry *registry;
    rn_parameters *parameters;
    rn_type type;
    bool training, failed;
    rn_error error;
    rn_place place;
    rn_tensor_info *tensor; /* [n_tensors], number 0 is "none" */
    int64_t n_tensors, room_tensors;
    rn_graph_node *node;
    int64_t n_nodes, room_nodes;
    rn_named *input, *output;
    int64_t n_inputs, room_inputs, n_outputs, room_outputs;
    rn_tensor *gradient; /* [n_gradients] of parameter i; 0: none */
    int64_t n_gradients;
    int64_t n_forward; /* nodes that were there before differentiating */
    char scope[512];
    int scope_end[32];
    int depth;
    int32_t block, n_blocks; /* the block that is being built, or 0; how many there are */
};

/* A graph over a parameter table (borrowed; it grows). type: RN_F32 or RN_F64. NULL: no memory. */
rn_graph *rn_graph_open(const rn_registry *registry, rn_parameters *parameters, rn_type type, bool training);
void rn_graph_close(rn_graph *g);

/* False with the first error of building, if there was one. */
RN_NODISCARD bool rn_graph_check(const rn_graph *g, rn_error *err);

/* Puts ops that do a chain of others in one go (op.h, rn_fusion) in the place of such chains. Before differentiating;
 * tensors between the nodes of a chain are gone afterwards. */
void rn_graph_fuse(rn_graph *g);

/* Adds the nodes that compute the gradient of Σ over i of ⟨of[i], cotangent[i]⟩ (equal shapes; for a loss: [1], and
 * an input that is 1) with respect to every parameter that it depends on. The program writes them into the flat
 * gradient array, at the parameters' offsets. Once for a graph. */
void rn_graph_differentiate(rn_graph *g, int n, const rn_tensor *of, const rn_tensor *cotangent);

/* After differentiating and narrowing: cheap ops (op.h, RN_CHEAP) are run again for the backward nodes that read what they made, where
 * their inputs are kept until then in any case. The memory of a program is smaller, its bytes are the same. */
void rn_graph_recompute(rn_graph *g);
/* The same for whole blocks: one more forward pass, for activations of one block at a time beside what lies between blocks. */
void rn_graph_recompute_blocks(rn_graph *g);

/* In a float32 graph, after differentiating: activations and their gradients become bfloat16 where all ops that touch them say
 * that they may (op.h, narrow_in). Before recomputing, so that a copy has the type of what it is a copy of; its readers are
 * fewer, and by themselves might allow another. */
void rn_graph_narrow(rn_graph *g);

/* The call of a node as op rules and kernels see it; shapes are written to the two arrays. */
rn_call rn_node_call(const rn_graph *g, const rn_graph_node *node, rn_shape in[RN_MAX_IN], rn_shape out[RN_MAX_OUT]);

#endif
