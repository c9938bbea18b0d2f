#ifndef RUNNER_OPS_H
#define RUNNER_OPS_H
/* The built-in ops: for each the struct of its attributes and a builder. Definitions are those of the
 * literature; B, H, W, C: batch, height, width, channels; T tokens. The ops themselves are plugins
 * (plugins/ops/), found by name when a graph is built. */
#include <runner/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

static inline rn_tensor rn_apply1(rn_graph *g, const char *op, const void *attr, size_t attr_bytes,
                                  const rn_tensor *in, int n_in)
{
    rn_tensor y = 0;
    rn_apply(g, op, attr, attr_bytes, in, n_in, &y, 1);
    return y;
}

/* --- products ------------------------------------------------------------------------------------- */

/* x [B, H, W, C], w in memory [kh, kw, C/groups, O], b [O] or absent → y [B, H', W', O]: correlation, zero
 * padding, H' = (H + 2·ph − kh)/stride + 1 rounded down. */
typedef struct rn_conv2d_attr {
    int64_t stride, pad_h, pad_w, groups;
} rn_conv2d_attr;
static inline rn_tensor rn_op_conv2d(rn_graph *g, rn_tensor x, rn_tensor w, rn_tensor b, rn_conv2d_attr attr)
{
    const rn_tensor in[] = {x, w, b};
    return rn_apply1(g, "conv2d", &attr, sizeof attr, in, 3);
}

/* The gradients of conv2d: with respect to x (dy [B, H', W', O], w → [B, height, width, C]) … */
typedef struct rn_conv2d_dx_attr {
    rn_conv2d_attr conv;
    int64_t height, width;
} rn_conv2d_dx_attr;
static inline rn_tensor rn_op_conv2d_dx(rn_graph *g, rn_tensor dy, rn_tensor w, rn_conv2d_dx_attr attr)
{
    const rn_tensor in[] = {dy, w};
    return rn_apply1(g, "conv2d_dx", &attr, sizeof attr, in, 2);
}

/* … and to w (x, dy → [kh, kw, C/groups, O]). */
typedef struct rn_conv2d_dw_attr {
    rn_conv2d_attr conv;
    int64_t kernel_h, kernel_w;
} rn_conv2d_dw_attr;
static inline rn_tensor rn_op_conv2d_dw(rn_graph *g, rn_tensor x, rn_tensor dy, rn_conv2d_dw_attr attr)
{
    const rn_tensor in[] = {x, dy};
    return rn_apply1(g, "conv2d_dw", &attr, sizeof attr, in, 2);
}

/* x [.., in], w in memory [in, out] (or [out, in] with transposed), b [out] or absent → y [.., out]. */
typedef struct rn_linear_attr {
    bool transposed;
} rn_linear_attr;
static inline rn_tensor rn_op_linear(rn_graph *g, rn_tensor x, rn_tensor w, rn_tensor b, rn_linear_attr attr)
{
    const rn_tensor in[] = {x, w, b};
    return rn_apply1(g, "linear", &attr, sizeof attr, in, 3);
}

/* The gradient of linear with respect to w: x [.., in], dy [.., out] → xᵀ·dy over all rows, [in, out]. */
static inline rn_tensor rn_op_linear_dw(rn_graph *g, rn_tensor x, rn_tensor dy)
{
    const rn_tensor in[] = {x, dy};
    return rn_apply1(g, "linear_dw", NULL, 0, in, 2);
}

/* a [B, M, K] (ta: [B, K, M]), b [B, K, N] (tb: [B, N, K]) → [B, M, N]. */
typedef struct rn_matmul_attr {
    bool ta, tb;
} rn_matmul_attr;
static inline rn_tensor rn_op_matmul(rn_graph *g, rn_tensor a, rn_tensor b, rn_matmul_attr attr)
{
    const rn_tensor in[] = {a, b};
    return rn_apply1(g, "matmul", &attr, sizeof attr, in, 2);
}

/* q [B, Tq, C], k, v [B, Tk, C] → y = softmax(q kᵀ/√D)·v for each head, channel = head·D + d, and
 * lse [B, heads, Tq], the logarithm of each softmax's sum (with its maximum), which the gradient needs. */
