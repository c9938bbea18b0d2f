/* layer_norm: every run of channels to mean 0 and variance 1, then w and b by channel. Source: Ba, Kiros, Hinton
 * 2016 (arXiv:1607.06450). Formulas as for group_norm, a row of channels being the group. */
#include "rules.h"

static const rn_param params[] = {
    RN_REAL(rn_layer_norm_attr, eps, NULL, "1e-5", 1e-30, 1, "added to the variance"),
    RN_PARAMS_END,
};

static bool weight_fits(rn_shape x, rn_shape w, const char *name, rn_error *err)
{
    if (w.rank && w.dim[0] != rn_last(x))
        return rn_fail(err, RN_ESHAPE, "%s has %" PRId64 " elements for %" PRId64 " channels", name, w.dim[0], rn_last(x));
    return true;
}

/* x [.., C], w, b [C] → y, mean [rows], rstd [rows] */
static bool shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    const rn_shape x = c->in[0], w = c->in[1], b = c->in[2];
    if (!w.rank != !b.rank)
        return shapes_differ(err, "w", w, "b", b, "both, or both absent");
    if (!weight_fits(x, w, "w", err) || !weight_fits(x, b, "b", err))
        return false;
    y[0] = dense_like(x);
    y[1] = y[2] = (rn_shape){.rank = 1, .type = x.type, .dim = {rn_rows(x)}};
    return true;
}

/* x, w or absent, mean, rstd, dy → dx, dw [C], db [C] */
static bool grad_shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    const rn_shape x = c->in[0], mean = c->in[2], rstd = c->in[3];
    if (!rn_same_dims(x, c->in[4]))
        return shapes_differ(err, "x", x, "dy", c->in[4], "their shapes must be equal");
    if (mean.dim[0] != rn_rows(x) || rstd.dim[0] != rn_rows(x))
        return shapes_differ(err, "mean", mean, "rstd", rstd, "one of each for every row of x");
    y[0] = dense_like(x);
    y[1] = y[2] = (rn_shape){.rank = 1, .type = x.type, .dim = {rn_last(x)}};
    return weight_fits(x, c->in[1], "w", err);
}

static void gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    const rn_tensor in[] = {c->x[0], c->x[1], c->y[1], c->y[2], dy[0]};
    rn_tensor out[3] = {0, 0, 0};
    rn_apply(g, "layer_norm_grad", c->attr, sizeof(rn_layer_norm_attr), in, 5, out, 3);
    dx[0] = out[0];
    if (c->in[1].rank) {
        dx[1] = out[1];
        dx[2] = out[2];
    }
}

static rn_cost cost(const rn_call *c) { return cost_per_element(c, 7); }
static rn_cost grad_cost(const rn_call *c) { return cost_per_element(c, 11); }

/* Four channels and more, spread wide: two that are nearly equal make a slope that central differences miss. */
static void example(rn_example *e, rn_stream r, int number)
{
    const int64_t a = draw(r, 0, 1, 3), b = draw(r, 1, 1, 4), channels = draw(r, 2, 4, 9);
    *(rn_layer_norm_attr *)e->attr = (rn_layer_norm_attr){1e-5};
    e->in[0] = number % 3 == 0 ? shape2(b, channels) : number % 3 == 1 ? shape3(a, b, channels) : shape1(channels);
    e->in[1] = e->in[2] = number % 4 == 3 ? (rn_shape){0} : shape1(channels);
    e->low[0] = -3;
    e->high[0] = 3;
}
static void grad_example(rn_example *e, rn_stream r, int number)
{
    example(e, r, number);
    e->in[2] = e->in[3] = shape1(rn_rows(e->in[0]));
    e->in[4] = e->in[0];
}

const rn_op op_layer_norm = {
    .bytes = sizeof(rn_op), .name = "layer_norm", .doc = "each row to mean 0, variance 1, then ·w + b",
    .params = params, .params_bytes = sizeof(rn_layer_norm_attr),
    .inputs = {{.name = "x"}, {"w", .rank = 1, .optional = true}, {"b", .rank = 1, .optional = true}},
    .traits = RN_CHEAP, .n_out = 3, .n_auxiliary = 2,
    .shape = shape, .gradient = gradient, .cost = cost, .example = example,
    .narrow_in = 1, .narrow_out = 1,
};
const rn_op op_layer_norm_grad = {
    .bytes = sizeof(rn_op), .name = "layer_norm_grad", .doc = "the gradients of layer_norm",
    .params = params, .params_bytes = sizeof(rn_layer_norm_attr),
    .inputs = {{.name = "x"}, {"w", .rank = 1, .optional = true}, {"mean", .rank = 1}, {"rstd", .rank = 1}, {.name = "dy"}},
    .n_out = 3,
    .shape = grad_shape, .cost = grad_cost, .example = grad_example,
    .narrow_in = 1 | 1 << 4, .narrow_out = 1,
};
