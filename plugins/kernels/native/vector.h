#ifndef KERNELS_NATIVE_VECTOR_H
#define KERNELS_NATIVE_VECTOR_H
/* Vectors of float32 of the instruction set that a source is compiled for: VF_LANES of them in a `vf`. Arithmetic is
 * written with C's operators; here is what those do not say. Multiply-adds are fused where they say so and nowhere else. */
#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__)
#include <immintrin.h>
enum { VF_LANES = 16 };
typedef __m512 vf;
static inline vf vf_of(float x) { return _mm512_set1_ps(x); }
static inline vf vf_load(const float *p) { return _mm512_loadu_ps(p); }
static inline void vf_store(float *p, vf v) { _mm512_storeu_ps(p, v); }
static inline vf vf_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
/* −a·b + c */
static inline vf vf_fnma(vf a, vf b, vf c) { return _mm512_fnmadd_ps(a, b, c); }
/* Of two operands of which one is not a number: b. */
static inline vf vf_min(vf a, vf b) { return _mm512_min_ps(a, b); }
static inline vf vf_max(vf a, vf b) { return _mm512_max_ps(a, b); }
/* The first n lanes (1 ≤ n ≤ VF_LANES); the others are 0 when read and are not written. */
static inline vf vf_load_part(const float *p, int64_t n) { return _mm512_maskz_loadu_ps((__mmask16)(0xffffu >> (16 - n)), p); }
static inline void vf_store_part(float *p, vf v, int64_t n) { _mm512_mask_storeu_ps(p, (__mmask16)(0xffffu >> (16 - n)), v); }

#elif defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
enum { VF_LANES = 8 };
typedef __m256 vf;
static inline vf vf_of(float x) { return _mm256_set1_ps(x); }
static inline vf vf_load(const float *p) { return _mm256_loadu_ps(p); }
static inline void vf_store(float *p, vf v) { _mm256_storeu_ps(p, v); }
static inline vf vf_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
static inline vf vf_fnma(vf a, vf b, vf c) { return _mm256_fnmadd_ps(a, b, c); }
static inline vf vf_min(vf a, vf b) { return _mm256_min_ps(a, b); }
static inline vf vf_max(vf a, vf b) { return _mm256_max_ps(a, b); }
static inline __m256i vf_first(int64_t n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
static inline vf vf_load_part(const float *p, int64_t n) { return _mm256_maskload_ps(p, vf_first(n)); }
static inline void vf_store_part(float *p, vf v, int64_t n) { _mm256_maskstore_ps(p, vf_first(n), v); }

#else /* any processor with vectors of 128 bits: NEON, SSE2 */
enum { VF_LANES = 4 };
typedef float vf __attribute__((vector_size(16)));
static inline vf vf_of(float x) { return (vf){x, x, x, x}; }
static inline vf vf_load(const float *p)
{
    vf v;
    memcpy(&v, p, sizeof v);
    return v;
}
static inline void vf_store(float *p, vf v) { memcpy(p, &v, sizeof v); }
#if defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
static inline vf vf_fma(vf a, vf b, vf c) { return (vf)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b); }
static inline vf vf_fnma(vf a, vf b, vf c) { return (vf)vfmsq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b); }
#else
static inline vf vf_fma(vf a, vf b, vf c) { return a * b + c; }
static inline vf vf_fnma(vf a, vf b, vf c) { return c - a * b; }
#endif
static inline vf vf_min(vf a, vf b)
{
    for (int i = 0; i < VF_LANES; i++)
        b[i] = a[i] < b[i] ? a[i] : b[i];
    return b;
}
static inline vf vf_max(vf a, vf b)
{
    for (int i = 0; i < VF_LANES; i++)
        b[i] = a[i] > b[i] ? a[i] : b[i];
    return b;
}
static inline vf vf_load_part(const float *p, int64_t n)
{
    vf v = {0};
    memcpy(&v, p, (size_t)n * sizeof(float));
    return v;
}
static inline void vf_store_part(float *p, vf v, int64_t n) { memcpy(p, &v, (size_t)n * sizeof(float)); }
#endif

