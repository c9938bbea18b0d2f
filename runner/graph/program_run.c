/* A compiled program bound to memory, and run. */
#include "graph/program_internal.h"

#include "base/clock.h"
#include "base/parallel.h"

#include <runner/bf16.h>

#include <stdlib.h>
#include <string.h>

static void *address(const rn_program *p, rn_tensor t)
{
    const storage *s = &p->storage[t];
    const size_t bytes = (size_t)s->element * rn_type_bytes(p->g->tensor[t].shape.type);
    switch (s->where) {
    case IN_ARENA:
        return p->memory + p->block[s->block].offset + bytes;
    case IN_PARAMETERS:
        return (uint8_t *)p->set->values + bytes;
    case IN_GRADIENTS:
        return (uint8_t *)p->gradients + bytes;
    default:
        return NULL;
    }
}

static uint8_t *scratch_of(const rn_program *p, const step_node *s)
{
    return s->scratch_block < 0 ? NULL : p->memory + p->block[s->scratch_block].offset;
}

void rn_node_find_copies(step_node *s, uint8_t *own)
{
    if (!s->wide)
        return;
    for (int k = 0; k < s->call.n_in; k++)
        s->wide->in[k] = s->in_shape[k].type == RN_BF16 ? own + s->wide->in_offset[k] : s->in[k];
    for (int k = 0; k < s->call.n_out; k++)
        s->wide->out[k] = s->out_shape[k].type == RN_BF16 ? own + s->wide->out_offset[k] : s->out[k];
}

static void find_addresses(rn_program *p)
{
    for (int64_t i = 0; i < p->n_nodes; i++) {
        step_node *s = &p->node[i];
        const rn_graph_node *n = &p->g->node[s->node];
        for (int k = 0; k < n->n_in; k++) {
            s->in[k] = n->in[k] ? address(p, n->in[k]) : NULL;
            s->packed[k] = s->work.packed_bytes[k] ? p->packed_memory + s->packed_offset[k] : NULL;
        }
        for (int k = 0; k < n->n_out; k++)
            s->out[k] = address(p, n->out[k]);
        rn_node_find_copies(s, scratch_of(p, s));
    }
}

bool rn_program_bind(rn_program *p, void *arena, const rn_parameter_set *set, void *gradients, rn_error *err)
{
    if (p->packed_bytes && !p->packed_memory) {
        p->packed_memory = aligned_alloc(64, p->packed_bytes);
        if (!p->packed_memory)
            return rn_fail(err, RN_EMEMORY, "no memory for %zu bytes of packed parameters", p->packed_bytes);
    }
    p->memory = arena, p->gradients = gradients;
    rn_program_use(p, set);
    return true;
}

void rn_program_use(rn_program *p, const rn_parameter_set *set)
{
    p->set = set;
    find_addresses(p);
}

static rn_tensor named(const rn_named *v, int64_t n, const char *name)
{
    for (int64_t i = 0; i < n; i++)
        if (strcmp(v[i].name, name) == 0)
            return v[i].tensor;
    return 0;
}

void *rn_program_input(const rn_program *p, const char *name)
{
    const rn_tensor t = named(p->g->input, p->g->n_inputs, name);
    return t ? address(p, t) : NULL;
}

const void *rn_program_output(const rn_program *p, const char *name)
{
    const rn_tensor t = named(p->g->output, p->g->n_outputs, name);
    return t ? address(p, t) : NULL;
}

rn_shape rn_program_shape(const rn_program *p, const char *name)
{
    rn_tensor t = named(p->g->input, p->g->n_inputs, name);
    t = t ? t : named(p->g->output, p->g->n_outputs, name);
    return t ? p->g->tensor[t].shape : (rn_shape){0};
}

typedef struct phase_run {
    const step_node *s;
    const node_scratch *scratch;
    const rn_step *step;
    int phase;
} phase_run;

static void run_units(void *context, int thread, int64_t begin, int64_t end)
{
    const phase_run *r = context;
    const step_node *s = r->s;
    const rn_buffers m = {
        .in = s->wide ? s->wide->in : s->in,
        .out = s->wide ? s->wide->out : s->out,
        .scratch = r->scratch->own,
        .thread_scratch = r->scratch->threads + (size_t)thread * r->scratch->thread_bytes,
        .packed = s->packed,
        .step = r->step,
    };
    s->kernel->run(&s->kernel_call, &s->work, &m, r->phase, begin, end);
}

