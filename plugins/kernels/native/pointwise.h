#ifndef KERNELS_NATIVE_POINTWISE_H
#define KERNELS_NATIVE_POINTWISE_H
/* How pointwise kernels walk: over all elements where every tensor is dense, otherwise channel run by channel run. */
#include "native.h"

enum { UNIT_ELEMENTS = 8192 }; /* of a unit, about: 32 KiB of float32 a tensor, small against a level-2 cache, large against a call */

typedef struct walk {
    int64_t rows, length, rows_per_unit; /* a flat walk has rows of UNIT_ELEMENTS */
    int64_t count;
    bool flat;
} walk;

/* Over output 0 and the first n_in inputs, which have its shape. */
static inline walk walk_of(const rn_call *c, int n_in)
{
    walk w = {.count = rn_count(c->out[0]), .flat = rn_dense(c->out[0])};
    for (int i = 0; i < n_in; i++)
        w.flat = w.flat && rn_dense(c->in[i]);
    w.length = w.flat ? UNIT_ELEMENTS : rn_last(c->out[0]);
    w.rows = pieces(w.count, w.length);
    w.rows_per_unit = w.length >= UNIT_ELEMENTS ? 1 : UNIT_ELEMENTS / w.length;
    return w;
}
static inline int64_t walk_units(const walk *w) { return pieces(w->rows, w->rows_per_unit); }

/* Where row i begins in a tensor of that shape, and its elements. */
static inline int64_t walk_at(const walk *w, rn_shape s, int64_t i) { return i * (w->flat ? w->length : rn_pitch(s)); }
static inline int64_t walk_length(const walk *w, int64_t i) { return least(w->length, w->count - i * w->length); }

/* y = x over n elements: a loop of vectors, because runs of channels are short against a call of memcpy. y may be x. */
static inline void move_row(el *y, const el *x, int64_t n)
{
    int64_t k = 0;
    for (; k + EL_LANES <= n; k += EL_LANES)
        el_move(y + k, x + k);
    if (k < n)
        el_move_part(y + k, x + k, n - k);
}

#endif
