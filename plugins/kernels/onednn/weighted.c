#include "weighted.h"

/* Primitives that share the weight's layout: the one for whole units chooses it. */
static const char *make_primitives(const rn_call *c, const dnn_weighted *g, dnn_plan *d)
{
    const dnnl_memory_desc_t any = dnn_any(&g->w, c->in[0].type);
    const char *why = g->make(c, d, DNN_MAIN, g->block, &any);
    if (why)
        return why;
    const dnnl_memory_desc_t *chosen = dnn_layout(d, DNN_MAIN, 1);
    if (g->total % g->block)
        why = g->make(c, d, DNN_TAIL, g->total % g->block, chosen);
    return why ? why : dnn_make_reorder(d, DNN_TURN, &g->w, chosen);
}

const char *dnn_weighted_plan(const rn_call *c, const dnn_weighted *g, int threads, rn_work *work)
{
    dnn_plan *d = dnn_open(threads);
    const char *why = d ? make_primitives(c, g, d) : "no memory";
    if (why) {
        dnn_close(d);
        return why;
    }
    work->state = d;
    work->units = 1;
    work->more_units[0] = (g->total + g->block - 1) / g->block;
    work->packed_bytes[1] = work->scratch_bytes = dnnl_memory_desc_get_size(dnn_layout(d, DNN_MAIN, 1));
    work->thread_scratch_bytes = dnn_scratch_bytes(d);
    return NULL;
}

static void turn(dnn_plan *d, const void *from, void *to, void *scratch)
{
    dnn_slot *s = dnn_take(d);
    dnn_execute(d, s, DNN_TURN, (const void *const[]){from, to}, scratch);
    dnn_give(s);
}

void dnn_weighted_pack(const rn_call *c, const rn_work *work, int input, const void *from, void *to)
{
    (void)c, (void)input;
    turn(work->state, from, to, NULL);
}

void dnn_weighted_run(const rn_call *c, const dnn_weighted *g, const rn_work *work, const rn_buffers *m, int phase,
                      int64_t begin, int64_t end)
{
    dnn_plan *d = work->state;
    const void *w = m->packed[1] ? m->packed[1] : m->scratch;
    if (phase == 0) {
        if (!m->packed[1])
            turn(d, m->in[1], m->scratch, m->thread_scratch);
        return;
    }
    dnn_slot *s = dnn_take(d);
    for (int64_t u = begin; u < end; u++) {
        const int64_t first = u * g->block;
        const void *const memory[] = {(const char *)m->in[0] + first * g->in_step, w, (char *)m->out[0] + first * g->out_step,
                                      c->n_in > 2 ? m->in[2] : NULL};
        dnn_execute(d, s, first + g->block <= g->total ? DNN_MAIN : DNN_TAIL, memory, m->thread_scratch);
    }
    dnn_give(s);
}
