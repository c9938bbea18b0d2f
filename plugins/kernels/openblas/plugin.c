/* Products and convolutions by OpenBLAS (libopenblas; its one-thread mode is set in blas.c). */
#include <runner/kernel.h>
#include <runner/plugin.h>

extern const rn_kernel openblas_attention, openblas_attention_grad, openblas_conv2d, openblas_conv2d_dw,
    openblas_conv2d_dx, openblas_linear, openblas_linear_dw, openblas_matmul;

RN_PLUGIN(.name = "openblas", .version = "0.1.0", .licence = "MIT (OpenBLAS itself: BSD-3-Clause)",
          .kernels = (const rn_kernel *const[]){&openblas_attention, &openblas_attention_grad, &openblas_conv2d,
                                                &openblas_conv2d_dw, &openblas_conv2d_dx, &openblas_linear,
                                                &openblas_linear_dw, &openblas_matmul, NULL});
