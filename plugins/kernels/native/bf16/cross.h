#ifndef KERNELS_NATIVE_BF16_CROSS_H
#define KERNELS_NATIVE_BF16_CROSS_H
/* Gradients of weights: sums over pixels (rows),
 *
 *     dw[p, q, c, o] = Σ_{b, i, j} x[b, i + p − pad_h, j + q − pad_w, c]·dy[b, i, j, o].
 *
 * Pairs are of neighbouring pixels, so x is turned once, to channels × pixels, and dy goes into panels. A line is a band of rows
 * of one image, with the border: in x turned, the pixels under tap (p, q) are those of dy p·width + q further on, for all taps
 * the same copy; dy has zeros where rows of x are longer than its own. linear_dw is one tap over one image one pixel wide.
 *
 * Units are tiles of dw by parts of the lines. Each part makes a result of its own (phase 0); phase 1 adds them up in their
 * order. A tile takes its part in chunks of lines that fit the cache, and is added to once a chunk. */
#include "pack.h"

enum {
    CROSS_PIXELS = 1024,             /* of a chunk, about: longer sums than that gain nothing */
    CROSS_CHANNELS = 128,            /* of a tile at most: x turned is 256 KiB */
    CROSS_PANELS = 256 / STRIP_COLUMNS, /* of a tile at most: dy's panels are 512 KiB */
    CROSS_UNITS = 16,                /* wanted, so that many cores have work */
    CROSS_BYTES = 64 * 1024 * 1024,  /* shared scratch at most */
    CROSS_SUM = 16384                /* elements that a unit of phase 1 adds up */
};

typedef struct cross {
    int64_t images, height, width, m;     /* of x; m channels */
    int64_t kh, kw, stride, pad_h, pad_w; /* stride: 1, or the kernel is 1×1 */
    int64_t out_h, out_w, n;              /* of dy */
    source x, dy;
    int64_t x_pitch, dy_pitch;
    float *dw;                            /* [kh, kw, m, n] */
    /* what cross_lay_out() finds */
    int64_t high, bands;                  /* rows of dy in a line, lines of an image */
    int64_t across;                       /* pixels of a row of x under a line */
    int64_t k, span;                      /* pixels of a line of dy, in whole steps, and of x turned */
    int64_t chunk;                        /* lines */
    int64_t tiles_m, tiles_n, parts;
} cross;

#define cross_lay_out NATIVE_(cross_lay_out)
void cross_lay_out(cross *s);
#define cross_plan NATIVE_(cross_plan)
const char *cross_plan(const cross *s, rn_work *work); /* as rn_kernel.plan */
#define cross_run NATIVE_(cross_run)
void cross_run(const cross *s, const rn_buffers *m, int phase, int64_t begin, int64_t end);
#endif
