/* The gradients of group_norm and group_norm_film_silu (formulas: plugins/ops/group_norm_film_silu.c; without silu dv is
 * dy). One pass makes dv and its sums, one dx; where silu has to be taken, dv lies in dx in between. */
#include "group_norm.h"

/* Where an op has its inputs. */
typedef struct places { int w, b, scale, offset, mean, rstd, dy; } places;
static const places norm_places = {1, -1, -1, -1, 2, 3, 4}, silu_places = {1, 2, 3, 4, 5, 6, 7};

/* Doubles: A = Σ dv and N = Σ dv·(x − mean) of each part and channel [batch, parts, 2, C], and of each image, N times
 * rstd [batch, 2, C]. Floats: for each image and channel mean; p, q, r of dx [batch, 4, C]. A thread's own: sums of a
 * block, and mean, slope, start of v (not an image's: several threads may have parts of one). */
typedef struct sums { double *part, *image; float *factors; } sums;
static sums sums_of(const map *k, void *scratch)
{
    sums s = {.part = scratch};
    s.image = s.part + 2 * k->batch * k->parts * k->channels;
    s.factors = (float *)(void *)(s.image + 2 * k->batch * k->channels);
    return s;
}

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const map k = map_of(c);
    work->units = k.batch * k.parts;
    const int64_t last = pieces(k.channels, FOLD_CHANNELS);
    if (k.parts > 1) {
        work->more_units[0] = k.batch;
        work->more_units[1] = work->units;
        work->more_units[2] = last;
    } else {
        work->more_units[0] = last;
    }
    work->scratch_bytes = (size_t)(k.batch * k.channels) * ((size_t)(2 * k.parts + 2) * sizeof(double) + 4 * sizeof(float));
    work->thread_scratch_bytes = (size_t)(5 * k.channels) * sizeof(float);
    return native_mixture(c);
}

static const float *row_of(const rn_call *c, const rn_buffers *m, int input, int64_t image)
{
    return input >= 0 && m->in[input] ? (const float *)m->in[input] + image * rn_pitch(c->in[input]) : NULL;
}
static double value_of(const float *v, int64_t j, double absent) { return v ? (double)v[j] : absent; }

/* v = (x − mean)·slope + start for the channels of an image: [3, C]. */
static void forward_factors(const rn_call *c, const rn_buffers *m, const map *k, const places *at, int64_t image, float *mean)
{
    float *slope = mean + k->channels, *start = slope + k->channels;
    const float *w = m->in[at->w], *b = at->b >= 0 ? m->in[at->b] : NULL;
    const float *scale = row_of(c, m, at->scale, image), *offset = row_of(c, m, at->offset, image);
    for (int64_t j = 0; j < k->channels; j++) {
        const double share = 1 + value_of(scale, j, 0);
        mean[j] = row_of(c, m, at->mean, image)[j / k->width];
        slope[j] = (float)((double)row_of(c, m, at->rstd, image)[j / k->width] * value_of(w, j, 1) * share);
        start[j] = (float)(value_of(b, j, 0) * share + value_of(offset, j, 0));
    }
}

/* Columns of some rows: dv into dx (with silu); a += Σ dv, n += Σ dv·(x − mean). */
NATIVE_INLINE void sum_columns(rows x, rows dy, el *dx, const float *factors, int64_t channels, float *a, float *n,
                               const bool silu, int64_t k, const int vectors, const int64_t lanes)
{
    vf mean[STRIP_VECTORS], slope[STRIP_VECTORS], start[STRIP_VECTORS], sum[STRIP_VECTORS], along[STRIP_VECTORS];
    for (int v = 0; v < vectors; v++) {
        mean[v] = vf_get(factors + k + v * VF_LANES, lanes);
        slope[v] = vf_get(factors + channels + k + v * VF_LANES, lanes);
        start[v] = vf_get(factors + 2 * channels + k + v * VF_LANES, lanes);
        sum[v] = vf_get(a + k + v * VF_LANES, lanes);
        along[v] = vf_get(n + k + v * VF_LANES, lanes);
    }
    for (int64_t r = 0; r < x.n; r++)
        for (int v = 0; v < vectors; v++) {
            const vf d = vf_get(x.at + r * x.pitch + k + v * VF_LANES, lanes) - mean[v];
            vf dv = vf_get(dy.at + r * dy.pitch + k + v * VF_LANES, lanes);
            if (silu) {
                const vf u = vf_fma(d, slope[v], start[v]), share = vf_sigmoid(u);
                dv = dv * share * vf_fma(u, vf_of(1.0f) - share, vf_of(1.0f));
                vf_put(dx + r * channels + k + v * VF_LANES, dv, lanes);
            }
            sum[v] += dv;
            along[v] = vf_fma(dv, d, along[v]);
        }
    for (int v = 0; v < vectors; v++) {
        vf_put(a + k + v * VF_LANES, sum[v], lanes);
        vf_put(n + k + v * VF_LANES, along[v], lanes);
    }
}

