/* sum_leading and broadcast: a sum over leading axes (the gradient of a bias, of positions) and its transpose,
 * a tensor repeated along new leading axes. */
#include "rules.h"

static const rn_param sum_params[] = {
    RN_INT(rn_sum_leading_attr, keep, NULL, "1", 0, RN_MAX_RANK, "last axes that stay; 0 gives one number"),
    RN_PARAMS_END,
};
static const rn_param broadcast_params[] = {
    RN_INT(rn_broadcast_attr, rank, NULL, NULL, 1, RN_MAX_RANK, "number of axes; their sizes follow in the struct"),
    RN_PARAMS_END,
};

/* The last `keep` axes of x; [1] for none. */
static bool sum_shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    const rn_shape x = c->in[0];
    const int64_t keep = ((const rn_sum_leading_attr *)c->attr)->keep;
    if (keep < 0 || keep > x.rank)
        return rn_fail(err, RN_ESHAPE, "%" PRId64 " axes cannot stay of %d", keep, x.rank);
    y[0] = (rn_shape){.rank = keep ? (int)keep : 1, .type = x.type, .dim = {1}};
    for (int i = 0; i < keep; i++)
        y[0].dim[i] = x.dim[x.rank - (int)keep + i];
    return true;
}

/* The axes of x are the last ones of the result; a single number goes everywhere. */
static bool broadcast_shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    const rn_broadcast_attr *a = c->attr;
    rn_shape s = {.rank = (int)a->rank, .type = c->in[0].type};
    if (a->rank < 1 || a->rank > RN_MAX_RANK)
        return rn_fail(err, RN_ESHAPE, "%" PRId64 " axes: 1 to %d are possible", a->rank, RN_MAX_RANK);
    for (int i = 0; i < s.rank; i++)
        s.dim[i] = a->dim[i];
    if (rn_count(c->in[0]) != 1 && !ends_with(s, c->in[0]))
        return shapes_differ(err, "the result", s, "x", c->in[0], "the axes of x must be its last axes");
    y[0] = s;
    return true;
}

static void sum_gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    const rn_shape x = c->in[0];
    rn_broadcast_attr attr = {x.rank, {0}};
    for (int i = 0; i < x.rank; i++)
        attr.dim[i] = x.dim[i];
    dx[0] = rn_op_broadcast(g, dy[0], attr);
}

static void broadcast_gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    const rn_shape x = c->in[0];
    if (ends_with(c->out[0], x)) {
        dx[0] = rn_op_sum_leading(g, dy[0], x.rank);
        return;
    }
    rn_reshape_attr attr = {x.rank, {0}}; /* one number, whatever its axes */
    for (int i = 0; i < x.rank; i++)
        attr.dim[i] = 1;
    dx[0] = rn_op_reshape(g, rn_op_sum_leading(g, dy[0], 0), attr);
}

static rn_cost sum_cost(const rn_call *c)
{
    return (rn_cost){.flop = rn_count(c->in[0]), .bytes = rn_call_bytes(c)};
}

/* In turn: every number of axes that can stay. */
static void sum_example(rn_example *e, rn_stream r, int number)
{
    e->in[0] = shape4(draw(r, 0, 1, 3), draw(r, 1, 1, 4), draw(r, 2, 1, 4), draw(r, 3, 1, 5));
    *(rn_sum_leading_attr *)e->attr = (rn_sum_leading_attr){(number + 1) % 5};
}
static void broadcast_example(rn_example *e, rn_stream r, int number)
{
    const int64_t a = draw(r, 0, 1, 3), b = draw(r, 1, 1, 4), c = draw(r, 2, 1, 5);
    *(rn_broadcast_attr *)e->attr = (rn_broadcast_attr){3, {a, b, c}};
    e->in[0] = number % 3 == 0 ? shape1(c) : number % 3 == 1 ? shape2(b, c) : shape1(1);
}

const rn_op op_sum_leading = {
    .bytes = sizeof(rn_op), .name = "sum_leading", .doc = "sum over all axes but the last few",
    .params = sum_params, .params_bytes = sizeof(rn_sum_leading_attr),
    .inputs = {{.name = "x"}}, .n_out = 1, .traits = RN_LINEAR,
    .shape = sum_shape, .gradient = sum_gradient, .cost = sum_cost, .example = sum_example,
    .narrow_in = 1,
};
const rn_op op_broadcast = {
    .bytes = sizeof(rn_op), .name = "broadcast", .doc = "x repeated along new leading axes",
    .params = broadcast_params, .params_bytes = sizeof(rn_broadcast_attr),
    .inputs = {{.name = "x"}}, .n_out = 1, .traits = RN_LINEAR,
    .shape = broadcast_shape, .gradient = broadcast_gradient, .cost = cost_of_moving, .example = broadcast_example,
    .narrow_out = 1,
};
