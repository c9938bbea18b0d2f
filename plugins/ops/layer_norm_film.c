/* layer_norm_film: layer_norm and film as one op, which is how programs run that chain.
 *
 *     n = (x − mean)·rstd, u = w·n + b, y = u·(1 + scale) + offset
 *     for each image and channel A = Σ dy, N = Σ dy·n over its rows, and from these
 *     dscale = w·N + b·A, doffset = A, dw = Σ (1 + scale)·N, db = Σ (1 + scale)·A over the images
 *     dx = rstd·(f·dy − mean(f·dy) − n·mean(f·dy·n)), f = w·(1 + scale), means over the row */
#include "rules.h"

enum { X, W, B, SCALE, OFFSET, MEAN, RSTD, DY }; /* inputs of the gradient; the first five are those of the op */

static const rn_param params[] = {
    RN_REAL(rn_layer_norm_attr, eps, NULL, "1e-5", 1e-30, 1, "added to the variance"),
    RN_PARAMS_END,
};

static bool fits(const rn_call *c, rn_error *err)
{
    const rn_shape x = c->in[X], w = c->in[W], b = c->in[B], scale = c->in[SCALE], offset = c->in[OFFSET];
    if (x.rank < 2)
        return rn_fail(err, RN_ESHAPE, "x has one axis; at least batch and channels are needed");
    if (!w.rank != !b.rank || (w.rank && (w.dim[0] != rn_last(x) || b.dim[0] != rn_last(x))))
        return shapes_differ(err, "w", w, "b", b, "one element for each channel of x, or both absent");
    if (!rn_same_dims(scale, offset) || scale.dim[0] != x.dim[0] || scale.dim[1] != rn_last(x))
        return shapes_differ(err, "scale", scale, "offset", offset, "[batch, channels] of x");
    return true;
}

/* x [B, .., C], w, b [C], scale, offset [B, C] → y, mean [rows], rstd [rows] */
static bool shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    if (!fits(c, err))
        return false;
    y[0] = dense_like(c->in[X]);
    y[1] = y[2] = (rn_shape){.rank = 1, .type = c->in[X].type, .dim = {rn_rows(c->in[X])}};
    return true;
}

/* → dx, dw [C], db [C], dscale [B, C], doffset [B, C] */
static bool grad_shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    const rn_shape x = c->in[X], mean = c->in[MEAN], rstd = c->in[RSTD];
    if (!fits(c, err))
        return false;
    if (!rn_same_dims(x, c->in[DY]))
        return shapes_differ(err, "x", x, "dy", c->in[DY], "their shapes must be equal");
    if (mean.dim[0] != rn_rows(x) || rstd.dim[0] != rn_rows(x))
        return shapes_differ(err, "mean", mean, "rstd", rstd, "one of each for every row of x");
    y[0] = dense_like(x);
    y[1] = y[2] = (rn_shape){.rank = 1, .type = x.type, .dim = {rn_last(x)}};
    y[3] = y[4] = (rn_shape){.rank = 2, .type = x.type, .dim = {x.dim[0], rn_last(x)}};
    return true;
}

static void gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    const rn_tensor in[] = {c->x[X], c->x[W], c->x[B], c->x[SCALE], c->x[OFFSET], c->y[1], c->y[2], dy[0]};
    rn_tensor out[5] = {0};
    rn_apply(g, "layer_norm_film_grad", c->attr, sizeof(rn_layer_norm_attr), in, 8, out, 5);
    for (int i = 0; i < 5; i++)
        dx[i] = c->in[i].rank ? out[i] : 0;
}

static rn_cost cost(const rn_call *c) { return cost_per_element(c, 9); }
static rn_cost grad_cost(const rn_call *c) { return cost_per_element(c, 15); }

/* Four channels and more, spread wide: two that are nearly equal make a slope that central differences miss. */
static void example(rn_example *e, rn_stream r, int number)
{
    const int64_t batch = draw(r, 0, 1, 3), tokens = draw(r, 1, 1, 4), channels = draw(r, 2, 4, 9);
    ((rn_layer_norm_attr *)e->attr)->eps = 1e-5;
    e->in[X] = number % 3 == 2 ? shape2(batch, channels) : shape3(batch, tokens, channels);
    e->low[X] = -3, e->high[X] = 3;
    e->in[W] = e->in[B] = number % 4 == 3 ? (rn_shape){0} : shape1(channels);
    e->in[SCALE] = e->in[OFFSET] = shape2(batch, channels);
}
static void grad_example(rn_example *e, rn_stream r, int number)
{
    example(e, r, number);
    e->in[MEAN] = e->in[RSTD] = shape1(rn_rows(e->in[X]));
    e->in[DY] = e->in[X];
}

static const rn_fusion fusions[] = {{{"layer_norm", "film"}}, {{NULL}}};

const rn_op op_layer_norm_film = {
    .bytes = sizeof(rn_op), .name = "layer_norm_film", .doc = "layer_norm and film in one",
    .params = params, .params_bytes = sizeof(rn_layer_norm_attr),
    .inputs = {{.name = "x"}, {"w", .rank = 1, .optional = true}, {"b", .rank = 1, .optional = true},
               {"scale", .rank = 2}, {"offset", .rank = 2}},
    .traits = RN_CHEAP, .n_out = 3, .n_auxiliary = 2, .fusions = fusions,
    .shape = shape, .gradient = gradient, .cost = cost, .example = example,
};
const rn_op op_layer_norm_film_grad = {
    .bytes = sizeof(rn_op), .name = "layer_norm_film_grad", .doc = "the gradients of layer_norm_film",
    .params = params, .params_bytes = sizeof(rn_layer_norm_attr),
    .inputs = {{.name = "x"}, {"w", .rank = 1, .optional = true}, {"b", .rank = 1, .optional = true},
               {"scale", .rank = 2}, {"offset", .rank = 2}, {"mean", .rank = 1}, {"rstd", .rank = 1}, {.name = "dy"}},
    .n_out = 5,
    .shape = grad_shape, .cost = grad_cost, .example = grad_example,
};
