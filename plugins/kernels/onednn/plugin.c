/* Products and convolutions by oneDNN, where it was installed when the runner was built. */
#include <runner/kernel.h>
#include <runner/plugin.h>

/* clang-format off */
#define KERNELS(X) X(conv2d) X(conv2d_dw) X(conv2d_dx) X(linear) X(linear_dw) X(matmul)
/* clang-format on */
#define DECLARE(op_) extern const rn_kernel onednn_##op_, onednn_##op_##_bf16;
#define ADDRESSES(op_) &onednn_##op_, &onednn_##op_##_bf16,

KERNELS(DECLARE)

RN_PLUGIN(.name = "onednn", .version = "0.1.0", .licence = "MIT (oneDNN itself: Apache-2.0)",
          .kernels = (const rn_kernel *const[]){KERNELS(ADDRESSES) NULL});
