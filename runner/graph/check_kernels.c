/* A case is an example of the op, its inputs filled at random; the kernel and the reference compute it from the same values,
 * the reference in float32 or float64 and dense, the kernel in the types and pitches of the case. */
#include "graph/check_kernels.h"

#include <runner/bf16.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { GAP = 5 }; /* elements between the rows of a channel range */

/* Which of the inputs and outputs that may be narrow are, and whether inputs are channel ranges. */
typedef struct variant {
    unsigned in, out;
    int64_t gap;
} variant;

static const variant wide_variants[] = {{0, 0, 0}, {0, 0, GAP}};
static const variant narrow_variants[] = {{~0u, ~0u, 0}, {~0u, ~0u, GAP}, {~0u, 0, 0}, {0, ~0u, 0}, {1, ~0u, 0}, {~1u, ~0u, 0}};

typedef struct one_call {
    rn_call call;
    rn_shape in[RN_MAX_IN], out[RN_MAX_OUT];
    void *in_memory[RN_MAX_IN], *out_memory[RN_MAX_OUT];
} one_call;

double rn_kernel_tolerance(rn_type type)
{
    return type == RN_F64 ? 1e-12 : type == RN_BF16 ? 1e-2 : 2e-5;
}

/* --- elements --------------------------------------------------------------------------------------- */

/* Aligned to 64 bytes and filled with 0xff, which is not-a-number in every type. */
static void *room(size_t bytes)
{
    const size_t lines = (bytes + 64) / 64 * 64;
    void *p = aligned_alloc(64, lines);
    return p ? memset(p, 0xff, lines) : NULL;
}

static size_t extent(rn_shape s) { return (size_t)(rn_rows(s) * rn_pitch(s)) * rn_type_bytes(s.type); }
static int64_t place(rn_shape s, int64_t i) { return i / rn_last(s) * rn_pitch(s) + i % rn_last(s); }

static double get(rn_shape s, const void *memory, int64_t element)
{
    const int64_t at = place(s, element);
    return s.type == RN_F64    ? ((const double *)memory)[at]
           : s.type == RN_BF16 ? (double)rn_float_of(((const rn_bf16 *)memory)[at])
           : s.type == RN_F32  ? (double)((const float *)memory)[at]
                               : (double)((const int32_t *)memory)[at];
}

static void put(rn_shape s, void *memory, int64_t element, double value)
{
    const int64_t at = place(s, element);
    if (s.type == RN_F64)
        ((double *)memory)[at] = value;
    else if (s.type == RN_BF16)
        ((rn_bf16 *)memory)[at] = rn_bf16_of((float)value);
    else if (s.type == RN_F32)
        ((float *)memory)[at] = (float)value;
    else
        ((int32_t *)memory)[at] = (int32_t)value;
}

/* --- calls ------------------------------------------------------------------------------------------ */

static void call_close(one_call *c)
{
    for (int i = 0; i < RN_MAX_IN; i++)
        free(c->in_memory[i]);
    for (int j = 0; j < RN_MAX_OUT; j++)
        free(c->out_memory[j]);
}

static bool no_memory(const rn_op *op, rn_error *err)
{
    return rn_fail(err, RN_EMEMORY, "no memory for an example of the op '%s'", op->name);
}

/* The example in float32 or float64, or (RN_BF16) with what the variant says in bfloat16. To be closed in any case. */
static bool call_open(one_call *c, const rn_op *op, const rn_example *e, rn_type type, variant v, rn_error *err)
{
    const rn_type wide = type == RN_BF16 ? RN_F32 : type;
    const bool may = type == RN_BF16 && RN_HAS(op, rn_op, narrow_out);
    *c = (one_call){.call = {.op = op, .attr = e->attr, .n_in = e->n_in, .n_out = op->n_out}};
    c->call.in = c->in, c->call.out = c->out;
    for (int i = 0; i < e->n_in; i++) {
        rn_shape *s = &c->in[i];
        *s = e->in[i];
        if (!s->rank)
            continue;
        s->type = op->inputs[i].integer ? RN_I32 : may && (op->narrow_in & v.in) >> i & 1 ? RN_BF16 : wide;
        s->pitch = v.gap && !op->inputs[i].integer && s->rank > 1 ? rn_last(*s) + v.gap : 0;
        c->in_memory[i] = room(extent(*s));
        if (!c->in_memory[i])
            return no_memory(op, err);
    }
    if (!op->shape(&c->call, c->out, err))
        return rn_context(err, "the op '%s' refuses its own example", op->name);
    for (int j = 0; j < op->n_out; j++) {
        c->out[j].type = may && (op->narrow_out & v.out) >> j & 1 ? RN_BF16 : wide;
        c->out_memory[j] = room(extent(c->out[j]));
        if (!c->out_memory[j])
            return no_memory(op, err);
    }
    return true;
}

