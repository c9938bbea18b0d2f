/* kid: the kernel distance of two sets of feature vectors, (a·b/dims + 1)³, unbiased at any number of samples (it
 * may be below 0). The interval is ±1.96 standard errors by the jackknife over samples and reference: it says how
 * far other draws of as many images would scatter, nothing of other training seeds. All pairs are used, no random
 * subsets. */
#include "metrics/halves.h"
#include "metrics/mmd.h"

#include <cblas.h>
#include <math.h>
#include <runner/features.h>
#include <stdlib.h>

static bool score(const void *params, const rn_vectors *samples, const rn_vectors *reference, uint32_t seed, rn_score *out,
                  rn_error *err)
{
    (void)params;
    openblas_set_num_threads(1); /* its sums depend on the number of threads */
    mmd d, floor_ = {.unbiased = (double)NAN};
    rn_vectors half[2];
    double *memory;
    if (!mmd_cubic(samples->x, samples->n, reference->x, reference->n, samples->dims, &d, err) ||
        !reference_halves(reference, seed, half, &memory, err))
        return false;
    const bool ok = !half[0].n || mmd_cubic(half[0].x, half[0].n, half[1].x, half[1].n, half[0].dims, &floor_, err);
    free(memory);
    if (!ok)
        return false;
    *out = (rn_score){.value = d.unbiased, .low = d.unbiased - 1.96 * d.se, .high = d.unbiased + 1.96 * d.se,
                      .floor = floor_.unbiased};
    return true;
}

extern const rn_metric metric_kid;
const rn_metric metric_kid = {.bytes = sizeof(rn_metric), .name = "kid",
                              .doc = "unbiased kernel distance of feature vectors, cubic kernel", .is_default = true,
                              .better = "min", .score = score};
