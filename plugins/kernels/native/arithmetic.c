/* add, sub, mul, scale, copy: element by element; add with a second operand that lacks leading axes, too, which is float32. */
#include "pointwise.h"

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const walk w = walk_of(c, c->n_in);
    work->units = walk_units(&w);
    return native_mixture(c);
}

/* y = a · sign · b over n elements; y may be a. */
/* clang-format off */
#define ROW(name_, type_of_b, sign)                                                                                    \
    static void name_(el *y, const el *a, const type_of_b *b, int64_t n)                                               \
    {                                                                                                                  \
        int64_t k = 0;                                                                                                 \
        for (; k + VF_LANES <= n; k += VF_LANES)                                                                       \
            vf_store(y + k, vf_load(a + k) sign vf_load(b + k));                                                       \
        if (k < n)                                                                                                     \
            vf_store_part(y + k, vf_load_part(a + k, n - k) sign vf_load_part(b + k, n - k), n - k);                   \
    }
#define BINARY(op_, sign)                                                                                              \
    ROW(op_##_row, el, sign)                                                                                           \
    static void op_##_equal(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)\
    {                                                                                                                  \
        (void)work, (void)phase;                                                                                       \
        const walk w = walk_of(c, 2);                                                                                  \
        for (int64_t i = begin * w.rows_per_unit; i < least(end * w.rows_per_unit, w.rows); i++)                       \
            op_##_row((el *)m->out[0] + walk_at(&w, c->out[0], i), (const el *)m->in[0] + walk_at(&w, c->in[0], i),    \
                      (const el *)m->in[1] + walk_at(&w, c->in[1], i), walk_length(&w, i));                            \
    }
/* clang-format on */
BINARY(add, +)
BINARY(sub, -)
BINARY(mul, *)
ROW(add_float_row, float, +)

/* b is taken round and round: a round is all of it where everything is dense, otherwise one run of channels. */
typedef struct rounds {
    int64_t n, length, per_unit; /* rounds, elements of one, rounds of a unit */
} rounds;
static rounds rounds_of(const rn_call *c)
{
    const bool flat = rn_dense(c->in[0]) && rn_dense(c->in[1]) && rn_count(c->in[1]) <= UNIT_ELEMENTS;
    rounds r = {.length = flat ? rn_count(c->in[1]) : rn_last(c->in[0])};
    r.n = rn_count(c->out[0]) / r.length;
    r.per_unit = most(1, UNIT_ELEMENTS / r.length);
    return r;
}

static const char *add_plan(const rn_call *c, int threads, rn_work *work)
{
    if (rn_same_dims(c->in[0], c->in[1]))
        return plan(c, threads, work);
    const rounds r = rounds_of(c);
    work->units = pieces(r.n, r.per_unit);
    if (c->in[0].type != NATIVE_TYPE || c->out[0].type != NATIVE_TYPE || c->in[1].type != RN_F32)
        return "a second operand without leading axes in float32 only, the others in one type";
    return NULL;
}

static void add_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    if (rn_same_dims(c->in[0], c->in[1])) {
        add_equal(c, work, m, phase, begin, end);
        return;
    }
    const rounds r = rounds_of(c);
    const int64_t a_step = r.length > rn_last(c->in[0]) ? r.length : rn_pitch(c->in[0]);
    /* dimensions are 1 and more: NOLINTNEXTLINE(clang-analyzer-core.DivideZero) */
    const int64_t b_rows = rn_count(c->in[1]) / r.length;
    for (int64_t i = begin * r.per_unit; i < least(end * r.per_unit, r.n); i++)
        add_float_row((el *)m->out[0] + i * r.length, (const el *)m->in[0] + i * a_step,
                      (const float *)m->in[1] + i % b_rows * rn_pitch(c->in[1]), r.length);
}

static void scale_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const walk w = walk_of(c, 1);
    const vf factor = vf_of((float)((const rn_scale_attr *)c->attr)->factor);
    for (int64_t i = begin * w.rows_per_unit; i < least(end * w.rows_per_unit, w.rows); i++) {
        const el *x = (const el *)m->in[0] + walk_at(&w, c->in[0], i);
        el *y = (el *)m->out[0] + walk_at(&w, c->out[0], i);
        const int64_t n = walk_length(&w, i);
        int64_t k = 0;
        for (; k + VF_LANES <= n; k += VF_LANES)
            vf_store(y + k, factor * vf_load(x + k));
        if (k < n)
            vf_store_part(y + k, factor * vf_load_part(x + k, n - k), n - k);
    }
}

static void copy_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const walk w = walk_of(c, 1);
    for (int64_t i = begin * w.rows_per_unit; i < least(end * w.rows_per_unit, w.rows); i++)
        move_row((el *)m->out[0] + walk_at(&w, c->out[0], i), (const el *)m->in[0] + walk_at(&w, c->in[0], i),
                 walk_length(&w, i));
}

NATIVE(add, "whole vectors", .plan = add_plan, .run = add_run);
NATIVE(sub, "whole vectors", .plan = plan, .run = sub_equal);
NATIVE(mul, "whole vectors", .plan = plan, .run = mul_equal);
NATIVE(scale, "whole vectors", .plan = plan, .run = scale_run);
NATIVE(copy, "whole vectors", .plan = plan, .run = copy_run);