/* Even on [low, high], or whole numbers from low to high − 1. */
static void fill(one_call *c, const rn_example *e, rn_stream r)
{
    for (int i = 0; i < e->n_in; i++) {
        const bool silent = e->low[i] == 0 && e->high[i] == 0;
        const double low = silent ? -1 : e->low[i], high = silent ? 1 : e->high[i];
        r.draw = (uint32_t)i + 1;
        for (int64_t k = 0; k < rn_count(c->in[i]); k++) {
            const double value = low + rn_random_uniform(r, (uint64_t)k) * (high - low);
            put(c->in[i], c->in_memory[i], k, c->in[i].type == RN_I32 ? floor(value) : value);
        }
    }
}

static void copy_values(one_call *to, const one_call *from)
{
    for (int i = 0; i < to->call.n_in; i++)
        for (int64_t k = 0; k < rn_count(to->in[i]); k++)
            put(to->in[i], to->in_memory[i], k, get(from->in[i], from->in_memory[i], k));
}

/* One whole call, its units in two pieces, the second first. A refusal is no error: *why. */
static bool call_run(one_call *c, const rn_kernel *k, const rn_step *step, const char **why, rn_error *err)
{
    rn_work work = {0};
    void *packed[RN_MAX_IN] = {NULL};
    *why = k->plan(&c->call, 1, &work);
    if (*why)
        return true;
    void *scratch = room(work.scratch_bytes), *own = room(work.thread_scratch_bytes);
    bool ok = scratch && own;
    for (int i = 0; ok && i < c->call.n_in; i++)
        if (work.packed_bytes[i]) {
            packed[i] = room(work.packed_bytes[i]);
            ok = packed[i] != NULL;
            if (ok)
                k->pack(&c->call, &work, i, c->in_memory[i], packed[i]);
        }
    const rn_buffers m = {.in = (const void *const *)c->in_memory, .out = c->out_memory, .scratch = scratch,
                          .thread_scratch = own, .packed = (const void *const *)packed, .step = step};
    for (int phase = 0; ok && phase < RN_MAX_PHASES; phase++) {
        const int64_t units = phase ? work.more_units[phase - 1] : work.units;
        if (!units)
            break;
        if (units / 2 < units)
            k->run(&c->call, &work, &m, phase, units / 2, units);
        if (units / 2)
            k->run(&c->call, &work, &m, phase, 0, units / 2);
    }
    if (k->forget)
        k->forget(&work);
    for (int i = 0; i < RN_MAX_IN; i++)
        free(packed[i]);
    free(scratch);
    free(own);
    return ok || no_memory(c->call.op, err);
}

/* The largest difference of any output, of that output's largest value or 1; not-a-number where one is. */
static double difference(const one_call *got, const one_call *want)
{
    double worst = 0;
    for (int j = 0; j < got->call.n_out; j++) {
        double error = 0, largest = 1;
        for (int64_t k = 0; k < rn_count(got->out[j]); k++) {
            const double x = get(got->out[j], got->out_memory[j], k), y = get(want->out[j], want->out_memory[j], k);
            error = fabs(x - y) <= error ? error : fabs(x - y); /* NaN stays */
            largest = fabs(y) > largest ? fabs(y) : largest;
        }
        worst = error / largest <= worst ? worst : error / largest;
    }
    return worst;
}

/* --- larger examples -------------------------------------------------------------------------------- */

/* Examples have a few hundred elements, which blocked kernels leave to others: some dimensions are made four times as large.
 * Which, no schema says. Those of equal length go together (a convolution's channels stand in x and in w), and of all
 * choices of lengths the one of most lengths is taken that the op's shape rule allows and that the reference can compute in a
 * few milliseconds. */
enum { FACTOR = 4, MOST_LENGTHS = 8, MOST_FLOP = 2 * 1000 * 1000 };

static int list_lengths(const rn_example *e, int64_t length[MOST_LENGTHS])
{
    int n = 0;
    for (int i = 0; i < e->n_in; i++)
        for (int d = 0; d < e->in[i].rank; d++) {
            int k = 0;
            while (k < n && length[k] != e->in[i].dim[d])
                k++;
            if (k == n && n < MOST_LENGTHS && e->in[i].dim[d] > 1)
                length[n++] = e->in[i].dim[d];
        }
    return n;
}

