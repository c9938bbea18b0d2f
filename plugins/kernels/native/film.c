/* film: y = x·(1 + scale) + offset by image and channel; and its gradients
 *
 *     dx = dy·(1 + scale),  dscale = Σ dy·x,  doffset = Σ dy over an image's pixels.
 *
 * A unit is a part of an image's pixels; what belongs to its channels stays in registers. x, dy are read once. */
#include "strips.h"

/* A part has 32 KiB a tensor, about, and whole blocks of rows, so that their sums are few against what they sum. */
enum { PART_ELEMENTS = 8192, FOLD_CHANNELS = 64 };

typedef struct cut { int64_t batch, pixels, channels, part, parts, step; } cut; /* step: rows of a block */
static cut cut_of(const rn_call *c)
{
    const rn_shape x = c->in[0];
    cut k = {.batch = x.dim[0], .pixels = rn_rows(x) / x.dim[0], .channels = rn_last(x)};
    k.part = pieces(pieces(PART_ELEMENTS, k.channels), BLOCK_ROWS) * BLOCK_ROWS;
    k.parts = pieces(k.pixels, k.part);
    k.step = written_rows(x);
    return k;
}
static rows block_of(const rn_call *c, const rn_buffers *m, int input, int64_t first, int64_t n)
{
    const int64_t pitch = rn_pitch(c->in[input]);
    return (rows){(const el *)m->in[input] + first * pitch, pitch, n};
}

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const cut k = cut_of(c);
    work->units = k.batch * k.parts;
    return native_mixture(c);
}

NATIVE_INLINE void film_strip(el *y, const float *scale, const float *offset, int64_t channels, rows x, int64_t k,
                              const int vectors, const int64_t lanes)
{
    vf factor[STRIP_VECTORS], shift[STRIP_VECTORS];
    for (int v = 0; v < vectors; v++) {
        factor[v] = vf_of(1) + vf_get(scale + k + v * VF_LANES, lanes);
        shift[v] = vf_get(offset + k + v * VF_LANES, lanes);
    }
    for (int64_t i = 0; i < x.n; i++)
        for (int v = 0; v < vectors; v++)
            vf_put(y + i * channels + k + v * VF_LANES,
                     vf_fma(vf_get(x.at + i * x.pitch + k + v * VF_LANES, lanes), factor[v], shift[v]), lanes);
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const cut k = cut_of(c);
    for (int64_t u = begin; u < end; u++) {
        const int64_t image = u / k.parts, first = u % k.parts * k.part, last = least(first + k.part, k.pixels);
        const float *scale = (const float *)m->in[1] + image * rn_pitch(c->in[1]);
        const float *offset = (const float *)m->in[2] + image * rn_pitch(c->in[2]);
        for (int64_t p = first; p < last; p += k.step) {
            const rows x = block_of(c, m, 0, image * k.pixels + p, least(k.step, last - p));
            el *y = (el *)m->out[0] + (image * k.pixels + p) * k.channels;
            FOR_STRIPS(k.channels, film_strip, y, scale, offset, k.channels, x);
        }
    }
}

/* --- the gradient ---------------------------------------------------------------------------------------- */

/* Phases: parts; images and their channels. Scratch: Σ dy·x and Σ dy by part, [batch, parts, 2, C]. */
static const char *grad_plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const cut k = cut_of(c);
    work->units = k.batch * k.parts;
    work->more_units[0] = k.batch * pieces(k.channels, FOLD_CHANNELS);
    work->scratch_bytes = (size_t)(work->units * 2 * k.channels) * sizeof(float);
    return native_mixture(c);
}

/* dx of a block; along += Σ dy·x, sum += Σ dy over it. */
NATIVE_INLINE void grad_strip(el *dx, float *along, float *sum, const float *scale, int64_t channels, rows x, rows dy,
                              int64_t k, const int vectors, const int64_t lanes)
{
    vf a[STRIP_VECTORS], s[STRIP_VECTORS], factor[STRIP_VECTORS];
    for (int v = 0; v < vectors; v++) {
        a[v] = s[v] = vf_of(0);
        factor[v] = vf_of(1) + vf_get(scale + k + v * VF_LANES, lanes);
    }
    for (int64_t i = 0; i < x.n; i++)
        for (int v = 0; v < vectors; v++) {
            const int64_t at = k + v * VF_LANES;
            const vf d = vf_get(dy.at + i * dy.pitch + at, lanes);
            a[v] = vf_fma(d, vf_get(x.at + i * x.pitch + at, lanes), a[v]);
            s[v] += d;
            vf_put(dx + i * channels + at, d * factor[v], lanes);
        }
    for (int v = 0; v < vectors; v++) {
        float *along_at = along + k + v * VF_LANES, *sum_at = sum + k + v * VF_LANES;
        vf_put(along_at, vf_get(along_at, lanes) + a[v], lanes);
        vf_put(sum_at, vf_get(sum_at, lanes) + s[v], lanes);
    }
}

static void grad_part(const rn_call *c, const rn_buffers *m, const cut *k, int64_t u)
{
    const int64_t image = u / k->parts, first = u % k->parts * k->part, last = least(first + k->part, k->pixels);
    const float *scale = (const float *)m->in[1] + image * rn_pitch(c->in[1]);
    float *along = (float *)m->scratch + u * 2 * k->channels, *sum = along + k->channels;
    memset(along, 0, (size_t)(2 * k->channels) * sizeof *along);
    for (int64_t p = first; p < last; p += k->step) {
        const int64_t at = image * k->pixels + p, n = least(k->step, last - p);
        const rows x = block_of(c, m, 0, at, n), dy = block_of(c, m, 2, at, n);
        el *dx = (el *)m->out[0] + at * k->channels;
        FOR_STRIPS(k->channels, grad_strip, dx, along, sum, scale, k->channels, x, dy);
    }
}

/* The parts' sums in order. */
static void grad_fold(const rn_buffers *m, const cut *k, int64_t u)
{
    const int64_t folds = pieces(k->channels, FOLD_CHANNELS), image = u / folds, first = u % folds * FOLD_CHANNELS;
    for (int64_t j = first; j < least(first + FOLD_CHANNELS, k->channels); j++) {
        double along = 0, sum = 0;
        for (int64_t p = 0; p < k->parts; p++) {
            const float *part = (const float *)m->scratch + (image * k->parts + p) * 2 * k->channels;
            along += (double)part[j];
            sum += (double)part[k->channels + j];
        }
        ((float *)m->out[1])[image * k->channels + j] = (float)along;
        ((float *)m->out[2])[image * k->channels + j] = (float)sum;
    }
}

static void grad_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work;
    const cut k = cut_of(c);
    for (int64_t u = begin; u < end; u++)
        if (phase == 0)
            grad_part(c, m, &k, u);
        else
            grad_fold(m, &k, u);
}

NATIVE(film, "whole vectors, factors in registers", .plan = plan, .run = run);
NATIVE(film_grad, "whole vectors, sums in registers", .plan = grad_plan, .run = grad_run);
