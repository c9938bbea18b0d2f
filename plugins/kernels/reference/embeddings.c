/* logsnr_to_t, sinusoid_embedding, embedding: small, so all in double where it is not mere copying. */
#include "real.h"

#include <string.h>

static const char *t_plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    work->units = rn_rows(c->out[0]);
    return NULL;
}
static void t_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const ACC two_over_pi = 0.63661977236758134308;
    const int64_t n = rn_last(c->out[0]);
    for (int64_t row = begin; row < end; row++)
        for (int64_t k = 0; k < n; k++) {
            const ACC logsnr = (ACC)((const REAL *)m->in[0])[row * rn_pitch(c->in[0]) + k];
            ((REAL *)m->out[0])[row * n + k] = (REAL)(two_over_pi * atan(exp(-logsnr / 2)));
        }
}

/* Arguments reach a thousand radians: their sine needs a double's digits. */
static const char *sinusoid_plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    work->units = c->out[0].dim[0];
    return NULL;
}
static void sinusoid_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const int64_t half = c->out[0].dim[1] / 2;
    for (int64_t row = begin; row < end; row++) {
        REAL *y = (REAL *)m->out[0] + row * 2 * half;
        for (int64_t i = 0; i < half; i++) {
            const ACC angle = (ACC)((const REAL *)m->in[0])[row] * pow(10000, -(ACC)i / (ACC)half);
            y[i] = (REAL)sin(angle);
            y[half + i] = (REAL)cos(angle);
        }
    }
}

static const char *embedding_plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    work->units = c->out[0].dim[0];
    work->thread_scratch_bytes = (size_t)c->out[0].dim[1] * sizeof(ACC);
    return NULL;
}
static void embedding_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const rn_shape w = c->in[0];
    for (int64_t i = begin; i < end; i++) {
        const int32_t row = ((const int32_t *)m->in[1])[i];
        REAL *y = (REAL *)m->out[0] + i * w.dim[1];
        if (row >= 0 && row < w.dim[0])
            memcpy(y, (const REAL *)m->in[0] + row * rn_pitch(w), (size_t)w.dim[1] * sizeof(REAL));
        else
            memset(y, 0, (size_t)w.dim[1] * sizeof(REAL));
    }
}

/* A unit is a row of the table: it adds up its indices in their order. */
static void grad_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const rn_shape dy = c->in[1];
    ACC *sum = m->thread_scratch;
    for (int64_t row = begin; row < end; row++) {
        memset(sum, 0, (size_t)dy.dim[1] * sizeof *sum);
        for (int64_t i = 0; i < dy.dim[0]; i++)
            if (((const int32_t *)m->in[0])[i] == row)
                add_multiple(sum, 1, (const REAL *)m->in[1] + i * rn_pitch(dy), dy.dim[1]);
        for (int64_t k = 0; k < dy.dim[1]; k++)
            ((REAL *)m->out[0])[row * dy.dim[1] + k] = (REAL)sum[k];
    }
}

REFERENCE(logsnr_to_t, t_plan, t_run);
REFERENCE(sinusoid_embedding, sinusoid_plan, sinusoid_run);
REFERENCE(embedding, embedding_plan, embedding_run);
REFERENCE(embedding_grad, embedding_plan, grad_run);
