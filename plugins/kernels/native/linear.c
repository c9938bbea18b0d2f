/* linear: rows of x times a weight. Where there are rows enough the weight is packed into panels first, in a phase of its own:
 * that is one move of each element against `rows` multiply-adds, shared by all threads, and follows a weight that changes with
 * every step. Few rows do not pay for it: there a unit is some panels of columns, read where they lie.
 * linear_dw: xᵀ·dy, by gemm_split. */
#include "split.h"

enum {
    FEW_ROWS = 4 * GEMM_ROWS,
    UNITS = 32,                /* wanted where there are rows enough, so that many cores have work */
    MIN_BLOCKS = 4,            /* of GEMM_ROWS rows in a unit: a panel is read that many times once it is in the cache */
    NARROW = 3 * VF_LANES / 4  /* so few columns leave most of a vector unused */
};
static const char narrow[] = "few columns: most of a vector would stay unused";

typedef struct layout {
    int64_t rows, k, n, panels;
    bool few, turned;
    int64_t units; /* of the product */
} layout;

static layout layout_of(const rn_call *c)
{
    layout l = {.rows = rn_rows(c->in[0]), .k = rn_last(c->in[0]), .n = rn_last(c->out[0]),
                .turned = ((const rn_linear_attr *)c->attr)->transposed};
    l.panels = gemm_panels(l.n);
    l.few = l.rows <= FEW_ROWS;
    const int64_t blocks = gemm_blocks(l.rows);
    l.units = l.few ? l.panels : most(pieces(blocks, GEMM_BLOCKS), least(UNITS, pieces(blocks, MIN_BLOCKS)));
    return l;
}

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const layout l = layout_of(c);
    if (l.n < NARROW && !l.few)
        return narrow;
    work->thread_scratch_bytes = (size_t)GEMM_LEFT * sizeof(float);
    if (l.few) {
        work->units = l.units;
        work->thread_scratch_bytes += (size_t)(l.k * GEMM_COLUMNS) * sizeof(float);
        return NULL;
    }
    work->units = l.panels;
    work->more_units[0] = l.units;
    work->scratch_bytes = (size_t)(l.panels * l.k * GEMM_COLUMNS) * sizeof(float);
    return NULL;
}

/* Panel p of the weight. */
static void pack_panel(const rn_call *c, const layout *l, const float *w, int64_t p, float *to)
{
    const int64_t pitch = rn_pitch(c->in[1]), column = p * GEMM_COLUMNS;
    gemm_pack_panel(w + column * (l->turned ? pitch : 1), pitch, l->turned, l->k, least(GEMM_COLUMNS, l->n - column), to);
}

/* All rows by panels [begin, end). */
static void few_rows(const rn_call *c, const layout *l, const rn_buffers *m, int64_t begin, int64_t end)
{
    const float *w = m->in[1], *bias = c->n_in > 2 ? m->in[2] : NULL;
    float *left = m->thread_scratch, *packed = left + GEMM_LEFT, *y = m->out[0];
    const gemm_left x = {.pack = gemm_pack_dense, .v = m->in[0], .pitch = rn_pitch(c->in[0])};
    for (int64_t p = begin; p < end; p++) {
        const int64_t column = p * GEMM_COLUMNS, n = least(GEMM_COLUMNS, l->n - column);
        gemm_right b = {.v = w + column, .pitch = rn_pitch(c->in[1])};
        if (l->turned || n < GEMM_COLUMNS) {
            pack_panel(c, l, w, p, packed);
            b = (gemm_right){.v = packed, .pitch = GEMM_COLUMNS};
        }
        gemm_rows(&x, 0, l->rows, l->k, &b, n, bias ? bias + column : NULL, y + column, rn_pitch(c->out[0]), left);
    }
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work;
    const layout l = layout_of(c);
    const int64_t panel = l.k * GEMM_COLUMNS;
    if (l.few) {
        few_rows(c, &l, m, begin, end);
    } else if (phase == 0) {
        for (int64_t p = begin; p < end; p++)
            pack_panel(c, &l, m->in[1], p, (float *)m->scratch + p * panel);
    } else {
        const gemm_left x = {.pack = gemm_pack_dense, .v = m->in[0], .pitch = rn_pitch(c->in[0])};
        const gemm_right b = {.v = m->scratch, .step = panel, .pitch = GEMM_COLUMNS};
        for (int64_t u = begin; u < end; u++)
            gemm_rows(&x, l.rows * u / l.units, l.rows * (u + 1) / l.units, l.k, &b, l.n, c->n_in > 2 ? m->in[2] : NULL,
                      m->out[0], rn_pitch(c->out[0]), m->thread_scratch);
    }
}

NATIVE(linear, "panels of the weight, a block of rows at a time", .plan = plan, .run = run);

static gemm_split split_of(const rn_call *c) { return gemm_split_of(rn_rows(c->in[0]), rn_last(c->in[0]), rn_last(c->in[1])); }

static const char *plan_dw(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const gemm_split s = split_of(c);
    if (s.n < NARROW || s.m < NARROW)
        return narrow;
    gemm_split_plan(&s, work);
    return rn_dense(c->out[0]) ? NULL : "dense results only";
}

static void run_dw(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work;
    const gemm_split s = split_of(c);
    if (phase == 0)
        gemm_split_products(&s, m->in[0], rn_pitch(c->in[0]), m->in[1], rn_pitch(c->in[1]), m, begin, end);
    else
        gemm_split_sums(&s, m, begin, end);
}

NATIVE(linear_dw, "tiles of the result, the rows in a fixed number of parts", .plan = plan_dw, .run = run_dw);
