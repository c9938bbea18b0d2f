/* layer_norm in two passes over each row, in double. The gradient goes by fixed blocks of rows, whose shares of
 * dw and db are then added in order. */
#include "real.h"

#include <string.h>

enum { MOST_BLOCKS = 64, FOLD_CHANNELS = 64 };

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    work->units = pieces(rn_rows(c->in[0]), rows_per_unit(c->in[0]));
    return NULL;
}

/* In eight interleaved sums, as dot(). */
static ACC sum(const REAL *x, int64_t n)
{
    ACC lane[8] = {0};
    int64_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (int k = 0; k < 8; k++)
            lane[k] += (ACC)x[i + k];
    for (; i < n; i++)
        lane[i & 7] += (ACC)x[i];
    return fold(lane);
}
static ACC squares(const REAL *x, ACC mean, int64_t n)
{
    ACC lane[8] = {0};
    int64_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (int k = 0; k < 8; k++)
            lane[k] += ((ACC)x[i + k] - mean) * ((ACC)x[i + k] - mean);
    for (; i < n; i++)
        lane[i & 7] += ((ACC)x[i] - mean) * ((ACC)x[i] - mean);
    return fold(lane);
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const int64_t n = rn_last(c->in[0]), step = rows_per_unit(c->in[0]);
    const ACC eps = ((const rn_layer_norm_attr *)c->attr)->eps;
    const REAL *w = m->in[1], *b = m->in[2];
    for (int64_t row = begin * step; row < least(end * step, rn_rows(c->in[0])); row++) {
        const REAL *x = (const REAL *)m->in[0] + row * rn_pitch(c->in[0]);
        REAL *y = (REAL *)m->out[0] + row * n;
        const ACC mean = sum(x, n) / (ACC)n, rstd = 1 / sqrt(squares(x, mean, n) / (ACC)n + eps);
        for (int64_t k = 0; k < n; k++)
            y[k] = (REAL)(((ACC)x[k] - mean) * rstd * (w ? (ACC)w[k] : 1) + (b ? (ACC)b[k] : 0));
        ((REAL *)m->out[1])[row] = (REAL)mean;
        ((REAL *)m->out[2])[row] = (REAL)rstd;
    }
}

static int64_t rows_per_block(const rn_call *c)
{
    const int64_t even = pieces(rn_rows(c->in[0]), MOST_BLOCKS), least_rows = rows_per_unit(c->in[0]);
    return even > least_rows ? even : least_rows;
}

/* Scratch: dw and db by block, [blocks, 2, C]. */
static const char *grad_plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const int64_t n = rn_last(c->in[0]);
    work->units = pieces(rn_rows(c->in[0]), rows_per_block(c));
    work->more_units[0] = pieces(n, FOLD_CHANNELS);
    work->scratch_bytes = (size_t)(2 * work->units * n) * sizeof(ACC);
    return NULL;
}

static void grad_row(const rn_call *c, const rn_buffers *m, int64_t row, ACC *dw, ACC *db)
{
    const int64_t n = rn_last(c->in[0]);
    const REAL *x = (const REAL *)m->in[0] + row * rn_pitch(c->in[0]), *w = m->in[1];
    const REAL *dy = (const REAL *)m->in[4] + row * rn_pitch(c->in[4]);
    REAL *dx = (REAL *)m->out[0] + row * n;
    const ACC mean = (ACC)((const REAL *)m->in[2])[row], rstd = (ACC)((const REAL *)m->in[3])[row];
    ACC flat = 0, along = 0;
    for (int64_t k = 0; k < n; k++) {
        const ACC unit = ((ACC)x[k] - mean) * rstd, u = (w ? (ACC)w[k] : 1) * (ACC)dy[k];
        flat += u;
        along += u * unit;
        dw[k] += (ACC)dy[k] * unit;
        db[k] += (ACC)dy[k];
    }
    flat /= (ACC)n;
    along /= (ACC)n;
    for (int64_t k = 0; k < n; k++)
        dx[k] = (REAL)(rstd * ((w ? (ACC)w[k] : 1) * (ACC)dy[k] - flat - ((ACC)x[k] - mean) * rstd * along));
}

static void grad_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    const int64_t n = rn_last(c->in[0]), step = rows_per_block(c);
    ACC *sums = m->scratch;
    if (phase == 0) {
        for (int64_t u = begin; u < end; u++) {
            memset(sums + 2 * u * n, 0, (size_t)(2 * n) * sizeof *sums);
            for (int64_t row = u * step; row < least((u + 1) * step, rn_rows(c->in[0])); row++)
                grad_row(c, m, row, sums + 2 * u * n, sums + (2 * u + 1) * n);
        }
        return;
    }
    for (int64_t k = begin * FOLD_CHANNELS; k < least(end * FOLD_CHANNELS, n); k++) {
        ACC dw = 0, db = 0;
        for (int64_t block = 0; block < work->units; block++) {
            dw += sums[2 * block * n + k];
            db += sums[(2 * block + 1) * n + k];
        }
        ((REAL *)m->out[1])[k] = (REAL)dw;
        ((REAL *)m->out[2])[k] = (REAL)db;
    }
}

REFERENCE(layer_norm, plan, run);
REFERENCE(layer_norm_grad, grad_plan, grad_run);
