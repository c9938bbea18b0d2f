/* group_norm: each image's groups of neighbouring channels to mean 0 and variance 1, then w and b by channel.
 * Source: Wu, He 2018 (arXiv:1803.08494).
 *
 *     x̂ = (x − mean)·rstd, rstd = 1/√(var + eps), y = w·x̂ + b; var the biased variance
 *     dx = rstd·(u − mean(u) − x̂·mean(u·x̂)), u = w·dy, means over the group; dw = Σ dy·x̂, db = Σ dy */
#include "rules.h"

static const rn_param params[] = {
    /*      struct              field   unit  default min    max    documentation */
    RN_INT (rn_group_norm_attr, groups, NULL, NULL,   1,     65536, "runs of neighbouring channels"),
    RN_REAL(rn_group_norm_attr, eps,    NULL, "1e-5", 1e-30, 1,     "added to the variance"),
    RN_PARAMS_END,
};

static bool fits(const rn_call *c, rn_error *err)
{
    const rn_shape x = c->in[0], w = c->in[1];
    const int64_t groups = ((const rn_group_norm_attr *)c->attr)->groups;
    if (x.rank < 2)
        return rn_fail(err, RN_ESHAPE, "x has one axis; at least batch and channels are needed");
    if (groups < 1 || rn_last(x) % groups)
        return rn_fail(err, RN_ESHAPE, "%" PRId64 " groups do not divide %" PRId64 " channels", groups, rn_last(x));
    if (w.rank && w.dim[0] != rn_last(x))
        return rn_fail(err, RN_ESHAPE, "the weight has %" PRId64 " elements for %" PRId64 " channels", w.dim[0], rn_last(x));
    return true;
}

/* x [B, .., C], w, b [C] → y, mean [B, groups], rstd [B, groups] */
static bool shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    const rn_shape x = c->in[0], w = c->in[1], b = c->in[2];
    if (!fits(c, err))
        return false;
    if (!w.rank != !b.rank || (b.rank && b.dim[0] != rn_last(x)))
        return shapes_differ(err, "w", w, "b", b, "one element for each channel of x, or both absent");
    y[0] = dense_like(x);
    y[1] = y[2] = (rn_shape){.rank = 2, .type = x.type, .dim = {x.dim[0], ((const rn_group_norm_attr *)c->attr)->groups}};
    return true;
}

/* x, w or absent, mean, rstd, dy → dx, dw [C], db [C] */
static bool grad_shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    const rn_shape x = c->in[0], mean = c->in[2], rstd = c->in[3], dy = c->in[4];
    if (!fits(c, err))
        return false;
    if (!rn_same_dims(x, dy))
        return shapes_differ(err, "x", x, "dy", dy, "their shapes must be equal");
    if (!rn_same_dims(mean, rstd) || mean.dim[0] != x.dim[0] || mean.dim[1] != ((const rn_group_norm_attr *)c->attr)->groups)
        return shapes_differ(err, "mean", mean, "rstd", rstd, "one of each for every group of every image");
    y[0] = dense_like(x);
    y[1] = y[2] = (rn_shape){.rank = 1, .type = x.type, .dim = {rn_last(x)}};
    return true;
}

static void gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    const rn_tensor in[] = {c->x[0], c->x[1], c->y[1], c->y[2], dy[0]};
    rn_tensor out[3] = {0, 0, 0};
    rn_apply(g, "group_norm_grad", c->attr, sizeof(rn_group_norm_attr), in, 5, out, 3);
    dx[0] = out[0];
    if (c->in[1].rank) {
        dx[1] = out[1];
        dx[2] = out[2];
    }
}

static rn_cost cost(const rn_call *c) { return cost_per_element(c, 7); }
static rn_cost grad_cost(const rn_call *c) { return cost_per_element(c, 11); }

/* In turn: several groups, one group, a group for each channel, no weights; maps, tokens, vectors. */
static void example(rn_example *e, rn_stream r, int number)
{
    const int64_t batch = draw(r, 0, 1, 2), size = draw(r, 1, 2, 3), side = draw(r, 2, 2, 4);
    const int64_t groups = number % 3 == 0 ? 2 : number % 3 == 1 ? 1 : 3 * size, channels = number % 3 == 2 ? groups : 2 * size;
    *(rn_group_norm_attr *)e->attr = (rn_group_norm_attr){groups, 1e-5};
    e->in[0] = number % 4 == 1 ? shape3(batch, side * side, channels) : shape4(batch, side, side + 1, channels);
    e->in[1] = e->in[2] = number % 4 == 3 ? (rn_shape){0} : shape1(channels);
}
static void grad_example(rn_example *e, rn_stream r, int number)
{
    example(e, r, number);
    e->in[2] = e->in[3] = shape2(e->in[0].dim[0], ((const rn_group_norm_attr *)e->attr)->groups);
    e->in[4] = e->in[0];
}

const rn_op op_group_norm = {
    .bytes = sizeof(rn_op), .name = "group_norm", .doc = "groups of channels to mean 0, variance 1, then ·w + b",
    .params = params, .params_bytes = sizeof(rn_group_norm_attr),
    .inputs = {{.name = "x"}, {"w", .rank = 1, .optional = true}, {"b", .rank = 1, .optional = true}},
    .traits = RN_CHEAP, .n_out = 3, .n_auxiliary = 2,
    .shape = shape, .gradient = gradient, .cost = cost, .example = example,
    .narrow_in = 1, .narrow_out = 1,
};
const rn_op op_group_norm_grad = {
    .bytes = sizeof(rn_op), .name = "group_norm_grad", .doc = "the gradients of group_norm",
    .params = params, .params_bytes = sizeof(rn_group_norm_attr),
    .inputs = {{.name = "x"}, {"w", .rank = 1, .optional = true}, {"mean", .rank = 2}, {"rstd", .rank = 2}, {.name = "dy"}},
    .n_out = 3,
    .shape = grad_shape, .cost = grad_cost, .example = grad_example,
    .narrow_in = 1 | 1 << 4, .narrow_out = 1,
};
