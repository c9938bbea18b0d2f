/* film: every image's channels scaled and moved by what the conditioning says. Source: Perez et al. 2018
 * (arXiv:1709.07871).
 *
 *     y = x·(1 + scale) + offset;  dx = dy·(1 + scale), dscale = Σ dy·x, doffset = Σ dy over an image's pixels */
#include "rules.h"

static bool fits(rn_shape x, rn_shape scale, rn_error *err)
{
    if (x.rank < 2 || scale.dim[0] != x.dim[0] || scale.dim[1] != rn_last(x))
        return shapes_differ(err, "x", x, "scale", scale, "one factor for each channel of each image: [batch, channels]");
    return true;
}

/* x [B, .., C], scale, offset [B, C] */
static bool shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    if (!rn_same_dims(c->in[1], c->in[2]))
        return shapes_differ(err, "scale", c->in[1], "offset", c->in[2], "their shapes must be equal");
    y[0] = dense_like(c->in[0]);
    return fits(c->in[0], c->in[1], err);
}

/* x, scale, dy → dx, dscale, doffset */
static bool grad_shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    if (!rn_same_dims(c->in[0], c->in[2]))
        return shapes_differ(err, "x", c->in[0], "dy", c->in[2], "their shapes must be equal");
    y[0] = dense_like(c->in[0]);
    y[1] = y[2] = dense_like(c->in[1]);
    return fits(c->in[0], c->in[1], err);
}

static void gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    const rn_tensor in[] = {c->x[0], c->x[1], dy[0]};
    rn_apply(g, "film_grad", NULL, 0, in, 3, dx, 3);
}

static rn_cost cost(const rn_call *c) { return cost_per_element(c, 2); }
static rn_cost grad_cost(const rn_call *c) { return cost_per_element(c, 4); }

static void example(rn_example *e, rn_stream r, int number)
{
    const int64_t batch = draw(r, 0, 1, 3), side = draw(r, 1, 1, 3), channels = draw(r, 2, 1, 5);
    e->in[0] = number % 3 == 0   ? shape4(batch, side, side + 1, channels)
               : number % 3 == 1 ? shape3(batch, side, channels)
                                 : shape2(batch, channels);
    e->in[1] = e->in[2] = shape2(batch, channels);
}
static void grad_example(rn_example *e, rn_stream r, int number)
{
    example(e, r, number);
    e->in[2] = e->in[0];
}

const rn_op op_film = {
    .bytes = sizeof(rn_op), .name = "film", .doc = "x·(1 + scale) + offset, by image and channel",
    .inputs = {{.name = "x"}, {"scale", .rank = 2}, {"offset", .rank = 2}}, .n_out = 1, .traits = RN_POINTWISE | RN_IN_PLACE | RN_CHEAP,
    .shape = shape, .gradient = gradient, .cost = cost, .example = example,
    .narrow_in = 1, .narrow_out = 1,
};
const rn_op op_film_grad = {
    .bytes = sizeof(rn_op), .name = "film_grad", .doc = "the gradients of film",
    .inputs = {{.name = "x"}, {"scale", .rank = 2}, {.name = "dy"}}, .n_out = 3,
    .shape = grad_shape, .cost = grad_cost, .example = grad_example,
    .narrow_in = 1 | 1 << 2, .narrow_out = 1,
};
