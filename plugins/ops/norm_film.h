#ifndef PLUGINS_OPS_NORM_FILM_H
#define PLUGINS_OPS_NORM_FILM_H
/* What group_norm_film_silu and layer_norm_film have in common: everything but what a mean is taken over. */
#include "rules.h"

enum { X, W, B, SCALE, OFFSET, MEAN, RSTD, DY }; /* inputs of the gradient; the first five are those of the op */

/* w, b [C] or both absent; scale, offset [B, C] or both absent (where the op's inputs allow that). */
static inline bool norm_film_fits(const rn_call *c, rn_error *err)
{
    const rn_shape x = c->in[X], w = c->in[W], b = c->in[B], scale = c->in[SCALE], offset = c->in[OFFSET];
    if (x.rank < 2)
        return rn_fail(err, RN_ESHAPE, "x has one axis; at least batch and channels are needed");
    if (!w.rank != !b.rank || (w.rank && (w.dim[0] != rn_last(x) || b.dim[0] != rn_last(x))))
        return shapes_differ(err, "w", w, "b", b, "one element for each channel of x, or both absent");
    if (!scale.rank != !offset.rank || !rn_same_dims(scale, offset) ||
        (scale.rank && (scale.dim[0] != x.dim[0] || scale.dim[1] != rn_last(x))))
        return shapes_differ(err, "scale", scale, "offset", offset, "[batch, channels] of x, or both absent");
    return true;
}

/* y and, for each mean, a deviation: `statistics` is the shape of either. */
static inline bool norm_film_shape(const rn_call *c, rn_shape statistics, rn_shape *y, rn_error *err)
{
    if (!norm_film_fits(c, err))
        return false;
    statistics.type = c->in[X].type;
    y[0] = dense_like(c->in[X]);
    y[1] = y[2] = statistics;
    return true;
}

/* → dx, dw [C], db [C], dscale [B, C], doffset [B, C] */
static inline bool norm_film_grad_shape(const rn_call *c, rn_shape statistics, const char *one_for, rn_shape *y, rn_error *err)
{
    const rn_shape x = c->in[X], mean = c->in[MEAN], rstd = c->in[RSTD];
    if (!norm_film_fits(c, err))
        return false;
    if (!rn_same_dims(x, c->in[DY]))
        return shapes_differ(err, "x", x, "dy", c->in[DY], "their shapes must be equal");
    if (!rn_same_dims(mean, statistics) || !rn_same_dims(rstd, statistics))
        return shapes_differ(err, "mean", mean, "rstd", rstd, one_for);
    y[0] = dense_like(x);
    y[1] = y[2] = (rn_shape){.rank = 1, .type = x.type, .dim = {rn_last(x)}};
    y[3] = y[4] = (rn_shape){.rank = 2, .type = x.type, .dim = {x.dim[0], rn_last(x)}};
    return true;
}

/* One op makes all five gradients; it has the attributes of the op. */
static inline void norm_film_gradient(rn_graph *g, const char *op, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    const rn_tensor in[] = {c->x[X], c->x[W], c->x[B], c->x[SCALE], c->x[OFFSET], c->y[1], c->y[2], dy[0]};
    rn_tensor out[5] = {0};
    rn_apply(g, op, c->attr, c->op->params_bytes, in, 8, out, 5);
    for (int i = 0; i < 5; i++)
        dx[i] = c->in[i].rank ? out[i] : 0;
}

#endif
