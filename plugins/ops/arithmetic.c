/* add, sub, mul, scale: sums and products element by element. */
#include "rules.h"

static const rn_param scale_params[] = {
    RN_REAL(rn_scale_attr, factor, NULL, "1", -1e30, 1e30, "what every element is multiplied by"),
    RN_PARAMS_END,
};

/* The axes of b are the last of a (a bias, positions), or all of them. */
static bool add_shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    if (!ends_with(c->in[0], c->in[1]))
        return shapes_differ(err, "a", c->in[0], "b", c->in[1], "the axes of b must be the last axes of a");
    y[0] = dense_like(c->in[0]);
    return true;
}

static void add_gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    dx[0] = dy[0];
    dx[1] = c->in[0].rank == c->in[1].rank ? dy[0] : rn_op_sum_leading(g, dy[0], c->in[1].rank);
}
static void sub_gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    (void)c;
    dx[0] = dy[0];
    dx[1] = rn_op_scale(g, dy[0], -1);
}
static void mul_gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    dx[0] = rn_op_mul(g, dy[0], c->x[1]);
    dx[1] = rn_op_mul(g, dy[0], c->x[0]);
}
static void scale_gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    dx[0] = rn_op_scale(g, dy[0], ((const rn_scale_attr *)c->attr)->factor);
}

static rn_shape map_of(rn_stream r, int number)
{
    const int64_t a = draw(r, 0, 1, 3), b = draw(r, 1, 1, 5), c = draw(r, 2, 1, 6);
    return number % 3 == 0 ? shape1(c) : number % 3 == 1 ? shape3(a, b, c) : shape4(a, b, 2, c);
}
static void equal_example(rn_example *e, rn_stream r, int number)
{
    e->in[0] = e->in[1] = map_of(r, number);
}
/* In turn: equal shapes, then one, two … axes of b missing. */
static void add_example(rn_example *e, rn_stream r, int number)
{
    rn_shape *a = &e->in[0], *b = &e->in[1];
    *a = *b = map_of(r, number);
    const int missing = number / 3 % a->rank;
    b->rank -= missing;
    for (int i = 0; i < b->rank; i++)
        b->dim[i] = a->dim[i + missing];
}
static void scale_example(rn_example *e, rn_stream r, int number)
{
    e->in[0] = map_of(r, number);
    *(rn_scale_attr *)e->attr = (rn_scale_attr){0.25 * (double)draw(r, 3, -8, 8)};
}

const rn_op op_add = {
    .bytes = sizeof(rn_op), .name = "add", .doc = "a + b, where b may lack leading axes",
    .inputs = {{.name = "a"}, {.name = "b"}}, .n_out = 1, .traits = RN_POINTWISE | RN_IN_PLACE | RN_SUM,
    .shape = add_shape, .gradient = add_gradient, .cost = cost_of_one, .example = add_example,
    .narrow_in = 1 | 1 << 1, .narrow_out = 1,
};
const rn_op op_sub = {
    .bytes = sizeof(rn_op), .name = "sub", .doc = "a − b",
    .inputs = {{.name = "a"}, {.name = "b"}}, .n_out = 1, .traits = RN_POINTWISE | RN_IN_PLACE,
    .shape = equal_inputs, .gradient = sub_gradient, .cost = cost_of_one, .example = equal_example,
    .narrow_in = 1 | 1 << 1, .narrow_out = 1,
};
const rn_op op_mul = {
    .bytes = sizeof(rn_op), .name = "mul", .doc = "a·b, element by element",
    .inputs = {{.name = "a"}, {.name = "b"}}, .n_out = 1, .traits = RN_POINTWISE | RN_IN_PLACE | RN_LINEAR,
    .shape = equal_inputs, .gradient = mul_gradient, .cost = cost_of_one, .example = equal_example,
    .narrow_in = 1 | 1 << 1, .narrow_out = 1,
};
const rn_op op_scale = {
    .bytes = sizeof(rn_op), .name = "scale", .doc = "factor·x", .params = scale_params,
    .params_bytes = sizeof(rn_scale_attr),
    .inputs = {{.name = "x"}}, .n_out = 1, .traits = RN_POINTWISE | RN_IN_PLACE | RN_LINEAR,
    .shape = same_as_input, .gradient = scale_gradient, .cost = cost_of_one, .example = scale_example,
    .narrow_in = 1, .narrow_out = 1,
};
