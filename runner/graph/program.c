/* Compiling a graph: which nodes run, which kernel each gets, where every tensor lies; then binding and
 * running it. */
#include "graph/program.h"
#include "base/parallel.h"
#include "graph/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Where a tensor's memory is. Views have the storage of what they look at, and an offset. */
typedef enum where { NOWHERE, IN_ARENA, IN_PARAMETERS, IN_GRADIENTS } where;

typedef struct storage {
    where where;
    int32_t block;    /* IN_ARENA: of the plan */
    int64_t element;  /* offset in elements within the block, the parameters or the gradients */
} storage;

typedef struct step_node {
    int32_t node; /* of the graph */
    const rn_kernel *kernel;
    rn_work work;
    rn_shape in_shape[RN_MAX_IN], out_shape[RN_MAX_OUT];
    rn_call call;
    rn_cost cost;
    int32_t scratch_block; /* or −1 */
    bool serial;           /* too little to be worth waking other threads */
    const char *refusals;
    const void *in[RN_MAX_IN];
    void *out[RN_MAX_OUT];
    const void *packed[RN_MAX_IN];
    size_t packed_offset[RN_MAX_IN];
    double seconds;
} step_node;

struct rn_program {
    const rn_graph *g;
    rn_arena arena;
    step_node *node;
    int64_t n_nodes;
    storage *storage; /* of each tensor */
    rn_block *block;
    int64_t n_blocks;
    size_t arena_bytes, thread_scratch_bytes, thread_scratch_offset, packed_bytes;
    int threads;
    bool timing;
    uint8_t *memory, *packed_memory;
    const rn_parameter_set *set;
    const rn_parameter_set *packed_set;
    uint64_t packed_version;
    void *gradients;
};

/* Below this many bytes and operations a node runs on the calling thread: waking the others costs some
 * microseconds. It decides who works, never what is computed. */
enum { SERIAL_BYTES = 32 * 1024, SERIAL_FLOP = 200 * 1000 };

/* --- which nodes run -------------------------------------------------------------------------------- */

static bool is_view(const rn_graph_node *n)
{
    return (n->op->traits & RN_VIEW) != 0;
}

/* Marks the nodes that outputs and gradients depend on. */
static void mark_needed(const rn_graph *g, bool *needed)
{
    for (int64_t i = 0; i < g->n_outputs; i++)
        if (g->tensor[g->output[i].tensor].origin == RN_FROM_NODE)
            needed[g->tensor[g->output[i].tensor].index] = true;
    for (int64_t i = 0; i < g->n_gradients; i++)
        if (g->gradient[i] && g->tensor[g->gradient[i]].origin == RN_FROM_NODE)
            needed[g->tensor[g->gradient[i]].index] = true;
    for (int64_t i = g->n_nodes - 1; i >= 0; i--)
        for (int k = 0; needed[i] && k < g->node[i].n_in; k++) {
            const rn_tensor t = g->node[i].in[k];
            if (t && g->tensor[t].origin == RN_FROM_NODE)
                needed[g->tensor[t].index] = true;
        }
}

/* --- kernels ---------------------------------------------------------------------------------------- */

static bool try_kernel(rn_program *p, step_node *s, const rn_kernel *k, unsigned cpu)
{
    const char *why = NULL;
    rn_work work = {0};
    if ((k->cpu & cpu) != k->cpu)
        why = "this processor lacks its instructions";
    else if (k->type != RN_NO_TYPE && k->type != p->g->type)
        return false; /* its sister serves the other type: nothing to say */
    else
        why = k->plan(&s->call, p->threads, &work);
    if (why) {
        const char *before = s->refusals;
        s->refusals = rn_arena_print(&p->arena, "%s%s%s: %s", before, before[0] ? "; " : "", k->name, why);
        if (!s->refusals)
            s->refusals = before;
        return false;
    }
    s->kernel = k;
    s->work = work;
    return true;
}

