/* attention: every token of q a mean of the tokens of v, weighted by softmax of its products with those of k;
 * each head has D = C/heads channels of its own. Source: Vaswani et al. 2017 (arXiv:1706.03762), eq. 1.
 *
 *     S = q·kᵀ/√D, P = e^(S − lse), lse = log Σ e^S along a row, y = P·v
 *     dv = Pᵀ·dy, dP = dy·vᵀ, dS = P∘(dP − rows of Σ dy∘y), dq = dS·k/√D, dk = dSᵀ·q/√D
 *
 * lse lets the gradient make P again, so that nothing of size Tq·Tk is kept (Dao et al. 2022, arXiv:2205.14135). */
#include "rules.h"

static const rn_param params[] = {
    RN_INT(rn_attention_attr, heads, NULL, NULL, 1, 4096, "heads; channel = head·D + d"),
    RN_PARAMS_END,
};

static bool fits(const rn_call *c, rn_error *err)
{
    const rn_shape q = c->in[0], k = c->in[1], v = c->in[2];
    const int64_t heads = ((const rn_attention_attr *)c->attr)->heads;
    if (heads < 1 || q.dim[2] % heads)
        return rn_fail(err, RN_ESHAPE, "%" PRId64 " heads do not divide %" PRId64 " channels", heads, q.dim[2]);
    if (!rn_same_dims(k, v))
        return shapes_differ(err, "k", k, "v", v, "their shapes must be equal");
    if (q.dim[0] != k.dim[0] || q.dim[2] != k.dim[2])
        return shapes_differ(err, "q", q, "k", k, "batch and channels must be equal");
    const double product = 2 * (double)rn_count(q) * (double)k.dim[1];
    if (product > 0x1p52) /* hours for each step; and costs are summed in 64 bits */
        return rn_fail(err, RN_ESHAPE, "attention of %" PRId64 " to %" PRId64 " tokens in %" PRId64 " images takes %.1e "
                       "operations, more than 4.5e15; use it on a coarser level", q.dim[1], k.dim[1], q.dim[0], product);
    return true;
}
static rn_shape lse_of(const rn_call *c)
{
    const rn_shape q = c->in[0];
    return (rn_shape){.rank = 3, .type = q.type, .dim = {q.dim[0], ((const rn_attention_attr *)c->attr)->heads, q.dim[1]}};
}

/* q [B, Tq, C], k, v [B, Tk, C] → y [B, Tq, C], lse [B, heads, Tq] */
static bool shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    if (!fits(c, err))
        return false;
    y[0] = dense_like(c->in[0]);
    y[1] = lse_of(c);
    return true;
}

/* q, k, v, y, lse, dy → dq, dk, dv */
static bool grad_shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    if (!fits(c, err))
        return false;
    if (!rn_same_dims(c->in[3], c->in[0]) || !rn_same_dims(c->in[5], c->in[0]))
        return shapes_differ(err, "y", c->in[3], "dy", c->in[5], "both must have the shape of q");
    if (!rn_same_dims(c->in[4], lse_of(c)))
        return shapes_differ(err, "lse", c->in[4], "q", c->in[0], "lse is [batch, heads, tokens of q]");
    for (int i = 0; i < 3; i++)
        y[i] = dense_like(c->in[i]);
    return true;
}

static void gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    const rn_tensor in[] = {c->x[0], c->x[1], c->x[2], c->y[0], c->y[1], dy[0]};
    rn_apply(g, "attention_grad", c->attr, sizeof(rn_attention_attr), in, 6, dx, 3);
}

/* Two products of 2·B·Tq·Tk·C forward; backward the four gradients, and S once more. The softmax is some twelve
 * operations for each of its B·heads·Tq·Tk elements. */
static rn_cost products(const rn_call *c, int n)
{
    const rn_shape q = c->in[0], k = c->in[1];
    const int64_t one = 2 * rn_count(q) * k.dim[1];
    const int64_t scores = q.dim[0] * ((const rn_attention_attr *)c->attr)->heads * q.dim[1] * k.dim[1];
    return (rn_cost){.flop = n * one + 12 * scores, .product_flop = n * one, .bytes = rn_call_bytes(c)};
}
static rn_cost cost(const rn_call *c) { return products(c, 2); }
static rn_cost grad_cost(const rn_call *c) { return products(c, 5); }

/* In turn: one head and several, one token, more tokens on either side, scores that are sharp. */
static void example(rn_example *e, rn_stream r, int number)
{
    const int64_t batch = draw(r, 0, 1, 2), heads = number % 3 + 1, channels = heads * draw(r, 1, 1, 4);
    const int64_t tq = number % 4 == 1 ? 1 : draw(r, 2, 1, 5), tk = number % 2 ? tq : draw(r, 3, 1, 6);
    *(rn_attention_attr *)e->attr = (rn_attention_attr){heads};
    e->in[0] = shape3(batch, tq, channels);
    e->in[1] = e->in[2] = shape3(batch, tk, channels);
    if (number % 5 == 4) {
        e->low[0] = e->low[1] = -3;
        e->high[0] = e->high[1] = 3;
    }
}
static void grad_example(rn_example *e, rn_stream r, int number)
{
    example(e, r, number);
    const rn_shape q = e->in[0];
    e->in[3] = e->in[5] = q;
    e->in[4] = shape3(q.dim[0], ((const rn_attention_attr *)e->attr)->heads, q.dim[1]);
}

const rn_op op_attention = {
    .bytes = sizeof(rn_op), .name = "attention", .doc = "softmax(q·kᵀ/√D)·v, head by head",
    .params = params, .params_bytes = sizeof(rn_attention_attr),
    .inputs = {{"q", .rank = 3}, {"k", .rank = 3}, {"v", .rank = 3}}, .n_out = 2, .n_auxiliary = 1,
    .traits = RN_PRODUCT, .shape = shape, .gradient = gradient, .cost = cost, .example = example,
    .narrow_in = 1 | 1 << 1 | 1 << 2, .narrow_out = 1,
};
const rn_op op_attention_grad = {
    .bytes = sizeof(rn_op), .name = "attention_grad", .doc = "the gradients of attention",
    .params = params, .params_bytes = sizeof(rn_attention_attr),
    .inputs = {{"q", .rank = 3}, {"k", .rank = 3}, {"v", .rank = 3}, {"y", .rank = 3}, {"lse", .rank = 3}, {"dy", .rank = 3}},
    .n_out = 3, .traits = RN_PRODUCT, .shape = grad_shape, .cost = grad_cost, .example = grad_example,
    .narrow_in = 1 | 1 << 1 | 1 << 2 | 1 << 3 | 1 << 5, .narrow_out = 1 | 1 << 1 | 1 << 2,
};
