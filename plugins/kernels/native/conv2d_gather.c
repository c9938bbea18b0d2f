/* conv2d and its gradients as products: windows of the map times the weight, which lies in memory as [kh·kw·C, O]. Windows are
 * gathered where the product packs its rows, and never stored as a whole; those of 1×1 are the pixels themselves.
 * With stride 1 dx is a convolution of dy by the weight turned round,
 *
 *     dx[y, x, c] = Σ w[kh−1−p, kw−1−q, c, o]·dy[y + p − (kh−1−pad_h), x + q − (kw−1−pad_w), o]. */
#include "product.h"
#include "split.h"
#include "windows.h"

static windows windows_of(const rn_conv2d_attr *a, rn_shape x, int64_t kh, int64_t kw, rn_shape y)
{
    return (windows){.height = x.dim[1], .width = x.dim[2], .channels = x.dim[3], .kh = kh, .kw = kw, .stride = a->stride,
                     .pad_h = a->pad_h, .pad_w = a->pad_w, .out_h = y.dim[1], .out_w = y.dim[2]};
}

static product product_of(const rn_call *c, bool turned)
{
    const rn_shape w = c->in[1], y = c->out[0];
    return (product){.rows = rn_rows(y), .k = w.dim[0] * w.dim[1] * rn_last(c->in[0]), .n = rn_last(y),
                     .taps = w.dim[0] * w.dim[1], .w_pitch = rn_pitch(w), .turned = turned};
}

static const char *refusal(const rn_call *c, const rn_conv2d_attr *a)
{
    return c->in[0].type != RN_F32 ? "float32 only" : a->groups != 1 ? "one group only" : NULL;
}

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const char *why = refusal(c, c->attr);
    const product p = product_of(c, false);
    return why ? why : product_plan(&p, work);
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work;
    const product p = product_of(c, false);
    windows g = windows_of(c->attr, c->in[0], c->in[1].dim[0], c->in[1].dim[1], c->out[0]);
    g.rows = windows_rows(&g, m->in[0], rn_pitch(c->in[0]));
    product_run(&p, &g.rows, m->in[1], c->n_in > 2 ? m->in[2] : NULL, m->out[0], rn_pitch(c->out[0]), m, phase, begin, end);
}

static const char *plan_dx(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const rn_conv2d_attr *a = &((const rn_conv2d_dx_attr *)c->attr)->conv;
    const char *why = refusal(c, a);
    const product p = product_of(c, true);
    return why ? why : a->stride != 1 ? "stride 1 only" : product_plan(&p, work);
}

static void run_dx(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work;
    const rn_conv2d_attr a = ((const rn_conv2d_dx_attr *)c->attr)->conv;
    const int64_t kh = c->in[1].dim[0], kw = c->in[1].dim[1];
    const rn_conv2d_attr back = {.stride = 1, .pad_h = kh - 1 - a.pad_h, .pad_w = kw - 1 - a.pad_w};
    const product p = product_of(c, true);
    windows g = windows_of(&back, c->in[0], kh, kw, c->out[0]);
    g.rows = windows_rows(&g, m->in[0], rn_pitch(c->in[0]));
    product_run(&p, &g.rows, m->in[1], NULL, m->out[0], rn_pitch(c->out[0]), m, phase, begin, end);
}

static windows windows_of_dw(const rn_call *c)
{
    const rn_conv2d_dw_attr *a = c->attr;
    return windows_of(&a->conv, c->in[0], a->kernel_h, a->kernel_w, c->in[1]);
}
static split split_of(const rn_call *c, const windows *g)
{
    return split_for(rn_rows(c->in[1]), g->kh * g->kw * g->channels, rn_last(c->in[1]), !windows_are_pixels(g));
}

static const char *plan_dw(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const char *why = refusal(c, &((const rn_conv2d_dw_attr *)c->attr)->conv);
    const windows g = windows_of_dw(c);
    const split s = split_of(c, &g);
    return why ? why : rn_dense(c->out[0]) ? split_plan(&s, work) : "dense results only";
}

static void run_dw(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work;
    windows g = windows_of_dw(c);
    const split s = split_of(c, &g);
    g.rows = windows_rows(&g, m->in[0], rn_pitch(c->in[0]));
    split_run(&s, &g.rows, m->in[1], rn_pitch(c->in[1]), m, phase, begin, end);
}

NATIVE(conv2d, "a product with gathered windows", .plan = plan, .run = run);
NATIVE(conv2d_dx, "a product with gathered windows", .plan = plan_dx, .run = run_dx);
NATIVE(conv2d_dw, "a product with gathered windows", .plan = plan_dw, .run = run_dw);