/* Rows of bfloat16, `pitch` apart, to dense float32, or back. */
typedef struct conversion {
    rn_shape narrow;
    const void *from;
    void *to;
} conversion;

static void widen_rows(void *context, int thread, int64_t begin, int64_t end)
{
    (void)thread;
    const conversion *c = context;
    const int64_t n = rn_last(c->narrow), pitch = rn_pitch(c->narrow);
    for (int64_t row = begin; row < end; row++)
        for (int64_t i = 0; i < n; i++)
            ((float *)c->to)[row * n + i] = rn_float_of(((const rn_bf16 *)c->from)[row * pitch + i]);
}

static void narrow_rows(void *context, int thread, int64_t begin, int64_t end)
{
    (void)thread;
    const conversion *c = context;
    const int64_t n = rn_last(c->narrow), pitch = rn_pitch(c->narrow);
    for (int64_t row = begin; row < end; row++)
        for (int64_t i = 0; i < n; i++)
            ((rn_bf16 *)c->to)[row * pitch + i] = rn_bf16_of(((const float *)c->from)[row * n + i]);
}

static void widen_inputs(const step_node *s, uint8_t *own)
{
    for (int k = 0; k < s->call.n_in; k++)
        if (s->in_shape[k].type == RN_BF16) {
            conversion c = {s->in_shape[k], s->in[k], own + s->wide->in_offset[k]};
            rn_parallel(rn_rows(c.narrow), widen_rows, &c);
        }
}

static void narrow_outputs(const step_node *s)
{
    for (int k = 0; k < s->call.n_out; k++)
        if (s->out_shape[k].type == RN_BF16) {
            conversion c = {s->out_shape[k], s->wide->out[k], s->out[k]};
            rn_parallel(rn_rows(c.narrow), narrow_rows, &c);
        }
}

/* Packed copies follow the parameters: made again when another set is used or the values have changed. */
static void pack(rn_program *p)
{
    if (!p->packed_bytes || (p->packed_set == p->set && p->packed_version == p->set->version))
        return;
    for (int64_t i = 0; i < p->n_nodes; i++) {
        const step_node *s = &p->node[i];
        for (int k = 0; k < s->call.n_in; k++)
            if (s->work.packed_bytes[k])
                s->kernel->pack(&s->kernel_call, &s->work, k, s->in[k], p->packed_memory + s->packed_offset[k]);
    }
    p->packed_set = p->set;
    p->packed_version = p->set->version;
}

void rn_node_run(const step_node *s, const node_scratch *m, const rn_step *step)
{
    if (s->wide)
        widen_inputs(s, m->own);
    for (int phase = 0; phase < RN_MAX_PHASES; phase++) {
        const int64_t units = phase ? s->work.more_units[phase - 1] : s->work.units;
        if (!units)
            break;
        phase_run r = {s, m, step, phase};
        if (s->serial)
            run_units(&r, 0, 0, units);
        else
            rn_parallel(units, run_units, &r);
    }
    if (s->wide)
        narrow_outputs(s);
}

void rn_program_run(rn_program *p, const rn_step *step)
{
    node_scratch m = {.threads = p->memory + p->thread_scratch_offset, .thread_bytes = p->thread_scratch_bytes};
    pack(p);
    for (int64_t i = 0; i < p->n_nodes; i++) {
        step_node *s = &p->node[i];
        const double begun = p->timing ? rn_clock() : 0;
        m.own = scratch_of(p, s);
        rn_node_run(s, &m, step);
        if (p->timing)
            s->seconds += rn_clock() - begun;
    }
}

int64_t rn_program_nodes(const rn_program *p)
{
    return p->n_nodes;
}

rn_node_info rn_program_node(const rn_program *p, int64_t i)
{
    const step_node *s = &p->node[i];
    return (rn_node_info){s->call.op->name, p->g->node[s->node].scope, s->kernel->name, s->call,
                          s->cost, s->seconds, s->refusals, s->label, s->kernel->cpu};
}

void rn_program_time(rn_program *p, bool on)
{
    p->timing = on;
    for (int64_t i = 0; i < p->n_nodes; i++)
        p->node[i].seconds = 0;
}

const step_node *rn_program_step_node(const rn_program *p, int64_t i)
{
    return &p->node[i];
}

int rn_program_threads(const rn_program *p)
{
    return p->threads;
}
