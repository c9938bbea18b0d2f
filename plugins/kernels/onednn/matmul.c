/* matmul: one product for each matrix of the batch and block of its rows. */
#include "primitives.h"

typedef struct geometry {
    int64_t m, n, k, block, blocks; /* rows of a unit; units of a matrix */
    bool ta, tb;
} geometry;

static geometry geometry_of(const rn_call *c)
{
    const rn_matmul_attr *a = c->attr;
    geometry g = {.m = c->out[0].dim[1], .n = c->out[0].dim[2], .k = c->in[0].dim[a->ta ? 1 : 2], .ta = a->ta, .tb = a->tb};
    g.block = dnn_block(g.m);
    g.blocks = (g.m + g.block - 1) / g.block;
    return g;
}

static const char *make(const rn_call *c, const geometry *g, dnn_plan *d, int which, int64_t rows)
{
    static const int arguments[] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST};
    const rn_shape a = c->in[0], b = c->in[1], y = c->out[0];
    const dnnl_memory_desc_t left = dnn_matrix(a.type, rows, g->k, rn_pitch(a), g->ta),
                             right = dnn_matrix(b.type, g->k, g->n, rn_pitch(b), g->tb),
                             to = dnn_matrix(y.type, rows, g->n, rn_pitch(y), false);
    dnnl_matmul_desc_t product;
    if (dnnl_matmul_desc_init(&product, &left, &right, NULL, &to) != dnnl_success)
        return "the library does not do these shapes";
    return dnn_make(d, which, &product, NULL, 3, arguments);
}

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    const char *why = dnn_refusal(c, false);
    if (why)
        return why;
    const geometry g = geometry_of(c);
    dnn_plan *d = dnn_open(threads);
    why = d ? make(c, &g, d, DNN_MAIN, g.block) : "no memory";
    if (!why && g.m % g.block)
        why = make(c, &g, d, DNN_TAIL, g.m % g.block);
    if (why) {
        dnn_close(d);
        return why;
    }
    work->state = d;
    work->units = c->out[0].dim[0] * g.blocks;
    work->thread_scratch_bytes = dnn_scratch_bytes(d);
    return NULL;
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)phase;
    const rn_shape a = c->in[0], b = c->in[1], y = c->out[0];
    const geometry g = geometry_of(c);
    const int64_t element = (int64_t)rn_type_bytes(a.type), element_out = (int64_t)rn_type_bytes(y.type);
    dnn_plan *d = work->state;
    dnn_slot *s = dnn_take(d);
    for (int64_t u = begin; u < end; u++) {
        const int64_t matrix = u / g.blocks, r = u % g.blocks * g.block;
        const int64_t from = matrix * a.dim[1] * rn_pitch(a) + (g.ta ? r : r * rn_pitch(a));
        const void *const memory[] = {(const char *)m->in[0] + from * element,
                                      (const char *)m->in[1] + matrix * b.dim[1] * rn_pitch(b) * element,
                                      (char *)m->out[0] + (matrix * g.m + r) * rn_pitch(y) * element_out};
        dnn_execute(d, s, r + g.block <= g.m ? DNN_MAIN : DNN_TAIL, memory, m->thread_scratch);
    }
    dnn_give(s);
}

DNN_KERNELS(matmul, "one product for each matrix and block of its rows",
            .plan = plan, .run = run, .forget = dnn_forget);
