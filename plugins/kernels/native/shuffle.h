#ifndef KERNELS_NATIVE_SHUFFLE_H
#define KERNELS_NATIVE_SHUFFLE_H
/* Two vectors woven into two, and back. */
#include "vector.h"

/* a₀ b₀ a₁ b₁ … */
static inline void vf_weave(vf a, vf b, vf *first, vf *second)
{
#if defined(__AVX512F__)
    const __m512i low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    *first = _mm512_permutex2var_ps(a, low, b);
    *second = _mm512_permutex2var_ps(a, _mm512_add_epi32(low, _mm512_set1_epi32(8)), b);
#elif defined(__AVX2__)
    const __m256 low = _mm256_unpacklo_ps(a, b), high = _mm256_unpackhi_ps(a, b);
    *first = _mm256_permute2f128_ps(low, high, 0x20);
    *second = _mm256_permute2f128_ps(low, high, 0x31);
#else
    vf low = a, high = b;
    for (int i = 0; i < VF_LANES / 2; i++) {
        low[2 * i] = a[i], low[2 * i + 1] = b[i];
        high[2 * i] = a[VF_LANES / 2 + i], high[2 * i + 1] = b[VF_LANES / 2 + i];
    }
    *first = low;
    *second = high;
#endif
}

/* The inverse: even = a₀ a₁ …, odd = b₀ b₁ … */
static inline void vf_unweave(vf first, vf second, vf *even, vf *odd)
{
#if defined(__AVX512F__)
    const __m512i low = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    *even = _mm512_permutex2var_ps(first, low, second);
    *odd = _mm512_permutex2var_ps(first, _mm512_add_epi32(low, _mm512_set1_epi32(1)), second);
#elif defined(__AVX2__)
    const __m256 low = _mm256_permute2f128_ps(first, second, 0x20), high = _mm256_permute2f128_ps(first, second, 0x31);
    *even = _mm256_shuffle_ps(low, high, 0x88);
    *odd = _mm256_shuffle_ps(low, high, 0xdd);
#else
    vf a = first, b = second;
    for (int i = 0; i < VF_LANES / 2; i++) {
        a[i] = first[2 * i], a[VF_LANES / 2 + i] = second[2 * i];
        b[i] = first[2 * i + 1], b[VF_LANES / 2 + i] = second[2 * i + 1];
    }
    *even = a;
    *odd = b;
#endif
}

#endif
