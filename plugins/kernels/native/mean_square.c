/* mean_square, Σ w·d²/count with one w for each image (or none), and its gradient 2·w·d·dy/count. Fixed blocks of d are
 * summed in float32 vectors; blocks, and units of several of them, are added in double, in order. */
#include "images.h"

enum { BLOCK_ELEMENTS = 1024 }; /* 16 additions for each lane of four vectors of 16 */

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const image_walk w = image_walk_of(c, 1);
    work->units = w.images * w.units;
    work->more_units[0] = 1;
    work->scratch_bytes = (size_t)work->units * sizeof(double);
    return NULL;
}

static double weight_of(const rn_buffers *m, int64_t image) { return m->in[1] ? (double)((const float *)m->in[1])[image] : 1; }

static double squares(const float *d, int64_t n)
{
    double total = 0;
    for (int64_t begin = 0; begin < n; begin += BLOCK_ELEMENTS) {
        const int64_t end = least(n, begin + BLOCK_ELEMENTS);
        vf sum[4] = {vf_of(0), vf_of(0), vf_of(0), vf_of(0)};
        int64_t k = begin;
        for (; k + 4 * VF_LANES <= end; k += 4 * VF_LANES)
            for (int i = 0; i < 4; i++) {
                const vf v = vf_load(d + k + i * VF_LANES);
                sum[i] = vf_fma(v, v, sum[i]);
            }
        for (; k < end; k += VF_LANES) {
            const vf v = vf_get(d + k, least(VF_LANES, end - k));
            sum[1] = vf_fma(v, v, sum[1]);
        }
        total += (double)vf_sum((sum[0] + sum[1]) + (sum[2] + sum[3]));
    }
    return total;
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    const image_walk w = image_walk_of(c, 1);
    double *sums = m->scratch;
    if (phase == 1) {
        double sum = 0;
        for (int64_t unit = 0; unit < work->units; unit++)
            sum += sums[unit];
        *(float *)m->out[0] = (float)(sum / (double)rn_count(c->in[0]));
        return;
    }
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t image = unit / w.units;
        double sum = 0;
        for (int64_t i = image_first(&w, unit); i < image_last(&w, unit); i++)
            sum += squares((const float *)m->in[0] + image_at(&w, c->in[0], image, i), image_length(&w, i));
        sums[unit] = weight_of(m, image) * sum;
    }
}

static const char *grad_plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const image_walk w = image_walk_of(c, 1);
    work->units = w.images * w.units;
    return NULL;
}

static void grad_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const image_walk w = image_walk_of(c, 1);
    const double share = 2 * (double)*(const float *)m->in[2] / (double)rn_count(c->in[0]);
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t image = unit / w.units;
        const vf factor = vf_of((float)(share * weight_of(m, image)));
        for (int64_t i = image_first(&w, unit); i < image_last(&w, unit); i++) {
            const float *d = (const float *)m->in[0] + image_at(&w, c->in[0], image, i);
            float *dd = (float *)m->out[0] + image_at(&w, c->out[0], image, i);
            const int64_t n = image_length(&w, i);
            int64_t k = 0;
            for (; k + VF_LANES <= n; k += VF_LANES)
                vf_store(dd + k, factor * vf_load(d + k));
            if (k < n)
                vf_store_part(dd + k, factor * vf_load_part(d + k, n - k), n - k);
        }
    }
}

NATIVE(mean_square, "whole vectors, blocks in double", .plan = plan, .run = run);
NATIVE(mean_square_grad, "whole vectors", .plan = grad_plan, .run = grad_run);