typedef struct rn_attention_attr {
    int64_t heads;
} rn_attention_attr;
static inline rn_tensor rn_op_attention(rn_graph *g, rn_tensor q, rn_tensor k, rn_tensor v, rn_attention_attr attr)
{
    const rn_tensor in[] = {q, k, v};
    rn_tensor out[2] = {0, 0};
    rn_apply(g, "attention", &attr, sizeof attr, in, 3, out, 2);
    return out[0];
}
/* attention_grad: q, k, v, y, lse, dy → dq, dk, dv (same attributes). */

/* Positions as rotations: x [B, height·width, C], tokens row by row → the same shape. The first half of the channels of a
 * head is turned by the row, the second by the column; the pair (p, D/4 + p) of a half by position·base^(−p/(D/4)). */
typedef struct rn_rope_attr {
    int64_t heads, height, width;
    double base;
    bool back; /* the other way: the transpose */
} rn_rope_attr;
static inline rn_tensor rn_op_rope(rn_graph *g, rn_tensor x, rn_rope_attr attr)
{
    return rn_apply1(g, "rope", &attr, sizeof attr, &x, 1);
}

/* --- normalisation --------------------------------------------------------------------------------- */

/* x [B, .., C], w, b [C] or both absent → y, and mean, rstd [B, groups]. Biased variance, eps inside the
 * root; a group is a run of C/groups channels over all pixels of an image. */
typedef struct rn_group_norm_attr {
    int64_t groups;
    double eps;
} rn_group_norm_attr;
static inline rn_tensor rn_op_group_norm(rn_graph *g, rn_tensor x, rn_tensor w, rn_tensor b, rn_group_norm_attr attr)
{
    const rn_tensor in[] = {x, w, b};
    rn_tensor out[3] = {0, 0, 0};
    rn_apply(g, "group_norm", &attr, sizeof attr, in, 3, out, 3);
    return out[0];
}
/* group_norm_grad: x, w (or absent), mean, rstd, dy → dx, dw [C], db [C] (same attributes). */

/* x [.., C], w, b [C] or both absent → y, and mean, rstd [rows]: one of each for each run of C channels. */
typedef struct rn_layer_norm_attr {
    double eps;
} rn_layer_norm_attr;
static inline rn_tensor rn_op_layer_norm(rn_graph *g, rn_tensor x, rn_tensor w, rn_tensor b, rn_layer_norm_attr attr)
{
    const rn_tensor in[] = {x, w, b};
    rn_tensor out[3] = {0, 0, 0};
    rn_apply(g, "layer_norm", &attr, sizeof attr, in, 3, out, 3);
    return out[0];
}
/* layer_norm_grad: x, w (or absent), mean, rstd, dy → dx, dw, db. */

/* x [.., C], w [C/groups] or absent → y, and rstd [rows·groups]: y = w·x/√(mean x² + eps), the mean over each run of
 * C/groups channels; all groups share w. */
typedef struct rn_rms_norm_attr {
    int64_t groups;
    double eps;
} rn_rms_norm_attr;
static inline rn_tensor rn_op_rms_norm(rn_graph *g, rn_tensor x, rn_tensor w, rn_rms_norm_attr attr)
{
    const rn_tensor in[] = {x, w};
    rn_tensor out[2] = {0, 0};
    rn_apply(g, "rms_norm", &attr, sizeof attr, in, 2, out, 2);
    return out[0];
}
/* rms_norm_grad: x, w (or absent), rstd, dy → dx, dw (same attributes). */

/* What graphs put in the place of chains of these (op.h, rn_fusion); layers build the chains.
 * group_norm_film_silu: x, w, b, scale, offset (those of film, or absent) → y, mean, rstd (attributes of group_norm);
 * group_norm_film_silu_grad: x, w, b, scale, offset, mean, rstd, dy → dx, dw, db, dscale, doffset.
 * layer_norm_film and layer_norm_film_grad likewise, with the film always there. */

/* --- pointwise ------------------------------------------------------------------------------------- */

