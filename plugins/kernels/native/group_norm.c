/* group_norm and group_norm_film_silu, forward (formulas: plugins/ops/group_norm.c, group_norm_film_silu.c).
 * A block is read twice for its moments, mean and then squares about it, so no digits are lost where the mean is large. */
#include "group_norm.h"

enum { X, W, B, SCALE, OFFSET };

/* Doubles: mean and M2 = Σ (x − mean)² of each part and channel [batch, parts, 2, C]. Floats: what the last phase
 * multiplies with [batch, 3, C]. */
typedef struct sums { double *moments; float *factors; } sums;
static sums sums_of(const map *k, void *scratch)
{
    double *moments = scratch;
    return (sums){moments, (float *)(void *)(moments + 2 * k->batch * k->parts * k->channels)};
}

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const map k = map_of(c);
    work->units = k.batch * k.parts;
    if (k.parts > 1) {
        work->more_units[0] = k.batch;
        work->more_units[1] = work->units;
    }
    work->scratch_bytes = (size_t)(k.batch * k.channels) * ((size_t)(2 * k.parts) * sizeof(double) + 3 * sizeof(float));
    work->thread_scratch_bytes = (size_t)(2 * k.channels) * sizeof(float);
    return native_mixture(c);
}

/* Of some channels over a block: mean − about, and m2 = Σ (x − mean)². */
NATIVE_INLINE void column_moments(rows x, const el *about, float *mean, float *m2, int64_t k, const int vectors,
                                  const int64_t lanes)
{
    vf from[STRIP_VECTORS], sum[STRIP_VECTORS], squares[STRIP_VECTORS];
    for (int v = 0; v < vectors; v++) {
        from[v] = vf_get(about + k + v * VF_LANES, lanes);
        sum[v] = squares[v] = vf_of(0);
    }
    for (int64_t r = 0; r < x.n; r++)
        for (int v = 0; v < vectors; v++)
            sum[v] += vf_get(x.at + r * x.pitch + k + v * VF_LANES, lanes) - from[v];
    for (int v = 0; v < vectors; v++)
        sum[v] /= vf_of((float)x.n);
    for (int64_t r = 0; r < x.n; r++)
        for (int v = 0; v < vectors; v++) {
            const vf d = vf_get(x.at + r * x.pitch + k + v * VF_LANES, lanes) - from[v] - sum[v];
            squares[v] = vf_fma(d, d, squares[v]);
        }
    for (int v = 0; v < vectors; v++) {
        vf_put(mean + k + v * VF_LANES, sum[v], lanes);
        vf_put(m2 + k + v * VF_LANES, squares[v], lanes);
    }
}

/* mean, m2 [C] of a part. All its blocks are seen from its first pixel, whose distance from the mean is of the order of
 * the deviation, so float32 has the digits that a large mean would take. */
static void part_moments(const map *k, const el *x, int64_t pitch, int64_t part, float *room, double *mean, double *m2)
{
    float *block = room, *squares = room + k->channels;
    const int64_t begin = part_begin(k, part), end = part_end(k, part), channels = k->channels;
    const el *about = x + begin * pitch;
    for (int64_t j = 0; j < channels; j++)
        mean[j] = m2[j] = 0;
    for (int64_t p = begin; p < end; p += k->step) {
        const rows from = {x + p * pitch, pitch, least(k->step, end - p)};
        FOR_STRIPS(channels, column_moments, from, about, block, squares);
        for (int64_t j = 0; j < channels; j++) {
            const double d = (double)block[j];
            mean[j] += d * (double)from.n;
            m2[j] += (double)squares[j] + d * d * (double)from.n;
        }
    }
    for (int64_t j = 0; j < channels; j++) {
        const double d = mean[j] / (double)(end - begin);
        m2[j] -= d * mean[j];
        mean[j] = (double)float_of(about[j]) + d;
    }
}

/* A group's moments from those of its channels in all parts, and with them, for each channel of an image,
 *     v = (x − centre)·slope + start, slope = rstd·w·(1 + scale), start = (centre − mean)·slope + b·(1 + scale) + offset */
