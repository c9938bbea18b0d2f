/* add, sub, mul, scale, copy: element by element. */
#include "real.h"

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    work->units = runs_units(runs_of(c, c->n_in));
    return NULL;
}

/* Where b lacks leading axes its rows are taken round and round. */
static const char *add_plan(const rn_call *c, int threads, rn_work *work)
{
    if (rn_same_dims(c->in[0], c->in[1]))
        return plan(c, threads, work);
    work->units = pieces(rn_rows(c->out[0]), rows_per_unit(c->out[0]));
    return NULL;
}

/* clang-format off */
#define BINARY(op_, sign)                                                                                              \
    static void op_##_run(const rn_call *c, const rn_work *w, const rn_buffers *m, int phase, int64_t begin, int64_t end) \
    {                                                                                                                  \
        (void)w, (void)phase;                                                                                          \
        const runs r = runs_of(c, 2);                                                                                  \
        for (int64_t i = begin * r.per_unit; i < least(end * r.per_unit, r.n); i++) {                                  \
            const REAL *a = (const REAL *)m->in[0] + run_at(r, c->in[0], i);                                           \
            const REAL *b = (const REAL *)m->in[1] + run_at(r, c->in[1], i);                                           \
            REAL *y = (REAL *)m->out[0] + run_at(r, c->out[0], i);                                                     \
            const int64_t n = run_length(r, i);                                                                        \
            for (int64_t k = 0; k < n; k++)                                                                            \
                y[k] = a[k] sign b[k];                                                                                 \
        }                                                                                                              \
    }
/* clang-format on */
BINARY(sum, +)
BINARY(sub, -)
BINARY(mul, *)

static void add_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    const rn_shape a = c->in[0], b = c->in[1], y = c->out[0];
    if (rn_same_dims(a, b)) {
        sum_run(c, work, m, phase, begin, end);
        return;
    }
    const int64_t step = rows_per_unit(y), channels = rn_last(y);
    for (int64_t i = begin * step; i < least(end * step, rn_rows(y)); i++) {
        const REAL *from = (const REAL *)m->in[0] + i * rn_pitch(a);
        /* dimensions are 1 and more: NOLINTNEXTLINE(clang-analyzer-core.DivideZero) */
        const REAL *more = (const REAL *)m->in[1] + i % rn_rows(b) * rn_pitch(b);
        REAL *to = (REAL *)m->out[0] + i * channels;
        for (int64_t k = 0; k < channels; k++)
            to[k] = from[k] + more[k];
    }
}

static void scaled(const rn_call *c, const rn_buffers *m, REAL factor, int64_t begin, int64_t end)
{
    const runs r = runs_of(c, 1);
    for (int64_t i = begin * r.per_unit; i < least(end * r.per_unit, r.n); i++) {
        const REAL *x = (const REAL *)m->in[0] + run_at(r, c->in[0], i);
        REAL *y = (REAL *)m->out[0] + run_at(r, c->out[0], i);
        const int64_t n = run_length(r, i);
        for (int64_t k = 0; k < n; k++)
            y[k] = factor * x[k];
    }
}
static void scale_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    scaled(c, m, (REAL)((const rn_scale_attr *)c->attr)->factor, begin, end);
}
static void copy_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    scaled(c, m, 1, begin, end);
}

REFERENCE(add, add_plan, add_run);
REFERENCE(sub, plan, sub_run);
REFERENCE(mul, plan, mul_run);
REFERENCE(scale, plan, scale_run);
REFERENCE(copy, plan, copy_run);
