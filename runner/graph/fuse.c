/* Fusing chains: where an op says that it does several others in one go, it takes their place. Done before
 * differentiating, so that gradients are those of the fused op and nothing in between is kept for them. */
#include "graph/graph_internal.h"

#include <stdlib.h>
#include <string.h>

/* How often each tensor is read; being an output counts. */
static int32_t *count_uses(const rn_graph *g)
{
    int32_t *uses = calloc((size_t)g->n_tensors, sizeof *uses);
    for (int64_t i = 0; uses && i < g->n_nodes; i++)
        for (int k = 0; k < g->node[i].n_in; k++)
            uses[g->node[i].in[k]]++;
    for (int64_t i = 0; uses && i < g->n_outputs; i++)
        uses[g->output[i].tensor]++;
    return uses;
}

/* The nodes of a chain that ends at `last`, first to last. A link is an output 0 that the next op reads as its input 0
 * and nobody else does; auxiliary outputs may be there, but only the first one's may be wanted. */
static int find_chain(const rn_graph *g, const int32_t *uses, const rn_fusion *f, int64_t last, int64_t nodes[RN_MAX_CHAIN])
{
    int n = 0;
    while (n < RN_MAX_CHAIN && f->chain[n])
        n++;
    for (int k = n - 1; k >= 0; k--) {
        const rn_graph_node *node = &g->node[last];
        if (!node->op || strcmp(node->op->name, f->chain[k]) != 0)
            return 0;
        nodes[k] = last;
        if (k == 0)
            break;
        for (int j = 1; j < node->n_out; j++)
            if (uses[node->out[j]])
                return 0;
        const rn_tensor_info *link = &g->tensor[node->in[0]];
        if (link->origin != RN_FROM_NODE || link->output != 0 || uses[node->in[0]] != 1)
            return 0;
        last = link->index;
    }
    return n;
}

static int inputs_of(const rn_op *op)
{
    int n = 0;
    while (n < RN_MAX_IN && op->inputs[n].name)
        n++;
    return n;
}

/* Puts `op` where the chain ends. Its inputs are those of the chain in order, without the links; its outputs the last
 * one's output 0 and the first one's auxiliary outputs. False: they do not fit. */
static bool replace(rn_graph *g, const rn_op *op, const int64_t *nodes, int n)
{
    const rn_graph_node *first = &g->node[nodes[0]], *last = &g->node[nodes[n - 1]];
    rn_graph_node fused = {.op = op, .attr = first->attr, .n_in = inputs_of(op), .n_out = op->n_out, .scope = last->scope,
                           .place = last->place, .block = last->block};
    int inputs = 0;
    for (int k = 0; k < n; k++)
        for (int i = k > 0; i < inputs_of(g->node[nodes[k]].op); i++) {
            const rn_tensor t = i < g->node[nodes[k]].n_in ? g->node[nodes[k]].in[i] : 0;
            if (inputs == fused.n_in)
                return false;
            fused.in[inputs++] = t;
        }
    if (op->n_out != first->n_out || op->params_bytes != first->op->params_bytes)
        return false;
    for (int i = inputs; i < fused.n_in; i++)
        if (!op->inputs[i].optional)
            return false;
    fused.out[0] = last->out[0];
    for (int i = 1; i < op->n_out; i++)
        fused.out[i] = first->out[i];
    rn_shape in[RN_MAX_IN], out[RN_MAX_OUT], shape[RN_MAX_OUT] = {{0}};
    const rn_call call = rn_node_call(g, &fused, in, out);
    rn_error unused;
    if (!op->shape(&call, shape, &unused))
        return false;
    for (int i = 0; i < op->n_out; i++)
        if (!rn_same_dims(shape[i], out[i]))
            return false;
    for (int k = 0; k < n - 1; k++)
        g->node[nodes[k]].op = NULL;
    g->node[nodes[n - 1]] = fused;
    for (int i = 1; i < op->n_out; i++)
        g->tensor[fused.out[i]].index = (int32_t)nodes[n - 1];
    return true;
}

/* Nodes without an op go; the tensors of the others follow them. */
static void close_gaps(rn_graph *g)
{
    int64_t n = 0;
    for (int64_t i = 0; i < g->n_nodes; i++) {
        if (!g->node[i].op)
            continue;
        for (int k = 0; k < g->node[i].n_out; k++)
            g->tensor[g->node[i].out[k]].index = (int32_t)n;
        g->node[n++] = g->node[i];
    }
    g->n_nodes = n;
}

void rn_graph_fuse(rn_graph *g)
{
    if (g->failed)
        return;
    int32_t *uses = count_uses(g);
    if (!uses) {
        rn_graph_fail(g, RN_EMEMORY, "no memory to fuse nodes");
        return;
    }
    uses[0] = 0;
    const int ops = rn_registry_count(g->registry, RN_KIND_OP);
    for (int o = 0; o < ops; o++) {
        const rn_op *op = (const rn_op *)rn_registry_at(g->registry, RN_KIND_OP, o);
        if (!RN_HAS(op, rn_op, fusions) || !op->fusions)
            continue;
        for (const rn_fusion *f = op->fusions; f->chain[0]; f++)
            for (int64_t i = 0; i < g->n_nodes; i++) {
                int64_t nodes[RN_MAX_CHAIN];
                const int n = find_chain(g, uses, f, i, nodes);
                if (n > 1)
                    replace(g, op, nodes, n);
            }
    }
    close_gaps(g);
    free(uses);
}
