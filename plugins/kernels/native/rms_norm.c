/* rms_norm: y = w·x/√(mean x² + eps) over each run of C/groups channels; and its gradient, with n = x·rstd, u = w·dy and
 * means over the run:
 *
 *     dx = rstd·(u − n·mean(u·n)),  dw = Σ dy·n over all rows and runs.
 *
 * A run is as long as a head: it stays in the level-1 cache between its two readings. */
#include "strips.h"

#include <math.h>

enum { UNIT_ELEMENTS = 8192 }; /* of a unit, about: 32 KiB a tensor */
/* Rows whose shares of dw are added in float32, at least; the parts are added in double. */
enum { MOST_PARTS = 64, LEAST_PART_ROWS = BLOCK_ROWS, FOLD_CHANNELS = 64 };

static int64_t groups_of(const rn_call *c) { return ((const rn_rms_norm_attr *)c->attr)->groups; }
static int64_t rows_per_unit(const rn_call *c) { return most(1, UNIT_ELEMENTS / rn_last(c->in[0])); }

NATIVE_INLINE vf weighted(vf v, const float *w, int64_t k, const int64_t lanes)
{
    if (w)
        v *= vf_get(w + k, lanes);
    return v;
}

/* Σ x² in two interleaved vectors. */
static float squares(const float *x, int64_t n)
{
    vf sum[2] = {vf_of(0), vf_of(0)};
    int64_t k = 0;
    for (; k + 2 * VF_LANES <= n; k += 2 * VF_LANES)
        for (int v = 0; v < 2; v++) {
            const vf a = vf_load(x + k + v * VF_LANES);
            sum[v] = vf_fma(a, a, sum[v]);
        }
    for (; k < n; k += VF_LANES) {
        const vf a = vf_get(x + k, least(VF_LANES, n - k)); /* unused lanes are 0 */
        sum[0] = vf_fma(a, a, sum[0]);
    }
    return vf_sum(sum[0] + sum[1]);
}

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    work->units = pieces(rn_rows(c->in[0]), rows_per_unit(c));
    return NULL;
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const int64_t groups = groups_of(c), width = rn_last(c->in[0]) / groups;
    const int64_t last = least(end * rows_per_unit(c), rn_rows(c->in[0]));
    const double eps = ((const rn_rms_norm_attr *)c->attr)->eps;
    const float *w = m->in[1];
    for (int64_t row = begin * rows_per_unit(c); row < last; row++)
        for (int64_t g = 0; g < groups; g++) {
            const float *x = (const float *)m->in[0] + row * rn_pitch(c->in[0]) + g * width;
            float *y = (float *)m->out[0] + (row * groups + g) * width;
            const float rstd = (float)(1 / sqrt((double)squares(x, width) / (double)width + eps));
            const vf factor = vf_of(rstd);
            for (int64_t k = 0; k < width; k += VF_LANES) {
                const int64_t lanes = least(VF_LANES, width - k);
                vf_put(y + k, weighted(vf_get(x + k, lanes) * factor, w, k, lanes), lanes);
            }
            ((float *)m->out[1])[row * groups + g] = rstd;
        }
}

/* --- the gradient -------------------------------------------------------------------------------------- */

static int64_t rows_per_part(const rn_call *c) { return most(LEAST_PART_ROWS, pieces(rn_rows(c->in[0]), MOST_PARTS)); }

/* Scratch: dw by part, [parts, C/groups]. */
static const char *grad_plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const int64_t width = rn_last(c->in[0]) / groups_of(c);
    work->units = pieces(rn_rows(c->in[0]), rows_per_part(c));
    work->more_units[0] = pieces(width, FOLD_CHANNELS);
    work->scratch_bytes = (size_t)(work->units * width) * sizeof(float);
    return NULL;
}

/* Of one run: dx = rstd·u − x·rstd²·mean(u·n), and its share of dw. */
static void grad_run_of(float *dx, const float *x, const float *dy, const float *w, int64_t n, float rstd, float *dw)
{
    const vf slope = vf_of(rstd);
    vf along = vf_of(0);
    for (int64_t k = 0; k < n; k += VF_LANES) {
        const int64_t lanes = least(VF_LANES, n - k);
        const vf d = vf_get(dy + k, lanes), unit = vf_get(x + k, lanes) * slope;
        along = vf_fma(weighted(d, w, k, lanes), unit, along);
        vf_put(dw + k, vf_fma(d, unit, vf_get(dw + k, lanes)), lanes);
    }
    const vf tilt = vf_of(rstd * rstd * (vf_sum(along) / (float)n));
    for (int64_t k = 0; k < n; k += VF_LANES) {
        const int64_t lanes = least(VF_LANES, n - k);
        vf_put(dx + k, vf_fnma(vf_get(x + k, lanes), tilt, weighted(vf_get(dy + k, lanes), w, k, lanes) * slope), lanes);
    }
}

static void grad_part(const rn_call *c, const rn_buffers *m, int64_t part)
{
    const int64_t groups = groups_of(c), width = rn_last(c->in[0]) / groups;
    const int64_t last = least((part + 1) * rows_per_part(c), rn_rows(c->in[0]));
    float *dw = (float *)m->scratch + part * width;
    memset(dw, 0, (size_t)width * sizeof *dw);
    for (int64_t row = part * rows_per_part(c); row < last; row++)
        for (int64_t g = 0; g < groups; g++)
            grad_run_of((float *)m->out[0] + (row * groups + g) * width,
                        (const float *)m->in[0] + row * rn_pitch(c->in[0]) + g * width,
                        (const float *)m->in[3] + row * rn_pitch(c->in[3]) + g * width, m->in[1], width,
                        ((const float *)m->in[2])[row * groups + g], dw);
}

static void grad_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    const int64_t width = rn_last(c->in[0]) / groups_of(c);
    if (phase == 0) {
        for (int64_t part = begin; part < end; part++)
            grad_part(c, m, part);
        return;
    }
    for (int64_t k = begin * FOLD_CHANNELS; k < least(end * FOLD_CHANNELS, width); k++) {
        double dw = 0;
        for (int64_t part = 0; part < work->units; part++)
            dw += (double)((const float *)m->scratch)[part * width + k];
        ((float *)m->out[1])[k] = (float)dw;
    }
}

NATIVE(rms_norm, "run by run in vectors", .plan = plan, .run = run);
NATIVE(rms_norm_grad, "run by run in vectors", .plan = grad_plan, .run = grad_run);
