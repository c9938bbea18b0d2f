/* rms_norm: groups of neighbouring channels of every pixel or token to mean square 1, then w, which all groups share.
 * Source: Zhang, Sennrich 2019 (arXiv:1910.07467). With one group a norm of rows; with as many groups as there are heads the
 * norm of queries and keys (Henry et al. 2020, arXiv:2010.04245, with a mean square in place of the length).
 *
 *     rstd = 1/√(mean x² + eps), y = w·x·rstd
 *     dx = rstd·(u − n·mean(u·n)), u = w·dy, n = x·rstd, means over the group; dw = Σ dy·n over rows and groups */
#include "rules.h"

static const rn_param params[] = {
    /*      struct            field   unit  default min    max    documentation */
    RN_INT (rn_rms_norm_attr, groups, NULL, "1",    1,     65536, "runs of neighbouring channels"),
    RN_REAL(rn_rms_norm_attr, eps,    NULL, "1e-6", 1e-30, 1,     "added to the mean square"),
    RN_PARAMS_END,
};

static int64_t groups_of(const rn_call *c) { return ((const rn_rms_norm_attr *)c->attr)->groups; }

static bool fits(const rn_call *c, rn_error *err)
{
    const rn_shape x = c->in[0], w = c->in[1];
    const int64_t groups = groups_of(c);
    if (groups < 1 || rn_last(x) % groups)
        return rn_fail(err, RN_ESHAPE, "%" PRId64 " groups do not divide %" PRId64 " channels", groups, rn_last(x));
    if (w.rank && w.dim[0] != rn_last(x) / groups)
        return rn_fail(err, RN_ESHAPE, "w has %" PRId64 " elements for groups of %" PRId64 " channels", w.dim[0],
                       rn_last(x) / groups);
    return true;
}
static int64_t norms(const rn_call *c) { return rn_rows(c->in[0]) * groups_of(c); }

/* x [.., C], w [C/groups] → y, rstd [rows·groups] */
static bool shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    if (!fits(c, err))
        return false;
    y[0] = dense_like(c->in[0]);
    y[1] = (rn_shape){.rank = 1, .type = c->in[0].type, .dim = {norms(c)}};
    return true;
}

/* x, w or absent, rstd, dy → dx, dw [C/groups] */
static bool grad_shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    const rn_shape x = c->in[0], rstd = c->in[2];
    if (!fits(c, err))
        return false;
    if (!rn_same_dims(x, c->in[3]))
        return shapes_differ(err, "x", x, "dy", c->in[3], "their shapes must be equal");
    if (rstd.dim[0] != norms(c))
        return shapes_differ(err, "x", x, "rstd", rstd, "one for every group of every row of x");
    y[0] = dense_like(x);
    y[1] = (rn_shape){.rank = 1, .type = x.type, .dim = {rn_last(x) / groups_of(c)}};
    return true;
}

static void gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    const rn_tensor in[] = {c->x[0], c->x[1], c->y[1], dy[0]};
    rn_tensor out[2] = {0, 0};
    rn_apply(g, "rms_norm_grad", c->attr, sizeof(rn_rms_norm_attr), in, 4, out, 2);
    dx[0] = out[0];
    if (c->in[1].rank)
        dx[1] = out[1];
}

static rn_cost cost(const rn_call *c) { return cost_per_element(c, 4); }
static rn_cost grad_cost(const rn_call *c) { return cost_per_element(c, 9); }

/* Groups of two channels and more: of one, y is only the sign of x. */
static void example(rn_example *e, rn_stream r, int number)
{
    const int64_t groups = number % 3 + 1, channels = groups * draw(r, 0, 2, 6), a = draw(r, 1, 1, 3), b = draw(r, 2, 1, 4);
    *(rn_rms_norm_attr *)e->attr = (rn_rms_norm_attr){groups, 1e-3};
    e->in[0] = number % 4 == 0 ? shape3(a, b, channels) : number % 4 == 1 ? shape2(b, channels) : shape4(a, 2, b, channels);
    e->in[1] = number % 5 == 4 ? (rn_shape){0} : shape1(channels / groups);
}
static void grad_example(rn_example *e, rn_stream r, int number)
{
    example(e, r, number);
    e->in[2] = shape1(rn_rows(e->in[0]) * ((const rn_rms_norm_attr *)e->attr)->groups);
    e->in[3] = e->in[0];
}

const rn_op op_rms_norm = {
    .bytes = sizeof(rn_op), .name = "rms_norm", .doc = "groups of channels to mean square 1, then ·w",
    .params = params, .params_bytes = sizeof(rn_rms_norm_attr),
    .inputs = {{.name = "x"}, {"w", .rank = 1, .optional = true}}, .n_out = 2, .n_auxiliary = 1, .traits = RN_CHEAP,
    .shape = shape, .gradient = gradient, .cost = cost, .example = example,
    .narrow_in = 1, .narrow_out = 1,
};
const rn_op op_rms_norm_grad = {
    .bytes = sizeof(rn_op), .name = "rms_norm_grad", .doc = "the gradients of rms_norm",
    .params = params, .params_bytes = sizeof(rn_rms_norm_attr),
    .inputs = {{.name = "x"}, {"w", .rank = 1, .optional = true}, {"rstd", .rank = 1}, {.name = "dy"}}, .n_out = 2,
    .shape = grad_shape, .cost = grad_cost, .example = grad_example,
    .narrow_in = 1 | 8, .narrow_out = 1,
};
