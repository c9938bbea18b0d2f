/* Recomputing instead of keeping: what a cheap op makes from tensors that the backward part reads anyway is made
 * again there, so that it need not stay in memory from the forward part until then. The same kernel on the same
 * inputs gives the same bytes, so nothing but memory and time depends on it. */
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

/* Chosen forward nodes by the backward node that reads their output 0 first. */
typedef struct copies {
    int32_t *first; /* [nodes] forward node, or −1 */
    int32_t *next;  /* [forward nodes] */
    rn_tensor *again; /* [tensors] what backward nodes read instead; 0: the tensor itself */
} copies;

/* A copy of forward node f with outputs of its own. */
static rn_graph_node copy_of(rn_graph *g, int64_t f, rn_tensor *again)
{
    rn_graph_node copy = g->node[f];
    for (int k = 0; k < copy.n_out; k++) {
        g->tensor[g->n_tensors] = g->tensor[copy.out[k]];
        copy.out[k] = (rn_tensor)g->n_tensors++;
    }
    again[g->node[f].out[0]] = copy.out[0];
    return copy;
}

/* Writes the nodes with the copies among them; returns how many they are. */
static int64_t insert(rn_graph *g, const copies *c, rn_graph_node *to)
{
    int64_t n = 0;
    for (int64_t i = 0; i < g->n_nodes; i++) {
        for (int32_t f = c->first[i]; f >= 0; f = c->next[f])
            to[n++] = copy_of(g, f, c->again);
        to[n] = g->node[i];
        for (int k = 0; i >= g->n_forward && k < to[n].n_in; k++)
            if (c->again[to[n].in[k]])
                to[n].in[k] = c->again[to[n].in[k]];
        n++;
    }
    return n;
}

/* Chooses, last to first so that each list is in the order of the nodes; returns how many. */
static int64_t choose(const rn_graph *g, const reads *r, bool *chosen, copies *c)
{
    int64_t n = 0;
    for (int64_t i = 0; i < g->n_forward; i++)
        n += chosen[i] = pays(g, r, chosen, i);
    for (int64_t i = 0; i < g->n_nodes; i++)
        c->first[i] = -1;
    for (int64_t i = g->n_forward - 1; i >= 0; i--)
        if (chosen[i]) {
            int32_t *list = &c->first[r[g->node[i].out[0]].first_backward];
            c->next[i] = *list;
            *list = (int32_t)i;
        }
    return n;
}

void rn_graph_recompute(rn_graph *g)
{
    if (g->failed)
        return;
    const size_t nodes = (size_t)g->n_nodes + 1;
    reads *r = find_reads(g);
    bool *chosen = calloc(nodes, sizeof *chosen);
    copies c = {calloc(nodes, sizeof *c.first), calloc(nodes, sizeof *c.next), calloc((size_t)g->n_tensors, sizeof *c.again)};
    rn_graph_node *node = NULL;
    rn_tensor_info *tensor = NULL;
    if (r && chosen && c.first && c.next && c.again) {
        const int64_t n = choose(g, r, chosen, &c), room = g->n_tensors + n * RN_MAX_OUT;
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
    free(chosen);
    free(c.first);
    free(c.next);
    free(c.again);
}
