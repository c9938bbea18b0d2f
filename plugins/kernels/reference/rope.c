/* rope: the sines and cosines of all tokens into scratch, then the rotations, by images and tokens. */
#include "real.h"

/* Angles of a token: by row, then by column, a quarter of a head each. */
static int64_t angles_of(const rn_call *c) { return c->in[0].dim[2] / ((const rn_rope_attr *)c->attr)->heads / 2; }

/* Scratch: [tokens, angles, 2], cosine and sine. */
static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    work->units = c->in[0].dim[1];
    work->more_units[0] = pieces(rn_rows(c->in[0]), rows_per_unit(c->in[0]));
    work->scratch_bytes = (size_t)(2 * c->in[0].dim[1] * angles_of(c)) * sizeof(ACC);
    return NULL;
}

static void turn_tables(const rn_call *c, ACC *tables, int64_t begin, int64_t end)
{
    const rn_rope_attr *a = c->attr;
    const int64_t angles = angles_of(c), quarter = angles / 2;
    for (int64_t token = begin; token < end; token++)
        for (int64_t i = 0; i < angles; i++) {
            const ACC position = (ACC)(i < quarter ? token / a->width : token % a->width);
            const ACC angle = position * pow(a->base, -(ACC)(i % quarter) / (ACC)quarter);
            tables[2 * (token * angles + i)] = cos(angle);
            tables[2 * (token * angles + i) + 1] = a->back ? -sin(angle) : sin(angle);
        }
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work;
    const int64_t angles = angles_of(c), quarter = angles / 2, heads = ((const rn_rope_attr *)c->attr)->heads;
    const int64_t step = rows_per_unit(c->in[0]), channels = c->in[0].dim[2];
    if (phase == 0) {
        turn_tables(c, m->scratch, begin, end);
        return;
    }
    for (int64_t row = begin * step; row < least(end * step, rn_rows(c->in[0])); row++) {
        const ACC *turn = (const ACC *)m->scratch + 2 * (row % c->in[0].dim[1]) * angles;
        for (int64_t half = 0; half < 2 * heads; half++) {
            const REAL *x = (const REAL *)m->in[0] + row * rn_pitch(c->in[0]) + half * angles;
            REAL *y = (REAL *)m->out[0] + row * channels + half * angles;
            for (int64_t p = 0; p < quarter; p++) {
                const ACC *t = turn + 2 * (half % 2 * quarter + p), a = (ACC)x[p], b = (ACC)x[quarter + p];
                y[p] = (REAL)(a * t[0] - b * t[1]);
                y[quarter + p] = (REAL)(a * t[1] + b * t[0]);
            }
        }
    }
}

REFERENCE(rope, plan, run);
