/* sum_leading: Σ over the rows of x [rows, width]. Parts of the rows are summed column by column, a block of rows in
 * registers and float32, then the parts in order in double. */
#include "strips.h"

enum {
    MOST_PARTS = 64,
    LEAST_PART_ROWS = 2 * BLOCK_ROWS,
    PART_WIDTH = 1024,  /* columns of a unit: where there are few rows they alone keep threads busy */
    FOLD_COLUMNS = 64
};

/* Where a row is shorter than a vector and all are dense, `together` = VF_LANES rows are taken as one of that many vectors. */
typedef struct plane {
    int64_t rows, width, pitch, together;
    int64_t part, parts, chunks; /* rows of a part, parts, pieces of the width */
} plane;
static plane plane_of(const rn_call *c)
{
    const int64_t width = rn_count(c->out[0]), rows_of_x = rn_count(c->in[0]) / width;
    plane p = {.together = width < VF_LANES && rn_dense(c->in[0]) && rows_of_x >= VF_LANES ? VF_LANES : 1};
    p.rows = rows_of_x / p.together;
    p.width = width * p.together;
    p.pitch = rn_dense(c->in[0]) ? p.width : rn_pitch(c->in[0]);
    p.part = most(LEAST_PART_ROWS, pieces(p.rows, MOST_PARTS));
    p.parts = pieces(p.rows, p.part);
    p.chunks = pieces(p.width, PART_WIDTH);
    return p;
}

/* Its sums are y itself. */
static bool one_part(const plane *p) { return p->parts == 1 && p->together == 1; }

/* Scratch: the parts' sums, [parts, width]. */
static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    if (!rn_dense(c->in[0]) && rn_count(c->out[0]) != rn_last(c->in[0]))
        return "a range of channels is summed over all axes but its channels alone";
    const plane p = plane_of(c);
    work->units = p.parts * p.chunks;
    if (one_part(&p))
        return native_mixture(c);
    work->more_units[0] = pieces(rn_count(c->out[0]), FOLD_COLUMNS);
    work->scratch_bytes = (size_t)(p.parts * p.width) * sizeof(float);
    return native_mixture(c);
}

NATIVE_INLINE void sum_strip(float *sum, rows x, int64_t k, const int vectors, const int64_t lanes)
{
    vf s[STRIP_VECTORS];
    for (int v = 0; v < vectors; v++)
        s[v] = vf_of(0);
    for (int64_t i = 0; i < x.n; i++)
        for (int v = 0; v < vectors; v++)
            s[v] += vf_get(x.at + i * x.pitch + k + v * VF_LANES, lanes);
    for (int v = 0; v < vectors; v++) {
        float *at = sum + k + v * VF_LANES;
        vf_put(at, vf_get(at, lanes) + s[v], lanes);
    }
}

static void sum_part(const rn_buffers *m, const plane *p, int64_t u)
{
    const int64_t part = u / p->chunks, column = u % p->chunks * PART_WIDTH, width = least(PART_WIDTH, p->width - column);
    const int64_t first = part * p->part, last = least(first + p->part, p->rows);
    float *sum = (float *)(one_part(p) ? m->out[0] : m->scratch) + part * p->width + column;
    memset(sum, 0, (size_t)width * sizeof *sum);
    const int64_t step = read_rows(width);
    for (int64_t row = first; row < last; row += step) {
        const rows x = {(const el *)m->in[0] + row * p->pitch + column, p->pitch, least(step, last - row)};
        FOR_STRIPS(width, sum_strip, sum, x);
    }
}

/* y of a few columns: the parts in order, in each the rows that were taken together, and the rows that were left. */
static void fold(const rn_call *c, const rn_buffers *m, const plane *p, int64_t begin, int64_t end)
{
    const int64_t width = rn_count(c->out[0]), rest = rn_count(c->in[0]) / width;
    for (int64_t k = begin; k < end; k++) {
        double sum = 0;
        for (int64_t part = 0; part < p->parts; part++)
            for (int64_t j = k; j < p->width; j += width)
                sum += (double)((const float *)m->scratch)[part * p->width + j];
        for (int64_t row = p->rows * p->together; row < rest; row++)
            sum += (double)float_of(((const el *)m->in[0])[row * width + k]);
        ((float *)m->out[0])[k] = (float)sum;
    }
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work;
    const plane p = plane_of(c);
    if (phase == 1)
        fold(c, m, &p, begin * FOLD_COLUMNS, least(end * FOLD_COLUMNS, rn_count(c->out[0])));
    else
        for (int64_t u = begin; u < end; u++)
            sum_part(m, &p, u);
}

NATIVE(sum_leading, "column by column, sums in registers", .plan = plan, .run = run);
