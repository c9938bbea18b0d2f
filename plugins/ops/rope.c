/* rope: positions on a map as rotations of pairs of channels, so that the product of a query and a key depends on how far
 * apart they are. Sources: Su et al. 2021 (arXiv:2104.09864); two axes: Heo et al. 2024 (arXiv:2403.13298), "axial".
 *
 * The D channels of a head are two halves, the first turned by the row of the token, the second by its column. Pair p of a
 * half, p = 0 … D/4 − 1, is its channels p and D/4 + p:
 *
 *     (a, b) → (a·cos φ − b·sin φ, a·sin φ + b·cos φ),   φ = position·base^(−p/(D/4))
 *
 * A rotation's transpose is the rotation back, and that is the gradient. */
#include "rules.h"

static const rn_param params[] = {
    /*      struct        field   unit     default min max      documentation */
    RN_INT (rn_rope_attr, heads,  "head",  NULL,   1,  65536,   "heads; each has a multiple of four channels"),
    RN_INT (rn_rope_attr, height, "pixel", NULL,   1,  65536,   "rows of the map that the tokens were"),
    RN_INT (rn_rope_attr, width,  "pixel", NULL,   1,  65536,   "columns of it"),
    RN_REAL(rn_rope_attr, base,   NULL,    "100",  1,  1000000, "the slowest pair turns by about 1/base a pixel"),
    RN_BOOL(rn_rope_attr, back,                    "false",     "turn the other way"),
    RN_PARAMS_END,
};

/* x [B, height·width, C], tokens row by row → the same shape */
static bool shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    const rn_rope_attr *a = c->attr;
    const rn_shape x = c->in[0];
    if (a->heads < 1 || x.dim[2] % (4 * a->heads))
        return rn_fail(err, RN_ESHAPE, "%" PRId64 " channels in %" PRId64 " heads; rotations by row and column need a multiple "
                       "of four channels in each", x.dim[2], a->heads);
    if (a->height < 1 || a->width < 1 || x.dim[1] / a->height != a->width || x.dim[1] % a->height)
        return rn_fail(err, RN_ESHAPE, "%" PRId64 " tokens are no map of %" PRId64 "×%" PRId64, x.dim[1], a->height, a->width);
    y[0] = dense_like(x);
    return true;
}

static void gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    rn_rope_attr attr = *(const rn_rope_attr *)c->attr;
    attr.back = !attr.back;
    dx[0] = rn_op_rope(g, dy[0], attr);
}

/* Four products and two sums for each pair; sines and cosines once for all images and heads. */
static rn_cost cost(const rn_call *c) { return cost_per_element(c, 3); }

static void example(rn_example *e, rn_stream r, int number)
{
    const int64_t heads = number % 3 + 1, height = draw(r, 0, 1, 3), width = draw(r, 1, 1, 4);
    *(rn_rope_attr *)e->attr = (rn_rope_attr){heads, height, width, number % 2 ? 100 : 7, number % 4 == 3};
    e->in[0] = shape3(draw(r, 2, 1, 2), height * width, 4 * heads * draw(r, 3, 1, 2));
}

const rn_op op_rope = {
    .bytes = sizeof(rn_op), .name = "rope", .doc = "rotary positions on a map, for queries and keys",
    .params = params, .params_bytes = sizeof(rn_rope_attr),
    .inputs = {{"x", .rank = 3}}, .n_out = 1, .traits = RN_LINEAR | RN_CHEAP,
    .shape = shape, .gradient = gradient, .cost = cost, .example = example,
    .narrow_in = 1, .narrow_out = 1,
};
