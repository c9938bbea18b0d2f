/* attention and its gradient: for each image and head two products (five for the gradient) with a softmax
 * between them. The T×T matrix is made in blocks of query rows in the thread's scratch and never as a whole.
 *
 *     S = q kᵀ/√D,  P = softmax(S),  y = P v,  lse = log Σ e^S
 *     P = e^(S − lse),  dP = dy vᵀ,  dS = P·(dP − Σ_c dy·y),  dq = dS k/√D,  dk = dSᵀ q/√D,  dv = Pᵀ dy */
#include "blas.h"

#include <math.h>
#include <string.h>

/* Loops over rows are written for vectors; no byte depends on it (see rows.h). */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3", "no-math-errno", "no-trapping-math", "fp-contract=off")
#endif

/* e^x within 1 ulp for −87 ≤ x ≤ 88, clamped outside: x = n·log 2 + r, and a polynomial in r (Cephes, expf). Without
 * a branch or a call, so that a loop of it becomes vectors. NaN gives NaN. */
static inline float exp_float(float x)
{
    const float round = 12582912.0f; /* 1.5·2²³: adding it leaves n in the low bits */
    x = x < -87.0f ? -87.0f : x > 88.0f ? 88.0f : x;
    const float shifted = x * 1.44269504088896341f + round, n = shifted - round;
    const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    union { float f; uint32_t u; } power = {shifted};
    power.u = (power.u + 127u) << 23;
    return p * power.f;
}

/* What is done to rows of scores between the products; rows.h says what each does. */
typedef struct row_functions {
    void (*softmax)(void *s, int64_t rows, int64_t n, void *lse, void *share);
    void (*scale)(void *y, int64_t rows, int64_t n, int64_t pitch, const void *share);
    void (*dot)(blas_matrix a, blas_matrix b, int64_t rows, int64_t n, void *dot);
    void (*softmax_back)(void *s, void *dp, int64_t rows, int64_t n, const void *lse, const void *mean);
} row_functions;

#define REAL float
#define ROWS(f) float_##f
#define EXP exp_float
#define TARGET
#include "rows.h"

#define REAL float
#define ROWS(f) float_avx2_##f
#define EXP exp_float
#define TARGET RN_TARGET("avx2")
#include "rows.h"

#define REAL double
#define ROWS(f) double_##f
#define EXP exp
#define TARGET
#include "rows.h"

/* Eight lanes where the machine has them: the same operations on each, so the same bytes. */
static const row_functions *rows_of(rn_type type)
{
#if defined(__GNUC__) && defined(__x86_64__)
    if (type == RN_F32 && __builtin_cpu_supports("avx2"))
        return &float_avx2_rows;
#endif
    return type == RN_F32 ? &float_rows : &double_rows;
}

enum {
    SCORES_BYTES = 256 * 1024, /* of a block of S; with its operands it stays in a 1 MiB L2 */
    MIN_BLOCK = 32,
    MAX_BLOCK = 256
};

typedef struct geometry {
    rn_type type;
    int64_t heads, d, tq, tk, block, blocks;
    double scale;
} geometry;

static geometry geometry_of(const rn_call *c)
{
    const rn_shape q = c->in[0], k = c->in[1];
    geometry g = {.type = q.type, .heads = ((const rn_attention_attr *)c->attr)->heads, .tq = q.dim[1], .tk = k.dim[1]};
    g.d = rn_last(q) / g.heads;
    g.scale = 1 / sqrt((double)g.d);
    /* every tensor of a graph has a type: NOLINTNEXTLINE(clang-analyzer-core.DivideZero) */
    g.block = SCORES_BYTES / (g.tk * (int64_t)rn_type_bytes(g.type));
    g.block = g.block < MIN_BLOCK ? MIN_BLOCK : g.block > MAX_BLOCK ? MAX_BLOCK : g.block;
    g.block = blas_least(g.block, g.tq);
    g.blocks = (g.tq + g.block - 1) / g.block;
    return g;
}

/* The channels of a head in row `row` of an image of a [B, T, C] tensor. */
static int64_t place(rn_shape s, const geometry *g, int64_t image, int64_t head, int64_t row)
{
    return (image * s.dim[1] + row) * rn_pitch(s) + head * g->d;
}
static blas_matrix head_of(const void *v, rn_shape s, const geometry *g, int64_t image, int64_t head, int64_t row,
                           bool turned)
{
    return (blas_matrix){blas_in(v, s.type, place(s, g, image, head, row)), rn_pitch(s), turned};
}

