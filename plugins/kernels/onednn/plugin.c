/* Products and convolutions by oneDNN, where it was installed when the runner was built. */
#include <runner/kernel.h>
#include <runner/plugin.h>

extern const rn_kernel onednn_conv2d, onednn_conv2d_dw, onednn_conv2d_dx, onednn_linear, onednn_linear_dw, onednn_matmul;

RN_PLUGIN(.name = "onednn", .version = "0.1.0", .licence = "MIT (oneDNN itself: Apache-2.0)",
          .kernels = (const rn_kernel *const[]){&onednn_conv2d, &onednn_conv2d_dw, &onednn_conv2d_dx, &onednn_linear,
                                                &onednn_linear_dw, &onednn_matmul, NULL});
