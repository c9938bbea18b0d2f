#ifndef KERNELS_NATIVE_IMAGES_H
#define KERNELS_NATIVE_IMAGES_H
/* How kernels walk that have a number for each image: image by image in stretches, each of which is a unit. A row is the
 * stretch itself where every tensor is dense, otherwise a run of channels. */
#include "pointwise.h"

typedef struct image_walk {
    int64_t images, image;    /* and the elements of one */
    int64_t rows, length;     /* rows of an image, the elements of one */
    int64_t per_unit, units;  /* rows of a unit, units of an image */
    bool flat;
} image_walk;

/* Over the first n_in inputs, which have one shape. */
static inline image_walk image_walk_of(const rn_call *c, int n_in)
{
    const rn_shape x = c->in[0];
    image_walk w = {.images = x.dim[0], .image = rn_count(x) / x.dim[0], .flat = true};
    for (int i = 0; i < n_in; i++)
        w.flat = w.flat && rn_dense(c->in[i]);
    w.length = w.flat ? least(w.image, UNIT_ELEMENTS) : rn_last(x);
    w.rows = pieces(w.image, w.length);
    w.per_unit = most(1, UNIT_ELEMENTS / w.length);
    w.units = pieces(w.rows, w.per_unit);
    return w;
}

/* Rows [first, last) of an image are what a unit has. */
static inline int64_t image_first(const image_walk *w, int64_t unit) { return unit % w->units * w->per_unit; }
static inline int64_t image_last(const image_walk *w, int64_t unit)
{
    return least(image_first(w, unit) + w->per_unit, w->rows);
}
/* Where row i of an image begins in a tensor of that shape, and its elements. */
static inline int64_t image_at(const image_walk *w, rn_shape s, int64_t image, int64_t i)
{
    return w->flat ? image * w->image + i * w->length : (image * w->rows + i) * rn_pitch(s);
}
static inline int64_t image_length(const image_walk *w, int64_t i) { return least(w->length, w->image - i * w->length); }

#endif