static bool choose_kernel(rn_program *p, step_node *s, const rn_program_options *o, unsigned cpu, rn_error *err)
{
    int n;
    const char *op = s->call.op->name;
    const rn_kernel *const *all = rn_registry_kernels(p->g->registry, op, o->device ? o->device : "cpu", &n);
    s->refusals = "";
    for (int64_t i = 0; i < o->n_kernels; i++)
        for (int k = 0; k < n; k++)
            if (strcmp(all[k]->name, o->kernels[i]) == 0 && try_kernel(p, s, all[k], cpu))
                return true;
    for (int k = 0; k < n; k++) {
        bool named = false;
        for (int64_t i = 0; i < o->n_kernels; i++)
            named |= strcmp(all[k]->name, o->kernels[i]) == 0;
        if (!named && try_kernel(p, s, all[k], cpu))
            return true;
    }
    return rn_fail(err, RN_EPLUGIN, "no kernel runs the op '%s' in %s%s%s", op, rn_type_name(p->g->type),
                   s->refusals[0] ? ": " : "; no loaded plugin offers one", s->refusals);
}

/* --- memory ----------------------------------------------------------------------------------------- */

static int32_t new_block(rn_program *p, size_t bytes, int32_t first, int32_t last)
{
    p->block[p->n_blocks] = (rn_block){.bytes = bytes, .first = first, .last = last};
    return (int32_t)p->n_blocks++;
}

static void touch(rn_program *p, rn_tensor t, int32_t when)
{
    const storage *s = &p->storage[t];
    if (s->where == IN_ARENA && p->block[s->block].last < when)
        p->block[s->block].last = when;
}

/* Bytes from the first to the last element of a tensor (its rows may lie pitch elements apart). */
static size_t span_bytes(rn_shape s)
{
    return ((size_t)(rn_rows(s) - 1) * (size_t)rn_pitch(s) + (size_t)rn_last(s)) * rn_type_bytes(s.type);
}

static void place_view(rn_program *p, const rn_graph_node *n)
{
    rn_shape in[RN_MAX_IN], out[RN_MAX_OUT];
    const rn_call c = rn_node_call(p->g, n, in, out);
    for (int i = 0; i < n->n_out; i++) {
        p->storage[n->out[i]] = p->storage[n->in[0]];
        p->storage[n->out[i]].element += n->op->view ? n->op->view(&c, i) : 0;
    }
}

/* May output 0 of a node be written over its input 0? */
static bool may_overwrite(const rn_program *p, const rn_graph_node *n, const int32_t *last_use, int32_t when)
{
    if (!(n->op->traits & RN_IN_PLACE) || !n->in[0])
        return false;
    const rn_shape in = p->g->tensor[n->in[0]].shape, out = p->g->tensor[n->out[0]].shape;
    const storage *s = &p->storage[n->in[0]];
    if (s->where != IN_ARENA || s->element != 0 || !rn_dense(in) || !rn_dense(out) || !rn_same_dims(in, out) ||
        in.type != out.type || last_use[s->block] != when || p->block[s->block].bytes != (size_t)rn_bytes(in))
        return false;
    for (int i = 1; i < n->n_in; i++)
        if (n->in[i] && p->storage[n->in[i]].where == IN_ARENA && p->storage[n->in[i]].block == s->block)
            return false;
    return true;
}

/* The last step at which each tensor's memory is read, through all views; INT32_MAX for outputs. */
static void find_last_uses(const rn_program *p, const bool *needed, int32_t *use)
{
    const rn_graph *g = p->g;
    const int32_t end = (int32_t)g->n_nodes;
    for (int64_t i = 0; i < g->n_outputs; i++)
        use[g->output[i].tensor] = end;
    for (int64_t i = g->n_nodes - 1; i >= 0; i--) {
        const rn_graph_node *n = &g->node[i];
        if (!needed[i])
            continue;
        int32_t when = (int32_t)i;
        if (is_view(n)) /* who reads the view reads what it looks at */
            for (int k = 0; k < n->n_out; k++)
                when = use[n->out[k]] > when ? use[n->out[k]] : when;
        for (int k = 0; k < n->n_in; k++)
            if (n->in[k] && use[n->in[k]] < when)
                use[n->in[k]] = when;
    }
}

