/* mean_square and its gradient. The sum goes by fixed blocks, each in double; the blocks' sums are added in
 * order, so the number of threads changes nothing. */
#include "real.h"

/* Weight of the image that element e belongs to. */
static ACC weight_of(const rn_call *c, const REAL *w, int64_t e)
{
    return w ? (ACC)w[e / (rn_count(c->in[0]) / c->in[0].dim[0])] : 1;
}

/* A block is one unit's share of runs, which are cut at the images' borders where there are weights. */
static runs blocks(const rn_call *c)
{
    const rn_shape d = c->in[0];
    runs r = {.count = rn_count(d), .flat = rn_dense(d) && !c->in[1].rank};
    r.length = r.flat ? UNIT_ELEMENTS : d.rank > 1 ? rn_last(d) : 1;
    r.n = pieces(r.count, r.length);
    r.per_unit = r.flat || r.length > UNIT_ELEMENTS ? 1 : UNIT_ELEMENTS / r.length;
    return r;
}
static int64_t block_at(const rn_call *c, runs r, int64_t i)
{
    return r.flat || c->in[0].rank == 1 ? i * r.length : i * rn_pitch(c->in[0]);
}

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    work->units = runs_units(blocks(c));
    work->more_units[0] = 1;
    work->scratch_bytes = (size_t)work->units * sizeof(ACC);
    return NULL;
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    const runs r = blocks(c);
    ACC *block = m->scratch;
    if (phase == 1) {
        ACC sum = 0;
        for (int64_t u = 0; u < work->units; u++)
            sum += block[u];
        *(REAL *)m->out[0] = (REAL)(sum / (ACC)r.count);
        return;
    }
    for (int64_t u = begin; u < end; u++) {
        ACC sum = 0;
        for (int64_t i = u * r.per_unit; i < least((u + 1) * r.per_unit, r.n); i++) {
            const REAL *d = (const REAL *)m->in[0] + block_at(c, r, i);
            sum += weight_of(c, m->in[1], i * r.length) * dot(d, d, run_length(r, i));
        }
        block[u] = sum;
    }
}

static const char *grad_plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    work->units = runs_units(blocks(c));
    return NULL;
}

static void grad_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const runs r = blocks(c);
    const ACC share = 2 * (ACC)*(const REAL *)m->in[2] / (ACC)r.count;
    for (int64_t i = begin * r.per_unit; i < least(end * r.per_unit, r.n); i++) {
        const REAL *d = (const REAL *)m->in[0] + block_at(c, r, i);
        REAL *dd = (REAL *)m->out[0] + i * r.length;
        const REAL factor = (REAL)(share * weight_of(c, m->in[1], i * r.length));
        const int64_t n = run_length(r, i);
        for (int64_t k = 0; k < n; k++)
            dd[k] = factor * d[k];
    }
}

REFERENCE(mean_square, plan, run);
REFERENCE(mean_square_grad, grad_plan, grad_run);
