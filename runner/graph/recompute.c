/* Recomputing instead of keeping: nodes of the forward part run again in the backward part, so that what they made need not
 * stay in memory from then until now. The same kernel on the same inputs gives the same bytes (random ops draw by their
 * stream, whenever they run), so nothing but memory and time depends on it.
 *   cheap: what a cheap op makes from tensors that the backward part reads anyway.
 *   blocks: all of a block (a layer that a spec chose) but what others read: its input is kept, its inside is made again just
 *   before its gradients (Chen et al. 2016, "Training deep nets with sublinear memory cost", section 4.1). */
#include "graph/graph_internal.h"

#include <stdlib.h>

typedef struct reads {
    int64_t first_backward, last; /* nodes that read a tensor; −1: none */
} reads;

static reads *find_reads(const rn_graph *g)
{
    reads *r = calloc((size_t)g->n_tensors, sizeof *r);
    for (int64_t t = 0; r && t < g->n_tensors; t++)
        r[t] = (reads){-1, -1};
    for (int64_t i = 0; r && i < g->n_nodes; i++)
        for (int k = 0; k < g->node[i].n_in; k++) {
            reads *of = &r[g->node[i].in[k]];
            of->last = i;
            if (i >= g->n_forward && of->first_backward < 0)
                of->first_backward = i;
        }
    /* what is read through a view is read */
    for (int64_t i = g->n_nodes - 1; r && i >= 0; i--) {
        const rn_graph_node *n = &g->node[i];
        if (!(n->op->traits & RN_VIEW))
            continue;
        for (int k = 0; k < n->n_out; k++) {
            reads *of = &r[n->in[0]];
            of->last = r[n->out[k]].last > of->last ? r[n->out[k]].last : of->last;
        }
    }
    return r;
}

static bool is_output(const rn_graph *g, rn_tensor t)
{
    for (int64_t i = 0; i < g->n_outputs; i++)
        if (g->output[i].tensor == t)
            return true;
    return false;
}

/* Is output 0 of a forward node read backward, and are its inputs there at that time in any case? */
static bool pays(const rn_graph *g, const reads *r, const bool *chosen, int64_t i)
{
    const rn_graph_node *n = &g->node[i];
    if (!(n->op->traits & RN_CHEAP) || is_output(g, n->out[0]))
        return false;
    const int64_t when = r[n->out[0]].first_backward;
    for (int k = 0; k < n->n_in && when >= 0; k++) {
        const rn_tensor_info *in = &g->tensor[n->in[k]];
        if (n->in[k] && in->origin == RN_FROM_NODE && (r[n->in[k]].last < when || chosen[in->index]))
            return false;
    }
    return when >= 0;
}

/* Chosen forward nodes by the backward node before which they run again. */
typedef struct copies {
    bool *chosen;     /* [nodes] */
    bool *kept;       /* [tensors] what a chosen node makes, and is there anyway */
    int32_t *first;   /* [nodes] forward node, or −1 */
    int32_t *next;    /* [nodes] */
    rn_tensor *again; /* [tensors] what backward nodes and copies read instead; 0: the tensor itself */
} copies;

typedef int64_t chooser(const rn_graph *g, const reads *r, copies *c);

static rn_tensor now(const copies *c, rn_tensor t) { return c->again[t] ? c->again[t] : t; }

/* A copy of forward node f with outputs of its own. */
static rn_graph_node copy_of(rn_graph *g, int64_t f, const copies *c)
{
    rn_graph_node copy = g->node[f];
    for (int k = 0; k < copy.n_in; k++)
        copy.in[k] = now(c, copy.in[k]);
    for (int k = 0; k < copy.n_out; k++) {
        const rn_tensor t = copy.out[k];
        g->tensor[g->n_tensors] = g->tensor[t];
        copy.out[k] = (rn_tensor)g->n_tensors++;
        if (!c->kept[t])
            c->again[t] = copy.out[k];
    }
    return copy;
}

/* Writes the nodes with the copies among them; returns how many they are. */
static int64_t insert(rn_graph *g, const copies *c, rn_graph_node *to)
{
    int64_t n = 0;
    for (int64_t i = 0; i < g->n_nodes; i++) {
        for (int32_t f = c->first[i]; f >= 0; f = c->next[f])
            to[n++] = copy_of(g, f, c);
        to[n] = g->node[i];
        for (int k = 0; i >= g->n_forward && k < to[n].n_in; k++)
            to[n].in[k] = now(c, to[n].in[k]);
        n++;
    }
    return n;
}

/* Forward node f runs before node `when`. Called from the last node to the first, so that each list is in their order. */
static void put(copies *c, int64_t f, int64_t when)
{
    c->next[f] = c->first[when];
    c->first[when] = (int32_t)f;
}

