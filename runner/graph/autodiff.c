/* Reverse-mode differentiation: walks the nodes from the last to the first and lets each op's gradient rule
 * build more nodes of the same graph. */
#include "graph/graph_internal.h"

#include <stdlib.h>

/* One share of the gradient of a tensor: a tensor, or (op rules that prefer to see all shares of a tensor
 * together) the node it will come from. */
typedef struct share {
    rn_tensor gradient; /* of the tensor; with deferred ≥ 0: of that node's output 0 */
    int32_t deferred;   /* node, or −1 */
    int32_t next;       /* the next share of the same tensor, or −1 */
} share;

typedef struct shares {
    rn_graph *g;
    int32_t *first; /* of each tensor, or −1 */
    share *v;
    int64_t n, room;
    const rn_op *sum; /* how shares add up */
} shares;

static void add_share(shares *s, rn_tensor of, rn_tensor gradient, int32_t deferred)
{
    if (s->n == s->room) {
        const int64_t room = s->room ? 2 * s->room : 256;
        share *v = realloc(s->v, (size_t)room * sizeof *v);
        if (!v) {
            rn_graph_fail(s->g, RN_EMEMORY, "no memory to differentiate");
            return;
        }
        s->v = v, s->room = room;
    }
    s->v[s->n] = (share){gradient, deferred, s->first[of]};
    s->first[of] = (int32_t)s->n++;
}

static rn_tensor sum(shares *s, rn_tensor a, rn_tensor b)
{
    rn_graph *g = s->g;
    if (!a || !b)
        return a ? a : b;
    if (!s->sum) {
        rn_graph_fail(g, RN_EPLUGIN, "a tensor is used twice, and no loaded plugin offers an op that adds gradients up");
        return 0;
    }
    const rn_tensor in[] = {a, b};
    rn_tensor y = 0;
    rn_apply(g, s->sum->name, NULL, 0, in, 2, &y, 1);
    return y;
}

/* The call of a node with its tensors, for gradient rules. The shapes are copies: the graph's arrays move
 * while a rule builds. */
typedef struct rule_call {
    rn_shape in[RN_MAX_IN], out[RN_MAX_OUT];
    rn_graph_node node;
    rn_call call;
} rule_call;

static void make_call(const rn_graph *g, int32_t node, rule_call *c)
{
    c->node = g->node[node];
    c->call = rn_node_call(g, &c->node, c->in, c->out);
    c->call.x = c->node.in, c->call.y = c->node.out;
}

/* Applies the rule of a node and hands the results to its inputs or, with `into`, adds them up there. */
static void apply_rule(shares *s, int32_t index, const rn_tensor *dy, rn_tensor *into)
{
    rn_graph *g = s->g;
    rule_call c;
    make_call(g, index, &c);
    if (!c.node.op->gradient) {
        rn_graph_fail(g, RN_ESHAPE, "%s%sa gradient is wanted through the op '%s', which has no gradient rule",
                      c.node.scope, c.node.scope[0] ? ": " : "", c.node.op->name);
        return;
    }
    rn_tensor dx[RN_MAX_IN] = {0};
    const rn_place before = rn_graph_at(g, c.node.place);
    c.node.op->gradient(g, &c.call, dy, dx);
    rn_graph_at(g, before);
    for (int i = 0; i < c.node.n_in && !g->failed; i++) {
        if (!dx[i] || !c.node.in[i] || !g->tensor[c.node.in[i]].needs_gradient)
            continue;
        if (!rn_same_dims(g->tensor[dx[i]].shape, c.in[i])) {
            char a[RN_SHAPE_TEXT], b[RN_SHAPE_TEXT];
            rn_graph_fail(g, RN_ESHAPE, "%s: the gradient rule gives %s for input '%s' of %s", c.node.op->name,
                          rn_shape_text(g->tensor[dx[i]].shape, a), c.node.op->inputs[i].name, rn_shape_text(c.in[i], b));
        } else if (into) {
            *into = sum(s, *into, dx[i]);
        } else {
            add_share(s, c.node.in[i], dx[i], -1);
        }
    }
}

/* The deferred shares of a tensor, all from one op, as one gradient. */
static rn_tensor together(shares *s, const rn_op *op, const share *const *v, int n)
{
    rn_graph *g = s->g;
    rule_call *c = calloc((size_t)n, sizeof *c);
    rn_call *calls = calloc((size_t)n, sizeof *calls);
    rn_tensor *dy = calloc((size_t)n, sizeof *dy), y = 0;
    if (c && calls && dy) {
        for (int i = 0; i < n; i++) {
            make_call(g, v[i]->deferred, &c[i]);
            calls[i] = c[i].call;
            dy[i] = v[i]->gradient;
        }
        y = op->gradient_together(g, n, calls, dy);
        for (int i = 0, alone = !y; alone && i < n && !g->failed; i++) {
            const rn_tensor only[RN_MAX_OUT] = {dy[i]};
            apply_rule(s, v[i]->deferred, only, &y);
        }
    } else {
        rn_graph_fail(g, RN_EMEMORY, "no memory to differentiate");
    }
    free(c);
    free(calls);
    free(dy);
    return y;
}

