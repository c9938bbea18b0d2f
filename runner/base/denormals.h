#ifndef RN_BASE_DENORMALS_H
#define RN_BASE_DENORMALS_H
/* Denormal numbers cost up to a hundred cycles each and mean nothing to training: every thread of the pool
 * treats them as zero (x86: FTZ and DAZ; Arm: FZ). */
#if defined(__x86_64__)
#include <immintrin.h>
static inline void rn_denormals_flush(void) { _mm_setcsr(_mm_getcsr() | 0x8040); }
#elif defined(__aarch64__)
#include <stdint.h>
static inline void rn_denormals_flush(void)
{
    uint64_t fpcr;
    __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
    __asm__ volatile("msr fpcr, %0" : : "r"(fpcr | 1u << 24));
}
#else
static inline void rn_denormals_flush(void) {}
#endif
#endif
