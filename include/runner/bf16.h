#ifndef RUNNER_BF16_H
#define RUNNER_BF16_H
/* bfloat16: the upper half of a float32, 8 bits of mantissa. In memory only; arithmetic is float32's.
 * Thread safety: all functions are pure. */
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint16_t rn_bf16;

static inline float rn_float_of(rn_bf16 x)
{
    const uint32_t bits = (uint32_t)x << 16;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* To the nearest, ties to even; what is not a number stays so. */
static inline rn_bf16 rn_bf16_of(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    if ((bits & 0x7fffffffu) > 0x7f800000u)
        return (rn_bf16)(bits >> 16 | 0x40u);
    return (rn_bf16)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

#ifdef __cplusplus
}
#endif
#endif
