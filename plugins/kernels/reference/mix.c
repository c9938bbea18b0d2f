/* mix and scale_images: one factor for each image. */
#include "real.h"

/* A unit is a few runs of channels; of a vector [batch] every element is an image of its own. */
typedef struct strips { int64_t n, length, per_unit, per_image; } strips;
static strips strips_of(const rn_call *c)
{
    const rn_shape y = c->out[0];
    strips s = {.length = y.rank > 1 ? rn_last(y) : 1};
    s.n = rn_count(y) / s.length;
    s.per_unit = s.length >= UNIT_ELEMENTS ? 1 : UNIT_ELEMENTS / s.length;
    s.per_image = s.n / y.dim[0];
    return s;
}
static int64_t strip_at(rn_shape x, int64_t i) { return i * (x.rank > 1 ? rn_pitch(x) : 1); }

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const strips s = strips_of(c);
    work->units = pieces(s.n, s.per_unit);
    return NULL;
}

static void mix_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const strips s = strips_of(c);
    for (int64_t i = begin * s.per_unit; i < least(end * s.per_unit, s.n); i++) {
        const REAL *x = (const REAL *)m->in[0] + strip_at(c->in[0], i), *u = (const REAL *)m->in[1] + strip_at(c->in[1], i);
        const REAL a = ((const REAL *)m->in[2])[i / s.per_image], b = ((const REAL *)m->in[3])[i / s.per_image];
        REAL *y = (REAL *)m->out[0] + i * s.length;
        for (int64_t k = 0; k < s.length; k++)
            y[k] = a * x[k] + b * u[k];
    }
}

static void scale_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const strips s = strips_of(c);
    for (int64_t i = begin * s.per_unit; i < least(end * s.per_unit, s.n); i++) {
        const REAL *x = (const REAL *)m->in[0] + strip_at(c->in[0], i);
        const REAL a = ((const REAL *)m->in[1])[i / s.per_image];
        REAL *y = (REAL *)m->out[0] + i * s.length;
        for (int64_t k = 0; k < s.length; k++)
            y[k] = a * x[k];
    }
}

REFERENCE(mix, plan, mix_run);
REFERENCE(scale_images, plan, scale_run);
