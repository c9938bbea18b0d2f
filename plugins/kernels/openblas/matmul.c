/* matmul: one product for each matrix of the batch and block of its rows. */
#include "blas.h"

typedef struct geometry {
    int64_t m, n, k, block, blocks; /* rows of a unit; units of a matrix */
    bool ta, tb;
} geometry;

static geometry geometry_of(const rn_call *c)
{
    const rn_matmul_attr *a = c->attr;
    geometry g = {.m = c->out[0].dim[1], .n = c->out[0].dim[2], .k = c->in[0].dim[a->ta ? 1 : 2], .ta = a->ta, .tb = a->tb};
    g.block = blas_unit_rows(g.m, 0);
    g.blocks = (g.m + g.block - 1) / g.block;
    return g;
}

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const char *why = blas_refusal(c);
    if (why)
        return why;
    work->units = c->out[0].dim[0] * geometry_of(c).blocks;
    return NULL;
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const rn_shape a = c->in[0], b = c->in[1], y = c->out[0];
    const geometry g = geometry_of(c);
    for (int64_t u = begin; u < end; u++) {
        const int64_t matrix = u / g.blocks, r = u % g.blocks * g.block;
        const int64_t from = matrix * a.dim[1] * rn_pitch(a) + (g.ta ? r : r * rn_pitch(a));
        blas_product(a.type, blas_least(g.block, g.m - r), g.n, g.k, 1,
                     (blas_matrix){blas_in(m->in[0], a.type, from), rn_pitch(a), g.ta},
                     (blas_matrix){blas_in(m->in[1], a.type, matrix * b.dim[1] * rn_pitch(b)), rn_pitch(b), g.tb}, 0,
                     blas_at(m->out[0], y.type, (matrix * g.m + r) * rn_pitch(y)), rn_pitch(y));
    }
}

const rn_kernel openblas_matmul = {
    .bytes = sizeof(rn_kernel), .name = "openblas", .doc = "one product for each matrix and block of its rows",
    .op = "matmul", .device = "cpu", .rank = 10, .plan = plan, .run = run,
};
