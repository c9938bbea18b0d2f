/* softmax along the last axis: y = e^(x − max)/Σ e^(x − max);  dx = y∘(dy − Σ dy∘y) */
#include "rules.h"

static void gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    const rn_tensor in[] = {c->y[0], dy[0]};
    dx[0] = rn_apply1(g, "softmax_grad", NULL, 0, in, 2);
}

static rn_cost cost(const rn_call *c) { return cost_per_element(c, 13); }
static rn_cost grad_cost(const rn_call *c) { return cost_per_element(c, 4); }

static void example(rn_example *e, rn_stream r, int number)
{
    const int64_t rows = draw(r, 0, 1, 4), n = number % 4 == 3 ? 1 : draw(r, 1, 1, 7);
    e->in[0] = number % 3 == 0 ? shape2(rows, n) : number % 3 == 1 ? shape3(2, rows, n) : shape1(n);
}
static void grad_example(rn_example *e, rn_stream r, int number)
{
    example(e, r, number);
    e->in[1] = e->in[0];
}

const rn_op op_softmax = {
    .bytes = sizeof(rn_op), .name = "softmax", .doc = "along the last axis",
    .inputs = {{.name = "x"}}, .n_out = 1,
    .shape = same_as_input, .gradient = gradient, .cost = cost, .example = example,
    .narrow_in = 1, .narrow_out = 1,
};
const rn_op op_softmax_grad = {
    .bytes = sizeof(rn_op), .name = "softmax_grad", .doc = "the gradient of softmax from its result",
    .inputs = {{.name = "y"}, {.name = "dy"}}, .n_out = 1,
    .shape = equal_inputs, .cost = grad_cost, .example = grad_example,
    .narrow_in = 1 | 1 << 1, .narrow_out = 1,
};
