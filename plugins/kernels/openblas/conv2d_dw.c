/* conv2d_dw: panelᵀ·dy, [kh·kw·C, pixels]·[pixels, O], summed over all pixels of the batch: in a fixed number
 * of parts, each of which gathers its pixels in blocks and adds their products up. */
#include "gather.h"

static windows windows_of(const rn_call *c)
{
    const rn_conv2d_dw_attr *a = c->attr;
    const rn_shape x = c->in[0], dy = c->in[1];
    return (windows){.type = x.type, .batch = x.dim[0], .height = x.dim[1], .width = x.dim[2], .channels = x.dim[3],
                     .pitch = rn_pitch(x), .kh = a->kernel_h, .kw = a->kernel_w, .stride = a->conv.stride,
                     .pad_h = a->conv.pad_h, .pad_w = a->conv.pad_w, .out_h = dy.dim[1], .out_w = dy.dim[2]};
}

static int64_t block_of(const windows *g) { return blas_unit_rows(windows_count(g), windows_bytes(g)); }

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const char *why = blas_refusal(c);
    if (why)
        return why;
    if (((const rn_conv2d_dw_attr *)c->attr)->conv.groups != 1)
        return "one group only";
    if (!rn_dense(c->out[0]))
        return "dense results only";
    const windows g = windows_of(c);
    const blas_split s = blas_split_of(g.type, windows_count(&g), rn_count(c->out[0]));
    blas_split_plan(&s, work);
    work->thread_scratch_bytes = (size_t)(block_of(&g) * windows_bytes(&g));
    return NULL;
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work;
    const rn_shape dy = c->in[1];
    const windows g = windows_of(c);
    const int64_t total = windows_count(&g), k = windows_row(&g);
    const blas_split s = blas_split_of(g.type, total, rn_count(c->out[0]));
    if (phase == 1) {
        blas_split_sum(&s, m, begin, end);
        return;
    }
    const bool pixels = windows_are_pixels(&g);
    const int64_t block = pixels ? s.rows : block_of(&g);
    for (int64_t part = begin; part < end; part++) {
        const int64_t first = part * s.rows, last = blas_least(first + s.rows, total);
        for (int64_t n = first; n < last; n += block) {
            const int64_t count = blas_least(block, last - n);
            blas_matrix panel = {blas_in(m->in[0], g.type, n * g.pitch), g.pitch, true};
            if (!pixels) {
                windows_gather(&g, m->in[0], m->thread_scratch, n, n + count);
                panel = (blas_matrix){m->thread_scratch, k, true};
            }
            blas_product(g.type, k, rn_last(dy), count, 1, panel,
                         (blas_matrix){blas_in(m->in[1], g.type, n * rn_pitch(dy)), rn_pitch(dy), false},
                         n > first ? 1 : 0, blas_split_result(&s, m, part), rn_last(dy));
        }
    }
}

const rn_kernel openblas_conv2d_dw = {
    .bytes = sizeof(rn_kernel), .name = "openblas", .doc = "gathered panels, one sum for each part of the pixels",
    .op = "conv2d_dw", .device = "cpu", .rank = 10, .plan = plan, .run = run,
};
