#ifndef KERNELS_NATIVE_BF16_PAIRS_H
#define KERNELS_NATIVE_BF16_PAIRS_H
/* Pairs of bfloat16: what the instructions multiply by, two steps of a sum at a time. A `pairs` is sixteen of them, the first
 * of each pair in the lower half of its 32 bits. Made from float32 or bfloat16 in memory; float32 is rounded to the nearest. */
#include "../native.h"

#include <runner/bf16.h>

enum { PAIRS = 16 };
typedef uint32_t pairs __attribute__((vector_size(64)));

/* Where elements lie: bfloat16 or float32. */
typedef struct source {
    const void *v;
    bool narrow;
} source;
static inline size_t source_bytes(bool narrow) { return narrow ? sizeof(rn_bf16) : sizeof(float); }
static inline source source_at(source s, int64_t element)
{
    return (source){(const char *)s.v + element * (int64_t)source_bytes(s.narrow), s.narrow};
}
static inline bool is_narrow(rn_shape s) { return s.type == RN_BF16; }

#if defined(__AVX512BF16__)
static inline __mmask16 first16(int64_t n) { return n >= 16 ? (__mmask16)0xffff : n <= 0 ? 0 : (__mmask16)(0xffffu >> (16 - n)); }

/* (a[i], b[i]) for i < n ≤ 16, zeros beyond; a row that is NULL is all zeros. */
NATIVE_INLINE void pairs_of_rows(pairs *to, const void *a, const void *b, bool narrow, int64_t n)
{
    const __mmask16 m = first16(n), ma = a ? m : 0, mb = b ? m : 0;
    if (narrow) {
        const __m512i low = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(ma, a));
        const __m512i high = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mb, b));
        *to = (pairs)_mm512_or_si512(low, _mm512_slli_epi32(high, 16));
    } else {
        const __m512i low = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(ma, a)));
        const __m512i high = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(mb, b)));
        *to = (pairs)_mm512_or_si512(low, _mm512_slli_epi32(high, 16));
    }
}

/* (a[0], a[1]), (a[2], a[3]) … of n ≤ 32 elements, zeros beyond. */
NATIVE_INLINE void pairs_of_run(pairs *to, const void *a, bool narrow, int64_t n)
{
    if (narrow) {
        *to = (pairs)_mm512_maskz_loadu_epi16(n >= 32 ? 0xffffffffu : 0xffffffffu >> (32 - n), a);
    } else {
        const float *f = a;
        const __m512 low = _mm512_maskz_loadu_ps(first16(n), f), high = _mm512_maskz_loadu_ps(first16(n - 16), f + 16);
        *to = (pairs)_mm512_cvtne2ps_pbh(high, low);
    }
}
#else
static inline rn_bf16 bf16_at(const void *a, bool narrow, int64_t i)
{
    return narrow ? ((const rn_bf16 *)a)[i] : rn_bf16_of(((const float *)a)[i]);
}
NATIVE_INLINE void pairs_of_rows(pairs *to, const void *a, const void *b, bool narrow, int64_t n)
{
    for (int64_t i = 0; i < PAIRS; i++) {
        const uint32_t low = a && i < n ? bf16_at(a, narrow, i) : 0, high = b && i < n ? bf16_at(b, narrow, i) : 0;
        (*to)[i] = low | high << 16;
    }
}
NATIVE_INLINE void pairs_of_run(pairs *to, const void *a, bool narrow, int64_t n)
{
    for (int64_t i = 0; i < PAIRS; i++) {
        const uint32_t low = 2 * i < n ? bf16_at(a, narrow, 2 * i) : 0, high = 2 * i + 1 < n ? bf16_at(a, narrow, 2 * i + 1) : 0;
        (*to)[i] = low | high << 16;
    }
}
#endif

NATIVE_INLINE void pairs_store(rn_bf16 *to, const pairs *p) { memcpy(to, p, sizeof *p); }

/* v[i][j] ↔ v[j][i]: each round zips row i with row i + 8. */
NATIVE_INLINE void pairs_transpose(pairs v[PAIRS])
{
    for (int round = 1; round < PAIRS; round *= 2) {
        pairs t[PAIRS];
        for (int i = 0; i < PAIRS / 2; i++) {
            t[2 * i] = __builtin_shufflevector(v[i], v[i + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            t[2 * i + 1] = __builtin_shufflevector(v[i], v[i + 8], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
        }
        for (int i = 0; i < PAIRS; i++)
            v[i] = t[i];
    }
}
#endif
