/* mix, y = a·x + b·u, and scale_images, y = a·x, with one factor for each image. A unit is a stretch of one image. */
#include "images.h"

static const char *mix_plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const image_walk w = image_walk_of(c, 2);
    work->units = w.images * w.units;
    return NULL;
}
static const char *scale_plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const image_walk w = image_walk_of(c, 1);
    work->units = w.images * w.units;
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
    const image_walk w = image_walk_of(c, 2);
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t image = unit / w.units;
        const vf a = vf_of(((const float *)m->in[2])[image]), b = vf_of(((const float *)m->in[3])[image]);
        for (int64_t i = image_first(&w, unit); i < image_last(&w, unit); i++)
            mix_row((float *)m->out[0] + image_at(&w, c->out[0], image, i),
                    (const float *)m->in[0] + image_at(&w, c->in[0], image, i),
                    (const float *)m->in[1] + image_at(&w, c->in[1], image, i), a, b, image_length(&w, i));
    }
}

static void scale_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const image_walk w = image_walk_of(c, 1);
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t image = unit / w.units;
        const vf a = vf_of(((const float *)m->in[1])[image]);
        for (int64_t i = image_first(&w, unit); i < image_last(&w, unit); i++)
            scale_row((float *)m->out[0] + image_at(&w, c->out[0], image, i),
                      (const float *)m->in[0] + image_at(&w, c->in[0], image, i), a, image_length(&w, i));
    }
}

NATIVE(mix, "whole vectors", .plan = mix_plan, .run = mix_run);
NATIVE(scale_images, "whole vectors", .plan = scale_plan, .run = scale_run);
