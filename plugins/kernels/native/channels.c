/* channel_pad and concat: runs of channels moved to their place. A unit is a few rows of y. */
#include "pointwise.h"

static int64_t rows_per_unit(const rn_call *c) { return most(1, UNIT_ELEMENTS / rn_last(c->out[0])); }

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    work->units = pieces(rn_rows(c->out[0]), rows_per_unit(c));
    return native_mixture(c);
}

static void zero_row(el *y, int64_t n)
{
    int64_t k = 0;
    for (; k + VF_LANES <= n; k += VF_LANES)
        vf_store(y + k, vf_of(0));
    if (k < n)
        vf_store_part(y + k, vf_of(0), n - k);
}

static void pad_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const int64_t first = ((const rn_channel_pad_attr *)c->attr)->begin, n = rn_last(c->in[0]), channels = rn_last(c->out[0]);
    for (int64_t i = begin * rows_per_unit(c); i < least(end * rows_per_unit(c), rn_rows(c->out[0])); i++) {
        el *y = (el *)m->out[0] + i * channels;
        zero_row(y, first);
        move_row(y + first, (const el *)m->in[0] + i * rn_pitch(c->in[0]), n);
        zero_row(y + first + n, channels - first - n);
    }
}

static void concat_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const int64_t last = least(end * rows_per_unit(c), rn_rows(c->out[0]));
    el *y = (el *)m->out[0] + begin * rows_per_unit(c) * rn_last(c->out[0]);
    for (int64_t i = begin * rows_per_unit(c); i < last; i++)
        for (int part = 0; part < c->n_in; part++) {
            const int64_t n = rn_last(c->in[part]);
            if (n)
                move_row(y, (const el *)m->in[part] + i * rn_pitch(c->in[part]), n);
            y += n;
        }
}

NATIVE(channel_pad, "whole vectors", .plan = plan, .run = pad_run);
NATIVE(concat, "whole vectors", .plan = plan, .run = concat_run);
