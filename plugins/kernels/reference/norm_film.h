#ifndef KERNELS_REFERENCE_NORM_FILM_H
#define KERNELS_REFERENCE_NORM_FILM_H
/* What group_norm_film_silu and layer_norm_film share: the order of their inputs, and what their gradients make of the
 * sums A = Σ dv and N = Σ dv·n of each image and channel. */
#include "real.h"

enum { X, W, B, SCALE, OFFSET, MEAN, RSTD, DY };

/* Of an image, or NULL where there is none. */
static inline const REAL *film_row(const rn_call *c, const rn_buffers *m, int input, int64_t image)
{
    return m->in[input] ? (const REAL *)m->in[input] + image * rn_pitch(c->in[input]) : NULL;
}
static inline ACC factor_of(const REAL *v, int64_t j) { return v ? (ACC)v[j] : 1; } /* w */
static inline ACC term_of(const REAL *v, int64_t j) { return v ? (ACC)v[j] : 0; }   /* b, scale, offset */

/* dscale = w·N + b·A and doffset = A of an image; a, n: [channels]. */
static inline void film_slopes(const rn_call *c, const rn_buffers *m, int64_t image, const ACC *a, const ACC *n)
{
    const int64_t channels = rn_last(c->in[X]);
    REAL *dscale = (REAL *)m->out[3] + image * channels, *doffset = (REAL *)m->out[4] + image * channels;
    for (int64_t j = 0; j < channels; j++) {
        dscale[j] = (REAL)(factor_of(m->in[W], j) * n[j] + term_of(m->in[B], j) * a[j]);
        doffset[j] = (REAL)a[j];
    }
}

/* dw = Σ (1 + scale)·N, db = Σ (1 + scale)·A over the images for channels [begin, end); sums: [batch, 2, channels]. */
static inline void weight_slopes(const rn_call *c, const rn_buffers *m, const ACC *sums, int64_t begin, int64_t end)
{
    const int64_t channels = rn_last(c->in[X]);
    for (int64_t j = begin; j < end; j++) {
        ACC dw = 0, db = 0;
        for (int64_t image = 0; image < c->in[X].dim[0]; image++) {
            const ACC share = 1 + term_of(film_row(c, m, SCALE, image), j);
            db += share * sums[2 * image * channels + j];
            dw += share * sums[(2 * image + 1) * channels + j];
        }
        ((REAL *)m->out[1])[j] = (REAL)dw;
        ((REAL *)m->out[2])[j] = (REAL)db;
    }
}

#endif
