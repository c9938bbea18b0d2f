/* linear and its gradient with respect to the weight. Like the convolutions they are one trilinear form, so
 * linear, with its weight read either way round, and linear_dw give derivatives of any order.
 *
 *     y[r, o] = Σ_i x[r, i]·w[i, o] + b[o]          linear_dw: [i, o] = Σ_r x[r, i]·dy[r, o] */
#include "rules.h"

static const rn_param linear_params[] = {
    RN_BOOL(rn_linear_attr, transposed, "false", "the weight lies in memory as [out, in]"),
    RN_PARAMS_END,
};

/* x [.., in], w [in, out] or [out, in], b [out] → [.., out] */
static bool linear_shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    const bool transposed = ((const rn_linear_attr *)c->attr)->transposed;
    const rn_shape x = c->in[0], w = c->in[1], b = c->in[2];
    const int64_t in = w.dim[transposed], out = w.dim[!transposed];
    if (rn_last(x) != in)
        return rn_fail(err, RN_ESHAPE, "x has %" PRId64 " channels, the weight is for %" PRId64, rn_last(x), in);
    if (b.rank && b.dim[0] != out)
        return rn_fail(err, RN_ESHAPE, "the bias has %" PRId64 " elements for %" PRId64 " channels", b.dim[0], out);
    y[0] = dense_like(x);
    y[0].dim[x.rank - 1] = out;
    return true;
}

/* x [.., in], dy [.., out] → [in, out] */
static bool dw_shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    const rn_shape x = c->in[0], dy = c->in[1];
    if (rn_rows(x) != rn_rows(dy))
        return shapes_differ(err, "x", x, "dy", dy, "they must have the same number of rows");
    y[0] = (rn_shape){.rank = 2, .type = x.type, .dim = {rn_last(x), rn_last(dy)}};
    return true;
}

static void linear_gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    const bool transposed = ((const rn_linear_attr *)c->attr)->transposed;
    dx[0] = rn_op_linear(g, dy[0], c->x[1], 0, (rn_linear_attr){!transposed});
    dx[1] = transposed ? rn_op_linear_dw(g, dy[0], c->x[0]) : rn_op_linear_dw(g, c->x[0], dy[0]);
    if (c->in[2].rank)
        dx[2] = rn_op_sum_leading(g, dy[0], 1);
}

static void dw_gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    dx[0] = rn_op_linear(g, c->x[1], dy[0], 0, (rn_linear_attr){true});
    dx[1] = rn_op_linear(g, c->x[0], dy[0], 0, (rn_linear_attr){false});
}

static rn_cost linear_cost(const rn_call *c)
{
    const int64_t n = 2 * rn_count(c->in[0]) * rn_last(c->out[0]);
    return (rn_cost){.flop = n + (c->in[2].rank ? rn_count(c->out[0]) : 0), .product_flop = n, .bytes = rn_call_bytes(c)};
}
static rn_cost dw_cost(const rn_call *c)
{
    const int64_t n = 2 * rn_count(c->in[0]) * rn_last(c->in[1]);
    return (rn_cost){.flop = n, .product_flop = n, .bytes = rn_call_bytes(c)};
}

/* In turn: rows alone, tokens, maps; with and without a bias; the weight either way round. */
static rn_shape rows_of(rn_stream r, int number, int64_t channels)
{
    const int64_t a = draw(r, 0, 1, 3), b = draw(r, 1, 1, 4);
    return number % 3 == 0 ? shape2(a, channels)
         : number % 3 == 1 ? shape3(a, b, channels)
                           : shape4(a, 2, b, channels);
}
static void linear_example(rn_example *e, rn_stream r, int number)
{
    const int64_t in = draw(r, 2, 1, 7), out = draw(r, 3, 1, 7);
    const bool transposed = number % 4 >= 2;
    *(rn_linear_attr *)e->attr = (rn_linear_attr){transposed};
    e->in[0] = rows_of(r, number, in);
    e->in[1] = transposed ? shape2(out, in) : shape2(in, out);
    e->in[2] = number % 2 ? (rn_shape){0} : shape1(out);
}
static void dw_example(rn_example *e, rn_stream r, int number)
{
    e->in[0] = rows_of(r, number, draw(r, 2, 1, 7));
    e->in[1] = rows_of(r, number, draw(r, 3, 1, 7));
}

const rn_op op_linear = {
    .bytes = sizeof(rn_op), .name = "linear", .doc = "a matrix product with a weight, and a bias",
    .params = linear_params, .params_bytes = sizeof(rn_linear_attr),
    .inputs = {{.name = "x"}, {"w", .rank = 2, .layout = RN_LAYOUT_IO}, {"b", .rank = 1, .optional = true}},
    .n_out = 1, .traits = RN_PRODUCT, /* affine in x: linear where the bias is absent */
    .shape = linear_shape, .gradient = linear_gradient, .cost = linear_cost, .example = linear_example,
    .narrow_in = 1, .narrow_out = 1,
};
const rn_op op_linear_dw = {
    .bytes = sizeof(rn_op), .name = "linear_dw", .doc = "the gradient of linear with respect to its weight",
    .inputs = {{.name = "x"}, {.name = "dy"}},
    .n_out = 1, .traits = RN_PRODUCT | RN_LINEAR,
    .shape = dw_shape, .gradient = dw_gradient, .cost = dw_cost, .example = dw_example,
    .narrow_in = 1 | 1 << 1,
};
