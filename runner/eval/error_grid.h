#ifndef RN_EVAL_ERROR_GRID_H
#define RN_EVAL_ERROR_GRID_H
/* The error of x̂ by logSNR and scale on held-out images: where a network has learned, and where it has not. At full size
 * fine detail weighs as much as anything; averaged over s×s pixels only the coarse structure is left. So the grid tells
 * what a change of schedule, loss or network bought, and what it was paid with.
 * Thread safety: one thread. */
#include "train/trainer.h"

enum { RN_GRID_LOGSNRS = 9, RN_GRID_FIRST = -9, RN_GRID_STEP = 2, RN_GRID_SCALES = 8, RN_GRID_LEAST_SIDE = 8 };

typedef struct rn_error_grid {
    int64_t images;
    /* Pooling factors 1, 2, 4 … as long as they divide both sides and leave RN_GRID_LEAST_SIDE pixels of the shorter. */
    int64_t scale[RN_GRID_SCALES];
    int scales;
    double logsnr[RN_GRID_LOGSNRS];
    /* of x̂ − x₀, average-pooled by the scale: a mean over images, pooled pixels and channels, and its standard deviation
     * over images (NaN for one image) */
    double mean_square[RN_GRID_SCALES][RN_GRID_LOGSNRS], sd[RN_GRID_SCALES][RN_GRID_LOGSNRS];
    double variance[RN_GRID_SCALES]; /* of the pooled images around their mean: the error of knowing nothing */
    /* Neighbours between which the coarsest error does not fall although the image is seen better: the network
     * ignores its input there. flat_from == flat_to: none. */
    double flat_from, flat_to;
} rn_error_grid;

/* images [n, H, W, 3] in −1 … 1, n > 0; noise from stream "held out noise" of the seed, the same at every logSNR.
 * Errors: RN_EMEMORY, RN_EFAILED where stop() says so. */
RN_NODISCARD bool rn_error_grid_measure(rn_trainer *t, const rn_parameter_set *set, const float *images, int64_t n,
                                        uint32_t seed, bool (*stop)(void), rn_error_grid *grid, rn_error *err);

#endif
