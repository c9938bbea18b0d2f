/* layer_norm_film: layer_norm and film as one op, which is how programs run that chain.
 *
 *     n = (x − mean)·rstd, u = w·n + b, y = u·(1 + scale) + offset
 *     for each image and channel A = Σ dy, N = Σ dy·n over its rows, and from these
 *     dscale = w·N + b·A, doffset = A, dw = Σ (1 + scale)·N, db = Σ (1 + scale)·A over the images
 *     dx = rstd·(f·dy − mean(f·dy) − n·mean(f·dy·n)), f = w·(1 + scale), means over the row */
#include "norm_film.h"

static const rn_param params[] = {
    RN_REAL(rn_layer_norm_attr, eps, NULL, "1e-5", 1e-30, 1, "added to the variance"),
    RN_PARAMS_END,
};

static rn_shape statistics(const rn_call *c) { return (rn_shape){.rank = 1, .dim = {rn_rows(c->in[X])}}; }

/* x [B, .., C], w, b [C], scale, offset [B, C] → y, mean [rows], rstd [rows] */
static bool shape(const rn_call *c, rn_shape *y, rn_error *err) { return norm_film_shape(c, statistics(c), y, err); }

static bool grad_shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    return norm_film_grad_shape(c, statistics(c), "one of each for every row of x", y, err);
}

static void gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    norm_film_gradient(g, "layer_norm_film_grad", c, dy, dx);
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
    .narrow_in = 1, .narrow_out = 1,
};
const rn_op op_layer_norm_film_grad = {
    .bytes = sizeof(rn_op), .name = "layer_norm_film_grad", .doc = "the gradients of layer_norm_film",
    .params = params, .params_bytes = sizeof(rn_layer_norm_attr),
    .inputs = {{.name = "x"}, {"w", .rank = 1, .optional = true}, {"b", .rank = 1, .optional = true},
               {"scale", .rank = 2}, {"offset", .rank = 2}, {"mean", .rank = 1}, {"rstd", .rank = 1}, {.name = "dy"}},
    .n_out = 5,
    .shape = grad_shape, .cost = grad_cost, .example = grad_example,
    .narrow_in = 1 | 1 << 7, .narrow_out = 1,
};
