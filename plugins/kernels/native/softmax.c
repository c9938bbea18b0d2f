/* softmax and its gradient, row by row; the largest element is taken off first, so that no exponential is above 1.
 *
 *     y = e^(x − max)/Σ e^(x − max),  dx = y·(dy − Σ dy·y) */
#include "norm.h"

enum { UNIT_ELEMENTS = 8192 };

static int64_t rows_per_unit(const rn_call *c) { return most(1, UNIT_ELEMENTS / rn_last(c->out[0])); }

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    work->units = pieces(rn_rows(c->out[0]), rows_per_unit(c));
    return native_mixture(c);
}

/* The last vector overlaps the one before: a maximum may be taken twice. */
static float row_maximum(const el *x, int64_t n)
{
    float largest = float_of(x[0]);
    if (n < VF_LANES) {
        for (int64_t k = 1; k < n; k++)
            largest = float_of(x[k]) > largest ? float_of(x[k]) : largest;
        return largest;
    }
    vf v = vf_load(x + n - VF_LANES);
    for (int64_t k = 0; k + VF_LANES <= n; k += VF_LANES)
        v = vf_max(vf_load(x + k), v);
    float lane[VF_LANES];
    vf_store(lane, v);
    for (int i = 0; i < VF_LANES; i++)
        largest = lane[i] > largest ? lane[i] : largest;
    return largest;
}

static void softmax_row(el *y, const el *x, int64_t n)
{
    const vf largest = vf_of(row_maximum(x, n));
    vf sum[2] = {vf_of(0), vf_of(0)};
    int64_t k = 0;
    for (; k + 2 * VF_LANES <= n; k += 2 * VF_LANES)
        for (int i = 0; i < 2; i++) {
            const vf e = vf_exp(vf_load(x + k + i * VF_LANES) - largest);
            vf_store(y + k + i * VF_LANES, e);
            sum[i] += e;
        }
    for (; k < n; k += VF_LANES) {
        const int64_t lanes = least(VF_LANES, n - k);
        const vf e = vf_exp(vf_get(x + k, lanes) - largest);
        vf_put(y + k, e, lanes);
        sum[0] += lanes < VF_LANES ? vf_first_lanes(e, lanes) : e;
    }
    const vf share = vf_of(1 / vf_sum(sum[0] + sum[1]));
    for (k = 0; k < n; k += VF_LANES) {
        const int64_t lanes = least(VF_LANES, n - k);
        vf_put(y + k, vf_get(y + k, lanes) * share, lanes);
    }
}

static void grad_row(el *dx, const el *y, const el *dy, int64_t n)
{
    vf sum[4] = {vf_of(0), vf_of(0), vf_of(0), vf_of(0)};
    int64_t k = 0;
    for (; k + 4 * VF_LANES <= n; k += 4 * VF_LANES)
        for (int i = 0; i < 4; i++)
            sum[i] = vf_fma(vf_load(y + k + i * VF_LANES), vf_load(dy + k + i * VF_LANES), sum[i]);
    for (; k < n; k += VF_LANES) {
        const int64_t lanes = least(VF_LANES, n - k);
        sum[1] = vf_fma(vf_get(y + k, lanes), vf_get(dy + k, lanes), sum[1]);
    }
    const vf along = vf_of(vf_sum((sum[0] + sum[1]) + (sum[2] + sum[3])));
    for (k = 0; k < n; k += VF_LANES) {
        const int64_t lanes = least(VF_LANES, n - k);
        vf_put(dx + k, vf_get(y + k, lanes) * (vf_get(dy + k, lanes) - along), lanes);
    }
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const int64_t n = rn_last(c->in[0]);
    for (int64_t row = begin * rows_per_unit(c); row < least(end * rows_per_unit(c), rn_rows(c->out[0])); row++)
        softmax_row((el *)m->out[0] + row * n, (const el *)m->in[0] + row * rn_pitch(c->in[0]), n);
}

static void grad_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const int64_t n = rn_last(c->in[0]);
    for (int64_t row = begin * rows_per_unit(c); row < least(end * rows_per_unit(c), rn_rows(c->out[0])); row++)
        grad_row((el *)m->out[0] + row * n, (const el *)m->in[0] + row * rn_pitch(c->in[0]),
                 (const el *)m->in[1] + row * rn_pitch(c->in[1]), n);
}

NATIVE(softmax, "row by row in vectors", .plan = plan, .run = run);
NATIVE(softmax_grad, "row by row in vectors", .plan = plan, .run = grad_run);
