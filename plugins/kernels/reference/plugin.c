/* The reference kernels: every op that computes anything, in float32 and float64. What other kernels are
 * compared with, and what runs where no other accepts. */
#include <runner/kernel.h>
#include <runner/plugin.h>

/* clang-format off */
#define KERNELS(X)                                                                                                     \
    X(conv2d) X(conv2d_dx) X(conv2d_dw) X(linear) X(linear_dw) X(matmul) X(attention) X(attention_grad)                \
    X(group_norm) X(group_norm_grad) X(layer_norm) X(layer_norm_grad) X(rms_norm) X(rms_norm_grad) X(rope)             \
    X(group_norm_film_silu) X(group_norm_film_silu_grad) X(layer_norm_film) X(layer_norm_film_grad)                    \
    X(silu) X(silu_grad) X(gelu) X(gelu_grad) X(gelu_tanh) X(gelu_tanh_grad) X(relu) X(relu_grad)                      \
    X(sigmoid) X(sigmoid_grad) X(tanh) X(tanh_grad)                                                                    \
    X(add) X(sub) X(mul) X(scale) X(film) X(film_grad) X(mix) X(scale_images) X(dropout) X(random_normal)              \
    X(sum_leading) X(broadcast) X(mean_square) X(mean_square_grad) X(softmax) X(softmax_grad)                          \
    X(avg_pool) X(sum_pool) X(upsample_nearest) X(space_to_depth) X(depth_to_space)                                    \
    X(dwt) X(dwt_dx) X(idwt) X(idwt_dx)                                                                                \
    X(channel_pad) X(concat) X(copy)                                                                                   \
    X(logsnr_to_t) X(sinusoid_embedding) X(embedding) X(embedding_grad)
/* clang-format on */

#define DECLARE(op_) extern const rn_kernel reference_##op_##_float, reference_##op_##_double;
#define ADDRESS(op_) &reference_##op_##_float, &reference_##op_##_double,
KERNELS(DECLARE)

RN_PLUGIN(.name = "reference", .version = "0.1.0", .licence = "MIT",
          .kernels = (const rn_kernel *const[]){KERNELS(ADDRESS) NULL});
