/* layer_norm_film and its gradients, image by image (formulas: plugins/ops/layer_norm_film.c). */
#include "norm_film.h"

#include <string.h>

enum { FOLD_CHANNELS = 64 };

static int64_t rows_of(const rn_call *c) { return rn_rows(c->in[X]) / c->in[X].dim[0]; }

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    work->units = c->in[X].dim[0];
    return NULL;
}

static void statistics(const REAL *x, int64_t n, double eps, ACC *mean, ACC *rstd)
{
    ACC sum = 0, squares = 0;
    for (int64_t j = 0; j < n; j++)
        sum += (ACC)x[j];
    *mean = sum / (ACC)n;
    for (int64_t j = 0; j < n; j++)
        squares += ((ACC)x[j] - *mean) * ((ACC)x[j] - *mean);
    *rstd = 1 / sqrt(squares / (ACC)n + eps);
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const int64_t rows = rows_of(c), channels = rn_last(c->in[X]);
    for (int64_t row = begin * rows; row < end * rows; row++) {
        const REAL *x = (const REAL *)m->in[X] + row * rn_pitch(c->in[X]);
        const REAL *scale = film_row(c, m, SCALE, row / rows), *offset = film_row(c, m, OFFSET, row / rows);
        REAL *y = (REAL *)m->out[0] + row * channels;
        ACC mean, rstd;
        statistics(x, channels, ((const rn_layer_norm_attr *)c->attr)->eps, &mean, &rstd);
        ((REAL *)m->out[1])[row] = (REAL)mean;
        ((REAL *)m->out[2])[row] = (REAL)rstd;
        for (int64_t j = 0; j < channels; j++)
            y[j] = (REAL)((((ACC)x[j] - mean) * rstd * factor_of(m->in[W], j) + term_of(m->in[B], j)) *
                              (1 + (ACC)scale[j]) + (ACC)offset[j]);
    }
}

/* Scratch: A and N, [batch, 2, channels]. Phase 1 adds them up over the images. */
static const char *grad_plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    work->units = c->in[X].dim[0];
    work->more_units[0] = pieces(rn_last(c->in[X]), FOLD_CHANNELS);
    work->scratch_bytes = (size_t)(c->in[X].dim[0] * 2 * rn_last(c->in[X])) * sizeof(ACC);
    return NULL;
}

/* One row: adds to the sums a, n [channels] of its image. */
static void grad_row(const rn_call *c, const rn_buffers *m, int64_t row, ACC *a, ACC *n)
{
    const int64_t channels = rn_last(c->in[X]);
    const REAL *x = (const REAL *)m->in[X] + row * rn_pitch(c->in[X]), *scale = film_row(c, m, SCALE, row / rows_of(c));
    const REAL *dy = (const REAL *)m->in[DY] + row * rn_pitch(c->in[DY]);
    REAL *dx = (REAL *)m->out[0] + row * channels;
    const ACC mean = (ACC)((const REAL *)m->in[MEAN])[row], rstd = (ACC)((const REAL *)m->in[RSTD])[row];
    ACC flat = 0, along = 0; /* means of f·dy and f·dy·n */
    for (int64_t j = 0; j < channels; j++) {
        const ACC dv = (ACC)dy[j], hat = ((ACC)x[j] - mean) * rstd, f = factor_of(m->in[W], j) * (1 + (ACC)scale[j]);
        a[j] += dv;
        n[j] += dv * hat;
        flat += f * dv / (ACC)channels;
        along += f * dv * hat / (ACC)channels;
    }
    for (int64_t j = 0; j < channels; j++) {
        const ACC f = factor_of(m->in[W], j) * (1 + (ACC)scale[j]);
        dx[j] = (REAL)(rstd * (f * (ACC)dy[j] - flat - ((ACC)x[j] - mean) * rstd * along));
    }
}

static void grad_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work;
    const int64_t rows = rows_of(c), channels = rn_last(c->in[X]);
    ACC *sums = m->scratch;
    if (phase == 1) {
        weight_slopes(c, m, sums, begin * FOLD_CHANNELS, least(end * FOLD_CHANNELS, channels));
        return;
    }
    for (int64_t image = begin; image < end; image++) {
        ACC *a = sums + 2 * image * channels, *n = a + channels;
        memset(a, 0, (size_t)(2 * channels) * sizeof *a);
        for (int64_t row = image * rows; row < (image + 1) * rows; row++)
            grad_row(c, m, row, a, n);
        film_slopes(c, m, image, a, n);
    }
}

REFERENCE(layer_norm_film, plan, run);
REFERENCE(layer_norm_film_grad, grad_plan, grad_run);
