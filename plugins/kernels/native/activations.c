/* The nonlinearities made of one exponential, and their slopes. */
#include "pointwise.h"

static inline vf silu_value(vf x) { return x * vf_sigmoid(x); }
static inline vf silu_slope(vf x)
{
    const vf s = vf_sigmoid(x);
    return s * vf_fma(x, vf_of(1.0f) - s, vf_of(1.0f));
}

static inline vf sigmoid_value(vf x) { return vf_sigmoid(x); }
static inline vf sigmoid_slope(vf x)
{
    const vf s = vf_sigmoid(x);
    return s * (vf_of(1.0f) - s);
}

/* ½(1 + tanh u) = sigmoid(2u), u = √(2/π)(x + 0.044715x³) */
static inline vf gelu_tanh_twice(vf x)
{
    return vf_of(1.59576912160573071f) * x * vf_fma(vf_of(0.044715f) * x, x, vf_of(1.0f));
}
static inline vf gelu_tanh_value(vf x) { return x * vf_sigmoid(gelu_tanh_twice(x)); }
static inline vf gelu_tanh_slope(vf x)
{
    const vf s = vf_sigmoid(gelu_tanh_twice(x));
    const vf slope = vf_of(1.59576912160573071f) * vf_fma(vf_of(3 * 0.044715f) * x, x, vf_of(1.0f));
    return vf_fma(x * s * (vf_of(1.0f) - s), slope, s);
}

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const walk w = walk_of(c, c->n_in);
    work->units = walk_units(&w);
    return native_mixture(c);
}

/* clang-format off */
#define ACTIVATION(op_)                                                                                                \
    static void op_##_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)\
    {                                                                                                                  \
        (void)work, (void)phase;                                                                                       \
        const walk w = walk_of(c, 1);                                                                                  \
        for (int64_t i = begin * w.rows_per_unit; i < least(end * w.rows_per_unit, w.rows); i++) {                     \
            const el *x = (const el *)m->in[0] + walk_at(&w, c->in[0], i);                                       \
            el *y = (el *)m->out[0] + walk_at(&w, c->out[0], i);                                                 \
            const int64_t n = walk_length(&w, i);                                                                      \
            int64_t k = 0;                                                                                             \
            for (; k + VF_LANES <= n; k += VF_LANES)                                                                   \
                vf_store(y + k, op_##_value(vf_load(x + k)));                                                          \
            if (k < n)                                                                                                 \
                vf_store_part(y + k, op_##_value(vf_load_part(x + k, n - k)), n - k);                                  \
        }                                                                                                              \
    }                                                                                                                  \
    static void op_##_grad_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)\
    {                                                                                                                  \
        (void)work, (void)phase;                                                                                       \
        const walk w = walk_of(c, 2);                                                                                  \
        for (int64_t i = begin * w.rows_per_unit; i < least(end * w.rows_per_unit, w.rows); i++) {                     \
            const el *x = (const el *)m->in[0] + walk_at(&w, c->in[0], i);                                       \
            const el *dy = (const el *)m->in[1] + walk_at(&w, c->in[1], i);                                      \
            el *dx = (el *)m->out[0] + walk_at(&w, c->out[0], i);                                                \
            const int64_t n = walk_length(&w, i);                                                                      \
            int64_t k = 0;                                                                                             \
            for (; k + VF_LANES <= n; k += VF_LANES)                                                                   \
                vf_store(dx + k, vf_load(dy + k) * op_##_slope(vf_load(x + k)));                                       \
            if (k < n)                                                                                                 \
                vf_store_part(dx + k, vf_load_part(dy + k, n - k) * op_##_slope(vf_load_part(x + k, n - k)), n - k);   \
        }                                                                                                              \
    }                                                                                                                  \
    NATIVE(op_, "whole vectors, one exponential an element", .plan = plan, .run = op_##_run);                          \
    NATIVE(op_##_grad, "whole vectors, one exponential an element", .plan = plan, .run = op_##_grad_run)
/* clang-format on */

ACTIVATION(silu);
ACTIVATION(sigmoid);
ACTIVATION(gelu_tanh);
