#ifndef RUNNER_GRAPH_H
#define RUNNER_GRAPH_H
/* Building a graph. Errors are sticky: after the first one every call returns 0 and does nothing, so
 * building code has no checks; who began the graph asks once, at the end.
 *
 * A tensor is a number that means something in one graph alone; 0 is "failed before", and an absent
 * optional input. All floating tensors of a graph have one type, float32 or float64.
 * Thread safety: one thread per graph. */
#include <runner/param.h>
#include <runner/shape.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rn_graph rn_graph;
typedef int32_t rn_tensor;

/* Applies the op of that name: out[0 … n_out−1] become its outputs (0 after an error). in[i] = 0 is an
 * absent optional input. attr: a struct of the op's params_bytes, copied. n_out is the op's own.
 * The graph fails with RN_EPLUGIN (no such op), RN_EMISSING, RN_ETYPE, RN_ESHAPE (inputs that do not fit, what the op's
 * shape rule says), RN_EMEMORY. ops.h has a function for each built-in op. */
RN_API void rn_apply(rn_graph *g, const char *op, const void *attr, size_t attr_bytes, const rn_tensor *in,
                     int n_in, rn_tensor *out, int n_out);

/* Named inputs and outputs of the program. shape.type RN_NO_TYPE means the graph's own floating type. */
RN_API rn_tensor rn_graph_input(rn_graph *g, const char *name, rn_shape shape);
RN_API void rn_graph_output(rn_graph *g, const char *name, rn_tensor t);

/* How a parameter begins. Weights: evenly on ±√(3/fan_in) from a stream of the parameter's full name. */
typedef enum rn_init { RN_INIT_UNIFORM = 0, RN_INIT_ZERO, RN_INIT_ONE, RN_INIT_NORMAL /* N(0, 0.02²) */ } rn_init;

typedef struct rn_parameter_options {
    rn_init init;
    int64_t fan_in;  /* for RN_INIT_UNIFORM: inputs that one output adds up */
    int layout;      /* rn_layout of op.h */
} rn_parameter_options;

/* The parameter "<scope>.<name>", of a shape as in memory and of the graph's type. Several programs may ask for the same
 * one, and a graph may ask twice: it is one tensor, whose gradients add up. The graph fails with RN_ESHAPE where it is
 * known with another shape. */
RN_API rn_tensor rn_graph_parameter(rn_graph *g, const char *name, rn_shape shape, rn_parameter_options options);

/* Scopes name parameters and streams: "down.0.1" + "conv1.weight". Format as printf. At most 32 in one another, 511 bytes
 * in all (RN_ELIMIT). */
RN_API void rn_scope(rn_graph *g, const char *format, ...) RN_PRINTF(2, 3);
RN_API void rn_scope_end(rn_graph *g);

/* The stream of "<scope>.<name>", for ops that draw random numbers. */
RN_API uint32_t rn_scope_stream(rn_graph *g, const char *name);

/* Where in the spec the following nodes come from: errors carry it. {NULL, 0, 0}: nowhere. Returns what it
 * was before. */
RN_API rn_place rn_graph_at(rn_graph *g, rn_place place);

/* Makes the graph fail (unless it has failed before), with scope and place. */
RN_API void rn_graph_fail(rn_graph *g, rn_code code, const char *format, ...) RN_PRINTF(3, 4);
RN_API bool rn_graph_failed(const rn_graph *g);

/* After an error: a shape of rank 0. */
RN_API rn_shape rn_shape_of(const rn_graph *g, rn_tensor t);
RN_API rn_type rn_graph_type(const rn_graph *g); /* RN_F32 or RN_F64 */

/* Is the graph built for training (dropout draws) or for evaluation (dropout passes through)? */
RN_API bool rn_graph_training(const rn_graph *g);

/* The length of t's last axis; 0 after an error. */
static inline int64_t rn_channels(const rn_graph *g, rn_tensor t) { return rn_last(rn_shape_of(g, t)); }

#ifdef __cplusplus
}
#endif
#endif
