/* linear: one product for each block of rows, with the weight packed; linear_dw: xᵀ·dy, summed in parts of the rows. */
#include "parts.h"
#include "weighted.h"

/* x [count, in], w [in, out], b [out] → y [count, out] */
static const char *make(const rn_call *c, dnn_plan *d, int which, int64_t count, const dnnl_memory_desc_t *w)
{
    static const int arguments[] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST, DNNL_ARG_BIAS};
    const rn_shape x = c->in[0], y = c->out[0];
    const bool biased = c->n_in > 2 && c->in[2].rank;
    const dnnl_memory_desc_t from = dnn_matrix(x.type, count, rn_last(x), rn_pitch(x), false),
                             to = dnn_matrix(y.type, count, rn_last(y), rn_pitch(y), false),
                             bias = dnn_matrix(RN_F32, 1, rn_last(y), rn_last(y), false);
    dnnl_matmul_desc_t product;
    if (dnnl_matmul_desc_init(&product, &from, w, biased ? &bias : NULL, &to) != dnnl_success)
        return "the library does not do these shapes";
    return dnn_make(d, which, &product, NULL, biased ? 4 : 3, arguments);
}

static dnn_weighted linear_of(const rn_call *c)
{
    const rn_shape x = c->in[0], w = c->in[1], y = c->out[0];
    return (dnn_weighted){
        .total = rn_rows(x), .block = dnn_block(rn_rows(x)),
        .in_step = rn_pitch(x) * (int64_t)rn_type_bytes(x.type), .out_step = rn_pitch(y) * (int64_t)rn_type_bytes(y.type), .make = make,
        .w = dnn_matrix(w.type, rn_last(x), rn_last(y), rn_pitch(w), ((const rn_linear_attr *)c->attr)->transposed),
    };
}

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    const char *why = dnn_refusal(c, true);
    if (why)
        return why;
    const dnn_weighted g = linear_of(c);
    return dnn_weighted_plan(c, &g, threads, work);
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    const dnn_weighted g = linear_of(c);
    dnn_weighted_run(c, &g, work, m, phase, begin, end);
}

/* xᵀ [in, count], dy [count, out] → dw [in, out] */
static const char *make_dw(const rn_call *c, dnn_plan *d, int which, int64_t count, const dnnl_memory_desc_t *dw)
{
    static const int arguments[] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST};
    const rn_shape x = c->in[0], dy = c->in[1];
    const dnnl_memory_desc_t left = dnn_matrix(x.type, rn_last(x), count, rn_pitch(x), true),
                             right = dnn_matrix(dy.type, count, rn_last(dy), rn_pitch(dy), false);
    dnnl_matmul_desc_t product;
    if (dnnl_matmul_desc_init(&product, &left, &right, NULL, dw) != dnnl_success)
        return "the library does not do these shapes";
    return dnn_make(d, which, &product, NULL, 3, arguments);
}

static dnn_parts parts_of(const rn_call *c)
{
    const rn_shape x = c->in[0], dy = c->in[1], dw = c->out[0];
    const int64_t element = (int64_t)rn_type_bytes(x.type);
    return (dnn_parts){.total = rn_rows(x), .part = dnn_part(rn_rows(x), 1, rn_count(dw)),
                       .x_step = rn_pitch(x) * element, .dy_step = rn_pitch(dy) * element, .make = make_dw,
                       .dw = dnn_matrix(dw.type, rn_last(x), rn_last(dy), rn_pitch(dw), false)};
}

static const char *plan_dw(const rn_call *c, int threads, rn_work *work)
{
    const char *why = dnn_refusal(c, false);
    if (why)
        return why;
    const dnn_parts g = parts_of(c);
    return dnn_parts_plan(c, &g, threads, work);
}

static void run_dw(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    const dnn_parts g = parts_of(c);
    dnn_parts_run(&g, work, m, phase, begin, end);
}

DNN_KERNELS(linear, "one product for each block of rows, the weight packed",
            .plan = plan, .pack = dnn_weighted_pack, .run = run, .forget = dnn_forget);
DNN_KERNELS(linear_dw, "one product for each part of the rows, then their sum",
            .plan = plan_dw, .run = run_dw, .forget = dnn_forget);
