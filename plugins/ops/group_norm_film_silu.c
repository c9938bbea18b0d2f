/* group_norm_film_silu: group_norm, film (or none) and silu as one op, which is how programs run that chain: of all
 * that lies between, only the statistics are kept.
 *
 *     n = (x − mean)·rstd, u = w·n + b, v = u·(1 + scale) + offset, y = silu(v)
 *     dv = dy·silu'(v); for each image and channel A = Σ dv, N = Σ dv·n over its pixels, and from these
 *     dscale = w·N + b·A, doffset = A, dw = Σ (1 + scale)·N, db = Σ (1 + scale)·A over the images
 *     dx = rstd·(f·dv − mean(f·dv) − n·mean(f·dv·n)), f = w·(1 + scale), means over the group */
#include "norm_film.h"

static const rn_param params[] = {
    /*      struct              field   unit  default min    max    documentation */
    RN_INT (rn_group_norm_attr, groups, NULL, NULL,   1,     65536, "runs of neighbouring channels"),
    RN_REAL(rn_group_norm_attr, eps,    NULL, "1e-5", 1e-30, 1,     "added to the variance"),
    RN_PARAMS_END,
};

static int64_t groups_of(const rn_call *c) { return ((const rn_group_norm_attr *)c->attr)->groups; }

static bool groups_divide(const rn_call *c, rn_error *err)
{
    return (groups_of(c) >= 1 && rn_last(c->in[X]) % groups_of(c) == 0) ||
           rn_fail(err, RN_ESHAPE, "%" PRId64 " groups do not divide %" PRId64 " channels", groups_of(c), rn_last(c->in[X]));
}

static rn_shape statistics(const rn_call *c)
{
    return (rn_shape){.rank = 2, .dim = {c->in[X].dim[0], groups_of(c)}};
}

/* x [B, .., C], w, b [C], scale, offset [B, C] → y, mean [B, groups], rstd [B, groups] */
static bool shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    return groups_divide(c, err) && norm_film_shape(c, statistics(c), y, err);
}

static bool grad_shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    return groups_divide(c, err) &&
           norm_film_grad_shape(c, statistics(c), "one of each for every group of every image", y, err);
}

static void gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    norm_film_gradient(g, "group_norm_film_silu_grad", c, dy, dx);
}

static rn_cost cost(const rn_call *c) { return cost_per_element(c, 13); }
static rn_cost grad_cost(const rn_call *c) { return cost_per_element(c, 20); }

/* In turn: several groups, one group, a group for each channel; with and without weights, with and without film. */
static void example(rn_example *e, rn_stream r, int number)
{
    const int64_t batch = draw(r, 0, 1, 2), size = draw(r, 1, 2, 3), side = draw(r, 2, 2, 4);
    const int64_t groups = number % 3 == 0 ? 2 : number % 3 == 1 ? 1 : 3 * size, channels = number % 3 == 2 ? groups : 2 * size;
    *(rn_group_norm_attr *)e->attr = (rn_group_norm_attr){groups, 1e-5};
    e->in[X] = number % 4 == 1 ? shape3(batch, side * side, channels) : shape4(batch, side, side + 1, channels);
    e->in[W] = e->in[B] = number % 4 == 3 ? (rn_shape){0} : shape1(channels);
    e->in[SCALE] = e->in[OFFSET] = number % 2 ? (rn_shape){0} : shape2(batch, channels);
}
static void grad_example(rn_example *e, rn_stream r, int number)
{
    example(e, r, number);
    e->in[MEAN] = e->in[RSTD] = shape2(e->in[X].dim[0], ((const rn_group_norm_attr *)e->attr)->groups);
    e->in[DY] = e->in[X];
}

static const rn_fusion fusions[] = {{{"group_norm", "film", "silu"}}, {{"group_norm", "silu"}}, {{NULL}}};

const rn_op op_group_norm_film_silu = {
    .bytes = sizeof(rn_op), .name = "group_norm_film_silu", .doc = "group_norm, film (or none) and silu in one",
    .params = params, .params_bytes = sizeof(rn_group_norm_attr),
    .inputs = {{.name = "x"}, {"w", .rank = 1, .optional = true}, {"b", .rank = 1, .optional = true},
               {"scale", .rank = 2, .optional = true}, {"offset", .rank = 2, .optional = true}},
    .traits = RN_CHEAP, .n_out = 3, .n_auxiliary = 2, .fusions = fusions,
    .shape = shape, .gradient = gradient, .cost = cost, .example = example,
    .narrow_in = 1, .narrow_out = 1,
};
const rn_op op_group_norm_film_silu_grad = {
    .bytes = sizeof(rn_op), .name = "group_norm_film_silu_grad", .doc = "the gradients of group_norm_film_silu",
    .params = params, .params_bytes = sizeof(rn_group_norm_attr),
    .inputs = {{.name = "x"}, {"w", .rank = 1, .optional = true}, {"b", .rank = 1, .optional = true},
               {"scale", .rank = 2, .optional = true}, {"offset", .rank = 2, .optional = true},
               {"mean", .rank = 2}, {"rstd", .rank = 2}, {.name = "dy"}},
    .n_out = 5,
    .shape = grad_shape, .cost = grad_cost, .example = grad_example,
    .narrow_in = 1 | 1 << 7, .narrow_out = 1,
};
