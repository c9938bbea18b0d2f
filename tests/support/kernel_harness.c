#include "support/kernel_harness.h"

#include "graph/program.h"

#include "plugin/load.h"

#include <runner/bf16.h>

const rn_registry *harness_registry(void)
{
    static rn_registry *registry;
    rn_error err = {0};
    if (!registry) {
        registry = rn_registry_open();
        assert_non_null(registry);
        const rn_plugin_search search = {.builtin = BUILD_FOLDER "/lib/runner"};
        assert_ok(rn_plugins_load(registry, &search, &err), err);
    }
    return registry;
}

/* Zeroed and aligned as the executor's memory is. */
static void *room(size_t bytes)
{
    void *p = aligned_alloc(64, (bytes + 64) / 64 * 64);
    assert_non_null(p);
    return memset(p, 0, (bytes + 64) / 64 * 64);
}

static size_t extent(rn_shape s) { return (size_t)(rn_rows(s) * rn_pitch(s)) * rn_type_bytes(s.type); }
static int64_t place(rn_shape s, int64_t i) { return i / rn_last(s) * rn_pitch(s) + i % rn_last(s); }

static void put_float(rn_shape s, void *memory, int64_t at, float v)
{
    if (s.type == RN_BF16)
        ((rn_bf16 *)memory)[at] = rn_bf16_of(v);
    else
        ((float *)memory)[at] = v;
}

static void fill(harness_call *h, int input, rn_stream r)
{
    const rn_shape s = h->in[input];
    double low = h->example.low[input], high = h->example.high[input];
    if (low == 0 && high == 0)
        low = -1, high = 1;
    for (int64_t i = 0; i < rn_count(s); i++) {
        const double v = low + rn_random_uniform(r, (uint64_t)i) * (high - low);
        const int64_t at = place(s, i);
        if (s.type == RN_I32)
            ((int32_t *)h->in_memory[input])[at] = (int32_t)floor(v);
        else if (s.type == RN_F64)
            ((double *)h->in_memory[input])[at] = v;
        else
            put_float(s, h->in_memory[input], at, (float)v);
    }
}

static void open_call(harness_call *h, const rn_op *op, rn_type type, rn_stream r, int64_t gap, unsigned narrow_in, unsigned narrow_out)
{
    const rn_type wide = type == RN_BF16 ? RN_F32 : type;
    h->call = (rn_call){.op = op, .attr = h->example.attr, .n_in = h->example.n_in, .n_out = op->n_out,
                        .in = h->in, .out = h->out};
    for (int i = 0; i < h->example.n_in; i++) {
        h->in[i] = h->example.in[i];
        if (!h->in[i].rank)
            continue;
        h->in[i].type = op->inputs[i].integer ? RN_I32 : narrow_in >> i & 1 ? RN_BF16 : wide;
        h->in[i].pitch = gap && !op->inputs[i].integer && h->in[i].rank > 1 ? rn_last(h->in[i]) + gap : 0;
        h->in_memory[i] = room(extent(h->in[i]));
        r.draw = (uint32_t)i + 1;
        fill(h, i, r);
    }
    rn_error err = {0};
    if (!op->shape(&h->call, h->out, &err))
        fail_msg("%s refuses an example: %s", op->name, err.text);
    for (int j = 0; j < op->n_out; j++) {
        h->out[j].type = narrow_out >> j & 1 ? RN_BF16 : wide;
        h->out_memory[j] = room(extent(h->out[j]));
    }
}

static int inputs_of(const rn_op *op)
{
    int n = 0;
    while (n < RN_MAX_IN && op->inputs[n].name)
        n++;
    return n;
}

static void open_example(harness_call *h, const rn_op *op, rn_type type, int number, int64_t gap, unsigned narrow_in,
                         unsigned narrow_out)
{
    *h = (harness_call){.step = {.seed = 7, .step = (uint32_t)number, .first_image = 3}};
    const rn_stream r = {.seed = 7, .stream = rn_stream_of(op->name), .step = (uint32_t)number};
    h->example.n_in = inputs_of(op);
    h->example.attr = room(op->params_bytes);
    op->example(&h->example, r, number);
    open_call(h, op, type, r, gap, narrow_in, narrow_out);
}

void harness_open(harness_call *h, const rn_op *op, rn_type type, int number, int64_t gap)
{
    const bool narrow = type == RN_BF16;
    open_example(h, op, type, number, gap, narrow ? op->narrow_in : 0, narrow ? op->narrow_out : 0);
}

