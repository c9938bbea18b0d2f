/* rms_norm in double, group by group. The gradient goes by fixed blocks of rows, whose shares of dw are then added in
 * order. */
#include "real.h"

#include <string.h>

enum { MOST_BLOCKS = 64, FOLD_CHANNELS = 64 };

static int64_t groups_of(const rn_call *c) { return ((const rn_rms_norm_attr *)c->attr)->groups; }

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    work->units = pieces(rn_rows(c->in[0]), rows_per_unit(c->in[0]));
    return NULL;
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const int64_t groups = groups_of(c), width = rn_last(c->in[0]) / groups, step = rows_per_unit(c->in[0]);
    const ACC eps = ((const rn_rms_norm_attr *)c->attr)->eps;
    const REAL *w = m->in[1];
    for (int64_t row = begin * step; row < least(end * step, rn_rows(c->in[0])); row++)
        for (int64_t g = 0; g < groups; g++) {
            const REAL *x = (const REAL *)m->in[0] + row * rn_pitch(c->in[0]) + g * width;
            REAL *y = (REAL *)m->out[0] + (row * groups + g) * width;
            const ACC rstd = 1 / sqrt(dot(x, x, width) / (ACC)width + eps);
            for (int64_t k = 0; k < width; k++)
                y[k] = (REAL)((ACC)x[k] * rstd * (w ? (ACC)w[k] : 1));
            ((REAL *)m->out[1])[row * groups + g] = (REAL)rstd;
        }
}

static int64_t rows_per_block(const rn_call *c)
{
    const int64_t even = pieces(rn_rows(c->in[0]), MOST_BLOCKS), least_rows = rows_per_unit(c->in[0]);
    return even > least_rows ? even : least_rows;
}

/* Scratch: dw by block, [blocks, C/groups]. */
static const char *grad_plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const int64_t width = rn_last(c->in[0]) / groups_of(c);
    work->units = pieces(rn_rows(c->in[0]), rows_per_block(c));
    work->more_units[0] = pieces(width, FOLD_CHANNELS);
    work->scratch_bytes = (size_t)(work->units * width) * sizeof(ACC);
    return NULL;
}

static void grad_group(const rn_call *c, const rn_buffers *m, int64_t row, int64_t g, ACC *dw)
{
    const int64_t groups = groups_of(c), width = rn_last(c->in[0]) / groups;
    const REAL *x = (const REAL *)m->in[0] + row * rn_pitch(c->in[0]) + g * width, *w = m->in[1];
    const REAL *dy = (const REAL *)m->in[3] + row * rn_pitch(c->in[3]) + g * width;
    REAL *dx = (REAL *)m->out[0] + (row * groups + g) * width;
    const ACC rstd = (ACC)((const REAL *)m->in[2])[row * groups + g];
    ACC along = 0;
    for (int64_t k = 0; k < width; k++) {
        const ACC unit = (ACC)x[k] * rstd;
        along += (w ? (ACC)w[k] : 1) * (ACC)dy[k] * unit;
        dw[k] += (ACC)dy[k] * unit;
    }
    along /= (ACC)width;
    for (int64_t k = 0; k < width; k++)
        dx[k] = (REAL)(rstd * ((w ? (ACC)w[k] : 1) * (ACC)dy[k] - (ACC)x[k] * rstd * along));
}

static void grad_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    const int64_t groups = groups_of(c), width = rn_last(c->in[0]) / groups, step = rows_per_block(c);
    ACC *sums = m->scratch;
    if (phase == 0) {
        for (int64_t u = begin; u < end; u++) {
            memset(sums + u * width, 0, (size_t)width * sizeof *sums);
            for (int64_t row = u * step; row < least((u + 1) * step, rn_rows(c->in[0])); row++)
                for (int64_t g = 0; g < groups; g++)
                    grad_group(c, m, row, g, sums + u * width);
        }
        return;
    }
    for (int64_t k = begin * FOLD_CHANNELS; k < least(end * FOLD_CHANNELS, width); k++) {
        ACC dw = 0;
        for (int64_t block = 0; block < work->units; block++)
            dw += sums[block * width + k];
        ((REAL *)m->out[1])[k] = (REAL)dw;
    }
}

REFERENCE(rms_norm, plan, run);
REFERENCE(rms_norm_grad, grad_plan, grad_run);
