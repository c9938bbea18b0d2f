/* linear: rows of x times a weight. linear_dw: xᵀ·dy, a sum over rows. */
#include "product.h"
#include "split.h"

static product product_of(const rn_call *c)
{
    return (product){.rows = rn_rows(c->in[0]), .k = rn_last(c->in[0]), .n = rn_last(c->out[0]), .taps = 1,
                     .w_pitch = rn_pitch(c->in[1]), .turned = ((const rn_linear_attr *)c->attr)->transposed};
}

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const product p = product_of(c);
    return product_plan(&p, work);
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work;
    const product p = product_of(c);
    const gemm_left x = {.pack = gemm_pack_dense, .v = m->in[0], .pitch = rn_pitch(c->in[0])};
    product_run(&p, &x, m->in[1], c->n_in > 2 ? m->in[2] : NULL, m->out[0], rn_pitch(c->out[0]), m, phase, begin, end);
}

static split split_of(const rn_call *c)
{
    return split_for(rn_rows(c->in[0]), rn_last(c->in[0]), rn_last(c->in[1]), false);
}

static const char *plan_dw(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const split s = split_of(c);
    return rn_dense(c->out[0]) ? split_plan(&s, work) : "dense results only";
}

static void run_dw(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work;
    const split s = split_of(c);
    const gemm_left x = {.pack = gemm_pack_dense, .v = m->in[0], .pitch = rn_pitch(c->in[0])};
    split_run(&s, &x, m->in[1], rn_pitch(c->in[1]), m, phase, begin, end);
}

NATIVE(linear, "panels of the weight, a block of rows at a time", .plan = plan, .run = run);
NATIVE(linear_dw, "tiles of the result, the rows in a fixed number of parts", .plan = plan_dw, .run = run_dw);
