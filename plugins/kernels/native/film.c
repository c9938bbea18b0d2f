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
    k.step = block_rows(k.channels);
    return k;
}
static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const cut k = cut_of(c);
    work->units = k.batch * k.parts;
    return NULL;
}

static void film_row(float *y, const float *x, const float *scale, const float *offset, int64_t n)
{
    for (int64_t k = 0; k < n; k += VF_LANES) {
        const int64_t lanes = least(VF_LANES, n - k);
        vf_put(y + k, vf_fma(vf_get(x + k, lanes), vf_of(1) + vf_get(scale + k, lanes), vf_get(offset + k, lanes)), lanes);
    }
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const cut k = cut_of(c);
    for (int64_t u = begin; u < end; u++) {
        const int64_t image = u / k.parts, first = u % k.parts * k.part, last = least(first + k.part, k.pixels);
        const float *scale = (const float *)m->in[1] + image * rn_pitch(c->in[1]);
        const float *offset = (const float *)m->in[2] + image * rn_pitch(c->in[2]);
        for (int64_t p = image * k.pixels + first; p < image * k.pixels + last; p++)
            film_row((float *)m->out[0] + p * k.channels, (const float *)m->in[0] + p * rn_pitch(c->in[0]), scale, offset,
                     k.channels);
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
    return NULL;
}

/* dx of a row; along += dy·x, sum += dy */
static void grad_row(float *dx, float *along, float *sum, const float *x, const float *scale, const float *dy, int64_t n)
{
    for (int64_t k = 0; k < n; k += VF_LANES) {
        const int64_t lanes = least(VF_LANES, n - k);
        const vf d = vf_get(dy + k, lanes);
        vf_put(dx + k, d * (vf_of(1) + vf_get(scale + k, lanes)), lanes);
        vf_put(along + k, vf_fma(d, vf_get(x + k, lanes), vf_get(along + k, lanes)), lanes);
        vf_put(sum + k, d + vf_get(sum + k, lanes), lanes);
    }
}

static void grad_part(const rn_call *c, const rn_buffers *m, const cut *k, int64_t u)
{
    const int64_t image = u / k->parts, first = u % k->parts * k->part, last = least(first + k->part, k->pixels);
    const float *scale = (const float *)m->in[1] + image * rn_pitch(c->in[1]);
    float *along = (float *)m->scratch + u * 2 * k->channels, *sum = along + k->channels;
    memset(along, 0, (size_t)(2 * k->channels) * sizeof *along);
    for (int64_t p = image * k->pixels + first; p < image * k->pixels + last; p++)
        grad_row((float *)m->out[0] + p * k->channels, along, sum, (const float *)m->in[0] + p * rn_pitch(c->in[0]), scale,
                 (const float *)m->in[2] + p * rn_pitch(c->in[2]), k->channels);
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
