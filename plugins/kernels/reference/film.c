/* film and its gradients. A unit is a few rows of channels; the gradient goes image by image in fixed blocks
 * of pixels, whose sums are added in order. */
#include "real.h"

#include <string.h>

enum { MOST_BLOCKS = 16, LEAST_ELEMENTS = 8192 };

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    work->units = pieces(rn_rows(c->out[0]), rows_per_unit(c->out[0]));
    return NULL;
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const rn_shape x = c->in[0], y = c->out[0];
    const int64_t step = rows_per_unit(y), channels = rn_last(y), pixels = rn_rows(y) / y.dim[0];
    for (int64_t i = begin * step; i < least(end * step, rn_rows(y)); i++) {
        const REAL *from = (const REAL *)m->in[0] + i * rn_pitch(x);
        const REAL *scale = (const REAL *)m->in[1] + i / pixels * rn_pitch(c->in[1]);
        const REAL *offset = (const REAL *)m->in[2] + i / pixels * rn_pitch(c->in[2]);
        REAL *to = (REAL *)m->out[0] + i * channels;
        for (int64_t k = 0; k < channels; k++)
            to[k] = from[k] * (1 + scale[k]) + offset[k];
    }
}

typedef struct cut { int64_t batch, pixels, channels, step, blocks; } cut;
static cut cut_of(const rn_call *c)
{
    const rn_shape x = c->in[0];
    cut k = {.batch = x.dim[0], .pixels = rn_rows(x) / x.dim[0], .channels = rn_last(x)};
    k.step = pieces(k.pixels, least(MOST_BLOCKS, pieces(k.pixels * k.channels, LEAST_ELEMENTS)));
    k.blocks = pieces(k.pixels, k.step);
    return k;
}

/* Scratch: sums of dy·x and of dy, [batch, blocks, 2, channels]. */
static const char *grad_plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const cut k = cut_of(c);
    work->units = k.batch * k.blocks;
    work->more_units[0] = k.batch;
    work->scratch_bytes = (size_t)(k.batch * k.blocks * 2 * k.channels) * sizeof(ACC);
    work->thread_scratch_bytes = (size_t)(2 * k.channels) * sizeof(ACC);
    return NULL;
}

static void grad_block(const rn_call *c, const rn_buffers *m, cut k, int64_t u, ACC *along, ACC *sum)
{
    const int64_t image = u / k.blocks, first = u % k.blocks * k.step, last = least(first + k.step, k.pixels);
    const REAL *scale = (const REAL *)m->in[1] + image * rn_pitch(c->in[1]);
    memset(along, 0, (size_t)k.channels * sizeof *along);
    memset(sum, 0, (size_t)k.channels * sizeof *sum);
    for (int64_t p = image * k.pixels + first; p < image * k.pixels + last; p++) {
        const REAL *x = (const REAL *)m->in[0] + p * rn_pitch(c->in[0]);
        const REAL *dy = (const REAL *)m->in[2] + p * rn_pitch(c->in[2]);
        REAL *dx = (REAL *)m->out[0] + p * k.channels;
        for (int64_t j = 0; j < k.channels; j++) {
            along[j] += (ACC)dy[j] * (ACC)x[j];
            sum[j] += (ACC)dy[j];
            dx[j] = dy[j] * (1 + scale[j]);
        }
    }
}

static void grad_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work;
    const cut k = cut_of(c);
    ACC *sums = m->scratch, *total = m->thread_scratch;
    for (int64_t u = begin; u < end; u++) {
        if (phase == 0) {
            grad_block(c, m, k, u, sums + u * 2 * k.channels, sums + (u * 2 + 1) * k.channels);
            continue;
        }
        memset(total, 0, (size_t)(2 * k.channels) * sizeof *total);
        for (int64_t block = 0; block < k.blocks; block++)
            for (int64_t j = 0; j < 2 * k.channels; j++)
                total[j] += sums[(u * k.blocks + block) * 2 * k.channels + j];
        for (int64_t j = 0; j < k.channels; j++) {
            ((REAL *)m->out[1])[u * k.channels + j] = (REAL)total[j];
            ((REAL *)m->out[2])[u * k.channels + j] = (REAL)total[k.channels + j];
        }
    }
}

REFERENCE(film, plan, run);
REFERENCE(film_grad, grad_plan, grad_run);
