/* linear: rows of x times a weight. */
#include "product.h"

static product product_of(const rn_call *c, const rn_buffers *m)
{
    const rn_shape x = c->in[0], w = c->in[1], y = c->out[0];
    product p = {.rows = rn_rows(x), .k = rn_last(x), .n = rn_last(y), .a_pitch = rn_pitch(x), .b_pitch = rn_pitch(w),
                 .c_pitch = rn_pitch(y), .turned = ((const rn_linear_attr *)c->attr)->transposed, .a.narrow = is_narrow(x),
                 .c_narrow = is_narrow(y)};
    if (m) {
        p.a.v = m->in[0];
        p.b.v = m->in[1];
        p.bias = c->n_in > 2 ? m->in[2] : NULL;
        p.c = m->out[0];
    }
    return p;
}

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const char *why = strips_refusal();
    if (why)
        return why;
    const product p = product_of(c, NULL);
    work->units = product_panels(&p);
    work->more_units[0] = product_units(&p);
    work->scratch_bytes = product_scratch_bytes(&p);
    work->thread_scratch_bytes = product_thread_bytes(&p);
    return NULL;
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work;
    const product p = product_of(c, m);
    if (phase == 0) {
        product_pack(&p, m->scratch, begin, end);
        return;
    }
    strips_begin(GROUP_ROWS);
    for (int64_t u = begin; u < end; u++)
        product_unit(&p, m->scratch, u, m->thread_scratch);
    strips_end();
}

BF16(linear, "panels of the weight in bfloat16, rows read where they lie", .plan = plan, .run = run);
