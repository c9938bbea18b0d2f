/* matmul: a product of two tensors, matrix by matrix. Its gradients are products again:
 *
 *     y = a·b;  da = dy·bᵀ, db = aᵀ·dy, and the transposed of these where a or b are stored transposed */
#include "rules.h"

static const rn_param params[] = {
    RN_BOOL(rn_matmul_attr, ta, "false", "a is stored as [K, M]"),
    RN_BOOL(rn_matmul_attr, tb, "false", "b is stored as [N, K]"),
    RN_PARAMS_END,
};

/* a [B, M, K], b [B, K, N] → [B, M, N] */
static bool shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    const rn_matmul_attr *t = c->attr;
    const rn_shape a = c->in[0], b = c->in[1];
    if (a.dim[0] != b.dim[0] || a.dim[t->ta ? 1 : 2] != b.dim[t->tb ? 2 : 1])
        return shapes_differ(err, t->ta ? "a (transposed)" : "a", a, t->tb ? "b (transposed)" : "b", b,
                             "as many matrices, and as many columns of a as rows of b");
    y[0] = (rn_shape){.rank = 3, .type = a.type, .dim = {a.dim[0], a.dim[t->ta ? 2 : 1], b.dim[t->tb ? 1 : 2]}};
    return true;
}

static void gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    const rn_matmul_attr *t = c->attr;
    const rn_tensor a = c->x[0], b = c->x[1];
    dx[0] = t->ta ? rn_op_matmul(g, b, dy[0], (rn_matmul_attr){t->tb, true})
                  : rn_op_matmul(g, dy[0], b, (rn_matmul_attr){false, !t->tb});
    dx[1] = t->tb ? rn_op_matmul(g, dy[0], a, (rn_matmul_attr){true, t->ta})
                  : rn_op_matmul(g, a, dy[0], (rn_matmul_attr){!t->ta, false});
}

static rn_cost cost(const rn_call *c)
{
    const int64_t n = 2 * rn_count(c->out[0]) * c->in[0].dim[((const rn_matmul_attr *)c->attr)->ta ? 1 : 2];
    return (rn_cost){.flop = n, .product_flop = n, .bytes = rn_call_bytes(c)};
}

/* All four ways in turn. */
static void example(rn_example *e, rn_stream r, int number)
{
    const bool ta = number % 2, tb = number / 2 % 2;
    const int64_t batch = draw(r, 0, 1, 3), m = draw(r, 1, 1, 5), n = draw(r, 2, 1, 5), k = draw(r, 3, 1, 5);
    *(rn_matmul_attr *)e->attr = (rn_matmul_attr){ta, tb};
    e->in[0] = ta ? shape3(batch, k, m) : shape3(batch, m, k);
    e->in[1] = tb ? shape3(batch, n, k) : shape3(batch, k, n);
}

const rn_op op_matmul = {
    .bytes = sizeof(rn_op), .name = "matmul", .doc = "products of matrices, one for each of a batch",
    .params = params, .params_bytes = sizeof(rn_matmul_attr),
    .inputs = {{"a", .rank = 3}, {"b", .rank = 3}}, .n_out = 1, .traits = RN_PRODUCT | RN_LINEAR,
    .shape = shape, .gradient = gradient, .cost = cost, .example = example,
    .narrow_in = 1 | 1 << 1, .narrow_out = 1,
};
