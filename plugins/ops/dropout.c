/* dropout: elements set to zero at random, the others scaled so that the mean stays. Source: Srivastava et al.
 * 2014.
 *
 *     y = x·mask/(1 − rate)
 *
 * The gradient is the same op on dy: a random number is a function of (seed, stream, step, index), so the same
 * attributes draw the same mask again and none has to be kept. */
#include "rules.h"

static const rn_param params[] = {
    /*      struct           field   unit  default min max         documentation */
    RN_REAL(rn_dropout_attr, rate,   NULL, NULL,   0,  1,          "share set to zero"),
    RN_INT (rn_dropout_attr, stream, NULL, "0",    0,  4294967295, "stream of random numbers, from the scope's name"),
    RN_PARAMS_END,
};

static bool shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    const double rate = ((const rn_dropout_attr *)c->attr)->rate;
    if (!(rate >= 0 && rate <= 1))
        return rn_fail(err, RN_ERANGE, "a share of %g cannot be set to zero: 0 to 1 are possible", rate);
    if (c->in[1].rank && !rn_same_dims(c->in[0], c->in[1]))
        return shapes_differ(err, "x", c->in[0], "mask", c->in[1], "their shapes must be equal");
    y[0] = dense_like(c->in[0]);
    return true;
}

static void gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    dx[0] = rn_op_dropout(g, dy[0], c->x[1], *(const rn_dropout_attr *)c->attr);
}

/* A block of Philox, ten rounds of six operations, gives four numbers. */
static rn_cost cost(const rn_call *c) { return cost_per_element(c, c->in[1].rank ? 2 : 17); }

/* In turn: drawn masks and given ones; rates 0 and 1 too. */
static void example(rn_example *e, rn_stream r, int number)
{
    static const double rates[] = {0.1, 0.5, 0, 1, 0.9};
    *(rn_dropout_attr *)e->attr = (rn_dropout_attr){rates[number % 5], draw(r, 0, 0, 4294967295)};
    e->in[0] = shape3(draw(r, 1, 1, 3), draw(r, 2, 1, 4), draw(r, 3, 1, 6));
    e->in[1] = number % 2 ? e->in[0] : (rn_shape){0};
}

const rn_op op_dropout = {
    .bytes = sizeof(rn_op), .name = "dropout", .doc = "x·mask/(1 − rate), the mask drawn or given",
    .params = params, .params_bytes = sizeof(rn_dropout_attr),
    .inputs = {{.name = "x"}, {"mask", .optional = true, .constant = true}}, .n_out = 1,
    .traits = RN_POINTWISE | RN_IN_PLACE | RN_RANDOM | RN_LINEAR,
    .shape = shape, .gradient = gradient, .cost = cost, .example = example,
    .narrow_in = 1, .narrow_out = 1,
};
