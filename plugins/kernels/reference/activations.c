/* The nonlinearities and their slopes, element by element, in the type of the tensors. */
#include "real.h"

static REAL sigmoid_value(REAL x) { return 1 / (1 + REAL_(exp)(-x)); }
static REAL sigmoid_slope(REAL x)
{
    const REAL s = sigmoid_value(x);
    return s * (1 - s);
}
static REAL silu_value(REAL x) { return x * sigmoid_value(x); }
static REAL silu_slope(REAL x)
{
    const REAL s = sigmoid_value(x);
    return s * (1 + x * (1 - s));
}
static REAL relu_value(REAL x) { return x > 0 ? x : x != x ? x : 0; } /* not-a-number stays, so that it is found */
static REAL relu_slope(REAL x) { return x > 0 ? 1 : x != x ? x : 0; }
static REAL tanh_value(REAL x) { return REAL_(tanh)(x); }
static REAL tanh_slope(REAL x)
{
    const REAL t = REAL_(tanh)(x);
    return 1 - t * t;
}

/* Φ(x) by erfc, which keeps its digits where 1 + erf(x) would be a difference of nearly equal numbers. */
static REAL normal_distribution(REAL x) { return (REAL)0.5 * REAL_(erfc)(-x * (REAL)0.70710678118654752440); }
static REAL gelu_value(REAL x) { return x * normal_distribution(x); }
static REAL gelu_slope(REAL x)
{
    const REAL density = (REAL)0.39894228040143267794 * REAL_(exp)(-(REAL)0.5 * x * x);
    return normal_distribution(x) + x * density;
}

/* u = √(2/π)(x + 0.044715x³) */
static const REAL root = (REAL)0.79788456080286535588, cubic = (REAL)0.044715;
static REAL gelu_tanh_value(REAL x) { return (REAL)0.5 * x * (1 + REAL_(tanh)(root * x * (1 + cubic * x * x))); }
static REAL gelu_tanh_slope(REAL x)
{
    const REAL t = REAL_(tanh)(root * x * (1 + cubic * x * x));
    return (REAL)0.5 * (1 + t + x * (1 - t * t) * root * (1 + 3 * cubic * x * x));
}

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    work->units = runs_units(runs_of(c, c->n_in));
    return NULL;
}

/* clang-format off */
#define ACTIVATION(op_)                                                                                                \
    static void op_##_run(const rn_call *c, const rn_work *w, const rn_buffers *m, int phase, int64_t begin, int64_t end)\
    {                                                                                                                  \
        (void)w, (void)phase;                                                                                          \
        const runs r = runs_of(c, 1);                                                                                  \
        for (int64_t i = begin * r.per_unit; i < least(end * r.per_unit, r.n); i++) {                                  \
            const REAL *x = (const REAL *)m->in[0] + run_at(r, c->in[0], i);                                           \
            REAL *y = (REAL *)m->out[0] + run_at(r, c->out[0], i);                                                     \
            const int64_t n = run_length(r, i);                                                                        \
            for (int64_t k = 0; k < n; k++)                                                                            \
                y[k] = op_##_value(x[k]);                                                                              \
        }                                                                                                              \
    }                                                                                                                  \
    static void op_##_grad_run(const rn_call *c, const rn_work *w, const rn_buffers *m, int phase, int64_t begin, int64_t end)\
    {                                                                                                                  \
        (void)w, (void)phase;                                                                                          \
        const runs r = runs_of(c, 2);                                                                                  \
        for (int64_t i = begin * r.per_unit; i < least(end * r.per_unit, r.n); i++) {                                  \
            const REAL *x = (const REAL *)m->in[0] + run_at(r, c->in[0], i);                                           \
            const REAL *dy = (const REAL *)m->in[1] + run_at(r, c->in[1], i);                                          \
            REAL *dx = (REAL *)m->out[0] + run_at(r, c->out[0], i);                                                    \
            const int64_t n = run_length(r, i);                                                                        \
            for (int64_t k = 0; k < n; k++)                                                                            \
                dx[k] = dy[k] * op_##_slope(x[k]);                                                                     \
        }                                                                                                              \
    }                                                                                                                  \
    REFERENCE(op_, plan, op_##_run);                                                                                   \
    REFERENCE(op_##_grad, plan, op_##_grad_run)
/* clang-format on */

ACTIVATION(silu);
ACTIVATION(gelu);
ACTIVATION(gelu_tanh);
ACTIVATION(relu);
ACTIVATION(sigmoid);
ACTIVATION(tanh);
