/* mix, y = a·x + b·u, and scale_images, y = a·x, with one factor for each image. A unit is a stretch of one image. */
#include "pointwise.h"

/* A row is a stretch of an image where every tensor is dense, otherwise a run of channels. */
typedef struct strips {
    int64_t rows, length, per_image, image; /* rows of an image, its elements */
    int64_t per_unit, units;                /* rows of a unit, units of an image */
    bool flat;
} strips;
static strips strips_of(const rn_call *c, int n_in)
{
    const rn_shape y = c->out[0];
    strips s = {.image = rn_count(y) / y.dim[0], .flat = true};
    for (int i = 0; i < n_in; i++)
        s.flat = s.flat && rn_dense(c->in[i]);
    s.length = s.flat ? least(s.image, UNIT_ELEMENTS) : rn_last(y);
    s.per_image = pieces(s.image, s.length);
    s.per_unit = most(1, UNIT_ELEMENTS / s.length);
    s.units = pieces(s.per_image, s.per_unit);
    return s;
}

/* Where row i of an image begins in a tensor of that shape. */
static int64_t strip_at(const strips *s, rn_shape x, int64_t image, int64_t i)
{
    return s->flat ? image * s->image + i * s->length : (image * s->per_image + i) * rn_pitch(x);
}
static int64_t strip_length(const strips *s, int64_t i) { return least(s->length, s->image - i * s->length); }

static const char *mix_plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    work->units = c->out[0].dim[0] * strips_of(c, 2).units;
    return NULL;
}
static const char *scale_plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    work->units = c->out[0].dim[0] * strips_of(c, 1).units;
    return NULL;
}

static void mix_row(float *y, const float *x, const float *u, vf a, vf b, int64_t n)
{
    int64_t k = 0;
    for (; k + VF_LANES <= n; k += VF_LANES)
        vf_store(y + k, vf_fma(a, vf_load(x + k), b * vf_load(u + k)));
    if (k < n)
        vf_store_part(y + k, vf_fma(a, vf_load_part(x + k, n - k), b * vf_load_part(u + k, n - k)), n - k);
}
static void scale_row(float *y, const float *x, vf a, int64_t n)
{
    int64_t k = 0;
    for (; k + VF_LANES <= n; k += VF_LANES)
        vf_store(y + k, a * vf_load(x + k));
    if (k < n)
        vf_store_part(y + k, a * vf_load_part(x + k, n - k), n - k);
}

static void mix_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const strips s = strips_of(c, 2);
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t image = unit / s.units, first = unit % s.units * s.per_unit;
        const vf a = vf_of(((const float *)m->in[2])[image]), b = vf_of(((const float *)m->in[3])[image]);
        for (int64_t i = first; i < least(first + s.per_unit, s.per_image); i++)
            mix_row((float *)m->out[0] + strip_at(&s, c->out[0], image, i),
                    (const float *)m->in[0] + strip_at(&s, c->in[0], image, i),
                    (const float *)m->in[1] + strip_at(&s, c->in[1], image, i), a, b, strip_length(&s, i));
    }
}

static void scale_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const strips s = strips_of(c, 1);
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t image = unit / s.units, first = unit % s.units * s.per_unit;
        const vf a = vf_of(((const float *)m->in[1])[image]);
        for (int64_t i = first; i < least(first + s.per_unit, s.per_image); i++)
            scale_row((float *)m->out[0] + strip_at(&s, c->out[0], image, i),
                      (const float *)m->in[0] + strip_at(&s, c->in[0], image, i), a, strip_length(&s, i));
    }
}

NATIVE(mix, "whole vectors", .plan = mix_plan, .run = mix_run);
NATIVE(scale_images, "whole vectors", .plan = scale_plan, .run = scale_run);
