/* conv2d and conv2d_dx, direct: a unit is one image, or a few where they are small; the weight is packed. */
#include "convolution.h"
#include "weighted.h"

static convolution conv2d_of(const rn_call *c)
{
    return (convolution){*(const rn_conv2d_attr *)c->attr, c->in[0], c->in[1], c->out[0]};
}

static const char *make(const rn_call *c, dnn_plan *d, int which, int64_t count, const dnnl_memory_desc_t *w)
{
    static const int arguments[] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST, DNNL_ARG_BIAS};
    const convolution g = conv2d_of(c);
    const bool biased = c->n_in > 2 && c->in[2].rank;
    const dnnl_memory_desc_t bias = dnn_strided(RN_F32, 1, (const dnnl_dims_t){g.y.dim[3]}, (const dnnl_dims_t){1});
    dnnl_convolution_desc_t forward;
    if (!convolution_forward(&g, count, w, biased ? &bias : NULL, &forward))
        return "the library does not do these shapes";
    return dnn_make(d, which, &forward, NULL, biased ? 4 : 3, arguments);
}

static dnn_weighted weighted_of(const rn_call *c, const convolution *g)
{
    const rn_shape in = c->in[0], out = c->out[0];
    return (dnn_weighted){.total = in.dim[0], .block = convolution_images(out), .in_step = convolution_image_bytes(in),
                          .out_step = convolution_image_bytes(out), .w = convolution_weight(g)};
}

static dnn_weighted conv2d_weighted(const rn_call *c)
{
    const convolution g = conv2d_of(c);
    dnn_weighted v = weighted_of(c, &g);
    v.make = make;
    return v;
}

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    const char *why = dnn_refusal(c, true);
    if (why)
        return why;
    const dnn_weighted g = conv2d_weighted(c);
    return dnn_weighted_plan(c, &g, threads, work);
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    const dnn_weighted g = conv2d_weighted(c);
    dnn_weighted_run(c, &g, work, m, phase, begin, end);
}

/* --- the gradient with respect to x ------------------------------------------------------------------ */

static convolution conv2d_dx_of(const rn_call *c)
{
    return (convolution){((const rn_conv2d_dx_attr *)c->attr)->conv, c->out[0], c->in[1], c->in[0]};
}

static const char *make_dx(const rn_call *c, dnn_plan *d, int which, int64_t count, const dnnl_memory_desc_t *w)
{
    static const int arguments[] = {DNNL_ARG_DIFF_DST, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_SRC};
    const convolution g = conv2d_dx_of(c);
    const dnnl_memory_desc_t dx = convolution_map(g.x, count), dy = convolution_map(g.y, count);
    const dnnl_dims_t stride = {g.a.stride, g.a.stride}, pad = {g.a.pad_h, g.a.pad_w};
    dnnl_convolution_desc_t forward, back;
    if (!convolution_forward(&g, count, w, NULL, &forward) ||
        dnnl_convolution_backward_data_desc_init(&back, dnnl_convolution_direct, &dx, w, &dy, stride, pad, pad) != dnnl_success)
        return "the library does not do these shapes";
    return dnn_make(d, which, &back, &forward, 3, arguments);
}

static dnn_weighted conv2d_dx_weighted(const rn_call *c)
{
    const convolution g = conv2d_dx_of(c);
    dnn_weighted v = weighted_of(c, &g);
    v.make = make_dx;
    return v;
}

static const char *plan_dx(const rn_call *c, int threads, rn_work *work)
{
    const char *why = dnn_refusal(c, true);
    if (why)
        return why;
    const dnn_weighted g = conv2d_dx_weighted(c);
    return dnn_weighted_plan(c, &g, threads, work);
}

static void run_dx(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    const dnn_weighted g = conv2d_dx_weighted(c);
    dnn_weighted_run(c, &g, work, m, phase, begin, end);
}

DNN_KERNELS(conv2d, "direct, image by image, the weight packed",
            .plan = plan, .pack = dnn_weighted_pack, .run = run, .forget = dnn_forget);
DNN_KERNELS(conv2d_dx, "direct, image by image, the weight packed",
            .plan = plan_dx, .pack = dnn_weighted_pack, .run = run_dx, .forget = dnn_forget);