NATIVE_INLINE void sum_part(const rn_call *c, const rn_buffers *m, const map *k, const places *at, sums s, int64_t image,
                            int64_t part, const bool silu)
{
    const int64_t pitch = rn_pitch(c->in[0]), dy_pitch = rn_pitch(c->in[at->dy]), channels = k->channels;
    float *a = m->thread_scratch, *n = a + channels, *factors = n + channels;
    forward_factors(c, m, k, at, image, factors);
    double *sum = s.part + 2 * (image * k->parts + part) * channels;
    for (int64_t j = 0; j < 2 * channels; j++)
        sum[j] = 0;
    for (int64_t p = part_begin(k, part); p < part_end(k, part); p += k->step) {
        const int64_t last = least(p + k->step, part_end(k, part)), step = silu ? written_rows(c->out[0]) : k->step;
        memset(a, 0, (size_t)(2 * channels) * sizeof *a);
        for (int64_t row = p; row < last; row += step) {
            const int64_t n_rows = least(step, last - row), first = image * k->pixels + row;
            const rows x = {(const el *)m->in[0] + first * pitch, pitch, n_rows};
            const rows dy = {(const el *)m->in[at->dy] + first * dy_pitch, dy_pitch, n_rows};
            el *dx = (el *)m->out[0] + first * channels;
            FOR_STRIPS(channels, sum_columns, x, dy, dx, factors, channels, a, n, silu);
        }
        for (int64_t j = 0; j < 2 * channels; j++)
            sum[j] += (double)a[j];
    }
}

/* An image's sums, its dscale and doffset, and what dx = dv·p + (x − mean)·q + r needs:
 *     p = rstd·f, q = −rstd²·mean(f·dv·n), r = −rstd·mean(f·dv), f = w·(1 + scale), n = (x − mean)·rstd */
static void join(const rn_call *c, const rn_buffers *m, const map *k, const places *at, sums s, int64_t image)
{
    const int64_t channels = k->channels;
    double *a = s.image + 2 * image * channels, *n = a + channels;
    float *mean = s.factors + 4 * image * channels, *p = mean + channels, *q = p + channels, *r = q + channels;
    const float *w = m->in[at->w], *b = at->b >= 0 ? m->in[at->b] : NULL, *scale = row_of(c, m, at->scale, image);
    for (int64_t j = 0; j < 2 * channels; j++) {
        a[j] = 0;
        for (int64_t part = 0; part < k->parts; part++)
            a[j] += s.part[2 * (image * k->parts + part) * channels + j];
    }
    for (int64_t g = 0; g < k->groups; g++) {
        const double rstd = (double)row_of(c, m, at->rstd, image)[g], count = (double)(k->pixels * k->width);
        double flat = 0, along = 0;
        for (int64_t j = g * k->width; j < (g + 1) * k->width; j++) {
            const double f = value_of(w, j, 1) * (1 + value_of(scale, j, 0));
            n[j] *= rstd;
            flat += f * a[j] / count;
            along += f * n[j] / count;
        }
        for (int64_t j = g * k->width; j < (g + 1) * k->width; j++) {
            mean[j] = row_of(c, m, at->mean, image)[g];
            p[j] = (float)(rstd * value_of(w, j, 1) * (1 + value_of(scale, j, 0)));
            q[j] = (float)(-rstd * rstd * along);
            r[j] = (float)(-rstd * flat);
        }
    }
    for (int64_t j = 0; at->scale >= 0 && j < channels; j++) {
        ((float *)m->out[3])[image * channels + j] = (float)(value_of(w, j, 1) * n[j] + value_of(b, j, 0) * a[j]);
        ((float *)m->out[4])[image * channels + j] = (float)a[j];
    }
}

