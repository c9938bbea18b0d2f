#ifndef KERNELS_NATIVE_STRIPS_H
#define KERNELS_NATIVE_STRIPS_H
/* Channels-last tensors walked down: a strip is up to STRIP_VECTORS vectors of neighbouring channels, whose sums and
 * factors stay in registers while the rows (pixels, tokens) of a block go by. */
#include "native.h"

/* Four sums hide the latency of an addition, and with two kinds of sums and a factor fill 12 of 16 registers. */
enum { STRIP_VECTORS = 4 };
/* Rows of a block: 64 rows of a strip are 16 KiB, half of a level-1 cache of 32 KiB; sums in float32 go no further
 * than this before they are added to others. */
enum { BLOCK_ROWS = 64 };

/* Calls f(.., k, vectors, lanes) for channels k of each strip; only a single vector has less than VF_LANES of them. */
#define FOR_STRIPS(channels_, f_, ...)                                                                                 \
    do                                                                                                                 \
        for (int64_t k_ = 0, left_; (left_ = (channels_) - k_) > 0;) {                                                 \
            if (left_ >= STRIP_VECTORS * VF_LANES) {                                                                   \
                f_(__VA_ARGS__, k_, STRIP_VECTORS, VF_LANES);                                                          \
                k_ += STRIP_VECTORS * VF_LANES;                                                                        \
            } else if (left_ >= 2 * VF_LANES) {                                                                        \
                f_(__VA_ARGS__, k_, 2, VF_LANES);                                                                      \
                k_ += 2 * VF_LANES;                                                                                    \
            } else if (left_ >= VF_LANES) {                                                                            \
                f_(__VA_ARGS__, k_, 1, VF_LANES);                                                                      \
                k_ += VF_LANES;                                                                                        \
            } else {                                                                                                   \
                f_(__VA_ARGS__, k_, 1, left_);                                                                         \
                k_ += left_;                                                                                           \
            }                                                                                                          \
        }                                                                                                              \
    while (0)

/* Neighbouring rows of a channels-last tensor. */
typedef struct rows {
    const float *at;
    int64_t pitch, n;
} rows;

#endif
