/* matmul: a unit is a row of y. */
#include "real.h"

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    work->units = c->out[0].dim[0] * c->out[0].dim[1];
    work->thread_scratch_bytes = (size_t)c->out[0].dim[2] * sizeof(ACC);
    return NULL;
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const rn_matmul_attr *t = c->attr;
    const rn_shape a = c->in[0], b = c->in[1], y = c->out[0];
    const int64_t rows = y.dim[1], n = y.dim[2], inner = b.dim[t->tb ? 2 : 1];
    const int64_t down = t->ta ? 1 : rn_pitch(a), across = t->ta ? rn_pitch(a) : 1; /* a[row, k] */
    ACC *sum = m->thread_scratch;
    for (int64_t u = begin; u < end; u++) {
        const REAL *am = (const REAL *)m->in[0] + u / rows * a.dim[1] * rn_pitch(a) + u % rows * down;
        const REAL *bm = (const REAL *)m->in[1] + u / rows * b.dim[1] * rn_pitch(b);
        for (int64_t j = 0; j < n; j++)
            sum[j] = 0;
        if (t->tb) /* b [N, K] */
            for (int64_t j = 0; j < n; j++)
                for (int64_t k = 0; k < inner; k++)
                    sum[j] += (ACC)am[k * across] * (ACC)bm[j * rn_pitch(b) + k];
        else
            for (int64_t k = 0; k < inner; k++)
                add_multiple(sum, (ACC)am[k * across], bm + k * rn_pitch(b), n);
        for (int64_t j = 0; j < n; j++)
            ((REAL *)m->out[0])[u * n + j] = (REAL)sum[j];
    }
}

REFERENCE(matmul, plan, run);
