/* The pointwise nonlinearities f and their gradients f'(x)·dy: one table, since nothing but the names differ
 * here. The functions themselves are the kernels'. */
#include "rules.h"

#include <stdio.h>

/* silu → silu_grad */
static void gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    char name[64];
    snprintf(name, sizeof name, "%s_grad", c->op->name);
    const rn_tensor in[] = {c->x[0], dy[0]};
    dx[0] = rn_apply1(g, name, NULL, 0, in, 2);
}

/* An exponential counts as ten operations; the same for all, since nothing is decided by it. */
static rn_cost cost(const rn_call *c) { return cost_per_element(c, 12); }

/* Away from 0, where relu has a corner; in turn above and below it. */
static void example(rn_example *e, rn_stream r, int number)
{
    const int64_t a = draw(r, 0, 1, 5), b = draw(r, 1, 1, 9);
    e->in[0] = number % 3 == 0 ? shape1(b) : shape3(2, a, b);
    e->low[0] = number % 2 ? -3 : 0.1;
    e->high[0] = number % 2 ? -0.1 : 3;
}

static void grad_example(rn_example *e, rn_stream r, int number)
{
    example(e, r, number);
    e->in[1] = e->in[0];
}

/* clang-format off */
#define ACTIVATION(name_, doc_)                                                                                        \
    const rn_op op_##name_ = {                                                                                         \
        .bytes = sizeof(rn_op), .name = #name_, .doc = doc_, .inputs = {{.name = "x"}}, .n_out = 1,                    \
        .traits = RN_POINTWISE | RN_IN_PLACE | RN_CHEAP, .narrow_in = 1, .narrow_out = 1,                              \
        .shape = same_as_input, .gradient = gradient, .cost = cost, .example = example,                                \
    };                                                                                                                 \
    const rn_op op_##name_##_grad = {                                                                                  \
        .bytes = sizeof(rn_op), .name = #name_ "_grad", .doc = "the gradient of " #name_ ": f'(x)·dy",                 \
        .inputs = {{.name = "x"}, {.name = "dy"}}, .n_out = 1, .traits = RN_POINTWISE | RN_IN_PLACE,                   \
        .narrow_in = 1 | 1 << 1, .narrow_out = 1,                                                                      \
        .shape = equal_inputs, .cost = cost, .example = grad_example,                                                  \
    }
/* clang-format on */

ACTIVATION(silu, "x·sigmoid(x)");
ACTIVATION(gelu, "x·Φ(x), Φ the normal distribution (with erf)");
ACTIVATION(gelu_tanh, "½x(1 + tanh(√(2/π)(x + 0.044715x³))), the fast form of gelu");
ACTIVATION(relu, "max(x, 0)");
ACTIVATION(sigmoid, "1/(1 + e^−x)");
ACTIVATION(tanh, "hyperbolic tangent");
