/* channel_pad and concat: runs of channels copied to their place. (channel_range is a view.) */
#include "real.h"

#include <string.h>

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    work->units = pieces(rn_rows(c->out[0]), rows_per_unit(c->out[0]));
    return NULL;
}

static void pad_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const rn_shape x = c->in[0], y = c->out[0];
    const int64_t step = rows_per_unit(y), first = ((const rn_channel_pad_attr *)c->attr)->begin;
    for (int64_t i = begin * step; i < least(end * step, rn_rows(y)); i++) {
        REAL *to = (REAL *)m->out[0] + i * rn_last(y);
        memset(to, 0, (size_t)rn_last(y) * sizeof(REAL));
        memcpy(to + first, (const REAL *)m->in[0] + i * rn_pitch(x), (size_t)rn_last(x) * sizeof(REAL));
    }
}

static void concat_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const rn_shape y = c->out[0];
    const int64_t step = rows_per_unit(y);
    for (int64_t i = begin * step; i < least(end * step, rn_rows(y)); i++) {
        REAL *to = (REAL *)m->out[0] + i * rn_last(y);
        for (int k = 0; k < c->n_in; k++)
            if (c->in[k].rank) {
                memcpy(to, (const REAL *)m->in[k] + i * rn_pitch(c->in[k]), (size_t)rn_last(c->in[k]) * sizeof(REAL));
                to += rn_last(c->in[k]);
            }
    }
}

REFERENCE(channel_pad, plan, pad_run);
REFERENCE(concat, plan, concat_run);
