/* What conditions a network: the noise level as a time and as sines and cosines, labels as rows of a table. */
#include "rules.h"

static const rn_param sinusoid_params[] = {
    RN_INT(rn_sinusoid_embedding_attr, dim, "channel", NULL, 2, 65536, "sines and cosines together: an even number"),
    RN_PARAMS_END,
};
static const rn_param grad_params[] = {
    RN_INT(rn_embedding_grad_attr, rows, NULL, NULL, 1, 1 << 24, "of the table"),
    RN_PARAMS_END,
};

/* x [B] → [B, dim] */
static bool sinusoid_shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    const int64_t dim = ((const rn_sinusoid_embedding_attr *)c->attr)->dim;
    if (dim < 2 || dim % 2)
        return rn_fail(err, RN_ESHAPE, "%" PRId64 " channels are no even number of sines and cosines", dim);
    y[0] = (rn_shape){.rank = 2, .type = c->in[0].type, .dim = {c->in[0].dim[0], dim}};
    return true;
}

/* w [rows, C], index [n] → [n, C] */
static bool embedding_shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    (void)err;
    y[0] = (rn_shape){.rank = 2, .type = c->in[0].type, .dim = {c->in[1].dim[0], c->in[0].dim[1]}};
    return true;
}

/* index [n], dy [n, C] → [rows, C] */
static bool grad_shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    const rn_shape index = c->in[0], dy = c->in[1];
    if (index.dim[0] != dy.dim[0])
        return shapes_differ(err, "index", index, "dy", dy, "one row of dy for each index");
    y[0] = (rn_shape){.rank = 2, .type = dy.type, .dim = {((const rn_embedding_grad_attr *)c->attr)->rows, dy.dim[1]}};
    return true;
}

static void embedding_gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    const rn_embedding_grad_attr attr = {c->in[0].dim[0]};
    const rn_tensor in[] = {c->x[1], dy[0]};
    dx[0] = rn_apply1(g, "embedding_grad", &attr, sizeof attr, in, 2);
}
static void grad_gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    dx[1] = rn_op_embedding(g, dy[0], c->x[0]);
}

static rn_cost transcendental_cost(const rn_call *c) { return cost_per_element(c, 20); }
static rn_cost grad_cost(const rn_call *c)
{
    return (rn_cost){.flop = rn_count(c->in[1]), .bytes = rn_call_bytes(c)};
}

/* Indices repeat, and some lie outside of the table. */
static void embedding_example(rn_example *e, rn_stream r, int number)
{
    (void)number;
    const int64_t rows = draw(r, 0, 1, 4);
    e->in[0] = shape2(rows, draw(r, 1, 1, 5));
    e->in[1] = shape1(draw(r, 2, 1, 8));
    e->low[1] = -1;
    e->high[1] = (double)rows + 1;
}
static void grad_example(rn_example *e, rn_stream r, int number)
{
    (void)number;
    const int64_t rows = draw(r, 0, 1, 4), n = draw(r, 2, 1, 8);
    *(rn_embedding_grad_attr *)e->attr = (rn_embedding_grad_attr){rows};
    e->in[0] = shape1(n);
    e->in[1] = shape2(n, draw(r, 1, 1, 5));
    e->low[0] = -1;
    e->high[0] = (double)rows + 1;
}

static void logsnr_example(rn_example *e, rn_stream r, int number)
{
    (void)number;
    e->in[0] = shape1(draw(r, 0, 1, 9));
    e->low[0] = -15;
    e->high[0] = 15;
}
static void sinusoid_example(rn_example *e, rn_stream r, int number)
{
    *(rn_sinusoid_embedding_attr *)e->attr = (rn_sinusoid_embedding_attr){2 * (number % 5 + 1)};
    e->in[0] = shape1(draw(r, 0, 1, 5));
    e->high[0] = 1000;
}

const rn_op op_logsnr_to_t = {
    .bytes = sizeof(rn_op), .name = "logsnr_to_t", .doc = "t = (2/π)·atan(e^(−λ/2)) of the logSNR λ",
    .inputs = {{.name = "logsnr"}}, .n_out = 1, .traits = RN_POINTWISE | RN_IN_PLACE,
    .shape = same_as_input, .cost = transcendental_cost, .example = logsnr_example,
};
const rn_op op_sinusoid_embedding = {
    .bytes = sizeof(rn_op), .name = "sinusoid_embedding", .doc = "sines, then cosines, of x·10000^(−i/(dim/2))",
    .params = sinusoid_params, .params_bytes = sizeof(rn_sinusoid_embedding_attr),
    .inputs = {{"x", .rank = 1}}, .n_out = 1,
    .shape = sinusoid_shape, .cost = transcendental_cost, .example = sinusoid_example,
};
const rn_op op_embedding = {
    .bytes = sizeof(rn_op), .name = "embedding", .doc = "rows of a table; zeros for an index outside of it",
    .inputs = {{"w", .rank = 2}, {"index", .rank = 1, .integer = true}}, .n_out = 1, .traits = RN_LINEAR,
    .shape = embedding_shape, .gradient = embedding_gradient, .cost = cost_of_moving, .example = embedding_example,
};
const rn_op op_embedding_grad = {
    .bytes = sizeof(rn_op), .name = "embedding_grad", .doc = "the gradient of embedding: rows added up by index",
    .params = grad_params, .params_bytes = sizeof(rn_embedding_grad_attr),
    .inputs = {{"index", .rank = 1, .integer = true}, {"dy", .rank = 2}}, .n_out = 1,
    .shape = grad_shape, .gradient = grad_gradient, .cost = grad_cost, .example = grad_example,
};
