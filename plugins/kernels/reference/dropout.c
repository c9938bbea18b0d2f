/* dropout and random_normal: the number of an element is that of its place in the global batch. */
#include "real.h"

enum { PIECE = 256 };

static rn_stream stream_of(const rn_buffers *m, int64_t stream)
{
    return (rn_stream){m->step->seed, (uint32_t)stream, m->step->step, 0};
}
static uint64_t first_index(const rn_call *c, const rn_buffers *m)
{
    const rn_shape x = c->in[0];
    return m->step->first_image * (uint64_t)(rn_count(x) / x.dim[0]);
}

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    work->units = runs_units(runs_of(c, c->n_in));
    return NULL;
}

/* y = x·factor where the uniform number ≥ rate, else 0. */
static void drop(const REAL *x, REAL *y, int64_t n, double rate, REAL factor, rn_stream s, uint64_t first)
{
    double uniform[PIECE];
    for (int64_t k = 0; k < n; k += PIECE) {
        const int64_t piece = least(PIECE, n - k);
        rn_random_uniforms(s, first + (uint64_t)k, (size_t)piece, uniform);
        for (int64_t j = 0; j < piece; j++)
            y[k + j] = uniform[j] >= rate ? x[k + j] * factor : 0;
    }
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const rn_dropout_attr *a = c->attr;
    const runs r = runs_of(c, c->n_in);
    const REAL factor = a->rate < 1 ? (REAL)(1 / (1 - a->rate)) : 0;
    for (int64_t i = begin * r.per_unit; i < least(end * r.per_unit, r.n); i++) {
        const REAL *x = (const REAL *)m->in[0] + run_at(r, c->in[0], i);
        REAL *y = (REAL *)m->out[0] + i * r.length;
        const int64_t n = run_length(r, i);
        if (c->n_in < 2 || !c->in[1].rank) {
            drop(x, y, n, a->rate, factor, stream_of(m, a->stream), first_index(c, m) + (uint64_t)(i * r.length));
            continue;
        }
        const REAL *mask = (const REAL *)m->in[1] + run_at(r, c->in[1], i);
        for (int64_t k = 0; k < n; k++)
            y[k] = x[k] * mask[k] * factor;
    }
}

#ifdef REAL_IS_float
static void normals(rn_stream s, uint64_t first, int64_t n, REAL *y) { rn_random_normals(s, first, (size_t)n, y); }
#else
static void normals(rn_stream s, uint64_t first, int64_t n, REAL *y)
{
    for (int64_t k = 0; k < n; k++)
        y[k] = rn_random_normal(s, first + (uint64_t)k);
}
#endif

static const char *normal_plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    work->units = pieces(rn_count(c->out[0]), UNIT_ELEMENTS);
    return NULL;
}

static void normal_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const rn_stream s = stream_of(m, ((const rn_random_normal_attr *)c->attr)->stream);
    const int64_t last = least(end * UNIT_ELEMENTS, rn_count(c->out[0]));
    const int64_t first = begin * UNIT_ELEMENTS;
    normals(s, first_index(c, m) + (uint64_t)first, last - first, (REAL *)m->out[0] + first);
}

REFERENCE(dropout, plan, run);
REFERENCE(random_normal, normal_plan, normal_run);
