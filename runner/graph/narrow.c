/* Narrowing: activations and their gradients lie in memory as bfloat16, for half the traffic and for products that are
 * twice as fast and more. Arithmetic between loads and stores stays float32, and so do parameters, their gradients, statistics
 * and sums. Gradient rules have run by then and know nothing of it. */
#include "graph/graph_internal.h"

#include <stdlib.h>

/* Maps and tokens alone: vectors of an image (conditioning) are small, and images (few channels) are what losses
 * and samplers compare. */
enum { LEAST_RANK = 3, LEAST_CHANNELS = 8 };

static bool is_view(const rn_graph_node *n) { return (n->op->traits & RN_VIEW) != 0; }

static unsigned narrow_outputs(const rn_op *op) { return RN_HAS(op, rn_op, narrow_out) ? op->narrow_out : 0; }
static unsigned narrow_inputs(const rn_op *op) { return RN_HAS(op, rn_op, narrow_out) ? op->narrow_in : 0; }

/* What its producer and all who read it accept; views are looked at later. */
static void find_candidates(const rn_graph *g, bool *narrow)
{
    for (int64_t i = 0; i < g->n_nodes; i++) {
        const rn_graph_node *n = &g->node[i];
        for (int k = 0; k < n->n_out; k++) {
            const rn_shape s = g->tensor[n->out[k]].shape;
            narrow[n->out[k]] = (is_view(n) || narrow_outputs(n->op) >> k & 1) && s.type == RN_F32 &&
                                s.rank >= LEAST_RANK && rn_last(s) >= LEAST_CHANNELS;
        }
    }
    for (int64_t i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->node[i].n_in; k++)
            if (!is_view(&g->node[i]) && !(narrow_inputs(g->node[i].op) >> k & 1))
                narrow[g->node[i].in[k]] = false;
    for (int64_t i = 0; i < g->n_outputs; i++)
        narrow[g->output[i].tensor] = false;
    for (int64_t i = 0; i < g->n_gradients; i++)
        narrow[g->gradient[i]] = false;
}

/* A view has the type of what it looks at. Returns whether anything changed. */
static bool agree_on_views(const rn_graph *g, bool *narrow)
{
    bool changed = false;
    for (int64_t i = 0; i < g->n_nodes; i++) {
        const rn_graph_node *n = &g->node[i];
        if (!is_view(n))
            continue;
        bool all = narrow[n->in[0]];
        for (int k = 0; k < n->n_out; k++)
            all = all && narrow[n->out[k]];
        changed |= narrow[n->in[0]] != all;
        narrow[n->in[0]] = all;
        for (int k = 0; k < n->n_out; k++) {
            changed |= narrow[n->out[k]] != all;
            narrow[n->out[k]] = all;
        }
    }
    return changed;
}

void rn_graph_narrow(rn_graph *g)
{
    if (g->failed)
        return;
    bool *narrow = calloc((size_t)g->n_tensors, sizeof *narrow);
    if (!narrow) {
        rn_graph_fail(g, RN_EMEMORY, "no memory to choose the types of tensors");
        return;
    }
    find_candidates(g, narrow);
    while (agree_on_views(g, narrow))
        ;
    for (int64_t t = 1; t < g->n_tensors; t++)
        if (narrow[t])
            g->tensor[t].shape.type = RN_BF16;
    free(narrow);
}