/* All shares of a tensor added up: first to last in the order in which they were found. 0: none. */
static rn_tensor collect(shares *s, rn_tensor of)
{
    rn_graph *g = s->g;
    int n = 0;
    for (int32_t i = s->first[of]; i >= 0; i = s->v[i].next) /* NOLINT: an index ≥ 0 is one of v's */
        n++;
    if (!n)
        return 0;
    share *v = malloc((size_t)n * sizeof *v);
    const share **group = malloc((size_t)n * sizeof *group);
    rn_tensor total = 0;
    if (!v || !group)
        rn_graph_fail(g, RN_EMEMORY, "no memory to differentiate");
    else {
        int k = n;
        for (int32_t i = s->first[of]; i >= 0; i = s->v[i].next)
            v[--k] = s->v[i];
        for (int i = 0; i < n && !g->failed; i++) {
            if (v[i].deferred < 0) {
                if (v[i].gradient)
                    total = sum(s, total, v[i].gradient);
                continue;
            }
            const rn_op *op = g->node[v[i].deferred].op;
            int in_group = 0;
            for (int j = i; j < n; j++)
                if (v[j].deferred >= 0 && v[j].gradient && g->node[v[j].deferred].op == op)
                    group[in_group++] = &v[j];
            if (in_group)
                total = sum(s, total, together(s, op, group, in_group));
            for (int j = i; j < n; j++)
                if (v[j].deferred >= 0 && g->node[v[j].deferred].op == op)
                    v[j] = (share){0, -1, -1};
        }
    }
    s->first[of] = -1;
    free(v);
    free(group);
    return total;
}

static void differentiate_node(shares *s, int32_t index)
{
    rn_graph *g = s->g;
    const rn_graph_node node = g->node[index];
    rn_tensor dy[RN_MAX_OUT] = {0};
    bool any = false;
    for (int i = 0; i < node.n_out; i++) {
        dy[i] = collect(s, node.out[i]);
        any |= dy[i] != 0;
    }
    bool wanted = false;
    for (int i = 0; i < node.n_in; i++)
        wanted |= node.in[i] && g->tensor[node.in[i]].needs_gradient;
    if (!any || !wanted || g->failed)
        return;
    if (node.op->gradient_together && node.in[0])
        add_share(s, node.in[0], dy[0], index);
    else
        apply_rule(s, index, dy, NULL);
}

/* The first op with a trait, or NULL. */
static const rn_op *op_with(const rn_graph *g, unsigned trait)
{
    for (int i = 0; i < rn_registry_count(g->registry, RN_KIND_OP); i++) {
        const rn_op *op = (const rn_op *)rn_registry_at(g->registry, RN_KIND_OP, i);
        if (op->traits & trait)
            return op;
    }
    return NULL;
}

/* Programs write gradients straight into the flat array. One that is no plain output of a single node (a view,
 * an input, the gradient of two parameters at once) is copied there. */
static void make_gradients_plain(rn_graph *g)
{
    for (int64_t i = 0; i < g->n_gradients && !g->failed; i++) {
        const rn_tensor t = g->gradient[i];
        if (!t)
            continue;
        const rn_tensor_info info = g->tensor[t];
        bool plain = info.origin == RN_FROM_NODE && !(g->node[info.index].op->traits & RN_VIEW);
        for (int64_t k = 0; k < i && plain; k++)
            plain = g->gradient[k] != t;
        if (plain)
            continue;
        const rn_op *copy = op_with(g, RN_COPY);
        if (copy)
            rn_apply(g, copy->name, NULL, 0, &t, 1, &g->gradient[i], 1);
        else
            rn_graph_fail(g, RN_EPLUGIN, "a gradient has to be copied, and no loaded plugin offers an op that copies");
    }
}

void rn_graph_differentiate(rn_graph *g, int n, const rn_tensor *of, const rn_tensor *cotangent)
{
    if (g->failed)
        return;
    for (int i = 0; i < n; i++)
        if (!of[i] || !cotangent[i] || !rn_same_dims(rn_shape_of(g, of[i]), rn_shape_of(g, cotangent[i]))) {
            rn_graph_fail(g, RN_ESHAPE, "a tensor and what its gradient begins with differ in shape");
            return;
        }
    shares s = {.g = g, .sum = op_with(g, RN_SUM)};
    const int64_t n_tensors = g->n_tensors, n_nodes = g->n_nodes;
    g->n_forward = n_nodes;
    s.first = malloc((size_t)n_tensors * sizeof *s.first);
    g->gradient = calloc((size_t)g->parameters->n + 1, sizeof *g->gradient);
    g->n_gradients = g->parameters->n;
    if (!s.first || !g->gradient) {
        rn_graph_fail(g, RN_EMEMORY, "no memory to differentiate");
    } else {
        for (int64_t i = 0; i < n_tensors; i++)
            s.first[i] = -1;
        for (int i = 0; i < n; i++)
            add_share(&s, of[i], cotangent[i], -1);
        for (int64_t i = n_nodes - 1; i >= 0 && !g->failed; i--)
            differentiate_node(&s, (int32_t)i);
        for (int64_t i = 1; i < n_tensors && !g->failed; i++)
            if (g->tensor[i].origin == RN_FROM_PARAMETER)
                g->gradient[g->tensor[i].index] = collect(&s, (rn_tensor)i);
        make_gradients_plain(g);
    }
    free(s.first);
    free(s.v);
}
