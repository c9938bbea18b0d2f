#include "metrics/halves.h"

#include <runner/random.h>
#include <stdlib.h>
#include <string.h>

bool reference_halves(const rn_vectors *reference, uint32_t seed, rn_vectors half[2], double **memory, rn_error *err)
{
    const int64_t n = reference->n, dims = reference->dims;
    if (n < 4) {
        half[0] = half[1] = (rn_vectors){.dims = dims};
        *memory = NULL;
        return true;
    }
    int64_t *order = malloc((size_t)n * sizeof *order);
    double *x = malloc((size_t)n * (size_t)dims * sizeof *x);
    if (!order || !x) {
        free(order), free(x);
        return rn_fail(err, RN_EMEMORY, "floor of a score: no memory for %" PRId64 " vectors of %" PRId64 " numbers", n, dims);
    }
    rn_random_permutation((rn_stream){.seed = seed, .stream = rn_stream_of("reference halves")}, n, order);
    for (int64_t i = 0; i < n; i++)
        memcpy(x + i * dims, reference->x + order[i] * dims, (size_t)dims * sizeof *x);
    free(order);
    half[0] = (rn_vectors){x, n / 2, dims};
    half[1] = (rn_vectors){x + n / 2 * dims, n - n / 2, dims};
    *memory = x;
    return true;
}
