/* conv2d as a product whose left operand is gathered: a unit is a block of output pixels, its windows become
 * a panel [pixels, kh·kw·C] in the thread's scratch, and w, which lies in memory as [kh·kw·C, O], is the right
 * operand as it is. A 1×1 convolution needs no panel. */
#include "gather.h"

static windows windows_of(const rn_call *c)
{
    const rn_conv2d_attr *a = c->attr;
    const rn_shape x = c->in[0], w = c->in[1], y = c->out[0];
    return (windows){.type = x.type, .batch = x.dim[0], .height = x.dim[1], .width = x.dim[2], .channels = x.dim[3],
                     .pitch = rn_pitch(x), .kh = w.dim[0], .kw = w.dim[1], .stride = a->stride, .pad_h = a->pad_h,
                     .pad_w = a->pad_w, .out_h = y.dim[1], .out_w = y.dim[2]};
}

static int64_t block_of(const windows *g) { return blas_unit_rows(windows_count(g), windows_bytes(g)); }

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const char *why = blas_refusal(c);
    if (why)
        return why;
    if (((const rn_conv2d_attr *)c->attr)->groups != 1)
        return "one group only";
    const windows g = windows_of(c);
    const int64_t block = block_of(&g);
    work->units = (windows_count(&g) + block - 1) / block;
    work->thread_scratch_bytes = (size_t)(block * windows_bytes(&g));
    return NULL;
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const rn_shape y = c->out[0];
    const windows g = windows_of(c);
    const int64_t block = block_of(&g), k = windows_row(&g), total = windows_count(&g);
    const int64_t last = blas_least(end * block, total);
    for (int64_t n = begin * block; n < last; n += block) {
        const int64_t count = blas_least(block, total - n);
        blas_matrix panel = {blas_in(m->in[0], g.type, n * g.pitch), g.pitch, false};
        if (!windows_are_pixels(&g)) {
            windows_gather(&g, m->in[0], m->thread_scratch, n, n + count);
            panel = (blas_matrix){m->thread_scratch, k, false};
        }
        blas_affine(g.type, count, rn_last(y), k, panel, (blas_matrix){m->in[1], rn_pitch(c->in[1]), false},
                    c->n_in > 2 ? m->in[2] : NULL, blas_at(m->out[0], g.type, n * rn_pitch(y)), rn_pitch(y));
    }
}

const rn_kernel openblas_conv2d = {
    .bytes = sizeof(rn_kernel), .name = "openblas", .doc = "gathered panels and one product for each", .op = "conv2d",
    .device = "cpu", .rank = 10, .plan = plan, .run = run,
};
