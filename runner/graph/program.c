/* Compiling a graph: which nodes run, where every tensor lies. Which kernel each gets: program_kernels.c. */
#include "graph/program_internal.h"

#include "base/parallel.h"

#include <stdlib.h>
#include <string.h>

/* Below this many bytes and operations a node runs on the calling thread: waking the others costs some
 * microseconds. It decides who works, never what is computed. */
enum { SERIAL_BYTES = 32 * 1024, SERIAL_FLOP = 200 * 1000 };

/* --- which nodes run -------------------------------------------------------------------------------- */

static bool is_view(const rn_graph_node *n)
{
    return (n->op->traits & RN_VIEW) != 0;
}

static bool is_parameter(const rn_graph *g, rn_tensor t)
{
    return t && g->tensor[t].origin == RN_FROM_PARAMETER;
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
            p->storage[t] = (storage){IN_ARENA, new_block(p, rn_span_bytes(info->shape), -1, use[t]), 0};
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
                p->storage[t] = (storage){IN_ARENA, new_block(p, rn_span_bytes(g->tensor[t].shape), when, last), 0};
                last_use[p->storage[t].block] = last;
            }
        }
        step_node *s = &p->node[run++];
        s->scratch_block = s->scratch_bytes ? new_block(p, s->scratch_bytes, when, when) : -1;
        if (s->work.thread_scratch_bytes > p->thread_scratch_bytes)
            p->thread_scratch_bytes = s->work.thread_scratch_bytes;
    }
    ok = rn_memory_plan(p->block, p->n_blocks, &p->arena_bytes) ||
         rn_fail(err, RN_EMEMORY, "no memory to plan a program of %" PRId64 " nodes", g->n_nodes);
    p->thread_scratch_bytes = rn_whole_lines(p->thread_scratch_bytes);
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
        p->cpu = rn_cpu_features();
        mark_needed(g, needed);
        p->node = rn_arena_array(&p->arena, (size_t)g->n_nodes + 1, sizeof *p->node);
        ok = p->node != NULL;
    }
    if (!ok)
        rn_fail(err, RN_EMEMORY, "no memory for a program of %" PRId64 " nodes", g->n_nodes);
    const rn_component *silent = rn_registry_default(g->registry, RN_KIND_DEVICE);
    const char *device = o->device ? o->device : silent ? silent->name : NULL;
    if (ok && !device)
        ok = rn_fail(err, RN_EPLUGIN, "no loaded plugin offers a device; `runner plugins` lists what is there");
    for (int64_t i = 0; ok && i < g->n_nodes; i++) {
        if (!needed[i] || is_view(&g->node[i]))
            continue;
        step_node *s = &p->node[p->n_nodes++];
        s->node = (int32_t)i;
        s->call = rn_node_call(g, &g->node[i], s->in_shape, s->out_shape);
        s->cost = s->call.op->cost ? s->call.op->cost(&s->call) : (rn_cost){0};
        s->serial = s->cost.bytes < SERIAL_BYTES && s->cost.flop < SERIAL_FLOP;
        s->repacked = g->training;
        for (int k = 0; k < s->call.n_in; k++)
            s->parameters |= is_parameter(g, g->node[i].in[k]) ? 1u << k : 0;
        ok = rn_node_choose_kernel(p, s, o, device, err);
        if (!ok && g->node[i].scope[0])
            rn_context(err, "%s", g->node[i].scope);
        for (int k = 0; ok && k < s->call.n_in; k++)
            if (s->work.packed_bytes[k]) {
                s->packed_offset[k] = p->packed_bytes;
                p->packed_bytes += rn_whole_lines(s->work.packed_bytes[k]);
            }
    }
    if (o->chooser)
        o->chooser->end(o->chooser->context);
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
    for (int64_t i = 0; p->node && i < p->n_nodes; i++)
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

/* Stays at the largest number where 64 bits end. */
static int64_t add_up(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

rn_cost rn_program_cost(const rn_program *p)
{
    rn_cost sum = {0};
    for (int64_t i = 0; i < p->n_nodes; i++) {
        sum.flop = add_up(sum.flop, p->node[i].cost.flop);
        sum.product_flop = add_up(sum.product_flop, p->node[i].cost.product_flop);
        sum.bytes = add_up(sum.bytes, p->node[i].cost.bytes);
    }
    return sum;
}
