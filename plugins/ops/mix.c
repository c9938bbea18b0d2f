/* mix and scale_images: one factor for each image. mix makes z = α·x₀ + σ·ε, targets and predictions.
 *
 *     mix: y[i] = a[i]·x[i] + b[i]·u[i]        scale_images: y[i] = a[i]·x[i]        i the image
 *
 * Nothing flows to the factors: they are functions of the noise level. */
#include "rules.h"

static bool factors_fit(rn_shape x, rn_shape a, rn_error *err)
{
    if (a.dim[0] != x.dim[0])
        return rn_fail(err, RN_ESHAPE, "%" PRId64 " factors for a batch of %" PRId64, a.dim[0], x.dim[0]);
    return true;
}
static bool mix_shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    return equal_inputs(c, y, err) && factors_fit(c->in[0], c->in[2], err) && factors_fit(c->in[0], c->in[3], err);
}
static bool scale_shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    y[0] = dense_like(c->in[0]);
    return factors_fit(c->in[0], c->in[1], err);
}

static void mix_gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    dx[0] = rn_op_scale_images(g, dy[0], c->x[2]);
    dx[1] = rn_op_scale_images(g, dy[0], c->x[3]);
}
static void scale_gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    dx[0] = rn_op_scale_images(g, dy[0], c->x[1]);
}

static rn_cost mix_cost(const rn_call *c) { return cost_per_element(c, 3); }

static rn_shape batch_of(rn_stream r, int number)
{
    const int64_t batch = draw(r, 0, 1, 4), side = draw(r, 1, 1, 3), channels = draw(r, 2, 1, 4);
    return number % 3 == 0 ? shape4(batch, side, side + 1, channels) : number % 3 == 1 ? shape2(batch, channels)
                                                                                       : shape1(batch);
}
static void mix_example(rn_example *e, rn_stream r, int number)
{
    e->in[0] = e->in[1] = batch_of(r, number);
    e->in[2] = e->in[3] = shape1(e->in[0].dim[0]);
}
static void scale_example(rn_example *e, rn_stream r, int number)
{
    e->in[0] = batch_of(r, number);
    e->in[1] = shape1(e->in[0].dim[0]);
}

const rn_op op_mix = {
    .bytes = sizeof(rn_op), .name = "mix", .doc = "a·x + b·u, one a and one b for each image",
    .inputs = {{.name = "x"}, {.name = "u"}, {"a", .rank = 1, .constant = true}, {"b", .rank = 1, .constant = true}}, .n_out = 1,
    .traits = RN_POINTWISE | RN_IN_PLACE,
    .shape = mix_shape, .gradient = mix_gradient, .cost = mix_cost, .example = mix_example,
};
const rn_op op_scale_images = {
    .bytes = sizeof(rn_op), .name = "scale_images", .doc = "a·x, one a for each image",
    .inputs = {{.name = "x"}, {"a", .rank = 1, .constant = true}}, .n_out = 1,
    .traits = RN_POINTWISE | RN_IN_PLACE | RN_LINEAR,
    .shape = scale_shape, .gradient = scale_gradient, .cost = cost_of_one, .example = scale_example,
};