void harness_open_mixed(harness_call *h, const rn_op *op, int number, unsigned narrow_in, unsigned narrow_out)
{
    open_example(h, op, RN_BF16, number, 0, op->narrow_in & narrow_in, op->narrow_out & narrow_out);
}

void harness_open_as(harness_call *h, const rn_op *op, rn_type type, const rn_example *example, int64_t gap)
{
    const bool narrow = type == RN_BF16;
    *h = (harness_call){.example = *example, .step = {.seed = 7, .first_image = 3}};
    h->example.n_in = inputs_of(op);
    h->example.attr = room(op->params_bytes);
    if (op->params_bytes)
        memcpy(h->example.attr, example->attr, op->params_bytes);
    open_call(h, op, type, (rn_stream){.seed = 7, .stream = rn_stream_of(op->name)}, gap, narrow ? op->narrow_in : 0,
              narrow ? op->narrow_out : 0);
}

void harness_open_like(harness_call *h, const harness_call *other)
{
    harness_open_as(h, other->call.op, RN_F32, &other->example, 0);
    h->step = other->step;
    for (int i = 0; i < h->call.n_in; i++)
        for (int64_t k = 0; k < rn_count(h->in[i]); k++)
            if (h->in[i].type == RN_I32)
                ((int32_t *)h->in_memory[i])[k] = (int32_t)harness_input(other, i, k);
            else
                ((float *)h->in_memory[i])[k] = (float)harness_input(other, i, k);
}

void harness_close(harness_call *h)
{
    for (int i = 0; i < RN_MAX_IN; i++)
        free(h->in_memory[i]);
    for (int j = 0; j < RN_MAX_OUT; j++)
        free(h->out_memory[j]);
    free(h->example.attr);
}

const char *harness_run(harness_call *h, const rn_kernel *kernel, int pieces, bool backwards)
{
    if (kernel->cpu & ~rn_cpu_features())
        return "this processor lacks its instructions";
    rn_work work = {0};
    const char *refusal = kernel->plan(&h->call, pieces, &work);
    if (refusal)
        return refusal;
    void *packed[RN_MAX_IN] = {NULL};
    for (int i = 0; i < h->call.n_in; i++)
        if (work.packed_bytes[i] && !h->computed) {
            packed[i] = room(work.packed_bytes[i]);
            kernel->pack(&h->call, &work, i, h->in_memory[i], packed[i]);
        }
    for (int j = 0; j < h->call.n_out; j++)
        memset(h->out_memory[j], 0xff, extent(h->out[j])); /* not-a-number */
    void *scratch = room(work.scratch_bytes), *own = room(work.thread_scratch_bytes);
    memset(scratch, 0xff, work.scratch_bytes);
    const rn_buffers m = {.in = (const void *const *)h->in_memory, .out = h->out_memory, .scratch = scratch,
                          .thread_scratch = own, .packed = (const void *const *)packed, .step = &h->step};
    for (int phase = 0; phase < RN_MAX_PHASES; phase++) {
        const int64_t units = phase ? work.more_units[phase - 1] : work.units;
        if (!units)
            break;
        for (int k = 0; k < pieces; k++) {
            const int piece = backwards ? pieces - 1 - k : k;
            const int64_t begin = units * piece / pieces, end = units * (piece + 1) / pieces;
            memset(own, 0xff, work.thread_scratch_bytes); /* nothing is kept in it */
            if (begin < end)
                kernel->run(&h->call, &work, &m, phase, begin, end);
        }
    }
    if (kernel->forget)
        kernel->forget(&work);
    for (int i = 0; i < RN_MAX_IN; i++)
        free(packed[i]);
    free(scratch);
    free(own);
    return NULL;
}

static double element_of(rn_shape s, const void *memory, int64_t element)
{
    const int64_t at = place(s, element);
    return s.type == RN_F64   ? ((const double *)memory)[at]
           : s.type == RN_BF16 ? (double)rn_float_of(((const rn_bf16 *)memory)[at])
           : s.type == RN_F32 ? (double)((const float *)memory)[at]
                              : (double)((const int32_t *)memory)[at];
}
double harness_input(const harness_call *h, int i, int64_t element)
{
    return element_of(h->in[i], h->in_memory[i], element);
}
double harness_output(const harness_call *h, int j, int64_t element)
{
    return element_of(h->out[j], h->out_memory[j], element);
}
