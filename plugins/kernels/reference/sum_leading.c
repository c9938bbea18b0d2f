/* sum_leading: fixed blocks of rows, each summed in double, then the blocks in order. broadcast: its reverse. */
#include "real.h"

#include <string.h>

enum { MOST_BLOCKS = 64, FOLD_CHANNELS = 64 };

/* x as [rows, width] with width = elements of y, every one of which is a run of channels or several. */
typedef struct plane { int64_t rows, width, blocks, rows_per_block; } plane;
static plane plane_of(const rn_call *c)
{
    plane p = {.width = rn_count(c->out[0])};
    p.rows = rn_count(c->in[0]) / p.width;
    p.rows_per_block = pieces(p.rows, MOST_BLOCKS);
    if (p.rows_per_block * p.width < UNIT_ELEMENTS)
        p.rows_per_block = pieces(UNIT_ELEMENTS, p.width);
    p.blocks = pieces(p.rows, p.rows_per_block);
    return p;
}

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const plane p = plane_of(c);
    work->units = p.blocks;
    work->more_units[0] = pieces(p.width, FOLD_CHANNELS);
    work->scratch_bytes = (size_t)(p.blocks * p.width) * sizeof(ACC);
    return NULL;
}

/* Element e of x in the order of its axes; runs of n elements of one row of channels lie side by side. */
static const REAL *element(const rn_call *c, const rn_buffers *m, int64_t e)
{
    const int64_t channels = rn_last(c->in[0]);
    return (const REAL *)m->in[0] + e / channels * rn_pitch(c->in[0]) + e % channels;
}

static void sum_block(const rn_call *c, const rn_buffers *m, plane p, int64_t block, ACC *sum)
{
    const int64_t channels = rn_last(c->in[0]), first = block * p.rows_per_block;
    const int64_t last = least(first + p.rows_per_block, p.rows);
    memset(sum, 0, (size_t)p.width * sizeof *sum);
    if (p.width == 1) /* nothing is kept: one sum over all */
        for (int64_t e = first; e < last; e++)
            sum[0] += (ACC)*element(c, m, e);
    else
        for (int64_t row = first; row < last; row++)
            for (int64_t k = 0; k < p.width; k += channels)
                add_multiple(sum + k, 1, element(c, m, row * p.width + k), channels);
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work;
    const plane p = plane_of(c);
    ACC *sums = m->scratch;
    if (phase == 0) {
        for (int64_t u = begin; u < end; u++)
            sum_block(c, m, p, u, sums + u * p.width);
        return;
    }
    for (int64_t k = begin * FOLD_CHANNELS; k < least(end * FOLD_CHANNELS, p.width); k++) {
        ACC sum = 0;
        for (int64_t block = 0; block < p.blocks; block++)
            sum += sums[block * p.width + k];
        ((REAL *)m->out[0])[k] = (REAL)sum;
    }
}

static const char *broadcast_plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    work->units = pieces(rn_rows(c->out[0]), rows_per_unit(c->out[0]));
    return NULL;
}

static void broadcast_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const rn_shape x = c->in[0], y = c->out[0];
    const int64_t step = rows_per_unit(y), channels = rn_last(y);
    const bool one = rn_count(x) == 1;
    for (int64_t i = begin * step; i < least(end * step, rn_rows(y)); i++) {
        const REAL *from = (const REAL *)m->in[0] + (one ? 0 : i % rn_rows(x) * rn_pitch(x));
        for (int64_t k = 0; k < channels; k++)
            ((REAL *)m->out[0])[i * channels + k] = from[one ? 0 : k];
    }
}

REFERENCE(sum_leading, plan, run);
REFERENCE(broadcast, broadcast_plan, broadcast_run);
