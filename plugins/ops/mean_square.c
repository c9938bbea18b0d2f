/* mean_square: the mean of w[i]·d² over all elements, w one weight for each image; what losses end in.
 *
 *     y = Σ w[image]·d²/n        dd = 2·w[image]·d·dy/n */
#include "rules.h"

static bool weights_fit(rn_shape d, rn_shape w, rn_error *err)
{
    if (w.rank && w.dim[0] != d.dim[0])
        return rn_fail(err, RN_ESHAPE, "%" PRId64 " weights for a batch of %" PRId64, w.dim[0], d.dim[0]);
    return true;
}

static bool shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    y[0] = (rn_shape){.rank = 1, .type = c->in[0].type, .dim = {1}};
    return weights_fit(c->in[0], c->in[1], err);
}
static bool grad_shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    if (c->in[2].dim[0] != 1)
        return rn_fail(err, RN_ESHAPE, "dy has %" PRId64 " elements, the mean is one number", c->in[2].dim[0]);
    y[0] = dense_like(c->in[0]);
    return weights_fit(c->in[0], c->in[1], err);
}

static rn_tensor apply_grad(rn_graph *g, rn_tensor d, rn_tensor w, rn_tensor dy)
{
    const rn_tensor in[] = {d, w, dy};
    return rn_apply1(g, "mean_square_grad", NULL, 0, in, 3);
}

/* Nothing flows to the weights: they are functions of the noise level. */
static void gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    dx[0] = apply_grad(g, c->x[0], c->x[1], dy[0]);
}

/* 2·w·d·s/n is linear in d, so d gets the same expression of what comes in; s gets Σ 2·w·d·dy/n. */
static void grad_gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    dx[0] = apply_grad(g, dy[0], c->x[1], c->x[2]);
    const rn_tensor d = c->in[1].rank ? rn_op_scale_images(g, c->x[0], c->x[1]) : c->x[0];
    dx[2] = rn_op_scale(g, rn_op_sum_leading(g, rn_op_mul(g, d, dy[0]), 0), 2.0 / (double)rn_count(c->in[0]));
}

static rn_cost cost(const rn_call *c)
{
    return (rn_cost){.flop = (c->in[1].rank ? 3 : 2) * rn_count(c->in[0]), .bytes = rn_call_bytes(c)};
}
static rn_cost grad_cost(const rn_call *c) { return cost_per_element(c, 2); }

/* In turn: with and without weights, several ranks. */
static void example(rn_example *e, rn_stream r, int number)
{
    const int64_t batch = draw(r, 0, 1, 4), a = draw(r, 1, 1, 5), b = draw(r, 2, 1, 6);
    e->in[0] = number % 3 == 0 ? shape4(batch, a, 3, b) : number % 3 == 1 ? shape2(batch, b) : shape1(batch);
    e->in[1] = number % 2 ? (rn_shape){0} : shape1(batch);
}
static void grad_example(rn_example *e, rn_stream r, int number)
{
    example(e, r, number);
    e->in[2] = shape1(1);
}

const rn_op op_mean_square = {
    .bytes = sizeof(rn_op), .name = "mean_square", .doc = "mean of w·d² over all elements, w one weight an image",
    .inputs = {{.name = "d"}, {"w", .rank = 1, .optional = true, .constant = true}}, .n_out = 1,
    .shape = shape, .gradient = gradient, .cost = cost, .example = example,
};
const rn_op op_mean_square_grad = {
    .bytes = sizeof(rn_op), .name = "mean_square_grad", .doc = "the gradient of mean_square: 2·w·d·dy/n",
    .inputs = {{.name = "d"}, {"w", .rank = 1, .optional = true, .constant = true}, {"dy", .rank = 1}}, .n_out = 1,
    .traits = RN_LINEAR | RN_POINTWISE | RN_IN_PLACE,
    .shape = grad_shape, .gradient = grad_gradient, .cost = grad_cost, .example = grad_example,
};
