/* group_norm_film_silu and its gradients, image by image (formulas: plugins/ops/group_norm_film_silu.c). The mean is
 * taken before the squares, as in group_norm. */
#include "norm_film.h"

#include <string.h>

enum { FOLD_CHANNELS = 64 };

typedef struct map {
    int64_t pixels, channels, groups, width; /* of a group, in channels */
    int64_t first;                           /* pixel of the image */
} map;
static map map_of(const rn_call *c, int64_t image)
{
    map k = {.channels = rn_last(c->in[X]), .groups = ((const rn_group_norm_attr *)c->attr)->groups};
    k.pixels = rn_rows(c->in[X]) / c->in[X].dim[0];
    k.width = k.channels / k.groups;
    k.first = image * k.pixels;
    return k;
}

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    work->units = c->in[X].dim[0];
    return NULL;
}

static void statistics(map k, const REAL *x, int64_t pitch, int64_t group, double eps, ACC *mean, ACC *rstd)
{
    const ACC count = (ACC)(k.pixels * k.width);
    ACC sum = 0, squares = 0;
    for (int64_t p = 0; p < k.pixels; p++)
        for (int64_t j = group * k.width; j < (group + 1) * k.width; j++)
            sum += (ACC)x[p * pitch + j];
    *mean = sum / count;
    for (int64_t p = 0; p < k.pixels; p++)
        for (int64_t j = group * k.width; j < (group + 1) * k.width; j++)
            squares += ((ACC)x[p * pitch + j] - *mean) * ((ACC)x[p * pitch + j] - *mean);
    *rstd = 1 / sqrt(squares / count + eps);
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const int64_t pitch = rn_pitch(c->in[X]);
    for (int64_t image = begin; image < end; image++) {
        const map k = map_of(c, image);
        const REAL *x = (const REAL *)m->in[X] + k.first * pitch;
        const REAL *scale = film_row(c, m, SCALE, image), *offset = film_row(c, m, OFFSET, image);
        REAL *y = (REAL *)m->out[0] + k.first * k.channels;
        for (int64_t g = 0; g < k.groups; g++) {
            ACC mean, rstd;
            statistics(k, x, pitch, g, ((const rn_group_norm_attr *)c->attr)->eps, &mean, &rstd);
            ((REAL *)m->out[1])[image * k.groups + g] = (REAL)mean;
            ((REAL *)m->out[2])[image * k.groups + g] = (REAL)rstd;
            for (int64_t p = 0; p < k.pixels; p++)
                for (int64_t j = g * k.width; j < (g + 1) * k.width; j++) {
                    const ACC u = ((ACC)x[p * pitch + j] - mean) * rstd * factor_of(m->in[W], j) + term_of(m->in[B], j);
                    const ACC v = u * (1 + term_of(scale, j)) + term_of(offset, j);
                    y[p * k.channels + j] = (REAL)(v / (1 + exp(-v)));
                }
        }
    }
}

/* Scratch: A and N, [batch, 2, channels]. Phase 1 adds them up over the images. */
static const char *grad_plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const map k = map_of(c, 0);
    work->units = c->in[X].dim[0];
    work->more_units[0] = pieces(k.channels, FOLD_CHANNELS);
    work->scratch_bytes = (size_t)(c->in[X].dim[0] * 2 * k.channels) * sizeof(ACC);
    return NULL;
}

/* What an element's slope depends on besides dy: n, and silu' at v. */
typedef struct slope { ACC n, of_v; } slope;
static inline slope slope_at(ACC x, ACC mean, ACC rstd, ACC w, ACC b, ACC scale, ACC offset)
{
    slope s = {.n = (x - mean) * rstd};
    const ACC v = (s.n * w + b) * (1 + scale) + offset, share = 1 / (1 + exp(-v));
    s.of_v = share * (1 + v * (1 - share));
    return s;
}

/* One image: its sums a, n [channels] and its dx. */
static void grad_image(const rn_call *c, const rn_buffers *m, int64_t image, ACC *a, ACC *n)
{
    const map k = map_of(c, image);
    const int64_t pitch = rn_pitch(c->in[X]), dy_pitch = rn_pitch(c->in[DY]);
    const REAL *x = (const REAL *)m->in[X] + k.first * pitch, *dy = (const REAL *)m->in[DY] + k.first * dy_pitch;
    const REAL *scale = film_row(c, m, SCALE, image), *offset = film_row(c, m, OFFSET, image);
    REAL *dx = (REAL *)m->out[0] + k.first * k.channels;
    memset(a, 0, (size_t)k.channels * sizeof *a);
    memset(n, 0, (size_t)k.channels * sizeof *n);
    for (int64_t g = 0; g < k.groups; g++) {
        const ACC mean = (ACC)film_row(c, m, MEAN, image)[g], rstd = (ACC)film_row(c, m, RSTD, image)[g];
        ACC flat = 0, along = 0; /* means of f·dv and f·dv·n over the group */
        for (int pass = 0; pass < 2; pass++)
            for (int64_t j = g * k.width; j < (g + 1) * k.width; j++) {
                const ACC w = factor_of(m->in[W], j), f = w * (1 + term_of(scale, j));
                for (int64_t p = 0; p < k.pixels; p++) {
                    const slope s = slope_at((ACC)x[p * pitch + j], mean, rstd, w, term_of(m->in[B], j),
                                             term_of(scale, j), term_of(offset, j));
                    const ACC dv = (ACC)dy[p * dy_pitch + j] * s.of_v;
                    if (pass == 1) {
                        dx[p * k.channels + j] = (REAL)(rstd * (f * dv - flat - s.n * along));
                        continue;
                    }
                    a[j] += dv;
                    n[j] += dv * s.n;
                }
                if (pass == 0) {
                    flat += f * a[j] / (ACC)(k.pixels * k.width);
                    along += f * n[j] / (ACC)(k.pixels * k.width);
                }
            }
    }
}

static void grad_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work;
    const int64_t channels = rn_last(c->in[X]);
    ACC *sums = m->scratch;
    if (phase == 1) {
        weight_slopes(c, m, sums, begin * FOLD_CHANNELS, least(end * FOLD_CHANNELS, channels));
        return;
    }
    for (int64_t image = begin; image < end; image++) {
        ACC *a = sums + 2 * image * channels, *n = a + channels;
        grad_image(c, m, image, a, n);
        film_slopes(c, m, image, a, n);
    }
}

REFERENCE(group_norm_film_silu, plan, run);
REFERENCE(group_norm_film_silu_grad, grad_plan, grad_run);
