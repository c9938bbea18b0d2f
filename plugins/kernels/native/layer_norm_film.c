/* layer_norm_film and its gradients (formulas: plugins/ops/layer_norm_film.c), row by row: a row is read from memory once
 * and from the level-1 cache for the rest. */
#include "native.h"

#include <math.h>

enum { X, W, B, SCALE, OFFSET, MEAN, RSTD, DY };
enum {
    PART_ROWS = 64,    /* summed in float32 before they are added up in double; a unit */
    FOLD_CHANNELS = 64 /* of a unit of the phase that adds up over images */
};

typedef struct map { int64_t batch, rows, channels, parts; } map; /* rows and parts of an image */
static map map_of(const rn_call *c)
{
    map k = {.batch = c->in[X].dim[0], .channels = rn_last(c->in[X])};
    k.rows = rn_rows(c->in[X]) / k.batch;
    k.parts = pieces(k.rows, PART_ROWS);
    return k;
}

/* y = n·f + g: f = w·(1 + scale), g = b·(1 + scale) + offset for the channels of an image. */
static void film_factors(const rn_call *c, const rn_buffers *m, int64_t image, float *f, float *g)
{
    const float *w = m->in[W], *b = m->in[B], *scale = (const float *)m->in[SCALE] + image * rn_pitch(c->in[SCALE]);
    const float *offset = (const float *)m->in[OFFSET] + image * rn_pitch(c->in[OFFSET]);
    for (int64_t j = 0; j < rn_last(c->in[X]); j++) {
        f[j] = (w ? w[j] : 1.0f) * (1.0f + scale[j]);
        g[j] = (b ? b[j] : 0.0f) * (1.0f + scale[j]) + offset[j];
    }
}

/* Σ (x − about) and Σ (x − about)² of a row in four interleaved sums. */
static inline float row_sum(const el *x, int64_t n, float about)
{
    const vf first = vf_of(about);
    vf s[4] = {vf_of(0), vf_of(0), vf_of(0), vf_of(0)};
    int64_t j = 0;
    for (; j + 4 * VF_LANES <= n; j += 4 * VF_LANES)
        for (int i = 0; i < 4; i += 2) {
            vf a, b;
            vf_load_pair(x + j + i * VF_LANES, &a, &b);
            s[i] += a - first;
            s[i + 1] += b - first;
        }
    float rest = 0;
    for (; j + VF_LANES <= n; j += VF_LANES)
        s[0] += vf_load(x + j) - first;
    for (; j < n; j++)
        rest += float_of(x[j]) - about;
    return vf_sum((s[0] + s[1]) + (s[2] + s[3])) + rest;
}
static inline float row_squares(const el *x, int64_t n, float about)
{
    const vf mean = vf_of(about);
    vf s[4] = {vf_of(0), vf_of(0), vf_of(0), vf_of(0)};
    int64_t j = 0;
    for (; j + 4 * VF_LANES <= n; j += 4 * VF_LANES)
        for (int i = 0; i < 4; i += 2) {
            vf a, b;
            vf_load_pair(x + j + i * VF_LANES, &a, &b);
            s[i] = vf_fma(a - mean, a - mean, s[i]);
            s[i + 1] = vf_fma(b - mean, b - mean, s[i + 1]);
        }
    float rest = 0;
    for (; j + VF_LANES <= n; j += VF_LANES) {
        const vf d = vf_load(x + j) - mean;
        s[0] = vf_fma(d, d, s[0]);
    }
    for (; j < n; j++)
        rest += (float_of(x[j]) - about) * (float_of(x[j]) - about);
    return vf_sum((s[0] + s[1]) + (s[2] + s[3])) + rest;
}

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const map k = map_of(c);
    work->units = k.batch * k.parts;
    work->thread_scratch_bytes = (size_t)(2 * k.channels) * sizeof(float);
    return native_mixture(c);
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const map k = map_of(c);
    const float eps = (float)((const rn_layer_norm_attr *)c->attr)->eps;
    float *f = m->thread_scratch, *g = f + k.channels;
    for (int64_t u = begin; u < end; u++) {
        const int64_t image = u / k.parts, first = image * k.rows + u % k.parts * PART_ROWS;
        film_factors(c, m, image, f, g);
        for (int64_t row = first; row < least(first + PART_ROWS, (image + 1) * k.rows); row++) {
            const el *x = (const el *)m->in[X] + row * rn_pitch(c->in[X]);
            el *y = (el *)m->out[0] + row * k.channels;
            const float mean = float_of(x[0]) + row_sum(x, k.channels, float_of(x[0])) / (float)k.channels;
            const float rstd = 1 / sqrtf(row_squares(x, k.channels, mean) / (float)k.channels + eps);
            ((float *)m->out[1])[row] = mean;
            ((float *)m->out[2])[row] = rstd;
            for (int64_t j = 0; j < k.channels; j += VF_LANES) {
                const int64_t n = least(k.channels - j, VF_LANES);
                vf_put(y + j, vf_fma((vf_get(x + j, n) - vf_of(mean)) * vf_of(rstd), vf_get(f + j, n), vf_get(g + j, n)), n);
            }
        }
    }
}

/* Scratch: A = Σ dy and N = Σ dy·n of each part [batch, parts, 2, C] in float, of each image [batch, 2, C] in double. */
static double *image_sums(void *scratch) { return scratch; }
static float *part_sums(const map *k, void *scratch)
{
    return (float *)(void *)((double *)scratch + 2 * k->batch * k->channels);
}

