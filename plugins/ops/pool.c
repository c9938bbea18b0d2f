/* avg_pool, sum_pool and upsample_nearest: windows of s×s pixels that do not overlap. The first makes the
 * scales of the multi-scale loss and the U-Net's way down, the last its way up; sum_pool is the transposed
 * upsample_nearest. */
#include "rules.h"

static const rn_param window_params[] = {
    /*     struct            field   unit     default min max   documentation */
    RN_INT(rn_avg_pool_attr, window, "pixel", "2",    1,  1024, "side s of the window; also the stride"),
    RN_PARAMS_END,
};
static const rn_param factor_params[] = {
    RN_INT(rn_upsample_nearest_attr, factor, "pixel", "2", 1, 1024, "side of the square that a pixel becomes"),
    RN_PARAMS_END,
};

static int64_t window_of(const rn_call *c) { return ((const rn_avg_pool_attr *)c->attr)->window; }
static int64_t factor_of(const rn_call *c) { return ((const rn_upsample_nearest_attr *)c->attr)->factor; }

/* [B, H, W, C] → [B, H/s, W/s, C] */
static bool pool_shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    const rn_shape x = c->in[0];
    const int64_t s = window_of(c);
    if (s < 1 || x.dim[1] % s || x.dim[2] % s)
        return rn_fail(err, RN_ESHAPE, "window %" PRId64 " does not divide a map of %" PRId64 "×%" PRId64 " pixels", s,
                       x.dim[1], x.dim[2]);
    y[0] = (rn_shape){.rank = 4, .type = x.type, .dim = {x.dim[0], x.dim[1] / s, x.dim[2] / s, x.dim[3]}};
    return true;
}

/* [B, H, W, C] → [B, H·s, W·s, C] */
static bool upsample_shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    const rn_shape x = c->in[0];
    const int64_t s = factor_of(c);
    if (s < 1 || s > 1024)
        return rn_fail(err, RN_ESHAPE, "factor %" PRId64 ": 1 to 1024 are possible", s);
    y[0] = (rn_shape){.rank = 4, .type = x.type, .dim = {x.dim[0], x.dim[1] * s, x.dim[2] * s, x.dim[3]}};
    return true;
}

/* Each of the s² pixels of a window has weight 1/s² in the mean, so it gets that share of dy. */
static void avg_gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    const int64_t s = window_of(c);
    dx[0] = rn_op_scale(g, rn_op_upsample_nearest(g, dy[0], s), 1.0 / (double)(s * s));
}
static void sum_gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    dx[0] = rn_op_upsample_nearest(g, dy[0], window_of(c));
}
static void upsample_gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    dx[0] = rn_op_sum_pool(g, dy[0], factor_of(c));
}

/* One addition per element of x, one product per element of y. */
static rn_cost pool_cost(const rn_call *c)
{
    return (rn_cost){.flop = rn_count(c->in[0]) + rn_count(c->out[0]), .bytes = rn_call_bytes(c)};
}

static void pool_example(rn_example *e, rn_stream r, int number)
{
    const int64_t s = number % 4 + 1;
    *(rn_avg_pool_attr *)e->attr = (rn_avg_pool_attr){s};
    e->in[0] = shape4(draw(r, 0, 1, 2), s * draw(r, 1, 1, 2), s * draw(r, 2, 1, 3), draw(r, 3, 1, 4));
}
static void upsample_example(rn_example *e, rn_stream r, int number)
{
    *(rn_upsample_nearest_attr *)e->attr = (rn_upsample_nearest_attr){number % 4 + 1};
    e->in[0] = shape4(draw(r, 0, 1, 2), draw(r, 1, 1, 3), draw(r, 2, 1, 3), draw(r, 3, 1, 4));
}

const rn_op op_avg_pool = {
    .bytes = sizeof(rn_op), .name = "avg_pool", .doc = "mean over s×s windows", .params = window_params,
    .params_bytes = sizeof(rn_avg_pool_attr), .inputs = {{"x", .rank = 4}}, .n_out = 1, .traits = RN_LINEAR,
    .shape = pool_shape, .gradient = avg_gradient, .cost = pool_cost, .example = pool_example,
    .narrow_in = 1, .narrow_out = 1,
};
const rn_op op_sum_pool = {
    .bytes = sizeof(rn_op), .name = "sum_pool", .doc = "sum over s×s windows", .params = window_params,
    .params_bytes = sizeof(rn_avg_pool_attr), .inputs = {{"x", .rank = 4}}, .n_out = 1, .traits = RN_LINEAR,
    .shape = pool_shape, .gradient = sum_gradient, .cost = pool_cost, .example = pool_example,
    .narrow_in = 1, .narrow_out = 1,
};
const rn_op op_upsample_nearest = {
    .bytes = sizeof(rn_op), .name = "upsample_nearest", .doc = "each pixel repeated s×s times", .params = factor_params,
    .params_bytes = sizeof(rn_upsample_nearest_attr), .inputs = {{"x", .rank = 4}}, .n_out = 1, .traits = RN_LINEAR,
    .shape = upsample_shape, .gradient = upsample_gradient, .cost = cost_of_moving, .example = upsample_example,
    .narrow_in = 1, .narrow_out = 1,
};
