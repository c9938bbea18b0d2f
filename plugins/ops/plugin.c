/* The ops: every differentiable primitive that the built-in layers, models and tasks are made of. */
#include <runner/op.h>
#include <runner/plugin.h>

/* clang-format off */
#define OPS(X)                                                                                                         \
    X(conv2d) X(conv2d_dx) X(conv2d_dw) X(linear) X(linear_dw) X(matmul) X(attention) X(attention_grad)                \
    X(group_norm) X(group_norm_grad) X(layer_norm) X(layer_norm_grad) X(rms_norm) X(rms_norm_grad) X(rope)             \
    X(group_norm_film_silu) X(group_norm_film_silu_grad) X(layer_norm_film) X(layer_norm_film_grad)                    \
    X(silu) X(silu_grad) X(gelu) X(gelu_grad) X(gelu_tanh) X(gelu_tanh_grad) X(relu) X(relu_grad)                      \
    X(sigmoid) X(sigmoid_grad) X(tanh) X(tanh_grad)                                                                    \
    X(add) X(sub) X(mul) X(scale) X(film) X(film_grad) X(mix) X(scale_images) X(dropout) X(random_normal)              \
    X(sum_leading) X(broadcast) X(mean_square) X(mean_square_grad) X(softmax) X(softmax_grad)                          \
    X(avg_pool) X(sum_pool) X(upsample_nearest) X(space_to_depth) X(depth_to_space)                                    \
    X(dwt) X(dwt_dx) X(idwt) X(idwt_dx)                                                                                \
    X(channel_range) X(channel_pad) X(concat) X(reshape) X(copy) X(stop_gradient)                                      \
    X(logsnr_to_t) X(sinusoid_embedding) X(embedding) X(embedding_grad)
/* clang-format on */

#define DECLARE(name_) extern const rn_op op_##name_;
#define ADDRESS(name_) &op_##name_,
OPS(DECLARE)

RN_PLUGIN(.name = "ops", .version = "0.1.0", .licence = "MIT", .ops = (const rn_op *const[]){OPS(ADDRESS) NULL});