static inline rn_tensor rn_op_silu(rn_graph *g, rn_tensor x) { return rn_apply1(g, "silu", NULL, 0, &x, 1); }
/* silu_grad: x, dy → dx. gelu (with erf), gelu_tanh, relu, sigmoid, tanh and their _grad likewise. */

/* a + b, where the axes of b are the last axes of a (or all of them). */
static inline rn_tensor rn_op_add(rn_graph *g, rn_tensor a, rn_tensor b)
{
    const rn_tensor in[] = {a, b};
    return rn_apply1(g, "add", NULL, 0, in, 2);
}
/* a − b of equal shapes. */
static inline rn_tensor rn_op_sub(rn_graph *g, rn_tensor a, rn_tensor b)
{
    const rn_tensor in[] = {a, b};
    return rn_apply1(g, "sub", NULL, 0, in, 2);
}
/* a·b of equal shapes, element by element. */
static inline rn_tensor rn_op_mul(rn_graph *g, rn_tensor a, rn_tensor b)
{
    const rn_tensor in[] = {a, b};
    return rn_apply1(g, "mul", NULL, 0, in, 2);
}
/* factor·x */
typedef struct rn_scale_attr {
    double factor;
} rn_scale_attr;
static inline rn_tensor rn_op_scale(rn_graph *g, rn_tensor x, double factor)
{
    const rn_scale_attr attr = {factor};
    return rn_apply1(g, "scale", &attr, sizeof attr, &x, 1);
}
/* x [B, .., C], scale, offset [B, C] → x·(1 + scale) + offset. film_grad: x, scale, dy → dx, dscale, doffset. */
static inline rn_tensor rn_op_film(rn_graph *g, rn_tensor x, rn_tensor scale, rn_tensor offset)
{
    const rn_tensor in[] = {x, scale, offset};
    return rn_apply1(g, "film", NULL, 0, in, 3);
}
/* a[i]·x[i] + b[i]·u[i] for image i: x, u [B, ..], a, b [B]. Gradients flow to x and u alone. */
static inline rn_tensor rn_op_mix(rn_graph *g, rn_tensor x, rn_tensor u, rn_tensor a, rn_tensor b)
{
    const rn_tensor in[] = {x, u, a, b};
    return rn_apply1(g, "mix", NULL, 0, in, 4);
}
/* a[i]·x[i] for image i. */
static inline rn_tensor rn_op_scale_images(rn_graph *g, rn_tensor x, rn_tensor a)
{
    const rn_tensor in[] = {x, a};
    return rn_apply1(g, "scale_images", NULL, 0, in, 2);
}
/* x·mask/(1 − rate); the mask (0 or 1, shape of x) is drawn from the stream where it is absent: kept where
 * the uniform number of the element ≥ rate. The index is the element's place in the global batch.
 * rate 1 gives zeros. */
typedef struct rn_dropout_attr {
    double rate;
    int64_t stream; /* rn_scope_stream */
} rn_dropout_attr;
static inline rn_tensor rn_op_dropout(rn_graph *g, rn_tensor x, rn_tensor mask, rn_dropout_attr attr)
{
    const rn_tensor in[] = {x, mask};
    return rn_apply1(g, "dropout", &attr, sizeof attr, in, 2);
}
/* Standard normal numbers of the shape of `like`. */
typedef struct rn_random_normal_attr {
    int64_t stream;
} rn_random_normal_attr;
static inline rn_tensor rn_op_random_normal(rn_graph *g, rn_tensor like, uint32_t stream)
{
    const rn_random_normal_attr attr = {stream};
    return rn_apply1(g, "random_normal", &attr, sizeof attr, &like, 1);
}
/* y = x where the program runs forward; nothing flows back. */
static inline rn_tensor rn_op_stop_gradient(rn_graph *g, rn_tensor x)
{
    return rn_apply1(g, "stop_gradient", NULL, 0, &x, 1);
}

/* --- reductions ------------------------------------------------------------------------------------ */

