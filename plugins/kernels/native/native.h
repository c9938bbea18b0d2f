#ifndef KERNELS_NATIVE_NATIVE_H
#define KERNELS_NATIVE_NATIVE_H
/* Every source of this folder but plugin.c is compiled once for each instruction set (plugins/CMakeLists.txt):
 * NATIVE_SET is avx512, avx2 or any. All kernels are of float32; what they do not accept is left to others. */
#include "vector.h"

#include <runner/kernel.h>
#include <runner/ops.h>

#define NATIVE_PASTE2(a, b, c) a##_##b##_##c
#define NATIVE_PASTE(a, b, c) NATIVE_PASTE2(a, b, c)
/* A name that other sources see: native_avx512_silu. */
#define NATIVE_(name_) NATIVE_PASTE(native, NATIVE_SET, name_)

#if defined(__AVX512F__)
#define NATIVE_CPU (RN_CPU_AVX2 | RN_CPU_AVX512F)
#elif defined(__AVX2__)
#define NATIVE_CPU RN_CPU_AVX2
#else
#define NATIVE_CPU RN_CPU_ANY
#endif

/* The descriptor at the end of a file: NATIVE(silu, "…", plan, run); wider vectors are tried first. */
#define NATIVE(op_, doc_, ...)                                                                                         \
    const rn_kernel NATIVE_(op_) = {.bytes = sizeof(rn_kernel), .name = "native", .doc = doc_, .op = #op_,             \
                                    .device = "cpu", .cpu = NATIVE_CPU, .rank = 20 + VF_LANES, .type = RN_F32,         \
                                    __VA_ARGS__}

/* Functions that are told sizes as constants: their loops over vectors then become straight code, and where `lanes` is
 * VF_LANES vf_get() and vf_put() are plain loads and stores. */
#define NATIVE_INLINE static inline __attribute__((always_inline))

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }
/* size is 1 or more, as dimensions are: NOLINTNEXTLINE(clang-analyzer-core.DivideZero) */
static inline int64_t pieces(int64_t n, int64_t size) { return (n + size - 1) / size; }

#endif
