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

/* Where the pairs of two rows that lie one behind the other come from. */
static inline __m512i zipped_halves(void)
{
    const __m512i low = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    return _mm512_or_si512(low, _mm512_slli_epi32(_mm512_add_epi32(low, _mm512_set1_epi32(PAIRS)), 16));
}

/* (a[i], b[i]) for i < n ≤ 16, zeros beyond. */
NATIVE_INLINE void pairs_of_rows(pairs *to, const void *a, const void *b, bool narrow, int64_t n)
{
    const __mmask16 m = first16(n);
    __m512i both;
    if (narrow && n >= PAIRS)
        both = _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_loadu_si256(a)), _mm256_loadu_si256(b), 1);
    else if (narrow)
        both = _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_maskz_loadu_epi16(m, a)), _mm256_maskz_loadu_epi16(m, b), 1);
    else
        both = (__m512i)_mm512_cvtne2ps_pbh(_mm512_maskz_loadu_ps(m, b), _mm512_maskz_loadu_ps(m, a));
    *to = (pairs)_mm512_permutexvar_epi16(zipped_halves(), both);
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
        const uint32_t low = i < n ? bf16_at(a, narrow, i) : 0, high = i < n ? bf16_at(b, narrow, i) : 0;
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
