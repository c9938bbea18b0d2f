#ifndef KERNELS_NATIVE_GROUP_NORM_H
#define KERNELS_NATIVE_GROUP_NORM_H
/* How group_norm, group_norm_film_silu and their gradients walk.
 *
 * An image is cut into blocks of pixels that stay in the level-1 cache, and its blocks into parts. Where there are images
 * enough an image is one part and one unit, and all that happens to it happens while it is in the level-2 cache;
 * otherwise parts are the units, with a phase that joins them. What is summed over a block in float32 is summed over
 * blocks, parts and images in double, always in the same order. */
#include "strips.h"

#include <math.h>

enum {
    BLOCK_ELEMENTS = 4096, /* 16 KiB of x, and as much of what is written beside it */
    WHOLE_IMAGES = 8,      /* as many images or more: an image is a unit */
    MOST_PARTS = 16,       /* of an image, where it is not */
    FOLD_CHANNELS = 64     /* of a unit of the phase that adds up over images */
};

typedef struct map {
    int64_t batch, pixels, channels, groups, width; /* width: channels of a group */
    int64_t step, part, parts;                      /* pixels of a block and of a part, parts of an image */
} map;

static inline map map_of(const rn_call *c)
{
    const rn_shape x = c->in[0];
    map k = {.batch = x.dim[0], .channels = rn_last(x), .groups = ((const rn_group_norm_attr *)c->attr)->groups};
    k.pixels = rn_rows(x) / k.batch;
    k.width = k.channels / k.groups;
    k.step = least(most(BLOCK_ELEMENTS / k.channels, 1), k.pixels);
    const int64_t blocks = pieces(k.pixels, k.step);
    k.part = k.step * pieces(blocks, k.batch >= WHOLE_IMAGES ? 1 : MOST_PARTS);
    if (k.batch >= WHOLE_IMAGES)
        k.part = k.step * blocks;
    k.parts = pieces(k.pixels, k.part);
    return k;
}

/* Pixels [first, last) of a part. */
static inline int64_t part_begin(const map *k, int64_t part) { return part * k->part; }
static inline int64_t part_end(const map *k, int64_t part) { return least((part + 1) * k->part, k->pixels); }

#endif
