/* conv2d_dw, direct: one sum for each part of the images, in the library's layout; then they are added up. */
#include "convolution.h"
#include "parts.h"

static convolution convolution_of(const rn_call *c)
{
    return (convolution){((const rn_conv2d_dw_attr *)c->attr)->conv, c->in[0], c->out[0], c->in[1]};
}

static const char *make(const rn_call *c, dnn_plan *d, int which, int64_t count, const dnnl_memory_desc_t *dw)
{
    static const int arguments[] = {DNNL_ARG_SRC, DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_WEIGHTS};
    const convolution g = convolution_of(c);
    const dnnl_memory_desc_t x = convolution_map(g.x, count), dy = convolution_map(g.y, count);
    const dnnl_memory_desc_t w = dnn_any(dw, g.x.type); /* of the forward operation, where it has the operands' type */
    const dnnl_dims_t stride = {g.a.stride, g.a.stride}, pad = {g.a.pad_h, g.a.pad_w};
    dnnl_convolution_desc_t forward, back;
    if (!convolution_forward(&g, count, &w, NULL, &forward) ||
        dnnl_convolution_backward_weights_desc_init(&back, dnnl_convolution_direct, &x, dw, NULL, &dy, stride, pad, pad) !=
            dnnl_success)
        return "the library does not do these shapes";
    return dnn_make(d, which, &back, &forward, 3, arguments);
}

static dnn_parts parts_of(const rn_call *c)
{
    const convolution g = convolution_of(c);
    return (dnn_parts){.total = g.x.dim[0], .part = dnn_part(g.x.dim[0], g.y.dim[1] * g.y.dim[2], rn_count(g.w)),
                       .x_step = convolution_image_bytes(g.x), .dy_step = convolution_image_bytes(g.y),
                       .dw = convolution_weight(&g), .make = make};
}

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    const char *why = dnn_refusal(c, false);
    if (why)
        return why;
    const dnn_parts g = parts_of(c);
    return dnn_parts_plan(c, &g, threads, work);
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    const dnn_parts g = parts_of(c);
    dnn_parts_run(&g, work, m, phase, begin, end);
}

DNN_KERNELS(conv2d_dw, "direct, one sum for each part of the images",
            .plan = plan, .run = run, .forget = dnn_forget);
