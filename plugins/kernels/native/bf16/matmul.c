/* matmul: for each matrix of the batch, b's panels (phase 0), then rows of a (phase 1). */
#include "product.h"

static product product_of(const rn_call *c, const rn_buffers *m, int64_t matrix)
{
    const rn_matmul_attr *t = c->attr;
    const rn_shape a = c->in[0], b = c->in[1], y = c->out[0];
    product p = {.rows = y.dim[1], .k = a.dim[t->ta ? 1 : 2], .n = y.dim[2], .a_pitch = rn_pitch(a), .b_pitch = rn_pitch(b),
                 .c_pitch = rn_pitch(y), .crossed = t->ta, .turned = t->tb, .a.narrow = is_narrow(a), .b.narrow = is_narrow(b),
                 .c_narrow = is_narrow(y)};
    if (m) {
        p.a = source_at((source){m->in[0], p.a.narrow}, matrix * a.dim[1] * p.a_pitch);
        p.b = source_at((source){m->in[1], p.b.narrow}, matrix * b.dim[1] * p.b_pitch);
        p.c = (char *)m->out[0] + matrix * p.rows * p.c_pitch * (int64_t)source_bytes(p.c_narrow);
    }
    return p;
}

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const char *why = strips_refusal();
    if (why)
        return why;
    const product p = product_of(c, NULL, 0);
    const int64_t batch = c->out[0].dim[0];
    work->units = batch * product_panels(&p);
    work->more_units[0] = batch * product_units(&p);
    work->scratch_bytes = (size_t)batch * product_scratch_bytes(&p);
    work->thread_scratch_bytes = product_thread_bytes(&p);
    return NULL;
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work;
    const product any = product_of(c, NULL, 0);
    const int64_t each = phase == 0 ? product_panels(&any) : product_units(&any), matrix_panels = product_panels(&any) * product_panel(&any);
    if (phase == 1)
        strips_begin(GROUP_ROWS);
    for (int64_t u = begin; u < end; u++) {
        const product p = product_of(c, m, u / each);
        rn_bf16 *panels = (rn_bf16 *)m->scratch + u / each * matrix_panels;
        if (phase == 0)
            product_pack(&p, panels, u % each, u % each + 1);
        else
            product_unit(&p, panels, u % each, m->thread_scratch);
    }
    if (phase == 1)
        strips_end();
}

BF16(matmul, "panels of b in bfloat16, rows of a read where they lie", .plan = plan, .run = run);