static const char *grad_plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const map k = map_of(c);
    work->units = k.batch * k.parts;
    work->more_units[0] = k.batch;
    work->more_units[1] = pieces(k.channels, FOLD_CHANNELS);
    work->scratch_bytes = (size_t)(2 * k.batch * k.channels) * (sizeof(double) + (size_t)k.parts * sizeof(float));
    work->thread_scratch_bytes = (size_t)(2 * k.channels) * sizeof(float);
    return native_mixture(c);
}

/* dx = (f·dy)·rstd − rstd·mean(f·dy) − n·rstd·mean(f·dy·n); the row's dy and dy·n are added to a and n. */
static inline void grad_row(const el *x, const el *dy, el *dx, int64_t channels, float mean, float rstd,
                            const float *f, float *a, float *along_n)
{
    vf flat = vf_of(0), along = vf_of(0);
    for (int64_t j = 0; j < channels; j += VF_LANES) {
        const int64_t n = least(channels - j, VF_LANES);
        const vf hat = (vf_get(x + j, n) - vf_of(mean)) * vf_of(rstd), d = vf_get(dy + j, n), u = d * vf_get(f + j, n);
        flat += u;
        along = vf_fma(u, hat, along);
        vf_put(a + j, vf_get(a + j, n) + d, n);
        vf_put(along_n + j, vf_fma(d, hat, vf_get(along_n + j, n)), n);
    }
    const float mean_flat = vf_sum(flat) / (float)channels, mean_along = vf_sum(along) / (float)channels;
    for (int64_t j = 0; j < channels; j += VF_LANES) {
        const int64_t n = least(channels - j, VF_LANES);
        const vf hat = (vf_get(x + j, n) - vf_of(mean)) * vf_of(rstd);
        const vf u = vf_fma(vf_get(dy + j, n), vf_get(f + j, n), vf_of(-mean_flat));
        vf_put(dx + j, vf_of(rstd) * vf_fnma(hat, vf_of(mean_along), u), n);
    }
}

static void grad_part(const rn_call *c, const rn_buffers *m, const map *k, int64_t u)
{
    const int64_t image = u / k->parts, first = image * k->rows + u % k->parts * PART_ROWS;
    float *f = m->thread_scratch, *a = part_sums(k, m->scratch) + 2 * u * k->channels;
    film_factors(c, m, image, f, f + k->channels);
    memset(a, 0, (size_t)(2 * k->channels) * sizeof *a);
    for (int64_t row = first; row < least(first + PART_ROWS, (image + 1) * k->rows); row++)
        grad_row((const el *)m->in[X] + row * rn_pitch(c->in[X]), (const el *)m->in[DY] + row * rn_pitch(c->in[DY]),
                 (el *)m->out[0] + row * k->channels, k->channels, ((const float *)m->in[MEAN])[row],
                 ((const float *)m->in[RSTD])[row], f, a, a + k->channels);
}

/* dscale = w·N + b·A, doffset = A */
static void join(const rn_buffers *m, const map *k, int64_t image)
{
    const float *w = m->in[W], *b = m->in[B];
    double *a = image_sums(m->scratch) + 2 * image * k->channels, *n = a + k->channels;
    const float *part = part_sums(k, m->scratch) + 2 * image * k->parts * k->channels;
    for (int64_t j = 0; j < 2 * k->channels; j++) {
        a[j] = 0;
        for (int64_t p = 0; p < k->parts; p++)
            a[j] += (double)part[2 * p * k->channels + j];
    }
    for (int64_t j = 0; j < k->channels; j++) {
        ((float *)m->out[3])[image * k->channels + j] = (float)((w ? (double)w[j] : 1) * n[j] + (b ? (double)b[j] : 0) * a[j]);
        ((float *)m->out[4])[image * k->channels + j] = (float)a[j];
    }
}

/* dw = Σ (1 + scale)·N, db = Σ (1 + scale)·A over the images. */
static void weight_slopes(const rn_call *c, const rn_buffers *m, const map *k, int64_t begin, int64_t end)
{
    const double *sums = image_sums(m->scratch);
    for (int64_t j = begin; j < end; j++) {
        double dw = 0, db = 0;
        for (int64_t image = 0; image < k->batch; image++) {
            const double share = 1 + (double)((const float *)m->in[SCALE])[image * rn_pitch(c->in[SCALE]) + j];
            db += share * sums[2 * image * k->channels + j];
            dw += share * sums[(2 * image + 1) * k->channels + j];
        }
        ((float *)m->out[1])[j] = (float)dw;
        ((float *)m->out[2])[j] = (float)db;
    }
}

/* Phases: dx and the sums of parts; of images, with dscale and doffset; dw and db. */
static void grad_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work;
    const map k = map_of(c);
    if (phase == 2)
        weight_slopes(c, m, &k, begin * FOLD_CHANNELS, least(end * FOLD_CHANNELS, k.channels));
    for (int64_t u = begin; phase < 2 && u < end; u++)
        if (phase == 0)
            grad_part(c, m, &k, u);
        else
            join(m, &k, u);
}

NATIVE(layer_norm_film, "row by row", .plan = plan, .run = run);
NATIVE(layer_norm_film_grad, "row by row, sums of 64 rows at a time", .plan = grad_plan, .run = grad_run);
