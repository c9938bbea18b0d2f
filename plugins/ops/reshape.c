/* reshape, stop_gradient and copy: the same elements, looked at in another way. The first two are views and
 * cost nothing. */
#include "rules.h"

static bool dims_of(const rn_reshape_attr *a, rn_shape *s)
{
    s->rank = (int)a->rank;
    s->pitch = 0;
    for (int i = 0; i < RN_MAX_RANK; i++)
        s->dim[i] = i < a->rank ? a->dim[i] : 0;
    for (int i = 0; i < a->rank && i < RN_MAX_RANK; i++)
        if (a->dim[i] < 1)
            return false;
    return a->rank >= 1 && a->rank <= RN_MAX_RANK;
}

/* A channel range can be seen in other axes as long as its runs of channels stay whole. */
static bool reshape_shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    const rn_shape x = c->in[0];
    rn_shape s = {.type = x.type};
    if (!dims_of(c->attr, &s))
        return rn_fail(err, RN_ESHAPE, "the new shape must have 1 to %d axes, none of them empty", RN_MAX_RANK);
    if (rn_count(s) != rn_count(x))
        return shapes_differ(err, "x", x, "the new shape", s, "the numbers of elements must be equal");
    if (!rn_dense(x) && rn_last(s) != rn_last(x))
        return shapes_differ(err, "x", x, "the new shape", s,
                             "the last axis of a channel range must stay; make it dense first (copy)");
    s.pitch = rn_dense(x) ? 0 : rn_pitch(x);
    y[0] = s;
    return true;
}

static bool stop_shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    (void)err;
    y[0] = c->in[0];
    return true;
}

static int64_t whole(const rn_call *c, int output)
{
    (void)c, (void)output;
    return 0;
}

static void reshape_gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    const rn_shape x = c->in[0];
    rn_reshape_attr back = {x.rank, {0}};
    for (int i = 0; i < x.rank; i++)
        back.dim[i] = x.dim[i];
    const rn_shape s = rn_shape_of(g, dy[0]);
    const bool torn = !rn_dense(s) && rn_last(s) != rn_last(x);
    dx[0] = rn_op_reshape(g, torn ? rn_op_copy(g, dy[0]) : dy[0], back);
}

/* Nothing flows back: dx stays 0. */
static void stop(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    (void)g, (void)c, (void)dy, (void)dx;
}

static void copy_gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    (void)g, (void)c;
    dx[0] = dy[0];
}

/* In turn: a map as tokens, as one vector, a vector as a map. */
static void reshape_example(rn_example *e, rn_stream r, int number)
{
    const int64_t a = draw(r, 0, 1, 3), b = draw(r, 1, 1, 4), c = draw(r, 2, 1, 4), d = draw(r, 3, 1, 5);
    rn_reshape_attr *attr = e->attr;
    e->in[0] = number % 3 == 2 ? shape1(a * b * c * d) : shape4(a, b, c, d);
    *attr = number % 3 == 0 ? (rn_reshape_attr){3, {a, b * c, d}}
          : number % 3 == 1 ? (rn_reshape_attr){1, {a * b * c * d}}
                            : (rn_reshape_attr){4, {d, a, c, b}};
}
static void any_example(rn_example *e, rn_stream r, int number)
{
    const int64_t a = draw(r, 0, 1, 3), b = draw(r, 1, 1, 6);
    e->in[0] = number % 2 ? shape1(b) : shape3(a, 2, b);
}

/* The new axes are numbers of the graph, not of a spec: rank, then as many sizes. */
static const rn_param reshape_params[] = {
    RN_INT(rn_reshape_attr, rank, NULL, NULL, 1, RN_MAX_RANK, "number of axes; their sizes follow in the struct"),
    RN_PARAMS_END,
};

const rn_op op_reshape = {
    .bytes = sizeof(rn_op), .name = "reshape", .doc = "the same elements in other axes",
    .params = reshape_params, .params_bytes = sizeof(rn_reshape_attr),
    .inputs = {{.name = "x"}}, .n_out = 1, .traits = RN_VIEW | RN_LINEAR,
    .shape = reshape_shape, .gradient = reshape_gradient, .cost = cost_of_view, .view = whole, .example = reshape_example,
    .narrow_in = 1, .narrow_out = 1,
};
const rn_op op_stop_gradient = {
    .bytes = sizeof(rn_op), .name = "stop_gradient", .doc = "x going forward, nothing going back",
    .inputs = {{"x", .constant = true}}, .n_out = 1, .traits = RN_VIEW | RN_LINEAR,
    .shape = stop_shape, .gradient = stop, .cost = cost_of_view, .view = whole, .example = any_example,
    .narrow_in = 1, .narrow_out = 1,
};
const rn_op op_copy = {
    .bytes = sizeof(rn_op), .name = "copy", .doc = "a dense copy",
    .inputs = {{.name = "x"}}, .n_out = 1, .traits = RN_COPY | RN_LINEAR | RN_POINTWISE,
    .shape = same_as_input, .gradient = copy_gradient, .cost = cost_of_moving, .example = any_example,
    .narrow_in = 1, .narrow_out = 1,
};