/* All lanes, or the first n of them. */
static inline vf vf_get(const float *p, int64_t n) { return n == VF_LANES ? vf_load(p) : vf_load_part(p, n); }
static inline void vf_put(float *p, vf v, int64_t n)
{
    if (n == VF_LANES)
        vf_store(p, v);
    else
        vf_store_part(p, v, n);
}

/* The sum of the lanes: the upper half of a vector is added to the lower one, and so on. */
static inline float vf_sum(vf v)
{
#if defined(__AVX2__)
#if defined(__AVX512F__)
    const __m256 half = _mm512_castps512_ps256(v) + _mm512_extractf32x8_ps(v, 1);
#else
    const __m256 half = v;
#endif
    __m128 sum = _mm256_castps256_ps128(half) + _mm256_extractf128_ps(half, 1);
    sum += _mm_movehl_ps(sum, sum);
    return _mm_cvtss_f32(sum + _mm_movehdup_ps(sum));
#else
    float lane[VF_LANES];
    vf_store(lane, v);
    for (int half = VF_LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++)
            lane[i] += lane[i + half];
    return lane[0];
#endif
}

/* e^x within 2 ulp for −87 ≤ x ≤ 88, clamped outside; not-a-number stays. x = n·log 2 + r, a polynomial in r (Cephes,
 * expf), and n into the exponent's bits. */
static inline vf vf_exp(vf x)
{
    typedef uint32_t bits __attribute__((vector_size(sizeof(vf))));
    const vf round = vf_of(12582912.0f); /* 1.5·2²³: adding it leaves n in the low bits */
    x = vf_min(vf_of(88.0f), vf_max(vf_of(-87.0f), x));
    const vf shifted = vf_fma(x, vf_of(1.44269504088896341f), round), n = shifted - round;
    const vf r = vf_fnma(n, vf_of(-2.12194440e-4f), vf_fnma(n, vf_of(0.693359375f), x));
    vf p = vf_of(1.9875691500e-4f);
    p = vf_fma(p, r, vf_of(1.3981999507e-3f));
    p = vf_fma(p, r, vf_of(8.3334519073e-3f));
    p = vf_fma(p, r, vf_of(4.1665795894e-2f));
    p = vf_fma(p, r, vf_of(1.6666665459e-1f));
    p = vf_fma(p, r, vf_of(5.0000001201e-1f));
    p = vf_fma(p, r * r, r + vf_of(1.0f));
    return p * (vf)(((bits)shifted + 127u) << 23);
}

#if defined(NATIVE_BF16)
/* Within 2⁻¹³·⁹, a thirtieth of the rounding to bfloat16 (element.h) that follows. 2^−t = 2^n·2^f, a polynomial in f within
 * 2⁻¹⁸ (Remez), n added to the exponent's bits; and the processor's approximation of a reciprocal. */
static inline vf vf_sigmoid(vf x)
{
    typedef uint32_t bits __attribute__((vector_size(sizeof(vf))));
    const vf round = vf_of(12582912.0f); /* as in vf_exp */
    const vf t = vf_min(vf_of(126.0f), vf_max(vf_of(-126.0f), x * vf_of(-1.44269504088896341f)));
    const vf shifted = t + round, f = t - (shifted - round);
    vf p = vf_of(9.5701020146e-3f);
    p = vf_fma(p, f, vf_of(5.5917860306e-2f));
    p = vf_fma(p, f, vf_of(2.4024744825e-1f));
    p = vf_fma(p, f, vf_of(6.9312181474e-1f));
    p = vf_fma(p, f, vf_of(9.9999926145e-1f));
    return _mm512_rcp14_ps(vf_of(1.0f) + (vf)((bits)p + ((bits)shifted << 23)));
}
#else
static inline vf vf_sigmoid(vf x) { return vf_of(1.0f) / (vf_of(1.0f) + vf_exp(-x)); }
#endif
#endif
