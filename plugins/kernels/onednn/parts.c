#include "parts.h"

#include <string.h>

enum {
    PARTS = 16,
    PART_ROWS = 256,                /* at least, so that a part is more work than adding it up */
    PARTS_BYTES = 64 * 1024 * 1024, /* shared scratch at most */
    SUM_UNIT = 16384                /* elements that a unit of the second phase adds up */
};

int64_t dnn_part(int64_t total, int64_t rows, int64_t elements)
{
    int64_t parts = dnn_least(PARTS, total * rows / PART_ROWS);
    parts = dnn_least(parts, PARTS_BYTES / (elements * (int64_t)sizeof(float)));
    parts = dnn_most(1, dnn_least(parts, total));
    return (total + parts - 1) / parts;
}

/* What follows from the layout that the library chose. */
typedef struct results {
    int64_t parts, elements; /* elements of a result with the layout's padding, in whole cache lines */
    bool ours;               /* the layout is our own */
} results;

static results results_of(const dnn_parts *g, const dnn_plan *d)
{
    const dnnl_memory_desc_t *chosen = dnn_layout(d, DNN_MAIN, 2);
    const int64_t bytes = ((int64_t)dnnl_memory_desc_get_size(chosen) + 63) / 64 * 64;
    return (results){.parts = (g->total + g->part - 1) / g->part, .elements = bytes / (int64_t)sizeof(float),
                     .ours = dnnl_memory_desc_equal(chosen, &g->dw)};
}

static const char *make_primitives(const rn_call *c, const dnn_parts *g, dnn_plan *d)
{
    const dnnl_memory_desc_t any = dnn_any(&g->dw, RN_F32);
    const char *why = g->make(c, d, DNN_MAIN, g->part, &any);
    if (why)
        return why;
    const dnnl_memory_desc_t *chosen = dnn_layout(d, DNN_MAIN, 2);
    if (g->total % g->part)
        why = g->make(c, d, DNN_TAIL, g->total % g->part, chosen);
    return why || dnnl_memory_desc_equal(chosen, &g->dw) ? why : dnn_make_reorder(d, DNN_TURN, chosen, &g->dw);
}

const char *dnn_parts_plan(const rn_call *c, const dnn_parts *g, int threads, rn_work *work)
{
    if (!rn_dense(c->out[0]))
        return "dense results only";
    dnn_plan *d = dnn_open(threads);
    const char *why = d ? make_primitives(c, g, d) : "no memory";
    if (why) {
        dnn_close(d);
        return why;
    }
    const results r = results_of(g, d);
    int phases = 0;
    work->state = d;
    work->units = r.parts;
    if (r.parts > 1)
        work->more_units[phases++] = (r.elements + SUM_UNIT - 1) / SUM_UNIT;
    if (!r.ours)
        work->more_units[phases++] = 1;
    if (phases)
        work->scratch_bytes = (size_t)(r.parts * r.elements) * sizeof(float);
    work->thread_scratch_bytes = dnn_scratch_bytes(d);
    return NULL;
}

static void make_parts(const dnn_parts *g, dnn_plan *d, const results *r, const rn_buffers *m, int64_t begin, int64_t end)
{
    const bool straight = r->parts == 1 && r->ours;
    dnn_slot *s = dnn_take(d);
    for (int64_t p = begin; p < end; p++) {
        const int64_t first = p * g->part;
        const void *const memory[] = {(const char *)m->in[0] + first * g->x_step,
                                      (const char *)m->in[1] + first * g->dy_step,
                                      straight ? m->out[0] : (float *)m->scratch + p * r->elements};
        dnn_execute(d, s, first + g->part <= g->total ? DNN_MAIN : DNN_TAIL, memory, m->thread_scratch);
    }
    dnn_give(s);
}

/* Into the result where the layout is ours, else over part 0. */
static void add_up(const results *r, const rn_buffers *m, int64_t begin, int64_t end, int64_t size)
{
    float *restrict y = r->ours ? m->out[0] : m->scratch;
    const float *restrict part = m->scratch;
    const int64_t first = begin * SUM_UNIT, last = dnn_least(end * SUM_UNIT, size);
    if (r->ours)
        memcpy(y + first, part + first, (size_t)(last - first) * sizeof *y);
    for (int64_t p = 1; p < r->parts; p++)
        for (int64_t i = first; i < last; i++)
            y[i] += part[p * r->elements + i];
}

void dnn_parts_run(const dnn_parts *g, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    dnn_plan *d = work->state;
    const results r = results_of(g, d);
    if (phase == 0) {
        make_parts(g, d, &r, m, begin, end);
    } else if (phase == 1 && r.parts > 1) {
        add_up(&r, m, begin, end, (int64_t)dnnl_memory_desc_get_size(dnn_layout(d, DNN_MAIN, 2)) / (int64_t)sizeof(float));
    } else {
        dnn_slot *s = dnn_take(d);
        dnn_execute(d, s, DNN_TURN, (const void *const[]){m->scratch, m->out[0]}, m->thread_scratch);
        dnn_give(s);
    }
}
