/* space_to_depth and its inverse: squares of s×s pixels become channels, channel = (c·s + dy)·s + dx. Nothing
 * but places change, so each is the other's gradient. */
#include "rules.h"

static const rn_param params[] = {
    RN_INT(rn_space_to_depth_attr, factor, "pixel", "2", 1, 1024, "side s of the square"),
    RN_PARAMS_END,
};

static int64_t factor_of(const rn_call *c) { return ((const rn_space_to_depth_attr *)c->attr)->factor; }

/* [B, H, W, C] → [B, H/s, W/s, C·s²] */
static bool to_depth_shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    const rn_shape x = c->in[0];
    const int64_t s = factor_of(c);
    if (s < 1 || x.dim[1] % s || x.dim[2] % s)
        return rn_fail(err, RN_ESHAPE, "squares of side %" PRId64 " do not tile a map of %" PRId64 "×%" PRId64 " pixels",
                       s, x.dim[1], x.dim[2]);
    y[0] = (rn_shape){.rank = 4, .type = x.type, .dim = {x.dim[0], x.dim[1] / s, x.dim[2] / s, x.dim[3] * s * s}};
    return true;
}

/* [B, H, W, C·s²] → [B, H·s, W·s, C] */
static bool to_space_shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    const rn_shape x = c->in[0];
    const int64_t s = factor_of(c);
    if (s < 1 || s > 1024 || x.dim[3] % (s * s))
        return rn_fail(err, RN_ESHAPE, "%" PRId64 " channels are no multiple of a square of side %" PRId64, x.dim[3], s);
    y[0] = (rn_shape){.rank = 4, .type = x.type, .dim = {x.dim[0], x.dim[1] * s, x.dim[2] * s, x.dim[3] / (s * s)}};
    return true;
}

static void to_depth_gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    dx[0] = rn_op_depth_to_space(g, dy[0], factor_of(c));
}
static void to_space_gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    dx[0] = rn_op_space_to_depth(g, dy[0], factor_of(c));
}

static void to_depth_example(rn_example *e, rn_stream r, int number)
{
    const int64_t s = number % 4 + 1;
    *(rn_space_to_depth_attr *)e->attr = (rn_space_to_depth_attr){s};
    e->in[0] = shape4(draw(r, 0, 1, 2), s * draw(r, 1, 1, 2), s * draw(r, 2, 1, 2), draw(r, 3, 1, 3));
}
static void to_space_example(rn_example *e, rn_stream r, int number)
{
    const int64_t s = number % 4 + 1;
    *(rn_space_to_depth_attr *)e->attr = (rn_space_to_depth_attr){s};
    e->in[0] = shape4(draw(r, 0, 1, 2), draw(r, 1, 1, 2), draw(r, 2, 1, 2), s * s * draw(r, 3, 1, 3));
}

const rn_op op_space_to_depth = {
    .bytes = sizeof(rn_op), .name = "space_to_depth", .doc = "squares of pixels become channels",
    .params = params, .params_bytes = sizeof(rn_space_to_depth_attr),
    .inputs = {{"x", .rank = 4}}, .n_out = 1, .traits = RN_LINEAR,
    .shape = to_depth_shape, .gradient = to_depth_gradient, .cost = cost_of_moving, .example = to_depth_example,
};
const rn_op op_depth_to_space = {
    .bytes = sizeof(rn_op), .name = "depth_to_space", .doc = "channels become squares of pixels",
    .params = params, .params_bytes = sizeof(rn_space_to_depth_attr),
    .inputs = {{"x", .rank = 4}}, .n_out = 1, .traits = RN_LINEAR,
    .shape = to_space_shape, .gradient = to_space_gradient, .cost = cost_of_moving, .example = to_space_example,
};
