#ifndef KERNELS_NATIVE_STRIPS_H
#define KERNELS_NATIVE_STRIPS_H
/* Channels-last tensors walked down: a strip is up to STRIP_VECTORS vectors of neighbouring channels, whose sums and
 * factors stay in registers while the rows (pixels, tokens) of a block go by. */
#include "native.h"

/* Four sums hide the latency of an addition, and with two kinds of sums and a factor fill 12 of 16 registers. */
enum { STRIP_VECTORS = 4 };
/* Rows of a block, which all strips walk down before the next one. Sums in float32 go no further than 64 rows before they
 * are added to others. Where strips only read, a block is 8 KiB, so that what comes from memory comes in about the order in
 * which it lies there. Where they write a tensor of several strips to memory, rows are taken one by one: written in pieces
 * of 256 bytes it took film two to four times as long (and the other way round in the cache, where registers pay). */
enum { STRIP_ELEMENTS = 2048, LEAST_BLOCK_ROWS = 4, BLOCK_ROWS = 64 };
enum { CACHED_ELEMENTS = 2 << 20 }; /* 8 MiB: what is read and written beside it fit a level-3 cache of 32 MiB */
static inline int64_t read_rows(int64_t channels)
{
    return least(BLOCK_ROWS, most(LEAST_BLOCK_ROWS, STRIP_ELEMENTS / channels));
}
static inline int64_t written_rows(rn_shape y)
{
    return rn_last(y) <= STRIP_VECTORS * VF_LANES || rn_count(y) <= CACHED_ELEMENTS ? read_rows(rn_last(y)) : 1;
}

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
    const el *at;
    int64_t pitch, n;
} rows;

#endif
