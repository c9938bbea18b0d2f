#include "blas.h"

#include <cblas.h>
#include <limits.h>
#include <string.h>

enum {
    /* A unit's panel, beside what the library packs: less than half of the smallest L2 in use (1 MiB). */
    PANEL_BYTES = 384 * 1024,
    MIN_ROWS = 64,  /* fewer, and packing the right operand for every unit shows */
    MAX_ROWS = 256, /* more gains nothing */
    UNITS = 32,     /* wanted where there are rows enough, so that many cores have work */
    /* Sums over rows: */
    PARTS = 16,
    PART_ROWS = 256,                    /* at least, so that a part is more work than adding it up */
    PARTS_BYTES = 64 * 1024 * 1024,     /* shared scratch at most */
    SUM_UNIT = 16384                    /* elements that a unit of the second phase adds up */
};

/* The library keeps to one thread inside a unit: with threads of its own, its results change with their number. */
__attribute__((constructor)) static void use_one_thread(void) { openblas_set_num_threads(1); }

const char *blas_refusal(const rn_call *c)
{
    const rn_type type = c->in[0].type;
    if (type != RN_F32 && type != RN_F64)
        return "float32 and float64 only";
    for (int i = 0; i < c->n_in + c->n_out; i++) {
        const rn_shape s = i < c->n_in ? c->in[i] : c->out[i - c->n_in];
        if (s.rank && s.type != type)
            return "all tensors must have one type";
        if (rn_pitch(s) > INT_MAX || (s.rank && rn_rows(s) > INT_MAX))
            return "more rows or channels than the library's int can count";
    }
    return NULL;
}

void blas_product(rn_type type, int64_t m, int64_t n, int64_t k, double alpha, blas_matrix a, blas_matrix b,
                  double beta, void *y, int64_t ldy)
{
    const enum CBLAS_TRANSPOSE ta = a.turned ? CblasTrans : CblasNoTrans, tb = b.turned ? CblasTrans : CblasNoTrans;
    if (type == RN_F32)
        cblas_sgemm(CblasRowMajor, ta, tb, (blasint)m, (blasint)n, (blasint)k, (float)alpha, a.v, (blasint)a.ld, b.v,
                    (blasint)b.ld, (float)beta, y, (blasint)ldy);
    else
        cblas_dgemm(CblasRowMajor, ta, tb, (blasint)m, (blasint)n, (blasint)k, alpha, a.v, (blasint)a.ld, b.v,
                    (blasint)b.ld, beta, y, (blasint)ldy);
}

/* The bias first: the library would otherwise spend the same write on zeros. */
void blas_affine(rn_type type, int64_t m, int64_t n, int64_t k, blas_matrix a, blas_matrix b, const void *bias, void *y,
                 int64_t ldy)
{
    for (int64_t i = 0; bias && i < m; i++)
        memcpy(blas_at(y, type, i * ldy), bias, (size_t)n * rn_type_bytes(type));
    blas_product(type, m, n, k, 1, a, b, bias ? 1 : 0, y, ldy);
}

int64_t blas_unit_rows(int64_t total, int64_t row_bytes)
{
    int64_t rows = PANEL_BYTES / (row_bytes > 0 ? row_bytes : 1);
    if (rows > (total + UNITS - 1) / UNITS)
        rows = (total + UNITS - 1) / UNITS;
    if (rows > MAX_ROWS)
        rows = MAX_ROWS;
    return rows < MIN_ROWS ? MIN_ROWS : rows;
}

blas_split blas_split_of(rn_type type, int64_t total, int64_t elements)
{
    const int64_t bytes = elements * (int64_t)rn_type_bytes(type);
    int64_t parts = blas_least(PARTS, total / PART_ROWS);
    if (parts > PARTS_BYTES / (bytes > 0 ? bytes : 1))
        parts = PARTS_BYTES / (bytes > 0 ? bytes : 1);
    if (parts < 1)
        parts = 1;
    const int64_t rows = (total + parts - 1) / parts;
    return (blas_split){.parts = (total + rows - 1) / rows, .rows = rows, .elements = elements, .type = type};
}

void blas_split_plan(const blas_split *s, rn_work *work)
{
    work->units = s->parts;
    if (s->parts == 1)
        return;
    work->more_units[0] = (s->elements + SUM_UNIT - 1) / SUM_UNIT;
    work->scratch_bytes = (size_t)(s->parts * s->elements) * rn_type_bytes(s->type);
}

void *blas_split_result(const blas_split *s, const rn_buffers *m, int64_t part)
{
    return s->parts == 1 ? m->out[0] : blas_at(m->scratch, s->type, part * s->elements);
}

#define ADD_UP(real)                                                                               \
    do {                                                                                           \
        real *restrict y = m->out[0];                                                              \
        const real *restrict part = m->scratch;                                                    \
        memcpy(y + first, part + first, (size_t)(last - first) * sizeof *y);                       \
        for (int64_t p = 1; p < s->parts; p++)                                                     \
            for (int64_t i = first; i < last; i++)                                                 \
                y[i] += part[p * s->elements + i];                                                 \
    } while (0)

void blas_split_sum(const blas_split *s, const rn_buffers *m, int64_t begin, int64_t end)
{
    const int64_t first = begin * SUM_UNIT, last = blas_least(end * SUM_UNIT, s->elements);
    if (s->type == RN_F32)
        ADD_UP(float);
    else
        ADD_UP(double);
}
