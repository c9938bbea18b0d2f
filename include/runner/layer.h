#ifndef RUNNER_LAYER_H
#define RUNNER_LAYER_H
/* Layers: blocks composed of ops, with parameters. Besides the descriptor, this header has what makes
 * parameters: rn_conv2d(g, "conv1", x, …) and its kin name them "<scope>.conv1.weight" and so on, the very
 * names of checkpoints. Nobody writes a backward pass for a layer.
 * Thread safety: as graph.h. */
#include <runner/op.h>
#include <runner/ops.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a layer receives: absent tensors are 0. Grows at its end. */
typedef struct rn_layer_in {
    size_t bytes;      /* sizeof(rn_layer_in) of the caller */
    rn_tensor x;       /* [B, H, W, C] or [B, T, C] */
    rn_tensor cond;    /* [B, E]: what modulates every block */
    rn_tensor skip;    /* of x's height and width */
    rn_tensor context; /* [B, T', C'] */
    rn_tensor mask;    /* of the tensors the built-in models give x and cond alone */
    int64_t height, width; /* of the map whose pixels, row by row, the tokens x are; 0: not said */
} rn_layer_in;

typedef struct rn_layer {
    RN_COMPONENT_HEAD;
    /* What the layer makes of in->x: a map for a map, tokens for tokens. Parameters are named within the scope that the
     * model has opened. */
    rn_tensor (*build)(rn_graph *g, const void *params, const rn_layer_in *in);
    /* Undoes build (a stem's way back to pixels); NULL: it has none. `channels`: of the original. */
    rn_tensor (*inverse)(rn_graph *g, const void *params, rn_tensor x, int64_t channels);
    /* Channels that build() gives for an input of so many; NULL: as many as the parameter `channels` says
     * or, without one, as come in. Stems say it, so that a model knows what its last convolution must give. */
    int64_t (*channels)(const void *params, int64_t in);
    bool tokens; /* wants [B, T, C] (transformers); otherwise maps */
} rn_layer;

/* Builds a layer that a spec chose; errors get its place. */
RN_API rn_tensor rn_layer_build(rn_graph *g, const rn_chosen *layer, const rn_layer_in *in);

/* Channels that such a layer gives for an input of `in` channels, by the rule at rn_layer.channels. */
RN_API int64_t rn_layer_width(const rn_chosen *layer, int64_t in);

typedef struct rn_linear_options {
    int64_t channels; /* of the output */
    rn_init init;     /* of the weight; RN_INIT_ZERO: of the bias too (biases always begin at 0) */
} rn_linear_options;

/* x [.., C] → [.., channels], with "<name>.weight" [C, channels] and "<name>.bias". */
static inline rn_tensor rn_linear(rn_graph *g, const char *name, rn_tensor x, rn_linear_options o)
{
    const int64_t in = rn_channels(g, x);
    rn_scope(g, "%s", name);
    const rn_shape ws = {2, rn_graph_type(g), {in, o.channels}, 0}, bs = {1, rn_graph_type(g), {o.channels}, 0};
    const rn_parameter_options wo = {o.init, in, RN_LAYOUT_IO}, bo = {RN_INIT_ZERO, 0, RN_LAYOUT_FILE};
    const rn_tensor w = rn_graph_parameter(g, "weight", ws, wo), b = rn_graph_parameter(g, "bias", bs, bo);
    const rn_linear_attr attr = {false};
    const rn_tensor y = rn_op_linear(g, x, w, b, attr);
    rn_scope_end(g);
    return y;
}

typedef struct rn_conv2d_options {
    int64_t channels; /* of the output */
    int64_t kernel;   /* side; odd kernels are padded by kernel/2 */
    int64_t stride;   /* 0: 1 */
    rn_init init;
} rn_conv2d_options;

/* x [B, H, W, C] → [B, H', W', channels], with "<name>.weight" [kernel, kernel, C, channels] and "<name>.bias". With an
 * odd kernel and stride 1, H' = H and W' = W; even kernels are not padded. */
static inline rn_tensor rn_conv2d(rn_graph *g, const char *name, rn_tensor x, rn_conv2d_options o)
{
    const int64_t in = rn_channels(g, x), k = o.kernel;
    rn_scope(g, "%s", name);
    const rn_shape ws = {4, rn_graph_type(g), {k, k, in, o.channels}, 0}, bs = {1, rn_graph_type(g), {o.channels}, 0};
    const rn_parameter_options wo = {o.init, in * k * k, RN_LAYOUT_HWIO}, bo = {RN_INIT_ZERO, 0, RN_LAYOUT_FILE};
    const rn_tensor w = rn_graph_parameter(g, "weight", ws, wo), b = rn_graph_parameter(g, "bias", bs, bo);
    const rn_conv2d_attr attr = {o.stride ? o.stride : 1, k % 2 ? k / 2 : 0, k % 2 ? k / 2 : 0, 1};
    const rn_tensor y = rn_op_conv2d(g, x, w, b, attr);
    rn_scope_end(g);
    return y;
}

typedef struct rn_norm_options {
    double eps; /* added to the variance, inside the root */
} rn_norm_options;

/* x [B, .., C] → the same shape, with "<name>.weight" and "<name>.bias" [C]. Groups: the largest divisor of C that is not
 * above min(32, C/4), at least 1. */