static int64_t choose_cheap(const rn_graph *g, const reads *r, copies *c)
{
    int64_t n = 0;
    for (int64_t i = 0; i < g->n_forward; i++)
        n += c->chosen[i] = pays(g, r, c->chosen, i);
    for (int64_t i = g->n_forward - 1; i >= 0; i--)
        if (c->chosen[i]) {
            put(c, i, r[g->node[i].out[0]].first_backward);
            for (int k = 1; k < g->node[i].n_out; k++)
                c->kept[g->node[i].out[k]] = true;
        }
    return n;
}

/* Marks as kept what the outside of its block reads in the forward part. */
static void keep_what_others_read(const rn_graph *g, copies *c)
{
    for (int64_t i = 0; i < g->n_forward; i++)
        for (int k = 0; k < g->node[i].n_in; k++) {
            const rn_tensor_info *in = &g->tensor[g->node[i].in[k]];
            if (g->node[i].in[k] && in->origin == RN_FROM_NODE && g->node[in->index].block != g->node[i].block)
                c->kept[g->node[i].in[k]] = true;
        }
    for (int64_t i = 0; i < g->n_outputs; i++)
        c->kept[g->output[i].tensor] = true;
}

/* Of each block what its gradients read, and what that is made from. */
static int64_t choose_blocks(const rn_graph *g, const reads *r, copies *c)
{
    int64_t *when = malloc(((size_t)g->n_blocks + 1) * sizeof *when);
    bool *wanted = calloc((size_t)g->n_tensors, sizeof *wanted);
    int64_t n = when && wanted ? 0 : -1;
    for (int32_t b = 0; n == 0 && b <= g->n_blocks; b++)
        when[b] = g->n_nodes;
    if (n == 0)
        keep_what_others_read(g, c);
    for (int64_t i = g->n_forward - 1; n >= 0 && i >= 0; i--) {
        const rn_graph_node *node = &g->node[i];
        for (int k = 0; node->block && k < node->n_out; k++) {
            const int64_t read = c->kept[node->out[k]] ? -1 : r[node->out[k]].first_backward;
            c->chosen[i] |= read >= 0 || (wanted[node->out[k]] && !c->kept[node->out[k]]);
            when[node->block] = read >= 0 && read < when[node->block] ? read : when[node->block];
        }
        for (int k = 0; c->chosen[i] && k < node->n_in; k++)
            wanted[node->in[k]] = true;
        n += c->chosen[i];
    }
    for (int64_t i = g->n_forward - 1; n > 0 && i >= 0; i--)
        if (c->chosen[i])
            put(c, i, when[g->node[i].block]);
    free(when);
    free(wanted);
    return n;
}

static void recompute(rn_graph *g, chooser *choose)
{
    if (g->failed)
        return;
    const size_t nodes = (size_t)g->n_nodes + 1;
    reads *r = find_reads(g);
    copies c = {calloc(nodes, sizeof *c.chosen), calloc((size_t)g->n_tensors, sizeof *c.kept), malloc(nodes * sizeof *c.first),
                calloc(nodes, sizeof *c.next), calloc((size_t)g->n_tensors, sizeof *c.again)};
    rn_graph_node *node = NULL;
    rn_tensor_info *tensor = NULL;
    int64_t n = -1;
    if (r && c.chosen && c.kept && c.first && c.next && c.again) {
        for (int64_t i = 0; i < g->n_nodes; i++)
            c.first[i] = -1;
        n = choose(g, r, &c);
    }
    if (n >= 0) {
        const int64_t room = g->n_tensors + n * RN_MAX_OUT;
        node = malloc((nodes + (size_t)n) * sizeof *node);
        tensor = node ? realloc(g->tensor, (size_t)room * sizeof *tensor) : NULL;
        if (tensor) {
            g->tensor = tensor, g->room_tensors = room;
            g->n_nodes = insert(g, &c, node);
            g->room_nodes = (int64_t)nodes + n;
            free(g->node);
            g->node = node;
        }
    }
    for (int64_t i = 0; tensor && i < g->n_nodes; i++)
        for (int k = 0; k < g->node[i].n_out; k++)
            g->tensor[g->node[i].out[k]].index = (int32_t)i;
    if (!tensor) {
        free(node);
        rn_graph_fail(g, RN_EMEMORY, "no memory to plan what is computed again");
    }
    free(r);
    free(c.chosen);
    free(c.kept);
    free(c.first);
    free(c.next);
    free(c.again);
}

void rn_graph_recompute(rn_graph *g) { recompute(g, choose_cheap); }

void rn_graph_recompute_blocks(rn_graph *g) { recompute(g, choose_blocks); }
