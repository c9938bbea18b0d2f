#ifndef KERNELS_NATIVE_NATIVE_H
#define KERNELS_NATIVE_NATIVE_H
/* Every source of this folder but plugin.c is compiled once for each instruction set (plugins/CMakeLists.txt):
 * NATIVE_SET is avx512, avx2 or any, with tensors in float32; or avx512bf16, for which the sources are compiled that know of
 * tensors in bfloat16 (element.h). What kernels do not accept is left to others. */
#include "element.h"

#include <runner/kernel.h>
#include <runner/ops.h>

#define NATIVE_PASTE2(a, b, c) a##_##b##_##c
#define NATIVE_PASTE(a, b, c) NATIVE_PASTE2(a, b, c)
/* A name that other sources see: native_avx512_silu. */
#define NATIVE_(name_) NATIVE_PASTE(native, NATIVE_SET, name_)

#if defined(NATIVE_BF16)
#define NATIVE_CPU (RN_CPU_AVX2 | RN_CPU_AVX512F | RN_CPU_AVX512BF16)
#define NATIVE_TYPE RN_BF16
#elif defined(__AVX512F__)
#define NATIVE_CPU (RN_CPU_AVX2 | RN_CPU_AVX512F)
#elif defined(__AVX2__)
#define NATIVE_CPU RN_CPU_AVX2
#else
#define NATIVE_CPU RN_CPU_ANY
#endif
#ifndef NATIVE_TYPE
#define NATIVE_TYPE RN_F32
#endif

/* The descriptor at the end of a file: NATIVE(silu, "…", .plan = plan, .run = run); wider vectors are tried first. */
#define NATIVE(op_, doc_, ...) NATIVE_OF("native", 20, op_, op_, doc_, __VA_ARGS__)
/* The same of the set `winograd`, which is faster and rounds more, so that a spec can have the one without the other. */
#define WINOGRAD(op_, doc_, ...) NATIVE_OF("winograd", 40, op_, winograd_##op_, doc_, __VA_ARGS__)
#define NATIVE_OF(set_, rank_, op_, symbol_, doc_, ...)                                                                \
    const rn_kernel NATIVE_(symbol_) = {.bytes = sizeof(rn_kernel), .name = set_, .doc = doc_, .op = #op_,             \
                                        .device = "cpu", .cpu = NATIVE_CPU, .rank = rank_ + VF_LANES,                   \
                                        .type = NATIVE_TYPE, __VA_ARGS__}

/* Why not, or NULL: all that the op lets be narrow is to be of type `el`. A float32 graph has only float32. */
static inline const char *native_mixture(const rn_call *c)
{
    for (int i = 0; NATIVE_TYPE == RN_BF16 && i < c->n_in; i++)
        if (c->in[i].rank && c->op->narrow_in >> i & 1 && c->in[i].type != RN_BF16)
            return "not where some tensors lie in bfloat16 and others in float32";
    for (int i = 0; NATIVE_TYPE == RN_BF16 && i < c->n_out; i++)
        if (c->op->narrow_out >> i & 1 && c->out[i].type != RN_BF16)
            return "not where some tensors lie in bfloat16 and others in float32";
    return NULL;
}

/* Functions that are told sizes as constants: their loops over vectors then become straight code, and where `lanes` is
 * VF_LANES vf_get() and vf_put() are plain loads and stores. */
#define NATIVE_INLINE static inline __attribute__((always_inline))

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }
/* size is 1 or more, as dimensions are: NOLINTNEXTLINE(clang-analyzer-core.DivideZero) */
static inline int64_t pieces(int64_t n, int64_t size) { return (n + size - 1) / size; }

#endif
