/* matmul: for each matrix of the batch, b's panels (phase 0), then blocks of rows of a (phase 1). */
#include "gemm.h"

enum {
    MATRIX_UNITS = 8,  /* of a matrix, where it has rows enough */
    UNIT_BLOCKS = 4    /* of GEMM_ROWS rows in a unit at least */
};

typedef struct geometry {
    int64_t batch, m, n, k, panels, units; /* units: of a matrix, in phase 1 */
    bool ta, tb;
} geometry;

static geometry geometry_of(const rn_call *c)
{
    const rn_matmul_attr *a = c->attr;
    geometry g = {.batch = c->out[0].dim[0], .m = c->out[0].dim[1], .n = c->out[0].dim[2], .k = c->in[0].dim[a->ta ? 1 : 2],
                  .ta = a->ta, .tb = a->tb};
    const int64_t blocks = gemm_blocks(g.m);
    g.panels = gemm_panels(g.n);
    g.units = most(pieces(blocks, GEMM_BLOCKS), least(MATRIX_UNITS, pieces(blocks, UNIT_BLOCKS)));
    return g;
}

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const geometry g = geometry_of(c);
    work->units = g.batch * g.panels;
    work->more_units[0] = g.batch * g.units;
    work->scratch_bytes = (size_t)(work->units * g.k * GEMM_COLUMNS) * sizeof(float);
    work->thread_scratch_bytes = (size_t)GEMM_LEFT * sizeof(float);
    return NULL;
}

/* gemm_left.pack for a stored as [k, row]. */
static void pack_turned(const gemm_left *a, int64_t row, int64_t rows, int64_t k, int64_t n, float *to)
{
    for (int64_t i = 0; i < rows; i += VF_LANES)
        for (int64_t j = 0; j < n; j += VF_LANES) {
            const int64_t high = least(VF_LANES, rows - i), wide = least(VF_LANES, n - j);
            vf square[VF_LANES];
            for (int64_t l = 0; l < VF_LANES; l++)
                square[l] = l < wide ? vf_get(a->v + (k + j + l) * a->pitch + row + i, high) : vf_of(0);
            vf_transpose(square);
            for (int64_t l = 0; l < high; l++)
                vf_put(to + (i + l) * GEMM_PITCH + j, square[l], wide);
        }
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work;
    const rn_shape a = c->in[0], b = c->in[1], y = c->out[0];
    const geometry g = geometry_of(c);
    const int64_t panel = g.k * GEMM_COLUMNS, b_pitch = rn_pitch(b);
    for (int64_t u = begin; u < end; u++) {
        if (phase == 0) {
            const int64_t matrix = u / g.panels, column = u % g.panels * GEMM_COLUMNS;
            gemm_pack_panel((const float *)m->in[1] + matrix * b.dim[1] * b_pitch + column * (g.tb ? b_pitch : 1), b_pitch, g.tb, g.k,
                            least(GEMM_COLUMNS, g.n - column), (float *)m->scratch + u * panel);
            continue;
        }
        const int64_t matrix = u / g.units, unit = u % g.units;
        const gemm_left left = {.pack = g.ta ? pack_turned : gemm_pack_dense, .pitch = rn_pitch(a),
                                .v = (const float *)m->in[0] + matrix * a.dim[1] * rn_pitch(a)};
        const gemm_right right = {.v = (const float *)m->scratch + matrix * g.panels * panel, .step = panel, .pitch = GEMM_COLUMNS};
        gemm_rows(&left, gemm_cut(g.m, g.units, unit), gemm_cut(g.m, g.units, unit + 1), g.k, &right, g.n, NULL,
                  (float *)m->out[0] + matrix * g.m * rn_pitch(y), rn_pitch(y), m->thread_scratch);
    }
}

NATIVE(matmul, "panels of b, a block of rows of a at a time", .plan = plan, .run = run);
