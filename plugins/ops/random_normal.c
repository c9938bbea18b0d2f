/* random_normal: standard normal numbers in the shape of another tensor, whose values play no part. */
#include "rules.h"

static const rn_param params[] = {
    RN_INT(rn_random_normal_attr, stream, NULL, "0", 0, 4294967295, "stream of random numbers, from the scope's name"),
    RN_PARAMS_END,
};

/* Nothing flows back: the numbers do not depend on the input. */
static void gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    (void)g, (void)c, (void)dy, (void)dx;
}

/* Philox 17, logarithm, root, sine and cosine some 40 more. */
static rn_cost cost(const rn_call *c) { return cost_per_element(c, 60); }

static void example(rn_example *e, rn_stream r, int number)
{
    (void)number;
    *(rn_random_normal_attr *)e->attr = (rn_random_normal_attr){draw(r, 0, 0, 4294967295)};
    e->in[0] = shape2(draw(r, 1, 1, 3), draw(r, 2, 1, 6));
}

const rn_op op_random_normal = {
    .bytes = sizeof(rn_op), .name = "random_normal", .doc = "numbers of N(0, 1) in the shape of `like`",
    .params = params, .params_bytes = sizeof(rn_random_normal_attr),
    .inputs = {{"like", .constant = true}}, .n_out = 1, .traits = RN_RANDOM,
    .shape = same_as_input, .gradient = gradient, .cost = cost, .example = example,
};