static void join(const rn_call *c, const rn_buffers *m, const map *k, sums s, int64_t image)
{
    const double *moments = s.moments + 2 * image * k->parts * k->channels;
    float *centre = s.factors + 3 * image * k->channels, *slope = centre + k->channels, *start = slope + k->channels;
    const float *w = m->in[W], *b = m->in[B];
    const bool film = c->n_in > SCALE && m->in[SCALE];
    const float *scale = film ? (const float *)m->in[SCALE] + image * rn_pitch(c->in[SCALE]) : NULL;
    const float *offset = film ? (const float *)m->in[OFFSET] + image * rn_pitch(c->in[OFFSET]) : NULL;
    const double count = (double)(k->pixels * k->width);
    for (int64_t g = 0; g < k->groups; g++) {
        double mean = 0, m2 = 0;
        for (int64_t part = 0; part < k->parts; part++)
            for (int64_t j = g * k->width; j < (g + 1) * k->width; j++)
                mean += moments[2 * part * k->channels + j] * (double)(part_end(k, part) - part_begin(k, part)) / count;
        for (int64_t part = 0; part < k->parts; part++)
            for (int64_t j = g * k->width; j < (g + 1) * k->width; j++) {
                const double d = moments[2 * part * k->channels + j] - mean;
                m2 += moments[(2 * part + 1) * k->channels + j] + d * d * (double)(part_end(k, part) - part_begin(k, part));
            }
        const double rstd = 1 / sqrt(m2 / count + ((const rn_group_norm_attr *)c->attr)->eps);
        ((float *)m->out[1])[image * k->groups + g] = (float)mean;
        ((float *)m->out[2])[image * k->groups + g] = (float)rstd;
        for (int64_t j = g * k->width; j < (g + 1) * k->width; j++) {
            const double share = film ? 1 + (double)scale[j] : 1, a = rstd * (w ? (double)w[j] : 1) * share;
            centre[j] = (float)mean;
            slope[j] = (float)a;
            start[j] = (float)(((double)centre[j] - mean) * a + (b ? (double)b[j] : 0) * share + (film ? (double)offset[j] : 0));
        }
    }
}

NATIVE_INLINE void apply_columns(rows x, el *y, int64_t y_pitch, const float *factors, int64_t channels, const bool silu,
                                 int64_t k, const int vectors, const int64_t lanes)
{
    vf centre[STRIP_VECTORS], slope[STRIP_VECTORS], start[STRIP_VECTORS];
    for (int v = 0; v < vectors; v++) {
        centre[v] = vf_get(factors + k + v * VF_LANES, lanes);
        slope[v] = vf_get(factors + channels + k + v * VF_LANES, lanes);
        start[v] = vf_get(factors + 2 * channels + k + v * VF_LANES, lanes);
    }
    for (int64_t r = 0; r < x.n; r++)
        for (int v = 0; v < vectors; v++) {
            vf u = vf_fma(vf_get(x.at + r * x.pitch + k + v * VF_LANES, lanes) - centre[v], slope[v], start[v]);
            if (silu)
                u *= vf_sigmoid(u);
            vf_put(y + r * y_pitch + k + v * VF_LANES, u, lanes);
        }
}

NATIVE_INLINE void apply_part(const rn_call *c, const rn_buffers *m, const map *k, sums s, int64_t image, int64_t part,
                              const bool silu)
{
    const float *factors = s.factors + 3 * image * k->channels;
    const int64_t pitch = rn_pitch(c->in[X]), y_pitch = rn_pitch(c->out[0]);
    const int64_t step = written_rows(c->out[0]);
    for (int64_t p = part_begin(k, part); p < part_end(k, part); p += step) {
        const el *from = (const el *)m->in[X] + (image * k->pixels + p) * pitch;
        const rows x = {from, pitch, least(step, part_end(k, part) - p)};
        el *y = (el *)m->out[0] + (image * k->pixels + p) * y_pitch;
        FOR_STRIPS(k->channels, apply_columns, x, y, y_pitch, factors, k->channels, silu);
    }
}

/* Phases: moments; factors; y. With one part an image has all three in the first. */
NATIVE_INLINE void run(const rn_call *c, const rn_buffers *m, int phase, int64_t begin, int64_t end, const bool silu)
{
    const map k = map_of(c);
    const sums s = sums_of(&k, m->scratch);
    for (int64_t u = begin; u < end; u++) {
        const int64_t image = phase == 1 ? u : u / k.parts, part = u % k.parts;
        if (phase == 0) {
            double *mean = s.moments + 2 * u * k.channels;
            part_moments(&k, (const el *)m->in[X] + image * k.pixels * rn_pitch(c->in[X]), rn_pitch(c->in[X]), part,
                         m->thread_scratch, mean, mean + k.channels);
        }
        if (phase == 1 || k.parts == 1)
            join(c, m, &k, s, image);
        if (phase == 2 || k.parts == 1)
            apply_part(c, m, &k, s, image, part, silu);
    }
}

static void run_norm(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work;
    run(c, m, phase, begin, end, false);
}
static void run_silu(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work;
    run(c, m, phase, begin, end, true);
}

NATIVE(group_norm, "an image while it is in the cache", .plan = plan, .run = run_norm);
NATIVE(group_norm_film_silu, "an image while it is in the cache", .plan = plan, .run = run_silu);