/* Sum over all leading axes but the last `keep`: [B, H, W, C], keep 1 → [C]. */
typedef struct rn_sum_leading_attr {
    int64_t keep;
} rn_sum_leading_attr;
static inline rn_tensor rn_op_sum_leading(rn_graph *g, rn_tensor x, int64_t keep)
{
    const rn_sum_leading_attr attr = {keep};
    return rn_apply1(g, "sum_leading", &attr, sizeof attr, &x, 1);
}
/* x repeated along new leading axes: x's axes are the last of the new shape, or x is one number. The gradient
 * of sum_leading. */
typedef struct rn_broadcast_attr {
    int64_t rank, dim[RN_MAX_RANK];
} rn_broadcast_attr;
static inline rn_tensor rn_op_broadcast(rn_graph *g, rn_tensor x, rn_broadcast_attr attr)
{
    return rn_apply1(g, "broadcast", &attr, sizeof attr, &x, 1);
}
/* d [B, ..], w [B] or absent → [1]: mean of w[i]·d² over all elements; accumulated in double in fixed blocks.
 * mean_square_grad: d, w (or absent), dy [1] → 2·w·d·dy/count. */
static inline rn_tensor rn_op_mean_square(rn_graph *g, rn_tensor d, rn_tensor w)
{
    const rn_tensor in[] = {d, w};
    return rn_apply1(g, "mean_square", NULL, 0, in, 2);
}
/* Along the last axis. softmax_grad: y, dy → dx. */
static inline rn_tensor rn_op_softmax(rn_graph *g, rn_tensor x) { return rn_apply1(g, "softmax", NULL, 0, &x, 1); }

/* --- maps ------------------------------------------------------------------------------------------ */

/* Mean over windows of window×window pixels that do not overlap: x [B, H, W, C] → [B, H/window, W/window, C]; the window
 * divides both sides. */
typedef struct rn_avg_pool_attr {
    int64_t window;
} rn_avg_pool_attr;
static inline rn_tensor rn_op_avg_pool(rn_graph *g, rn_tensor x, int64_t window)
{
    const rn_avg_pool_attr attr = {window};
    return rn_apply1(g, "avg_pool", &attr, sizeof attr, &x, 1);
}
/* Each pixel becomes a square: x [B, H, W, C] → [B, H·factor, W·factor, C]. */
typedef struct rn_upsample_nearest_attr {
    int64_t factor;
} rn_upsample_nearest_attr;
static inline rn_tensor rn_op_upsample_nearest(rn_graph *g, rn_tensor x, int64_t factor)
{
    const rn_upsample_nearest_attr attr = {factor};
    return rn_apply1(g, "upsample_nearest", &attr, sizeof attr, &x, 1);
}
/* Sum over such windows: the gradient of upsample_nearest. */
static inline rn_tensor rn_op_sum_pool(rn_graph *g, rn_tensor x, int64_t window)
{
    const rn_avg_pool_attr attr = {window};
    return rn_apply1(g, "sum_pool", &attr, sizeof attr, &x, 1);
}
/* Squares of s×s pixels become channels: x [B, H, W, C] → [B, H/s, W/s, C·s²], channel = (c·s + dy)·s + dx; s divides both
 * sides. depth_to_space is the way back. */
typedef struct rn_space_to_depth_attr {
    int64_t factor;
} rn_space_to_depth_attr;
static inline rn_tensor rn_op_space_to_depth(rn_graph *g, rn_tensor x, int64_t factor)
{
    const rn_space_to_depth_attr attr = {factor};
    return rn_apply1(g, "space_to_depth", &attr, sizeof attr, &x, 1);
}
static inline rn_tensor rn_op_depth_to_space(rn_graph *g, rn_tensor x, int64_t factor)
{
    const rn_space_to_depth_attr attr = {factor};
    return rn_apply1(g, "depth_to_space", &attr, sizeof attr, &x, 1);
}

/* One level of a wavelet transform: x [B, H, W, C] → [B, H/2, W/2, 4·C], the bands ll, lh, hl, hh (first letter: the
 * horizontal filter) one after the other; both sides even. idwt is the way back. */
