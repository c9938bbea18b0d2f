/* conv2d and its two gradients. The three are one trilinear form Σ dy·w·x, so each is what the gradients of
 * the other two are made of, and derivatives of any order exist.
 *
 *     y[b, i, j, o] = Σ w[p, q, c, o] · x[b, i·stride + p − pad_h, j·stride + q − pad_w, g·C/groups + c] + b[o]
 *
 * g = ⌊o·groups/O⌋; pixels outside count as zero; correlation, no flip. */
#include "rules.h"

static const rn_param conv2d_params[] = {
    /*     struct          field   unit       default min max    documentation */
    RN_INT(rn_conv2d_attr, stride, "pixel",   "1",    1,  1024,  "step between windows, down and across"),
    RN_INT(rn_conv2d_attr, pad_h,  "pixel",   "0",    0,  1024,  "rows of zeros above and below"),
    RN_INT(rn_conv2d_attr, pad_w,  "pixel",   "0",    0,  1024,  "columns of zeros left and right"),
    RN_INT(rn_conv2d_attr, groups, NULL,      "1",    1,  65536, "runs of channels that do not see each other"),
    RN_PARAMS_END,
};
static const rn_param dx_params[] = {
    RN_GROUP(rn_conv2d_dx_attr, conv, conv2d_params, NULL, "the convolution's own attributes"),
    RN_INT(rn_conv2d_dx_attr, height, "pixel", NULL, 1, 1 << 20, "of x"),
    RN_INT(rn_conv2d_dx_attr, width, "pixel", NULL, 1, 1 << 20, "of x"),
    RN_PARAMS_END,
};
static const rn_param dw_params[] = {
    RN_GROUP(rn_conv2d_dw_attr, conv, conv2d_params, NULL, "the convolution's own attributes"),
    RN_INT(rn_conv2d_dw_attr, kernel_h, "pixel", NULL, 1, 1024, "height of the window"),
    RN_INT(rn_conv2d_dw_attr, kernel_w, "pixel", NULL, 1, 1024, "width of the window"),
    RN_PARAMS_END,
};

static bool attributes_fit(const rn_conv2d_attr *a, int64_t channels, int64_t out, rn_error *err)
{
    if (a->stride < 1 || a->pad_h < 0 || a->pad_w < 0 || a->groups < 1)
        return rn_fail(err, RN_ESHAPE, "stride %" PRId64 ", padding %" PRId64 " and %" PRId64 ", %" PRId64
                       " groups: stride and groups begin at 1, padding at 0", a->stride, a->pad_h, a->pad_w, a->groups);
    if (channels % a->groups || out % a->groups)
        return rn_fail(err, RN_ESHAPE, "%" PRId64 " groups do not divide %" PRId64 " channels in and %" PRId64 " out",
                       a->groups, channels, out);
    return true;
}

/* Sides of y for a map of height × width under a kernel of kh × kw. */
static bool sides(const rn_conv2d_attr *a, int64_t height, int64_t width, int64_t kh, int64_t kw, int64_t *h,
                  int64_t *w, rn_error *err)
{
    if (height + 2 * a->pad_h < kh || width + 2 * a->pad_w < kw)
        return rn_fail(err, RN_ESHAPE, "a kernel of %" PRId64 "×%" PRId64 " does not fit into a map of %" PRId64
                       "×%" PRId64 " padded by %" PRId64 " and %" PRId64, kh, kw, height, width, a->pad_h, a->pad_w);
    *h = (height + 2 * a->pad_h - kh) / a->stride + 1;
    *w = (width + 2 * a->pad_w - kw) / a->stride + 1;
    return true;
}

/* x [B, H, W, C], w [kh, kw, C/groups, O], b [O] → [B, H', W', O] */
static bool conv2d_shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    const rn_conv2d_attr *a = c->attr;
    const rn_shape x = c->in[0], w = c->in[1], b = c->in[2];
    int64_t height = 0, width = 0;
    if (!attributes_fit(a, x.dim[3], w.dim[3], err) ||
        !sides(a, x.dim[1], x.dim[2], w.dim[0], w.dim[1], &height, &width, err))
        return false;
    if (w.dim[2] * a->groups != x.dim[3])
        return rn_fail(err, RN_ESHAPE, "x has %" PRId64 " channels, the weight is for %" PRId64, x.dim[3],
                       w.dim[2] * a->groups);
    if (b.rank && b.dim[0] != w.dim[3])
        return rn_fail(err, RN_ESHAPE, "the bias has %" PRId64 " elements for %" PRId64 " channels", b.dim[0], w.dim[3]);
    y[0] = (rn_shape){.rank = 4, .type = x.type, .dim = {x.dim[0], height, width, w.dim[3]}};
    return true;
}

