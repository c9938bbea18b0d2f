#ifndef KERNELS_REFERENCE_REAL_H
#define KERNELS_REFERENCE_REAL_H
/* Every source of this folder is compiled twice: REAL is float, then double. Long sums are taken in ACC.
 * Kernels here accept every shape, channel ranges included, and are written to be believed. */
#include <runner/kernel.h>
#include <runner/ops.h>
#include <runner/random.h>

#include <math.h>

typedef double ACC;

#ifdef REAL_IS_float
#define RN_REAL_TYPE RN_F32
#define REAL_(function) function##f /* expf, tanhf … */
#define NAME_(op_) reference_##op_##_float
#else
#define RN_REAL_TYPE RN_F64
#define REAL_(function) function
#define NAME_(op_) reference_##op_##_double
#endif

/* The descriptor at the end of a file: REFERENCE(avg_pool, plan, run); */
#define REFERENCE(op_, plan_, run_)                                                                \
    const rn_kernel NAME_(op_) = {.bytes = sizeof(rn_kernel), .name = "reference",                 \
                                  .doc = "plain C, right before fast", .op = #op_,                 \
                                  .device = "cpu", .rank = RN_RANK_REFERENCE, .type = RN_REAL_TYPE,\
                                  .plan = plan_, .run = run_}

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
/* size is 1 or more, as dimensions are: NOLINTNEXTLINE(clang-analyzer-core.DivideZero) */
static inline int64_t pieces(int64_t n, int64_t size) { return (n + size - 1) / size; }

/* Elements that one unit of pointwise work has, about: small against a level-1 cache, large against a call. */
enum { UNIT_ELEMENTS = 4096 };

/* How a pointwise kernel walks: in runs of neighbouring elements, several to a unit. Where all tensors are
 * dense a run is any stretch of elements, otherwise it is one run of channels. */
typedef struct runs {
    int64_t n, length, per_unit, count;
    bool flat;
} runs;

/* Runs over the output 0 and the first n_in inputs, which have its shape. */
static inline runs runs_of(const rn_call *c, int n_in)
{
    const rn_shape y = c->out[0];
    runs r = {.count = rn_count(y), .flat = true};
    for (int i = 0; i < n_in; i++)
        r.flat = r.flat && (rn_dense(c->in[i]) || !c->in[i].rank);
    r.length = r.flat ? UNIT_ELEMENTS : rn_last(y);
    r.n = pieces(r.count, r.length);
    /* dimensions are 1 and more: NOLINTNEXTLINE(clang-analyzer-core.DivideZero) */
    r.per_unit = r.flat || r.length > UNIT_ELEMENTS ? 1 : UNIT_ELEMENTS / r.length;
    return r;
}
static inline int64_t runs_units(runs r) { return pieces(r.n, r.per_unit); }

/* Where run i begins in a tensor of that shape, and its length. */
static inline int64_t run_at(runs r, rn_shape s, int64_t i) { return i * (r.flat ? UNIT_ELEMENTS : rn_pitch(s)); }
static inline int64_t run_length(runs r, int64_t i) { return r.flat ? least(r.length, r.count - i * r.length) : r.length; }

/* Rows of channels to a unit, for kernels that walk row by row. */
static inline int64_t rows_per_unit(rn_shape s)
{
    /* dimensions are 1 and more: NOLINTNEXTLINE(clang-analyzer-core.DivideZero) */
    return rn_last(s) >= UNIT_ELEMENTS ? 1 : UNIT_ELEMENTS / rn_last(s);
}

static inline ACC fold(const ACC lane[8])
{
    return ((lane[0] + lane[4]) + (lane[1] + lane[5])) + ((lane[2] + lane[6]) + (lane[3] + lane[7]));
}

/* Σ a·b in eight interleaved sums: always the same order, and one that vectors can follow. */
static inline ACC dot(const REAL *a, const REAL *b, int64_t n)
{
    ACC lane[8] = {0};
    int64_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (int k = 0; k < 8; k++)
            lane[k] += (ACC)a[i + k] * (ACC)b[i + k];
    for (; i < n; i++)
        lane[i & 7] += (ACC)a[i] * (ACC)b[i];
    return fold(lane);
}

/* sum[i] += factor·x[i] */
static inline void add_multiple(ACC *sum, ACC factor, const REAL *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        sum[i] += factor * (ACC)x[i];
}

#endif
