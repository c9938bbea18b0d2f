#ifndef PLUGINS_OPS_RULES_H
#define PLUGINS_OPS_RULES_H
/* What the rules of many ops have in common: outputs are dense, pointwise ops cost so much an element,
 * examples are drawn from a stream. */
#include <runner/op.h>
#include <runner/ops.h>

/* The same axes, made dense: the shape of every output that is no view. */
static inline rn_shape dense_like(rn_shape s)
{
    s.pitch = 0;
    return s;
}

static inline bool same_as_input(const rn_call *c, rn_shape *y, rn_error *err)
{
    (void)err;
    y[0] = dense_like(c->in[0]);
    return true;
}

/* Are the axes of b the last ones of a? */
static inline bool ends_with(rn_shape a, rn_shape b)
{
    for (int i = 0; i < b.rank; i++)
        if (b.rank > a.rank || b.dim[b.rank - 1 - i] != a.dim[a.rank - 1 - i])
            return false;
    return true;
}

/* "a is 2×3, b is 4: <what is wanted>" */
static inline bool shapes_differ(rn_error *err, const char *a_name, rn_shape a, const char *b_name, rn_shape b,
                                 const char *wanted)
{
    char ta[RN_SHAPE_TEXT], tb[RN_SHAPE_TEXT];
    return rn_fail(err, RN_ESHAPE, "%s is %s, %s is %s: %s", a_name, rn_shape_text(a, ta), b_name,
                   rn_shape_text(b, tb), wanted);
}

/* Inputs 0 and 1 of equal axes → the same axes. */
static inline bool equal_inputs(const rn_call *c, rn_shape *y, rn_error *err)
{
    if (!rn_same_dims(c->in[0], c->in[1]))
        return shapes_differ(err, c->op->inputs[0].name, c->in[0], c->op->inputs[1].name, c->in[1],
                             "their shapes must be equal");
    y[0] = dense_like(c->in[0]);
    return true;
}

static inline rn_cost cost_per_element(const rn_call *c, int64_t flop)
{
    return (rn_cost){.flop = flop * rn_count(c->out[0]), .bytes = rn_call_bytes(c)};
}

/* Nothing is computed, only moved. */
static inline rn_cost cost_of_moving(const rn_call *c) { return cost_per_element(c, 0); }

/* One operation an element. */
static inline rn_cost cost_of_one(const rn_call *c) { return cost_per_element(c, 1); }

/* A view moves nothing at all. */
static inline rn_cost cost_of_view(const rn_call *c)
{
    (void)c;
    return (rn_cost){0, 0, 0};
}

/* An even draw from low … high, for examples; `i` numbers the draws. */
static inline int64_t draw(rn_stream r, uint64_t i, int64_t low, int64_t high)
{
    return low + (int64_t)rn_random_below(r, i, (uint64_t)(high - low + 1));
}

static inline rn_shape shape1(int64_t a) { return (rn_shape){.rank = 1, .dim = {a}}; }
static inline rn_shape shape2(int64_t a, int64_t b) { return (rn_shape){.rank = 2, .dim = {a, b}}; }
static inline rn_shape shape3(int64_t a, int64_t b, int64_t c) { return (rn_shape){.rank = 3, .dim = {a, b, c}}; }
static inline rn_shape shape4(int64_t a, int64_t b, int64_t c, int64_t d)
{
    return (rn_shape){.rank = 4, .dim = {a, b, c, d}};
}

#endif