static inline rn_tensor rn_group_norm(rn_graph *g, const char *name, rn_tensor x, rn_norm_options o)
{
    const int64_t c = rn_channels(g, x);
    int64_t groups = c / 4 < 32 ? c / 4 : 32;
    if (groups < 1)
        groups = 1;
    while (c > 0 && c % groups)
        groups--;
    rn_scope(g, "%s", name);
    const rn_shape s = {1, rn_graph_type(g), {c}, 0};
    const rn_parameter_options one = {RN_INIT_ONE, 0, RN_LAYOUT_FILE}, zero = {RN_INIT_ZERO, 0, RN_LAYOUT_FILE};
    const rn_tensor w = rn_graph_parameter(g, "weight", s, one), b = rn_graph_parameter(g, "bias", s, zero);
    const rn_group_norm_attr attr = {groups, o.eps};
    const rn_tensor y = rn_op_group_norm(g, x, w, b, attr);
    rn_scope_end(g);
    return y;
}

/* x [.., C] → the same shape, normalised over the last axis; parameters as those of rn_group_norm. */
static inline rn_tensor rn_layer_norm(rn_graph *g, const char *name, rn_tensor x, rn_norm_options o)
{
    rn_scope(g, "%s", name);
    const rn_shape s = {1, rn_graph_type(g), {rn_channels(g, x)}, 0};
    const rn_parameter_options one = {RN_INIT_ONE, 0, RN_LAYOUT_FILE}, zero = {RN_INIT_ZERO, 0, RN_LAYOUT_FILE};
    const rn_tensor w = rn_graph_parameter(g, "weight", s, one), b = rn_graph_parameter(g, "bias", s, zero);
    const rn_layer_norm_attr attr = {o.eps};
    const rn_tensor y = rn_op_layer_norm(g, x, w, b, attr);
    rn_scope_end(g);
    return y;
}

typedef struct rn_rms_norm_options {
    int64_t groups; /* runs of channels that are normalised each by itself: as many as heads, or 1 */
    double eps;     /* added to the mean square, inside the root */
} rn_rms_norm_options;

/* x [.., C] → the same shape, with "<name>.weight" [C/groups], which all groups share. */
static inline rn_tensor rn_rms_norm(rn_graph *g, const char *name, rn_tensor x, rn_rms_norm_options o)
{
    rn_scope(g, "%s", name);
    const rn_shape s = {1, rn_graph_type(g), {rn_channels(g, x) / (o.groups > 0 ? o.groups : 1)}, 0};
    const rn_parameter_options one = {RN_INIT_ONE, 0, RN_LAYOUT_FILE};
    const rn_rms_norm_attr attr = {o.groups, o.eps};
    const rn_tensor y = rn_op_rms_norm(g, x, rn_graph_parameter(g, "weight", s, one), attr);
    rn_scope_end(g);
    return y;
}

/* Rows of a table "<name>.weight" [rows, channels], begun at N(0, 0.02²). index [n], int32 → [n, channels]. */
static inline rn_tensor rn_embedding(rn_graph *g, const char *name, rn_tensor index, int64_t rows, int64_t channels)
{
    rn_scope(g, "%s", name);
    const rn_shape s = {2, rn_graph_type(g), {rows, channels}, 0};
    const rn_parameter_options o = {RN_INIT_NORMAL, 0, RN_LAYOUT_FILE};
    const rn_tensor y = rn_op_embedding(g, rn_graph_parameter(g, "weight", s, o), index);
    rn_scope_end(g);
    return y;
}

/* Draws in training graphs, passes x through elsewhere and where rate is 0. The stream is the scope's. */
static inline rn_tensor rn_dropout(rn_graph *g, rn_tensor x, double rate)
{
    if (rate == 0 || !rn_graph_training(g))
        return x;
    const rn_dropout_attr attr = {rate, rn_scope_stream(g, "dropout")};
    return rn_op_dropout(g, x, 0, attr);
}

static inline rn_tensor rn_silu(rn_graph *g, rn_tensor x) { return rn_op_silu(g, x); }
static inline rn_tensor rn_add(rn_graph *g, rn_tensor a, rn_tensor b) { return rn_op_add(g, a, b); }
static inline rn_tensor rn_film(rn_graph *g, rn_tensor x, rn_tensor scale, rn_tensor offset)
{
    return rn_op_film(g, x, scale, offset);
}
static inline rn_tensor rn_channel_range(rn_graph *g, rn_tensor x, int64_t begin, int64_t end)
{
    return rn_op_channel_range(g, x, begin, end);
}

/* A map [B, H, W, C] as tokens [B, H·W, C], and back. */
static inline rn_tensor rn_tokens(rn_graph *g, rn_tensor map)
{
    const rn_shape s = rn_shape_of(g, map);
    const rn_reshape_attr attr = {3, {s.dim[0], s.dim[1] * s.dim[2], s.dim[3]}};
    return rn_op_reshape(g, map, attr);
}
static inline rn_tensor rn_map(rn_graph *g, rn_tensor tokens, int64_t height, int64_t width)
{
    const rn_shape s = rn_shape_of(g, tokens);
    const rn_reshape_attr attr = {4, {s.dim[0], height, width, s.dim[2]}};
    return rn_op_reshape(g, tokens, attr);
}

#ifdef __cplusplus
}
#endif
#endif