/* The example with the lengths of the set enlarged. False: the op does not allow it, or it would take too long. */
static bool enlarge_set(const rn_op *op, const rn_example *e, const int64_t *length, int n, unsigned set, rn_example *larger)
{
    rn_shape out[RN_MAX_OUT];
    rn_error refused;
    *larger = *e;
    for (int i = 0; i < e->n_in; i++)
        for (int d = 0; d < e->in[i].rank; d++)
            for (int k = 0; k < n; k++)
                if (set >> k & 1 && e->in[i].dim[d] == length[k])
                    larger->in[i].dim[d] *= FACTOR;
    for (int i = 0; i < e->n_in; i++)
        if (larger->in[i].rank)
            larger->in[i].type = op->inputs[i].integer ? RN_I32 : RN_F32;
    const rn_call c = {.op = op, .attr = e->attr, .n_in = e->n_in, .n_out = op->n_out, .in = larger->in, .out = out};
    return op->shape(&c, out, &refused) && op->cost && op->cost(&c).flop <= MOST_FLOP;
}

static bool enlarge(const rn_op *op, rn_example *e)
{
    int64_t length[MOST_LENGTHS];
    int most = 0;
    const int n = list_lengths(e, length);
    rn_example best = *e, larger;
    for (unsigned set = 1; set < 1u << n; set++) {
        const int lengths = __builtin_popcount(set);
        if (lengths > most && enlarge_set(op, e, length, n, set, &larger))
            best = larger, most = lengths;
    }
    *e = best;
    return most > 0;
}

/* --- the check -------------------------------------------------------------------------------------- */

static const rn_kernel *reference_of(const rn_registry *registry, const rn_op *op, const char *device, rn_type type)
{
    int n;
    const rn_kernel *const *k = rn_registry_kernels(registry, op->name, device, &n);
    for (int i = 0; i < n; i++)
        if (k[i]->rank <= RN_RANK_REFERENCE && (k[i]->type == type || k[i]->type == RN_NO_TYPE))
            return k[i];
    return NULL;
}

static bool check_case(const rn_op *op, const rn_kernel *kernel, const rn_kernel *reference, const rn_example *e, rn_type type,
                       variant v, rn_stream r, rn_kernel_check *result, rn_error *err)
{
    const rn_step step = {.seed = 7, .step = r.step, .first_image = 3};
    const rn_type wide = type == RN_BF16 ? RN_F32 : type;
    one_call got, want = {0};
    const char *why = NULL;
    bool ok = call_open(&got, op, e, type, v, err);
    if (ok) {
        fill(&got, e, r);
        ok = call_run(&got, kernel, &step, &why, err);
        result->refusal = why ? why : result->refusal;
    }
    if (ok && !why) {
        ok = call_open(&want, op, e, wide, (variant){0}, err);
        if (ok) {
            copy_values(&want, &got);
            ok = call_run(&want, reference, &step, &why, err) &&
                 (!why || rn_fail(err, RN_EPLUGIN, "the reference kernel of the op '%s' refuses an example: %s", op->name, why));
        }
    }
    if (ok && !why) {
        const double d = difference(&got, &want);
        result->compared++;
        result->error = d <= result->error ? result->error : d;
        result->right = result->right && d <= rn_kernel_tolerance(type);
    }
    call_close(&got);
    call_close(&want);
    return ok;
}

bool rn_check_kernel(const rn_registry *registry, const rn_op *op, const rn_kernel *kernel, rn_type type, int examples, int larger,
                     rn_kernel_check *result, rn_error *err)
{
    const bool narrow = type == RN_BF16;
    const variant *v = narrow ? narrow_variants : wide_variants;
    const size_t n = narrow ? sizeof narrow_variants / sizeof *v : sizeof wide_variants / sizeof *v;
    const rn_kernel *reference = reference_of(registry, op, kernel->device, narrow ? RN_F32 : type);
    *result = (rn_kernel_check){.right = true, .refusal = ""};
    if (!op->example)
        result->refusal = "its op has no examples";
    else if (!reference)
        result->refusal = "its op has no reference kernel";
    else if ((kernel->cpu & rn_cpu_features()) != kernel->cpu)
        result->refusal = "this processor lacks its instructions";
    bool ok = true;
    if (result->refusal[0])
        return ok;
    for (int i = 0; ok && i < examples + larger; i++) {
        const rn_stream r = {.seed = 7, .stream = rn_stream_of(op->name), .step = (uint32_t)i};
        rn_example e = {.attr = calloc(1, op->params_bytes + 1)};
        while (e.n_in < RN_MAX_IN && op->inputs[e.n_in].name)
            e.n_in++;
        ok = e.attr != NULL || no_memory(op, err);
        if (ok)
            op->example(&e, r, i);
        const bool take = ok && (i < examples || enlarge(op, &e));
        for (size_t k = 0; take && ok && k < n; k++)
            ok = check_case(op, kernel, reference, &e, type, v[k], r, result, err);
        free(e.attr);
    }
    return ok;
}
