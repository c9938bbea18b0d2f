/* linear and linear_dw: one product. A unit is a block of rows; the gradient of the weight sums over rows, so
 * its units are parts of that sum. */
#include "blas.h"

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const char *why = blas_refusal(c);
    if (why)
        return why;
    const int64_t rows = rn_rows(c->in[0]), block = blas_unit_rows(rows, 0);
    work->units = (rows + block - 1) / block;
    return NULL;
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const rn_shape x = c->in[0], y = c->out[0];
    const bool turned = ((const rn_linear_attr *)c->attr)->transposed;
    const int64_t rows = rn_rows(x), block = blas_unit_rows(rows, 0);
    const int64_t first = begin * block, last = blas_least(end * block, rows);
    for (int64_t r = first; r < last; r += block)
        blas_affine(x.type, blas_least(block, rows - r), rn_last(y), rn_last(x),
                    (blas_matrix){blas_in(m->in[0], x.type, r * rn_pitch(x)), rn_pitch(x), false},
                    (blas_matrix){m->in[1], rn_pitch(c->in[1]), turned}, c->n_in > 2 ? m->in[2] : NULL,
                    blas_at(m->out[0], y.type, r * rn_pitch(y)), rn_pitch(y));
}

static blas_split split_of(const rn_call *c)
{
    return blas_split_of(c->in[0].type, rn_rows(c->in[0]), rn_count(c->out[0]));
}

static const char *plan_dw(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const char *why = blas_refusal(c);
    if (why)
        return why;
    if (!rn_dense(c->out[0]))
        return "dense results only";
    const blas_split s = split_of(c);
    blas_split_plan(&s, work);
    return NULL;
}

static void run_dw(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work;
    const rn_shape x = c->in[0], dy = c->in[1];
    const blas_split s = split_of(c);
    if (phase == 1) {
        blas_split_sum(&s, m, begin, end);
        return;
    }
    for (int64_t p = begin; p < end; p++) {
        const int64_t r = p * s.rows;
        blas_product(x.type, rn_last(x), rn_last(dy), blas_least(s.rows, rn_rows(x) - r), 1,
                     (blas_matrix){blas_in(m->in[0], x.type, r * rn_pitch(x)), rn_pitch(x), true},
                     (blas_matrix){blas_in(m->in[1], x.type, r * rn_pitch(dy)), rn_pitch(dy), false}, 0,
                     blas_split_result(&s, m, p), rn_last(dy));
    }
}

const rn_kernel openblas_linear = {
    .bytes = sizeof(rn_kernel), .name = "openblas", .doc = "one product for each block of rows", .op = "linear",
    .device = "cpu", .rank = 10, .plan = plan, .run = run,
};
const rn_kernel openblas_linear_dw = {
    .bytes = sizeof(rn_kernel), .name = "openblas", .doc = "one product for each part of the rows, then their sum",
    .op = "linear_dw", .device = "cpu", .rank = 10, .plan = plan_dw, .run = run_dw,
};
