/* The project's own fast kernels: each source of this folder once for each instruction set in float32, some once more for
 * tensors in bfloat16. */
#include <runner/kernel.h>
#include <runner/plugin.h>

/* clang-format off */
#define KERNELS(X)                                                                                                     \
    X(linear) X(linear_dw) X(matmul) X(attention) X(attention_grad)                                                    \
    X(conv2d) X(conv2d_dx) X(conv2d_dw) X(winograd_conv2d) X(winograd_conv2d_dx) X(winograd_conv2d_dw)                 \
    X(group_norm) X(group_norm_grad) X(group_norm_film_silu) X(group_norm_film_silu_grad)                              \
    X(layer_norm) X(layer_norm_grad) X(layer_norm_film) X(layer_norm_film_grad) X(rms_norm) X(rms_norm_grad) X(rope)    \
    X(silu) X(silu_grad) X(gelu_tanh) X(gelu_tanh_grad) X(sigmoid) X(sigmoid_grad)                                     \
    X(film) X(film_grad) X(sum_leading)                                                                                \
    X(random_normal) X(dropout) X(softmax) X(softmax_grad) X(mean_square) X(mean_square_grad)                          \
    X(avg_pool) X(sum_pool) X(upsample_nearest) X(space_to_depth) X(depth_to_space)                                    \
    X(dwt) X(dwt_dx) X(idwt) X(idwt_dx)                                                                                \
    X(add) X(sub) X(mul) X(scale) X(copy) X(mix) X(scale_images) X(channel_pad) X(concat)
/* With bfloat16 in memory and float32 arithmetic. */
#define BF16_KERNELS(X)                                                                                                \
    X(winograd_conv2d) X(winograd_conv2d_dx) X(winograd_conv2d_dw)                                                     \
    X(group_norm) X(group_norm_grad) X(group_norm_film_silu) X(group_norm_film_silu_grad)                              \
    X(layer_norm) X(layer_norm_grad) X(layer_norm_film) X(layer_norm_film_grad)                                        \
    X(silu) X(silu_grad) X(gelu_tanh) X(gelu_tanh_grad) X(sigmoid) X(sigmoid_grad)                                     \
    X(film) X(film_grad) X(sum_leading) X(dropout) X(softmax) X(softmax_grad)                                          \
    X(avg_pool) X(sum_pool) X(upsample_nearest)                                                                        \
    X(add) X(sub) X(mul) X(scale) X(copy) X(channel_pad) X(concat)
/* Products of bfloat16 (bf16/), for x86 alone. */
#define PRODUCTS(X) X(linear) X(matmul) X(conv2d) X(conv2d_dx) X(linear_dw) X(conv2d_dw) X(attention) X(attention_grad)
/* clang-format on */

#define DECLARE2(set_, op_) extern const rn_kernel native_##set_##_##op_;
#define ADDRESS2(set_, op_) &native_##set_##_##op_,
#ifdef NATIVE_X86
#define DECLARE(op_) DECLARE2(avx512, op_) DECLARE2(avx2, op_)
#define ADDRESS(op_) ADDRESS2(avx512, op_) ADDRESS2(avx2, op_)
#define DECLARE_BF16(op_) DECLARE2(avx512bf16, op_)
#define ADDRESS_BF16(op_) ADDRESS2(avx512bf16, op_)
#define DECLARE_PRODUCT(op_) DECLARE2(vdpbf16, op_) DECLARE2(amx, op_)
#define ADDRESS_PRODUCT(op_) ADDRESS2(vdpbf16, op_) ADDRESS2(amx, op_)
#else
#define DECLARE(op_) DECLARE2(any, op_)
#define ADDRESS(op_) ADDRESS2(any, op_)
#define DECLARE_BF16(op_)
#define ADDRESS_BF16(op_)
#define DECLARE_PRODUCT(op_)
#define ADDRESS_PRODUCT(op_)
#endif

KERNELS(DECLARE)
BF16_KERNELS(DECLARE_BF16)
PRODUCTS(DECLARE_PRODUCT)

RN_PLUGIN(.name = "native", .version = "0.1.0", .licence = "MIT",
          .kernels = (const rn_kernel *const[]){KERNELS(ADDRESS) BF16_KERNELS(ADDRESS_BF16) PRODUCTS(ADDRESS_PRODUCT) NULL});