/* --- forward: a unit is a block of query rows of one head of one image ------------------------------- */

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const char *why = blas_refusal(c);
    if (why)
        return why;
    const geometry g = geometry_of(c);
    work->units = c->in[0].dim[0] * g.heads * g.blocks;
    work->thread_scratch_bytes = (size_t)(g.block * (g.tk + 1)) * rn_type_bytes(g.type);
    return NULL;
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const rn_shape q = c->in[0], k = c->in[1], v = c->in[2], y = c->out[0];
    const geometry g = geometry_of(c);
    const row_functions *f = rows_of(g.type);
    void *scores = m->thread_scratch, *share = blas_at(scores, g.type, g.block * g.tk);
    for (int64_t u = begin; u < end; u++) {
        const int64_t row = u % g.blocks * g.block, head = u / g.blocks % g.heads, image = u / g.blocks / g.heads;
        const int64_t rows = blas_least(g.block, g.tq - row);
        void *out = blas_at(m->out[0], g.type, place(y, &g, image, head, row));
        void *lse = blas_at(m->out[1], g.type, (image * g.heads + head) * rn_pitch(c->out[1]) + row);
        blas_product(g.type, rows, g.tk, g.d, g.scale, head_of(m->in[0], q, &g, image, head, row, false),
                     head_of(m->in[1], k, &g, image, head, 0, true), 0, scores, g.tk);
        f->softmax(scores, rows, g.tk, lse, share);
        blas_product(g.type, rows, g.d, g.tk, 1, (blas_matrix){scores, g.tk, false},
                     head_of(m->in[2], v, &g, image, head, 0, false), 0, out, rn_pitch(y));
        f->scale(out, rows, g.d, rn_pitch(y), share);
    }
}

/* --- gradient: a unit is one head of one image, since dk and dv sum over all query rows --------------- */

enum { Q, K, V, Y, LSE, DY };

static const char *plan_grad(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const char *why = blas_refusal(c);
    if (why)
        return why;
    const geometry g = geometry_of(c);
    work->units = c->in[Q].dim[0] * g.heads;
    work->thread_scratch_bytes = (size_t)(g.block * (2 * g.tk + 1)) * rn_type_bytes(g.type);
    return NULL;
}

static void run_grad(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const rn_shape *in = c->in, *out = c->out;
    const geometry g = geometry_of(c);
    const row_functions *f = rows_of(g.type);
    void *p = m->thread_scratch, *dp = blas_at(p, g.type, g.block * g.tk), *mean = blas_at(dp, g.type, g.block * g.tk);
    const blas_matrix p_turned = {p, g.tk, true}, ds = {dp, g.tk, false}, ds_turned = {dp, g.tk, true};
    for (int64_t u = begin; u < end; u++) {
        const int64_t head = u % g.heads, image = u / g.heads;
        void *dk = blas_at(m->out[1], g.type, place(out[1], &g, image, head, 0));
        void *dv = blas_at(m->out[2], g.type, place(out[2], &g, image, head, 0));
        for (int64_t row = 0; row < g.tq; row += g.block) {
            const int64_t rows = blas_least(g.block, g.tq - row);
            const double before = row > 0 ? 1 : 0; /* add to the blocks before, or begin */
            const blas_matrix q = head_of(m->in[Q], in[Q], &g, image, head, row, false);
            const blas_matrix y = head_of(m->in[Y], in[Y], &g, image, head, row, false);
            const blas_matrix dy = head_of(m->in[DY], in[DY], &g, image, head, row, false);
            const void *lse = blas_in(m->in[LSE], g.type, (image * g.heads + head) * rn_pitch(in[LSE]) + row);
            blas_product(g.type, rows, g.tk, g.d, g.scale, q, head_of(m->in[K], in[K], &g, image, head, 0, true), 0, p,
                         g.tk);
            blas_product(g.type, rows, g.tk, g.d, 1, dy, head_of(m->in[V], in[V], &g, image, head, 0, true), 0, dp,
                         g.tk);
            f->dot(dy, y, rows, g.d, mean);
            f->softmax_back(p, dp, rows, g.tk, lse, mean);
            blas_product(g.type, g.tk, g.d, rows, 1, p_turned, dy, before, dv, rn_pitch(out[2]));
            blas_product(g.type, g.tk, g.d, rows, g.scale, ds_turned, q, before, dk, rn_pitch(out[1]));
            blas_product(g.type, rows, g.d, g.tk, g.scale, ds, head_of(m->in[K], in[K], &g, image, head, 0, false), 0,
                         blas_at(m->out[0], g.type, place(out[0], &g, image, head, row)), rn_pitch(out[0]));
        }
    }
}

const rn_kernel openblas_attention = {
    .bytes = sizeof(rn_kernel), .name = "openblas", .doc = "two products and a softmax for each head and block of rows",
    .op = "attention", .device = "cpu", .rank = 10, .plan = plan, .run = run,
};
const rn_kernel openblas_attention_grad = {
    .bytes = sizeof(rn_kernel), .name = "openblas", .doc = "five products for each head and block of rows",
    .op = "attention_grad", .device = "cpu", .rank = 10, .plan = plan_grad, .run = run_grad,
};
