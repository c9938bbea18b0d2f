#ifndef KERNELS_NATIVE_ELEMENT_H
#define KERNELS_NATIVE_ELEMENT_H
/* el: an element of a tensor that may lie in memory as bfloat16 (runner/op.h, narrow_in) in the set that a source is compiled
 * for: rn_bf16 with NATIVE_BF16, float elsewhere. Arithmetic is float32's either way: vf_load, vf_store and their like take
 * pointers to both and widen or round on the way, so that one source serves both. */
#include "vector.h"

#include <runner/bf16.h>
#include <runner/shape.h>

#if defined(NATIVE_BF16)
typedef rn_bf16 el;
static inline float float_of(el x) { return rn_float_of(x); }
static inline el el_of(float x) { return rn_bf16_of(x); }

static inline __m512 vf_widened(__m256i v) { return (__m512)_mm512_slli_epi32(_mm512_cvtepu16_epi32(v), 16); }
static inline __m256i vf_rounded(vf v) { return (__m256i)_mm512_cvtneps_pbh(v); } /* to nearest, ties to even */
static inline __mmask16 bf_first(int64_t n) { return (__mmask16)(0xffffu >> (16 - n)); }

static inline vf bf_load(const el *p) { return vf_widened(_mm256_loadu_si256((const __m256i *)(const void *)p)); }
static inline void bf_store(el *p, vf v) { _mm256_storeu_si256((__m256i *)(void *)p, vf_rounded(v)); }
static inline vf bf_load_part(const el *p, int64_t n) { return vf_widened(_mm256_maskz_loadu_epi16(bf_first(n), p)); }
static inline void bf_store_part(el *p, vf v, int64_t n) { _mm256_mask_storeu_epi16(p, bf_first(n), vf_rounded(v)); }
static inline vf bf_get(const el *p, int64_t n) { return n == VF_LANES ? bf_load(p) : bf_load_part(p, n); }
static inline void bf_put(el *p, vf v, int64_t n)
{
    if (n == VF_LANES)
        bf_store(p, v);
    else
        bf_store_part(p, v, n);
}

#define EL_EITHER(p_, bf_, vf_) _Generic((p_), rn_bf16 *: bf_, const rn_bf16 *: bf_, float *: vf_, const float *: vf_)
#define vf_load(p_) EL_EITHER(p_, bf_load, vf_load)(p_)
#define vf_store(p_, v_) EL_EITHER(p_, bf_store, vf_store)(p_, v_)
#define vf_load_part(p_, n_) EL_EITHER(p_, bf_load_part, vf_load_part)(p_, n_)
#define vf_store_part(p_, v_, n_) EL_EITHER(p_, bf_store_part, vf_store_part)(p_, v_, n_)
#define vf_get(p_, n_) EL_EITHER(p_, bf_get, vf_get)(p_, n_)
#define vf_put(p_, v_, n_) EL_EITHER(p_, bf_put, vf_put)(p_, v_, n_)

#else
typedef float el;
static inline float float_of(el x) { return x; }
static inline el el_of(float x) { return x; }
#endif

/* Of a tensor of one or the other type (float32 alone, without NATIVE_BF16), known where a kernel is planned: element `i` of
 * p, and vectors that begin there. Where `type` is a constant nothing is left of the question. */
static inline bool el_is_narrow(rn_type type) { return sizeof(el) < sizeof(float) && type == RN_BF16; }
static inline const void *el_at(rn_type type, const void *p, int64_t i)
{
    return (const char *)p + i * (int64_t)(el_is_narrow(type) ? sizeof(el) : sizeof(float));
}
static inline void *el_to(rn_type type, void *p, int64_t i)
{
    return (char *)p + i * (int64_t)(el_is_narrow(type) ? sizeof(el) : sizeof(float));
}
static inline vf vf_get_as(rn_type type, const void *p, int64_t n)
{
    return el_is_narrow(type) ? vf_get((const el *)p, n) : vf_get((const float *)p, n);
}
static inline void vf_put_as(rn_type type, void *p, vf v, int64_t n)
{
    if (el_is_narrow(type))
        vf_put((el *)p, v, n);
    else
        vf_put((float *)p, v, n);
}

/* 2·VF_LANES neighbours in two vectors, whatever the order in them: for sums. Half the work of two loads in bfloat16. */
static inline void vf_load_pair(const el *p, vf *a, vf *b)
{
#if defined(NATIVE_BF16)
    const __m512i v = _mm512_loadu_si512(p);
    *a = (vf)_mm512_slli_epi32(v, 16);
    *b = (vf)_mm512_and_si512(v, _mm512_set1_epi32((int)0xffff0000u));
#else
    *a = vf_load(p);
    *b = vf_load(p + VF_LANES);
#endif
}

/* As many elements as a vector has room for, moved as they are; the first n. */
enum { EL_LANES = sizeof(vf) / sizeof(el) };
static inline void el_move(el *y, const el *x) { vf_store((float *)(void *)y, vf_load((const float *)(const void *)x)); }
static inline void el_move_part(el *y, const el *x, int64_t n)
{
#if defined(NATIVE_BF16)
    const __mmask32 first = 0xffffffffu >> (32 - n);
    _mm512_mask_storeu_epi16(y, first, _mm512_maskz_loadu_epi16(first, x));
#else
    vf_store_part(y, vf_load_part(x, n), n);
#endif
}
#endif
