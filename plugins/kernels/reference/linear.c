/* linear and linear_dw: a unit is a few rows of y, or one row of the weight's gradient. */
#include "real.h"

#include <string.h>

enum { UNIT_ROWS = 4 };

static const char *linear_plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    work->units = pieces(rn_rows(c->out[0]), UNIT_ROWS);
    work->thread_scratch_bytes = (size_t)rn_last(c->out[0]) * sizeof(ACC);
    return NULL;
}

static void linear_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const bool transposed = ((const rn_linear_attr *)c->attr)->transposed;
    const int64_t in = rn_last(c->in[0]), out = rn_last(c->out[0]), pitch = rn_pitch(c->in[1]);
    const REAL *w = m->in[1], *b = m->in[2];
    ACC *sum = m->thread_scratch;
    for (int64_t row = begin * UNIT_ROWS; row < least(end * UNIT_ROWS, rn_rows(c->out[0])); row++) {
        const REAL *x = (const REAL *)m->in[0] + row * rn_pitch(c->in[0]);
        REAL *y = (REAL *)m->out[0] + row * out;
        for (int64_t o = 0; o < out; o++)
            sum[o] = b ? (ACC)b[o] : 0;
        if (transposed) /* w [out, in] */
            for (int64_t o = 0; o < out; o++)
                sum[o] += dot(x, w + o * pitch, in);
        else
            for (int64_t i = 0; i < in; i++)
                add_multiple(sum, (ACC)x[i], w + i * pitch, out);
        for (int64_t o = 0; o < out; o++)
            y[o] = (REAL)sum[o];
    }
}

static const char *dw_plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    work->units = c->out[0].dim[0];
    work->thread_scratch_bytes = (size_t)c->out[0].dim[1] * sizeof(ACC);
    return NULL;
}

static void dw_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const rn_shape x = c->in[0], dy = c->in[1];
    const int64_t out = rn_last(dy);
    ACC *sum = m->thread_scratch;
    for (int64_t i = begin; i < end; i++) {
        memset(sum, 0, (size_t)out * sizeof *sum);
        for (int64_t row = 0; row < rn_rows(x); row++)
            add_multiple(sum, (ACC)((const REAL *)m->in[0])[row * rn_pitch(x) + i],
                         (const REAL *)m->in[1] + row * rn_pitch(dy), out);
        for (int64_t o = 0; o < out; o++)
            ((REAL *)m->out[0])[i * out + o] = (REAL)sum[o];
    }
}

REFERENCE(linear, linear_plan, linear_run);
REFERENCE(linear_dw, dw_plan, dw_run);
