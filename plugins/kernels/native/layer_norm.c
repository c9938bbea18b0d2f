/* layer_norm: y = (x − mean)/√(var + eps)·w + b along each row; and its gradient, with x̂ = (x − mean)·rstd, u = w·dy
 * and means over a row:
 *
 *     dx = rstd·(u − mean(u) − x̂·mean(u·x̂)),  dw = Σ dy·x̂,  db = Σ dy over all rows.
 *
 * A row is small against a level-1 cache: it is read from memory once. */
#include "norm.h"

enum { UNIT_ELEMENTS = 8192 }; /* of a unit, about: 32 KiB a tensor */
/* Rows whose shares of dw and db are added in float32, at least; the parts are added in double. */
enum { MOST_PARTS = 64, LEAST_PART_ROWS = BLOCK_ROWS, FOLD_CHANNELS = 64 };

static int64_t rows_per_unit(const rn_call *c) { return most(1, UNIT_ELEMENTS / rn_last(c->in[0])); }

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    work->units = pieces(rn_rows(c->in[0]), rows_per_unit(c));
    return native_mixture(c);
}

/* v·w and v + b; v where there is no such parameter. */
NATIVE_INLINE vf weighted(vf v, const float *w, int64_t k, const int64_t lanes)
{
    if (w)
        v *= vf_get(w + k, lanes);
    return v;
}

NATIVE_INLINE vf plus(vf v, const float *b, int64_t k, const int64_t lanes)
{
    if (b)
        v += vf_get(b + k, lanes);
    return v;
}

/* y = ((x − mean)·rstd + rest)·w + b */
static void row_normalise(el *y, const el *x, int64_t n, float mean, float rstd, float rest, const float *w,
                          const float *b)
{
    const vf middle = vf_of(mean), factor = vf_of(rstd), more = vf_of(rest);
    int64_t k = 0;
    for (; k + VF_LANES <= n; k += VF_LANES) {
        const vf unit = vf_fma(vf_load(x + k) - middle, factor, more);
        vf_store(y + k, plus(weighted(unit, w, k, VF_LANES), b, k, VF_LANES));
    }
    if (k < n) {
        const vf unit = vf_fma(vf_load_part(x + k, n - k) - middle, factor, more);
        vf_store_part(y + k, plus(weighted(unit, w, k, n - k), b, k, n - k), n - k);
    }
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const int64_t n = rn_last(c->in[0]), pitch = rn_pitch(c->in[0]), last = least(end * rows_per_unit(c), rn_rows(c->in[0]));
    for (int64_t row = begin * rows_per_unit(c); row < last; row += TEAM) {
        const el *x = (const el *)m->in[0] + row * pitch;
        const int together = (int)least(TEAM, last - row);
        row_statistics s;
        rows_statistics(x, pitch, together, n, ((const rn_layer_norm_attr *)c->attr)->eps, &s);
        for (int i = 0; i < together; i++) {
            row_normalise((el *)m->out[0] + (row + i) * n, x + i * pitch, n, s.mean[i], s.rstd[i], s.rest[i], m->in[1],
                          m->in[2]);
            ((float *)m->out[1])[row + i] = s.mean[i];
            ((float *)m->out[2])[row + i] = s.rstd[i];
        }
    }
}

/* --- the gradient -------------------------------------------------------------------------------------- */

static int64_t rows_per_part(const rn_call *c)
{
    return most(LEAST_PART_ROWS, pieces(rn_rows(c->in[0]), MOST_PARTS));
}

/* Scratch: dw and db by part, [parts, 2, C]. */
static const char *grad_plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const int64_t n = rn_last(c->in[0]);
    work->units = pieces(rn_rows(c->in[0]), rows_per_part(c));
    work->more_units[0] = pieces(n, FOLD_CHANNELS);
    work->scratch_bytes = (size_t)(2 * work->units * n) * sizeof(float);
    return native_mixture(c);
}

/* GRAD_TEAM rows go along together, so that w, dw and db are moved once for all of them. */
enum { GRAD_TEAM = 4 };
typedef struct team {
    const el *x[GRAD_TEAM], *dy[GRAD_TEAM];
    float mean[GRAD_TEAM], rstd[GRAD_TEAM];
    vf flat[GRAD_TEAM], along[GRAD_TEAM]; /* Σu and Σu·x̂, by lanes */
} team;