/* dy [B, H', W', O], w → [B, height, width, C] */
static bool dx_shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    const rn_conv2d_dx_attr *a = c->attr;
    const rn_shape dy = c->in[0], w = c->in[1];
    int64_t height = 0, width = 0;
    if (!attributes_fit(&a->conv, w.dim[2] * a->conv.groups, w.dim[3], err) ||
        !sides(&a->conv, a->height, a->width, w.dim[0], w.dim[1], &height, &width, err))
        return false;
    if (dy.dim[1] != height || dy.dim[2] != width || dy.dim[3] != w.dim[3])
        return rn_fail(err, RN_ESHAPE, "dy is %" PRId64 "×%" PRId64 "×%" PRId64 ", the convolution of a map of %" PRId64
                       "×%" PRId64 " gives %" PRId64 "×%" PRId64 "×%" PRId64, dy.dim[1], dy.dim[2], dy.dim[3],
                       a->height, a->width, height, width, w.dim[3]);
    y[0] = (rn_shape){.rank = 4, .type = dy.type, .dim = {dy.dim[0], a->height, a->width, w.dim[2] * a->conv.groups}};
    return true;
}

/* x, dy → [kh, kw, C/groups, O] */
static bool dw_shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    const rn_conv2d_dw_attr *a = c->attr;
    const rn_shape x = c->in[0], dy = c->in[1];
    int64_t height = 0, width = 0;
    if (!attributes_fit(&a->conv, x.dim[3], dy.dim[3], err) ||
        !sides(&a->conv, x.dim[1], x.dim[2], a->kernel_h, a->kernel_w, &height, &width, err))
        return false;
    if (dy.dim[0] != x.dim[0] || dy.dim[1] != height || dy.dim[2] != width)
        return rn_fail(err, RN_ESHAPE, "dy is %" PRId64 "×%" PRId64 "×%" PRId64 ", the convolution of x gives %" PRId64
                       "×%" PRId64 "×%" PRId64, dy.dim[0], dy.dim[1], dy.dim[2], x.dim[0], height, width);
    y[0] = (rn_shape){.rank = 4, .type = x.type,
                      .dim = {a->kernel_h, a->kernel_w, x.dim[3] / a->conv.groups, dy.dim[3]}};
    return true;
}

static void conv2d_gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    const rn_conv2d_attr *a = c->attr;
    const rn_shape x = c->in[0], w = c->in[1];
    dx[0] = rn_op_conv2d_dx(g, dy[0], c->x[1], (rn_conv2d_dx_attr){*a, x.dim[1], x.dim[2]});
    dx[1] = rn_op_conv2d_dw(g, c->x[0], dy[0], (rn_conv2d_dw_attr){*a, w.dim[0], w.dim[1]});
    if (c->in[2].rank)
        dx[2] = rn_op_sum_leading(g, dy[0], 1);
}

/* Here the gradient that comes in has the shape of x. */
static void dx_gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    const rn_conv2d_dx_attr *a = c->attr;
    const rn_shape w = c->in[1];
    dx[0] = rn_op_conv2d(g, dy[0], c->x[1], 0, a->conv);
    dx[1] = rn_op_conv2d_dw(g, dy[0], c->x[0], (rn_conv2d_dw_attr){a->conv, w.dim[0], w.dim[1]});
}

/* Here it has the shape of w. */
static void dw_gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    const rn_conv2d_dw_attr *a = c->attr;
    const rn_shape x = c->in[0];
    dx[0] = rn_op_conv2d_dx(g, c->x[1], dy[0], (rn_conv2d_dx_attr){a->conv, x.dim[1], x.dim[2]});
    dx[1] = rn_op_conv2d(g, c->x[0], dy[0], 0, a->conv);
}

/* Two for each tap of each output, counted as if no tap fell outside. */
static rn_cost products(const rn_call *c, rn_shape y, rn_shape w)
{
    const int64_t n = 2 * rn_count(y) * w.dim[0] * w.dim[1] * w.dim[2];
    return (rn_cost){.flop = n, .product_flop = n, .bytes = rn_call_bytes(c)};
}
static rn_cost conv2d_cost(const rn_call *c)
{
    rn_cost cost = products(c, c->out[0], c->in[1]);
    if (c->in[2].rank)
        cost.flop += rn_count(c->out[0]);
    return cost;
}
static rn_cost dx_cost(const rn_call *c) { return products(c, c->in[0], c->in[1]); }
static rn_cost dw_cost(const rn_call *c) { return products(c, c->in[1], c->out[0]); }

