#ifndef KERNELS_NATIVE_TILES_H
#define KERNELS_NATIVE_TILES_H
/* Maps cut into tiles of 4×4 pixels for Winograd's convolution, and tiles transformed: 36 matrices with a row for each tile
 * and a column for each channel. */
#include "winograd.h"

/* A map [batch, height, width, channels]; tiles are counted image by image, row by row. */
typedef struct tiling {
    rn_type type;
    int64_t height, width, pitch;
    int64_t down, across, tiles; /* tiles of an image down and across; of all images */
} tiling;

static inline tiling tiling_of(rn_shape s)
{
    const int64_t down = pieces(s.dim[1], TILE_OUT), across = pieces(s.dim[2], TILE_OUT);
    return (tiling){.type = s.type, .height = s.dim[1], .width = s.dim[2], .pitch = rn_pitch(s), .down = down,
                    .across = across, .tiles = s.dim[0] * down * across};
}

/* A tile's first pixel, and how many of its rows and columns lie in the map. */
typedef struct tile_place {
    int64_t image, row, col, rows, cols;
} tile_place;

static inline tile_place tile_at(const tiling *t, int64_t tile)
{
    const int64_t in_image = tile % (t->down * t->across);
    tile_place p = {.image = tile / (t->down * t->across), .row = in_image / t->across * TILE_OUT,
                    .col = in_image % t->across * TILE_OUT};
    p.rows = least(TILE_OUT, t->height - p.row);
    p.cols = least(TILE_OUT, t->width - p.col);
    return p;
}

/* Where the channels of each pixel of a tile begin, with `border` pixels more on each side; of a pixel outside the map:
 * `zeros`. The tile after the last one is the last one. */
static inline void tile_pixels(const tiling *t, const void *map, int64_t tile, int border, const void *zeros, const void **pixel)
{
    const tile_place p = tile_at(t, least(tile, t->tiles - 1));
    for (int64_t i = p.row - border; i < p.row + TILE_OUT + border; i++)
        for (int64_t j = p.col - border; j < p.col + TILE_OUT + border; j++)
            *pixel++ = i < 0 || i >= t->height || j < 0 || j >= t->width
                           ? zeros
                           : el_at(t->type, map, ((p.image * t->height + i) * t->width + j) * t->pitch);
}

/* Element e of a transformed vector of channels goes to to[e·apart]. */
NATIVE_INLINE void put_elements(const vf *r, float *to, int64_t apart)
{
#pragma GCC unroll 36
    for (int e = 0; e < TILE_ELEMENTS; e++)
        vf_store(to + e * apart, r[e]);
}

/* A tile's vector of channels, transformed; meanwhile the next tile's is asked for. */
NATIVE_INLINE void tile_in(rn_type type, const void *const *pixel, const void *const *next, int64_t channel, int64_t lanes,
                           float *to, int64_t apart)
{
    vf d[TILE_ELEMENTS], r[TILE_ELEMENTS];
#pragma GCC unroll 36
    for (int i = 0; i < TILE_ELEMENTS; i++) {
        if (i % TILE_IN >= TILE_IN - TILE_OUT) /* the other columns are this tile's, too */
            __builtin_prefetch(el_at(type, next[i], channel));
        d[i] = vf_get_as(type, el_at(type, pixel[i], channel), lanes);
    }
    transform_twice(transform_in, TILE_IN, TILE_IN, d, r);
    put_elements(r, to, apart);
}

NATIVE_INLINE void tile_out_gradient(rn_type type, const void *const *pixel, const void *const *next, int64_t channel,
                                     int64_t lanes, float *to, int64_t apart)
{
    vf d[OUT_ELEMENTS], r[TILE_ELEMENTS];
#pragma GCC unroll 16
    for (int i = 0; i < OUT_ELEMENTS; i++) {
        __builtin_prefetch(el_at(type, next[i], channel));
        d[i] = vf_get_as(type, el_at(type, pixel[i], channel), lanes);
    }
    transform_twice(transform_out_gradient, TILE_OUT, TILE_IN, d, r);
    put_elements(r, to, apart);
}

/* Bᵀ d B of tiles [first, first + tiles) of x: v[e·apart + tile·row + channel]. */
NATIVE_INLINE void tiles_in_of(rn_type type, const tiling *t, const void *x, int64_t channels, int64_t first, int64_t tiles,
                               const void *zeros, float *v, int64_t row, int64_t apart)
{
    const void *pixels[2][TILE_ELEMENTS] = {{NULL}};
    tile_pixels(t, x, first, 1, zeros, pixels[0]);
    for (int64_t n = 0; n < tiles; n++, v += row) {
        const void **pixel = pixels[n % 2], **next = pixels[(n + 1) % 2];
        int64_t k = 0;
        tile_pixels(t, x, first + n + 1, 1, zeros, next);
        for (; k + VF_LANES <= channels; k += VF_LANES)
            tile_in(type, pixel, next, k, VF_LANES, v + k, apart);
        if (k < channels)
            tile_in(type, pixel, next, k, channels - k, v + k, apart);
    }
}
static inline void tiles_in(const tiling *t, const void *x, int64_t channels, int64_t first, int64_t tiles, const void *zeros,
                            float *v, int64_t row, int64_t apart)
{
    if (el_is_narrow(t->type))
        tiles_in_of(RN_BF16, t, x, channels, first, tiles, zeros, v, row, apart);
    else
        tiles_in_of(RN_F32, t, x, channels, first, tiles, zeros, v, row, apart);
}
#endif