/* One vector of channels of `n` rows: their shares of the rows' sums, and of dw and db. */
NATIVE_INLINE void team_sums(team *t, const int n, const float *w, float *dw, float *db, int64_t k, const int64_t lanes)
{
    const vf weight = weighted(vf_of(1), w, k, lanes);
    vf by_w = vf_get(dw + k, lanes), by_b = vf_get(db + k, lanes);
    for (int i = 0; i < n; i++) {
        const vf dy = vf_get(t->dy[i] + k, lanes), u = weight * dy; /* unused lanes are 0: so are their shares */
        const vf unit = (vf_get(t->x[i] + k, lanes) - vf_of(t->mean[i])) * vf_of(t->rstd[i]);
        t->flat[i] += u;
        t->along[i] = vf_fma(u, unit, t->along[i]);
        by_w = vf_fma(dy, unit, by_w);
        by_b += dy;
    }
    vf_put(dw + k, by_w, lanes);
    vf_put(db + k, by_b, lanes);
}

/* dx = rstd·u − (x − mean)·rstd²·along − rstd·flat */
static void row_dx(el *dx, const el *x, const el *dy, const float *w, int64_t n, float mean, float rstd, float flat,
                   float along)
{
    const vf middle = vf_of(mean), slope = vf_of(rstd), tilt = vf_of(rstd * rstd * along), level = vf_of(-rstd * flat);
    int64_t k = 0;
    for (; k + VF_LANES <= n; k += VF_LANES) {
        const vf u = weighted(vf_load(dy + k), w, k, VF_LANES);
        vf_store(dx + k, vf_fnma(vf_load(x + k) - middle, tilt, vf_fma(u, slope, level)));
    }
    if (k < n) {
        const vf u = weighted(vf_load_part(dy + k, n - k), w, k, n - k);
        vf_store_part(dx + k, vf_fnma(vf_load_part(x + k, n - k) - middle, tilt, vf_fma(u, slope, level)), n - k);
    }
}

NATIVE_INLINE void grad_rows(const rn_call *c, const rn_buffers *m, int64_t row, const int n, float *dw, float *db)
{
    const int64_t channels = rn_last(c->in[0]);
    const float *w = m->in[1];
    team t;
    for (int i = 0; i < n; i++) {
        t.x[i] = (const el *)m->in[0] + (row + i) * rn_pitch(c->in[0]);
        t.dy[i] = (const el *)m->in[4] + (row + i) * rn_pitch(c->in[4]);
        t.mean[i] = ((const float *)m->in[2])[row + i];
        t.rstd[i] = ((const float *)m->in[3])[row + i];
        t.flat[i] = t.along[i] = vf_of(0);
    }
    int64_t k = 0;
    for (; k + VF_LANES <= channels; k += VF_LANES)
        team_sums(&t, n, w, dw, db, k, VF_LANES);
    if (k < channels)
        team_sums(&t, n, w, dw, db, k, channels - k);
    for (int i = 0; i < n; i++) {
        const float flat = vf_sum(t.flat[i]) / (float)channels, along = vf_sum(t.along[i]) / (float)channels;
        row_dx((el *)m->out[0] + (row + i) * channels, t.x[i], t.dy[i], w, channels, t.mean[i], t.rstd[i], flat, along);
    }
}

static void grad_part(const rn_call *c, const rn_buffers *m, int64_t part)
{
    const int64_t channels = rn_last(c->in[0]), last = least((part + 1) * rows_per_part(c), rn_rows(c->in[0]));
    float *dw = (float *)m->scratch + part * 2 * channels, *db = dw + channels;
    memset(dw, 0, (size_t)(2 * channels) * sizeof *dw);
    int64_t row = part * rows_per_part(c);
    for (; row + GRAD_TEAM <= last; row += GRAD_TEAM)
        grad_rows(c, m, row, GRAD_TEAM, dw, db);
    for (; row < last; row++)
        grad_rows(c, m, row, 1, dw, db);
}

static void grad_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    const int64_t n = rn_last(c->in[0]);
    const float *by_part = m->scratch;
    if (phase == 0) {
        for (int64_t part = begin; part < end; part++)
            grad_part(c, m, part);
        return;
    }
    for (int64_t k = begin * FOLD_CHANNELS; k < least(end * FOLD_CHANNELS, n); k++) {
        double dw = 0, db = 0;
        for (int64_t part = 0; part < work->units; part++) {
            dw += (double)by_part[2 * part * n + k];
            db += (double)by_part[(2 * part + 1) * n + k];
        }
        ((float *)m->out[1])[k] = (float)dw;
        ((float *)m->out[2])[k] = (float)db;
    }
}

NATIVE(layer_norm, "row by row in vectors", .plan = plan, .run = run);
NATIVE(layer_norm_grad, "four rows at a time in vectors", .plan = grad_plan, .run = grad_run);
