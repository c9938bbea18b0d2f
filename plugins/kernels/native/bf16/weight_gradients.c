/* linear_dw: one tap over rows that are pixels of one column. conv2d_dw. */
#include "cross.h"

static cross linear_of(const rn_call *c, const rn_buffers *m)
{
    const rn_shape *x = &c->in[0], *dy = &c->in[1];
    cross s = {.images = 1, .height = rn_rows(*x), .width = 1, .m = rn_last(*x), .kh = 1, .kw = 1, .stride = 1, .out_h = rn_rows(*x),
               .out_w = 1, .n = rn_last(*dy), .x = {m ? m->in[0] : NULL, is_narrow(*x)}, .dy = {m ? m->in[1] : NULL, is_narrow(*dy)},
               .x_pitch = rn_pitch(*x), .dy_pitch = rn_pitch(*dy), .dw = m ? m->out[0] : NULL};
    cross_lay_out(&s);
    return s;
}

static const char *plan_linear(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    if (!rn_dense(c->out[0]))
        return "dense results only";
    const cross s = linear_of(c, NULL);
    return cross_plan(&s, work);
}

static void run_linear(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work;
    const cross s = linear_of(c, m);
    cross_run(&s, m, phase, begin, end);
}

/* Maps under a kernel of 1×1 without stride or border are rows. */
static cross conv_of(const rn_call *c, const rn_buffers *m)
{
    const rn_conv2d_dw_attr *a = c->attr;
    const rn_shape x = c->in[0], dy = c->in[1];
    if (a->kernel_h == 1 && a->kernel_w == 1 && a->conv.stride == 1 && a->conv.pad_h == 0 && a->conv.pad_w == 0)
        return linear_of(c, m);
    cross s = {.images = x.dim[0], .height = x.dim[1], .width = x.dim[2], .m = x.dim[3], .kh = a->kernel_h, .kw = a->kernel_w,
               .stride = a->conv.stride, .pad_h = a->conv.pad_h, .pad_w = a->conv.pad_w, .out_h = dy.dim[1], .out_w = dy.dim[2],
               .n = dy.dim[3], .x = {m ? m->in[0] : NULL, is_narrow(x)}, .dy = {m ? m->in[1] : NULL, is_narrow(dy)},
               .x_pitch = rn_pitch(x), .dy_pitch = rn_pitch(dy), .dw = m ? m->out[0] : NULL};
    cross_lay_out(&s);
    return s;
}

static const char *plan_conv(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const rn_conv2d_dw_attr *a = c->attr;
    if (a->conv.groups != 1)
        return "one group only";
    if (a->conv.stride != 1 && (a->kernel_h != 1 || a->kernel_w != 1))
        return "stride 1 only";
    if (!rn_dense(c->out[0]))
        return "dense results only";
    const cross s = conv_of(c, NULL);
    return cross_plan(&s, work);
}

static void run_conv(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work;
    const cross s = conv_of(c, m);
    cross_run(&s, m, phase, begin, end);
}

BF16(linear_dw, "x turned, dy in panels, the rows in a fixed number of parts", .plan = plan_linear, .run = run_linear);
BF16(conv2d_dw, "x turned once for all taps, dy in panels, images in a fixed number of parts", .plan = plan_conv, .run = run_conv);
