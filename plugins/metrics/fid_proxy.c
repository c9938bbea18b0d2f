/* fid_proxy: the squared Fréchet distance of two sets of feature vectors. The formula of FID on other features,
 * so its values compare with nothing but themselves: same features, same number of samples, same reference. */
#include "metrics/frechet.h"
#include "metrics/halves.h"

#include <cblas.h>
#include <math.h>
#include <runner/features.h>
#include <stdio.h>
#include <stdlib.h>

static bool score(const void *params, const rn_vectors *samples, const rn_vectors *reference, uint32_t seed, rn_score *out,
                  rn_error *err)
{
    (void)params;
    openblas_set_num_threads(1); /* its sums depend on the number of threads */
    rn_score r = {.low = (double)NAN, .high = (double)NAN, .floor = (double)NAN};
    rn_vectors half[2];
    double *memory;
    if (!frechet_samples(samples->x, samples->n, reference->x, reference->n, samples->dims, &r.value, err) ||
        !reference_halves(reference, seed, half, &memory, err))
        return false;
    const bool ok = !half[0].n || frechet_samples(half[0].x, half[0].n, half[1].x, half[1].n, half[0].dims, &r.floor, err);
    free(memory);
    if (!ok)
        return false;
    const int64_t n = samples->n < reference->n ? samples->n : reference->n;
    if (n <= samples->dims)
        snprintf(r.note, sizeof r.note, "%" PRId64 " vectors, not above %" PRId64 " dimensions: mostly bias", n, samples->dims);
    *out = r;
    return true;
}

extern const rn_metric metric_fid_proxy;
const rn_metric metric_fid_proxy = {.bytes = sizeof(rn_metric), .name = "fid_proxy",
                                    .doc = "squared Fréchet distance of feature vectors (not FID: other features)",
                                    .is_default = true, .better = "min", .score = score};