NATIVE_INLINE void dx_columns(rows x, rows dv, el *dx, const float *factors, int64_t channels, int64_t k,
                              const int vectors, const int64_t lanes)
{
    vf mean[STRIP_VECTORS], p[STRIP_VECTORS], q[STRIP_VECTORS], r[STRIP_VECTORS];
    for (int v = 0; v < vectors; v++) {
        mean[v] = vf_get(factors + k + v * VF_LANES, lanes);
        p[v] = vf_get(factors + channels + k + v * VF_LANES, lanes);
        q[v] = vf_get(factors + 2 * channels + k + v * VF_LANES, lanes);
        r[v] = vf_get(factors + 3 * channels + k + v * VF_LANES, lanes);
    }
    for (int64_t i = 0; i < x.n; i++)
        for (int v = 0; v < vectors; v++) {
            const vf d = vf_get(x.at + i * x.pitch + k + v * VF_LANES, lanes) - mean[v];
            vf_put(dx + i * channels + k + v * VF_LANES,
                   vf_fma(vf_get(dv.at + i * dv.pitch + k + v * VF_LANES, lanes), p[v], vf_fma(d, q[v], r[v])), lanes);
        }
}

NATIVE_INLINE void dx_part(const rn_call *c, const rn_buffers *m, const map *k, const places *at, sums s, int64_t image,
                           int64_t part, const bool silu)
{
    const float *factors = s.factors + 4 * image * k->channels;
    const int64_t pitch = rn_pitch(c->in[0]), channels = k->channels, dv_pitch = silu ? channels : rn_pitch(c->in[at->dy]);
    const int64_t step = written_rows(c->out[0]);
    for (int64_t p = part_begin(k, part); p < part_end(k, part); p += step) {
        const int64_t n_rows = least(step, part_end(k, part) - p), first = image * k->pixels + p;
        const rows x = {(const el *)m->in[0] + first * pitch, pitch, n_rows};
        el *dx = (el *)m->out[0] + first * channels;
        const rows dv = {silu ? dx : (const el *)m->in[at->dy] + first * dv_pitch, dv_pitch, n_rows};
        FOR_STRIPS(channels, dx_columns, x, dv, dx, factors, channels);
    }
}

/* dw = Σ (1 + scale)·N, db = Σ (1 + scale)·A over the images. */
static void weight_slopes(const rn_call *c, const rn_buffers *m, const map *k, const places *at, sums s, int64_t begin,
                          int64_t end)
{
    for (int64_t j = begin; j < end; j++) {
        double dw = 0, db = 0;
        for (int64_t image = 0; image < k->batch; image++) {
            const double share = 1 + value_of(row_of(c, m, at->scale, image), j, 0);
            db += share * s.image[2 * image * k->channels + j];
            dw += share * s.image[(2 * image + 1) * k->channels + j];
        }
        ((float *)m->out[1])[j] = (float)dw;
        ((float *)m->out[2])[j] = (float)db;
    }
}

/* Phases: sums; what is joined by image; dx; dw and db. With one part an image has the first three in one. */
NATIVE_INLINE void run(const rn_call *c, const rn_buffers *m, int phase, int64_t begin, int64_t end, const places *at,
                       const bool silu)
{
    const map k = map_of(c);
    const sums s = sums_of(&k, m->scratch);
    if (phase == (k.parts > 1 ? 3 : 1)) {
        weight_slopes(c, m, &k, at, s, begin * FOLD_CHANNELS, least(end * FOLD_CHANNELS, k.channels));
        return;
    }
    for (int64_t u = begin; u < end; u++) {
        const int64_t image = phase == 1 ? u : u / k.parts, part = u % k.parts;
        if (phase == 0)
            sum_part(c, m, &k, at, s, image, part, silu);
        if (phase == 1 || k.parts == 1)
            join(c, m, &k, at, s, image);
        if (phase == 2 || k.parts == 1)
            dx_part(c, m, &k, at, s, image, part, silu);
    }
}

static void run_norm(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work;
    run(c, m, phase, begin, end, &norm_places, false);
}
static void run_silu(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work;
    run(c, m, phase, begin, end, &silu_places, true);
}

NATIVE(group_norm_grad, "an image while it is in the cache", .plan = plan, .run = run_norm);
NATIVE(group_norm_film_silu_grad, "an image while it is in the cache", .plan = plan, .run = run_silu);
