#ifndef PLUGINS_METRICS_HALVES_H
#define PLUGINS_METRICS_HALVES_H
/* The floor of a score: what it says of two halves of the same real images. */
#include <runner/features.h>

/* The vectors in the order of a permutation by Philox from (seed, stream "reference halves"): the first ⌊n/2⌋ are
 * half[0], the others half[1]. *memory holds both; free it. half[0].n is 0 (and *memory NULL) where the reference has
 * fewer than four vectors. Errors: RN_EMEMORY. */
RN_NODISCARD bool reference_halves(const rn_vectors *reference, uint32_t seed, rn_vectors half[2], double **memory,
                                   rn_error *err);

#endif
