/* avg_pool, sum_pool, upsample_nearest: a unit is a row of y. Windows of any size are summed in double. */
#include "real.h"

#include <string.h>

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    work->units = c->out[0].dim[0] * c->out[0].dim[1];
    work->thread_scratch_bytes = (size_t)c->out[0].dim[3] * sizeof(ACC);
    return NULL;
}

/* y = factor · Σ over the window; H = s·H', so no window straddles two images. */
static void pool(const rn_call *c, const rn_buffers *m, int64_t s, ACC factor, int64_t begin, int64_t end)
{
    const rn_shape x = c->in[0], y = c->out[0];
    ACC *sum = m->thread_scratch;
    for (int64_t row = begin; row < end; row++)
        for (int64_t col = 0; col < y.dim[2]; col++) {
            memset(sum, 0, (size_t)y.dim[3] * sizeof *sum);
            for (int64_t i = 0; i < s; i++)
                for (int64_t j = 0; j < s; j++)
                    add_multiple(sum, 1, (const REAL *)m->in[0] + ((row * s + i) * x.dim[2] + col * s + j) * rn_pitch(x),
                                 y.dim[3]);
            REAL *to = (REAL *)m->out[0] + (row * y.dim[2] + col) * y.dim[3];
            for (int64_t k = 0; k < y.dim[3]; k++)
                to[k] = (REAL)(factor * sum[k]);
        }
}

static void avg_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const int64_t s = ((const rn_avg_pool_attr *)c->attr)->window;
    pool(c, m, s, 1 / (ACC)(s * s), begin, end);
}
static void sum_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    pool(c, m, ((const rn_avg_pool_attr *)c->attr)->window, 1, begin, end);
}

static void upsample_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const rn_shape x = c->in[0], y = c->out[0];
    const int64_t s = ((const rn_upsample_nearest_attr *)c->attr)->factor;
    for (int64_t row = begin; row < end; row++)
        for (int64_t col = 0; col < y.dim[2]; col++)
            memcpy((REAL *)m->out[0] + (row * y.dim[2] + col) * y.dim[3],
                   (const REAL *)m->in[0] + (row / s * x.dim[2] + col / s) * rn_pitch(x), (size_t)y.dim[3] * sizeof(REAL));
}

REFERENCE(avg_pool, plan, avg_run);
REFERENCE(sum_pool, plan, sum_run);
REFERENCE(upsample_nearest, plan, upsample_run);