static bool lay_out(rn_program *p, const bool *needed, rn_error *err)
{
    const rn_graph *g = p->g;
    const size_t most = (size_t)(g->n_tensors + 2 * g->n_nodes + 2);
    p->storage = rn_arena_array(&p->arena, (size_t)g->n_tensors, sizeof *p->storage);
    p->block = rn_arena_array(&p->arena, most, sizeof *p->block);
    int32_t *use = calloc((size_t)g->n_tensors, sizeof *use), *last_use = calloc(most, sizeof *last_use);
    /* the parameter whose gradient a tensor is, or −1: it goes straight into the flat array */
    int64_t *owner = malloc((size_t)g->n_tensors * sizeof *owner);
    bool ok = p->storage && p->block && use && last_use && owner;
    if (!ok) {
        rn_fail(err, RN_EMEMORY, "no memory to plan a program of %" PRId64 " nodes", g->n_nodes);
        goto done;
    }
    for (int64_t t = 0; t < g->n_tensors; t++)
        owner[t] = -1;
    for (int64_t i = 0; i < g->n_gradients; i++)
        if (g->gradient[i])
            owner[g->gradient[i]] = i;
    find_last_uses(p, needed, use);

    for (int64_t t = 1; t < g->n_tensors; t++) {
        const rn_tensor_info *info = &g->tensor[t];
        if (info->origin == RN_FROM_PARAMETER)
            p->storage[t] = (storage){IN_PARAMETERS, -1, g->parameters->v[info->index].offset};
        else if (info->origin == RN_FROM_INPUT)
            p->storage[t] = (storage){IN_ARENA, new_block(p, span_bytes(info->shape), -1, use[t]), 0};
        if (p->storage[t].where == IN_ARENA)
            last_use[p->storage[t].block] = use[t];
    }
    int64_t run = 0;
    for (int64_t i = 0; i < g->n_nodes; i++) {
        const rn_graph_node *n = &g->node[i];
        const int32_t when = (int32_t)i;
        if (!needed[i])
            continue;
        if (is_view(n)) {
            place_view(p, n);
            continue;
        }
        for (int k = 0; k < n->n_out; k++) {
            const rn_tensor t = n->out[k];
            if (owner[t] >= 0) {
                p->storage[t] = (storage){IN_GRADIENTS, -1, g->parameters->v[owner[t]].offset};
            } else if (k == 0 && may_overwrite(p, n, last_use, when)) {
                p->storage[t] = p->storage[n->in[0]];
                last_use[p->storage[t].block] = use[t];
                touch(p, t, use[t] > when ? use[t] : when);
            } else {
                const int32_t last = use[t] > when ? use[t] : when;
                p->storage[t] = (storage){IN_ARENA, new_block(p, span_bytes(g->tensor[t].shape), when, last), 0};
                last_use[p->storage[t].block] = last;
            }
        }
        step_node *s = &p->node[run++];
        s->scratch_block = s->work.scratch_bytes ? new_block(p, s->work.scratch_bytes, when, when) : -1;
        if (s->work.thread_scratch_bytes > p->thread_scratch_bytes)
            p->thread_scratch_bytes = s->work.thread_scratch_bytes;
    }
    ok = rn_memory_plan(p->block, p->n_blocks, &p->arena_bytes) ||
         rn_fail(err, RN_EMEMORY, "no memory to plan a program of %" PRId64 " nodes", g->n_nodes);
    p->thread_scratch_bytes = (p->thread_scratch_bytes + 63) / 64 * 64;
    p->thread_scratch_offset = p->arena_bytes;
    p->arena_bytes += p->thread_scratch_bytes * (size_t)p->threads;
done:
    free(use);
    free(last_use);
    free(owner);
    return ok;
}

/* --- compile ---------------------------------------------------------------------------------------- */