enum { RN_HAAR = 0, RN_LEGALL53 };
typedef struct rn_dwt_attr {
    int64_t wavelet; /* RN_HAAR (orthonormal), RN_LEGALL53 (lifting of JPEG 2000) */
} rn_dwt_attr;
static inline rn_tensor rn_op_dwt(rn_graph *g, rn_tensor x, int64_t wavelet)
{
    const rn_dwt_attr attr = {wavelet};
    return rn_apply1(g, "dwt", &attr, sizeof attr, &x, 1);
}
static inline rn_tensor rn_op_idwt(rn_graph *g, rn_tensor x, int64_t wavelet)
{
    const rn_dwt_attr attr = {wavelet};
    return rn_apply1(g, "idwt", &attr, sizeof attr, &x, 1);
}
/* dwt_dx and idwt_dx: their transposes, from the gradient of the output to that of the input. */

/* --- parts and shapes ------------------------------------------------------------------------------ */

/* Channels [begin, end) of x: a view. */
typedef struct rn_channel_range_attr {
    int64_t begin, end;
} rn_channel_range_attr;
static inline rn_tensor rn_op_channel_range(rn_graph *g, rn_tensor x, int64_t begin, int64_t end)
{
    const rn_channel_range_attr attr = {begin, end};
    return rn_apply1(g, "channel_range", &attr, sizeof attr, &x, 1);
}
/* x among `channels` channels from `begin` on, zeros elsewhere: the gradient of channel_range. */
typedef struct rn_channel_pad_attr {
    int64_t begin, channels;
} rn_channel_pad_attr;
static inline rn_tensor rn_op_channel_pad(rn_graph *g, rn_tensor x, int64_t begin, int64_t channels)
{
    const rn_channel_pad_attr attr = {begin, channels};
    return rn_apply1(g, "channel_pad", &attr, sizeof attr, &x, 1);
}
/* Up to RN_MAX_IN tensors side by side along the channels; their other axes are equal. */
static inline rn_tensor rn_op_concat(rn_graph *g, const rn_tensor *parts, int n)
{
    return rn_apply1(g, "concat", NULL, 0, parts, n);
}
/* The same elements in other axes: a view of a dense tensor (or of one whose last axis stays). */
typedef struct rn_reshape_attr {
    int64_t rank, dim[RN_MAX_RANK];
} rn_reshape_attr;
static inline rn_tensor rn_op_reshape(rn_graph *g, rn_tensor x, rn_reshape_attr attr)
{
    return rn_apply1(g, "reshape", &attr, sizeof attr, &x, 1);
}
/* A dense copy. */
static inline rn_tensor rn_op_copy(rn_graph *g, rn_tensor x) { return rn_apply1(g, "copy", NULL, 0, &x, 1); }

/* --- embeddings ------------------------------------------------------------------------------------ */

/* t = (2/π)·atan(e^(−λ/2)) of logSNR λ: the time of the unclipped cosine schedule. No gradient. */
static inline rn_tensor rn_op_logsnr_to_t(rn_graph *g, rn_tensor logsnr)
{
    return rn_apply1(g, "logsnr_to_t", NULL, 0, &logsnr, 1);
}
/* x [B] → [B, dim]: dim/2 sines, then dim/2 cosines of x·10000^(−i/(dim/2)). No gradient. */
typedef struct rn_sinusoid_embedding_attr {
    int64_t dim;
} rn_sinusoid_embedding_attr;
static inline rn_tensor rn_op_sinusoid_embedding(rn_graph *g, rn_tensor x, int64_t dim)
{
    const rn_sinusoid_embedding_attr attr = {dim};
    return rn_apply1(g, "sinusoid_embedding", &attr, sizeof attr, &x, 1);
}
/* w [rows, C], index [n] (int32) → [n, C]; an index outside 0 … rows − 1 gives zeros. embedding_grad: index, dy →
 * [rows, C]. */
typedef struct rn_embedding_grad_attr {
    int64_t rows;
} rn_embedding_grad_attr;
static inline rn_tensor rn_op_embedding(rn_graph *g, rn_tensor w, rn_tensor index)
{
    const rn_tensor in[] = {w, index};
    return rn_apply1(g, "embedding", NULL, 0, in, 2);
}

#ifdef __cplusplus
}
#endif
#endif
