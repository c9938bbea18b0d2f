#ifndef RUNNER_RANDOM_H
#define RUNNER_RANDOM_H
/* Counter-based random numbers: a number is a function of (run seed, stream, step, draw, index) and of
 * nothing else, so results depend neither on the number of threads nor on where a run was interrupted.
 * Source: Salmon, Moraes, Dror, Shaw 2011, Philox 4×32-10.
 * Thread safety: all functions are pure. */
#include <runner/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One block of Philox 4×32-10. */
RN_API void rn_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* Which numbers: key = (seed, stream), counter = (n low, n high, step, draw), n = ⌊index/4⌋, and the word
 * of an index is index mod 4. `draw` is the number of the draw in this stream and step. */
typedef struct rn_stream {
    uint32_t seed, stream, step, draw;
} rn_stream;

/* The stream of a name: its 32-bit FNV-1a hash. */
RN_API uint32_t rn_stream_of(const char *name);

RN_API uint32_t rn_random_word(rn_stream s, uint64_t index);

/* (word + ½)/2³², inside (0, 1). */
RN_API double rn_random_uniform(rn_stream s, uint64_t index);

/* N(0, 1) by Box–Muller on the word pairs (0,1) and (2,3), cosine first, computed in double. */
RN_API double rn_random_normal(rn_stream s, uint64_t index);

/* out[i] = the number of index first + i, i < n. */
RN_API void rn_random_normals(rn_stream s, uint64_t first, size_t n, float *out);
RN_API void rn_random_uniforms(rn_stream s, uint64_t first, size_t n, double *out);

/* An unbiased integer in [0, below), below > 0 (Lemire's multiplication with the word pair of an index:
 * the bias is below 2⁻⁶⁴·below). */
RN_API uint64_t rn_random_below(rn_stream s, uint64_t index, uint64_t below);

/* A permutation of [0, n): Fisher–Yates. */
RN_API void rn_random_permutation(rn_stream s, int64_t n, int64_t *out);

#ifdef __cplusplus
}
#endif
#endif
