/* rope: an angle depends on the row or on the column alone, so there are tables of height + width rows of sines and cosines,
 * made in double; then the rotations in vectors of pairs. */
#include "native.h"

#include <math.h>

enum { UNIT_ELEMENTS = 8192 };

static const rn_rope_attr *attr_of(const rn_call *c) { return c->attr; }
static int64_t quarter_of(const rn_call *c) { return c->in[0].dim[2] / attr_of(c)->heads / 4; }
static int64_t rows_per_unit(const rn_call *c) { return most(1, UNIT_ELEMENTS / rn_last(c->in[0])); }

/* Scratch: [height + width, 2, D/4], cosines and sines. */
static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    work->units = attr_of(c)->height + attr_of(c)->width;
    work->more_units[0] = pieces(rn_rows(c->in[0]), rows_per_unit(c));
    work->scratch_bytes = (size_t)(work->units * 2 * quarter_of(c)) * sizeof(float);
    return NULL;
}

static void make_tables(const rn_call *c, float *tables, int64_t begin, int64_t end)
{
    const rn_rope_attr *a = attr_of(c);
    const int64_t quarter = quarter_of(c);
    for (int64_t p = 0; p < quarter; p++) {
        const double frequency = pow(a->base, -(double)p / (double)quarter);
        for (int64_t i = begin; i < end; i++) {
            const double angle = (double)(i < a->height ? i : i - a->height) * frequency;
            tables[2 * i * quarter + p] = (float)cos(angle);
            tables[(2 * i + 1) * quarter + p] = (float)(a->back ? -sin(angle) : sin(angle));
        }
    }
}

/* n pairs: (a, b) → (a·cos − b·sin, a·sin + b·cos) */
static void turn(float *y, const float *x, const float *cosines, const float *sines, int64_t n)
{
    for (int64_t p = 0; p < n; p += VF_LANES) {
        const int64_t lanes = least(VF_LANES, n - p);
        const vf a = vf_get(x + p, lanes), b = vf_get(x + n + p, lanes);
        const vf cosine = vf_get(cosines + p, lanes), sine = vf_get(sines + p, lanes);
        vf_put(y + p, vf_fnma(b, sine, a * cosine), lanes);
        vf_put(y + n + p, vf_fma(a, sine, b * cosine), lanes);
    }
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work;
    if (phase == 0) {
        make_tables(c, m->scratch, begin, end);
        return;
    }
    const rn_rope_attr *a = attr_of(c);
    const int64_t quarter = quarter_of(c), channels = rn_last(c->in[0]);
    const int64_t last = least(end * rows_per_unit(c), rn_rows(c->in[0]));
    for (int64_t row = begin * rows_per_unit(c); row < last; row++) {
        const int64_t token = row % c->in[0].dim[1];
        const float *by_row = (const float *)m->scratch + 2 * quarter * (token / a->width);
        const float *by_column = (const float *)m->scratch + 2 * quarter * (a->height + token % a->width);
        const float *x = (const float *)m->in[0] + row * rn_pitch(c->in[0]);
        float *y = (float *)m->out[0] + row * channels;
        for (int64_t k = 0; k < channels; k += 4 * quarter) {
            turn(y + k, x + k, by_row, by_row + quarter, quarter);
            turn(y + k + 2 * quarter, x + k + 2 * quarter, by_column, by_column + quarter, quarter);
        }
    }
}

NATIVE(rope, "tables by row and column, pairs in vectors", .plan = plan, .run = run);