/* Kernels, strides, paddings and groups that have gone wrong somewhere before, on small odd maps. */
typedef struct corner { int64_t kh, kw, stride, pad_h, pad_w, groups, height, width, bias; } corner;
static const corner corners[] = {
    {3, 3, 1, 1, 1, 1, 4, 5, 1}, {1, 1, 1, 0, 0, 1, 3, 2, 1}, {3, 3, 2, 1, 1, 1, 5, 7, 1}, {3, 3, 2, 1, 1, 1, 6, 4, 0},
    {2, 2, 2, 0, 0, 1, 4, 6, 1}, {3, 3, 1, 1, 1, 2, 3, 4, 0}, {1, 1, 2, 0, 0, 1, 5, 4, 1}, {1, 5, 1, 0, 2, 1, 3, 6, 1},
    {3, 3, 1, 1, 1, 1, 1, 1, 1}, {3, 3, 3, 0, 0, 1, 8, 7, 0}, {3, 2, 1, 2, 1, 4, 4, 3, 1}, {3, 3, 1, 1, 1, 1, 2, 1, 1},
};
static corner corner_of(int number) { return corners[number % (int)(sizeof corners / sizeof *corners)]; }
static rn_conv2d_attr attr_of(corner k) { return (rn_conv2d_attr){k.stride, k.pad_h, k.pad_w, k.groups}; }
static int64_t out_of(int64_t side, int64_t kernel, int64_t pad, int64_t stride)
{
    return (side + 2 * pad - kernel) / stride + 1;
}
static rn_shape dy_of(corner k, int64_t batch, int64_t out)
{
    return shape4(batch, out_of(k.height, k.kh, k.pad_h, k.stride), out_of(k.width, k.kw, k.pad_w, k.stride), out);
}

static void conv2d_example(rn_example *e, rn_stream r, int number)
{
    const corner k = corner_of(number);
    const int64_t batch = draw(r, 0, 1, 2), in = draw(r, 1, 1, 3) * k.groups, out = draw(r, 2, 1, 3) * k.groups;
    *(rn_conv2d_attr *)e->attr = attr_of(k);
    e->in[0] = shape4(batch, k.height, k.width, in);
    e->in[1] = shape4(k.kh, k.kw, in / k.groups, out);
    e->in[2] = k.bias ? shape1(out) : (rn_shape){0};
}
static void dx_example(rn_example *e, rn_stream r, int number)
{
    const corner k = corner_of(number);
    const int64_t in = draw(r, 1, 1, 3), out = draw(r, 2, 1, 3) * k.groups;
    *(rn_conv2d_dx_attr *)e->attr = (rn_conv2d_dx_attr){attr_of(k), k.height, k.width};
    e->in[0] = dy_of(k, draw(r, 0, 1, 2), out);
    e->in[1] = shape4(k.kh, k.kw, in, out);
}
static void dw_example(rn_example *e, rn_stream r, int number)
{
    const corner k = corner_of(number);
    const int64_t batch = draw(r, 0, 1, 2), in = draw(r, 1, 1, 3) * k.groups, out = draw(r, 2, 1, 3) * k.groups;
    *(rn_conv2d_dw_attr *)e->attr = (rn_conv2d_dw_attr){attr_of(k), k.kh, k.kw};
    e->in[0] = shape4(batch, k.height, k.width, in);
    e->in[1] = dy_of(k, batch, out);
}

const rn_op op_conv2d = {
    .bytes = sizeof(rn_op), .name = "conv2d", .doc = "two-dimensional correlation with zero padding",
    .params = conv2d_params, .params_bytes = sizeof(rn_conv2d_attr),
    .inputs = {{"x", .rank = 4}, {"w", .rank = 4, .layout = RN_LAYOUT_HWIO}, {"b", .rank = 1, .optional = true}},
    .n_out = 1, .traits = RN_PRODUCT, /* affine in x: linear where the bias is absent */
    .shape = conv2d_shape, .gradient = conv2d_gradient, .cost = conv2d_cost, .example = conv2d_example,
    .narrow_in = 1, .narrow_out = 1,
};
const rn_op op_conv2d_dx = {
    .bytes = sizeof(rn_op), .name = "conv2d_dx", .doc = "the gradient of conv2d with respect to x",
    .params = dx_params, .params_bytes = sizeof(rn_conv2d_dx_attr),
    .inputs = {{"dy", .rank = 4}, {"w", .rank = 4, .layout = RN_LAYOUT_HWIO}},
    .n_out = 1, .traits = RN_PRODUCT | RN_LINEAR,
    .shape = dx_shape, .gradient = dx_gradient, .cost = dx_cost, .example = dx_example,
    .narrow_in = 1, .narrow_out = 1,
};
const rn_op op_conv2d_dw = {
    .bytes = sizeof(rn_op), .name = "conv2d_dw", .doc = "the gradient of conv2d with respect to its weight",
    .params = dw_params, .params_bytes = sizeof(rn_conv2d_dw_attr),
    .inputs = {{"x", .rank = 4}, {"dy", .rank = 4}},
    .n_out = 1, .traits = RN_PRODUCT | RN_LINEAR,
    .shape = dw_shape, .gradient = dw_gradient, .cost = dw_cost, .example = dw_example,
    .narrow_in = 1 | 1 << 1,
};
