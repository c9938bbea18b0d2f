/* softmax and its gradient, row by row; the largest element is taken off first, so that no exponential is above 1. */
#include "real.h"

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    work->units = pieces(rn_rows(c->out[0]), rows_per_unit(c->out[0]));
    return NULL;
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const int64_t n = rn_last(c->in[0]), step = rows_per_unit(c->out[0]);
    for (int64_t row = begin * step; row < least(end * step, rn_rows(c->out[0])); row++) {
        const REAL *x = (const REAL *)m->in[0] + row * rn_pitch(c->in[0]);
        REAL *y = (REAL *)m->out[0] + row * n, most = x[0];
        ACC total = 0;
        for (int64_t k = 1; k < n; k++)
            most = x[k] > most ? x[k] : most;
        for (int64_t k = 0; k < n; k++) {
            y[k] = REAL_(exp)(x[k] - most);
            total += (ACC)y[k];
        }
        for (int64_t k = 0; k < n; k++)
            y[k] = (REAL)((ACC)y[k] / total);
    }
}

static void grad_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const int64_t n = rn_last(c->in[0]), step = rows_per_unit(c->out[0]);
    for (int64_t row = begin * step; row < least(end * step, rn_rows(c->out[0])); row++) {
        const REAL *y = (const REAL *)m->in[0] + row * rn_pitch(c->in[0]);
        const REAL *dy = (const REAL *)m->in[1] + row * rn_pitch(c->in[1]);
        const ACC along = dot(dy, y, n);
        for (int64_t k = 0; k < n; k++)
            ((REAL *)m->out[0])[row * n + k] = (REAL)((ACC)y[k] * ((ACC)dy[k] - along));
    }
}

REFERENCE(softmax, plan, run);
REFERENCE(softmax_grad, plan, grad_run);
