#ifndef KERNELS_NATIVE_PHILOX_H
#define KERNELS_NATIVE_PHILOX_H
/* Philox 4×32-10 (runner/random.h), one block for each 64-bit lane of a vector: a product of 32-bit halves then has room
 * in its lane. The words are exactly those of rn_philox. */
#include "native.h"
#include "shuffle.h"

#include <runner/random.h>

typedef uint32_t vu __attribute__((vector_size(sizeof(vf))));
typedef int32_t vi __attribute__((vector_size(sizeof(vf))));
typedef uint64_t vw __attribute__((vector_size(sizeof(vf))));

enum { PHILOX_BLOCKS = VF_LANES / 2, PHILOX_WORDS = 4 * PHILOX_BLOCKS }; /* of a call */

/* The products of the lanes' lower halves with m. */
static inline vw low_product(vw a, uint32_t m)
{
#if defined(__AVX512F__)
    return (vw)_mm512_mul_epu32((__m512i)a, _mm512_set1_epi64(m));
#elif defined(__AVX2__)
    return (vw)_mm256_mul_epu32((__m256i)a, _mm256_set1_epi64x(m));
#else
    return (a & 0xffffffffu) * m;
#endif
}

/* Words 0 and 2 of blocks block, block + 1 … in the even and odd lanes of a, words 1 and 3 in those of b. Only the lower
 * halves of the 64-bit lanes are counted with; what is in the upper ones does not matter. */
static inline void philox(rn_stream s, uint64_t block, vu *a, vu *b)
{
    vw c0, c2 = {0}, c3 = {0};
    for (int i = 0; i < PHILOX_BLOCKS; i++)
        c0[i] = (uint64_t)i;
    c0 += block;
    c2 += s.step;
    c3 += s.draw;
    vw c1 = c0 >> 32;
    uint32_t k0 = s.seed, k1 = s.stream;
    for (int round = 0; round < 10; round++) {
        const vw p = low_product(c0, 0xD2511F53u), q = low_product(c2, 0xCD9E8D57u);
        c0 = q >> 32 ^ c1 ^ k0;
        c2 = p >> 32 ^ c3 ^ k1;
        c1 = q;
        c3 = p;
        k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
    }
    *a = (vu)((c0 & 0xffffffffu) | c2 << 32);
    *b = (vu)((c1 & 0xffffffffu) | c3 << 32);
}

static inline vf vf_select(vu mask, vf yes, vf no) { return (vf)((mask & (vu)yes) | (~mask & (vu)no)); }

/* The stream of an op that has one number for each element, and the number of its tensor's first element: that of its
 * place in the global batch. */
static inline rn_stream stream_of(const rn_buffers *m, int64_t stream)
{
    return (rn_stream){m->step->seed, (uint32_t)stream, m->step->step, 0};
}
static inline uint64_t first_index(const rn_call *c, const rn_buffers *m)
{
    return m->step->first_image * (uint64_t)(rn_count(c->in[0]) / c->in[0].dim[0]);
}

#endif
