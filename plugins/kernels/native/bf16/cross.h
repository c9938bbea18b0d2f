#ifndef KERNELS_NATIVE_BF16_CROSS_H
#define KERNELS_NATIVE_BF16_CROSS_H
/* Gradients of weights: sums over pixels (rows),
 *
 *     dw[p, q, c, o] = Σ_{b, i, j} x[b, i + p − pad_h, j + q − pad_w, c]·dy[b, i, j, o].
 *
 * Pairs are of neighbouring pixels, so x is turned, to channels × pixels, and dy goes into panels, both in bfloat16. A line is a band of rows of one image, with the border: in x turned, the pixels under tap
 * (p, q) are those of dy p·across + q further on, for all taps the same copy; dy has zeros where rows of x are longer than its
 * own. linear_dw is one tap over one image one pixel wide.
 *
 * Units are tiles of dw by parts of the lines, in chunks of lines that fit the cache, each of which is read for all taps and added
 * to what is there. Each part makes a result of its own; a last phase adds them up in their order. A single tile packs its
 * chunks itself, into the cache; what several tiles read is packed before, in a phase of its own. */
#include "pack.h"

enum {
    CROSS_LINE = 256,                   /* pixels of a line at most, where rows are shorter: what a unit packs before */
    CROSS_TAPS_LINE = 1024,             /* where there are taps, since lines overlap */
    CROSS_PIXELS = 1024,                /* of a chunk, about */
    CROSS_CHANNELS = 128,               /* of a tile at most: of a chunk of x 256 KiB */
    CROSS_PANELS = 256 / STRIP_COLUMNS, /* of a tile at most: of a chunk of dy 512 KiB */
    CROSS_TAPS_PANELS = 128 / STRIP_COLUMNS, /* where there are taps, so that nine tiles of dw fit beside them: 576 KiB */
    CROSS_UNITS = STRIP_GROUPS == 1 ? 16 : 8, /* wanted, so that many cores have work; the faster products are the dearer are parts */
    CROSS_BYTES = 64 * 1024 * 1024,     /* of parts at most */
    CROSS_SUM = 16384                   /* elements that a unit of the last phase adds up */
};

typedef struct cross {
    int64_t images, height, width, m;     /* of x; m channels */
    int64_t kh, kw, stride, pad_h, pad_w; /* stride: 1, or the kernel is 1×1 */
    int64_t out_h, out_w, n;              /* of dy */
    source x, dy;
    int64_t x_pitch, dy_pitch;
    float *dw;                            /* [kh, kw, m, n] */
    /* what cross_lay_out() finds */
    int64_t high, bands, lines;           /* rows of dy in a line, lines of an image and of all */
    int64_t across;                       /* pixels of a row of x under a line */
    int64_t k, span;                      /* pixels of a line of dy, in whole steps, and of x turned */
    int64_t chunk, chunks;                /* lines of a chunk, chunks */
    int64_t turned_pitch;                 /* from one channel of a chunk of x to the next */
    int64_t x_chunk, dy_chunk;            /* elements of packed chunks */
    int64_t tiles_m, tiles_n, parts;
    bool before;                          /* packed before */
} cross;

#define cross_lay_out NATIVE_(cross_lay_out)
void cross_lay_out(cross *s);
#define cross_plan NATIVE_(cross_plan)
const char *cross_plan(const cross *s, rn_work *work); /* as rn_kernel.plan */
#define cross_run NATIVE_(cross_run)
void cross_run(const cross *s, const rn_buffers *m, int phase, int64_t begin, int64_t end);
#endif