bool rn_program_compile(const rn_graph *g, const rn_program_options *o, rn_program **out, rn_error *err)
{
    if (!rn_graph_check(g, err))
        return false;
    rn_program *p = calloc(1, sizeof *p);
    bool *needed = calloc((size_t)g->n_nodes + 1, sizeof *needed);
    bool ok = p && needed;
    if (ok) {
        p->g = g;
        p->threads = rn_threads();
        mark_needed(g, needed);
        p->node = rn_arena_array(&p->arena, (size_t)g->n_nodes + 1, sizeof *p->node);
        ok = p->node != NULL;
    }
    if (!ok)
        rn_fail(err, RN_EMEMORY, "no memory for a program of %" PRId64 " nodes", g->n_nodes);
    const unsigned cpu = rn_cpu_features();
    for (int64_t i = 0; ok && i < g->n_nodes; i++) {
        if (!needed[i] || is_view(&g->node[i]))
            continue;
        step_node *s = &p->node[p->n_nodes++];
        s->node = (int32_t)i;
        s->call = rn_node_call(g, &g->node[i], s->in_shape, s->out_shape);
        s->cost = s->call.op->cost ? s->call.op->cost(&s->call) : (rn_cost){0};
        s->serial = s->cost.bytes < SERIAL_BYTES && s->cost.flop < SERIAL_FLOP;
        ok = choose_kernel(p, s, o, cpu, err);
        if (!ok && g->node[i].scope[0])
            rn_context(err, "%s", g->node[i].scope);
        for (int k = 0; ok && k < s->call.n_in; k++)
            if (s->work.packed_bytes[k]) {
                s->packed_offset[k] = p->packed_bytes;
                p->packed_bytes += (s->work.packed_bytes[k] + 63) / 64 * 64;
            }
    }
    ok = ok && lay_out(p, needed, err);
    free(needed);
    if (ok)
        *out = p;
    else
        rn_program_close(p);
    return ok;
}

void rn_program_close(rn_program *p)
{
    if (!p)
        return;
    for (int64_t i = 0; i < p->n_nodes; i++)
        if (p->node[i].kernel && p->node[i].kernel->forget)
            p->node[i].kernel->forget(&p->node[i].work);
    free(p->packed_memory);
    rn_arena_free(&p->arena);
    free(p);
}

size_t rn_program_arena_bytes(const rn_program *p)
{
    return p->arena_bytes;
}

size_t rn_program_packed_bytes(const rn_program *p)
{
    return p->packed_bytes;
}

rn_cost rn_program_cost(const rn_program *p)
{
    rn_cost sum = {0};
    for (int64_t i = 0; i < p->n_nodes; i++) {
        sum.flop += p->node[i].cost.flop;
        sum.product_flop += p->node[i].cost.product_flop;
        sum.bytes += p->node[i].cost.bytes;
    }
    return sum;
}

/* --- bind and run ----------------------------------------------------------------------------------- */

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
    const rn_program *p;
    const step_node *s;
    const rn_step *step;
    int phase;
} phase_run;

static void run_units(void *context, int thread, int64_t begin, int64_t end)
{
    const phase_run *r = context;
    const step_node *s = r->s;
    const rn_buffers m = {
        .in = s->in,
        .out = s->out,
        .scratch = s->scratch_block < 0 ? NULL : r->p->memory + r->p->block[s->scratch_block].offset,
        .thread_scratch = r->p->memory + r->p->thread_scratch_offset + (size_t)thread * r->p->thread_scratch_bytes,
        .packed = s->packed,
        .step = r->step,
    };
    s->kernel->run(&s->call, &s->work, &m, r->phase, begin, end);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
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
                s->kernel->pack(&s->call, &s->work, k, s->in[k], p->packed_memory + s->packed_offset[k]);
    }
    p->packed_set = p->set;
    p->packed_version = p->set->version;
}

void rn_program_run(rn_program *p, const rn_step *step)
{
    pack(p);
    for (int64_t i = 0; i < p->n_nodes; i++) {
        step_node *s = &p->node[i];
        const double begun = p->timing ? now() : 0;
        for (int phase = 0; phase < RN_MAX_PHASES; phase++) {
            const int64_t units = phase ? s->work.more_units[phase - 1] : s->work.units;
            if (!units)
                break;
            phase_run r = {p, s, step, phase};
            if (s->serial)
                run_units(&r, 0, 0, units);
            else
                rn_parallel(units, run_units, &r);
        }
        if (p->timing)
            s->seconds += now() - begun;
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
                          s->cost, s->seconds, s->refusals};
}

void rn_program_time(rn_program *p, bool on)
{
    p->timing = on;
    for (int64_t i = 0; i < p->n_nodes; i++)
        p->node[i].seconds = 0;
}
