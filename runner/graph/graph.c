/* Building a graph: tensors, nodes, scopes, the sticky error. */
#include "graph/graph_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

rn_graph *rn_graph_open(const rn_registry *registry, rn_parameters *parameters, rn_type type, bool training)
{
    rn_graph *g = calloc(1, sizeof *g);
    if (g) {
        g->registry = registry, g->parameters = parameters, g->type = type, g->training = training;
        g->n_tensors = 1; /* number 0 is "none" */
        g->room_tensors = 256;
        g->tensor = calloc((size_t)g->room_tensors, sizeof *g->tensor);
        if (!g->tensor) {
            free(g);
            g = NULL;
        }
    }
    return g;
}

void rn_graph_close(rn_graph *g)
{
    if (!g)
        return;
    rn_arena_free(&g->arena);
    free(g->tensor);
    free(g->node);
    free(g->input);
    free(g->output);
    free(g->gradient);
    free(g);
}

void rn_graph_fail(rn_graph *g, rn_code code, const char *format, ...)
{
    if (g->failed)
        return;
    va_list args;
    va_start(args, format);
    rn_fail_v(&g->error, code, g->place, format, args);
    va_end(args);
    if (g->scope[0])
        rn_context(&g->error, "%s", g->scope);
    g->failed = true;
}

bool rn_graph_failed(const rn_graph *g)
{
    return g->failed;
}

bool rn_graph_check(const rn_graph *g, rn_error *err)
{
    if (g->failed) {
        *err = g->error;
        return false;
    }
    return rn_arena_check(&g->arena, "building a graph", err);
}

rn_type rn_graph_type(const rn_graph *g)
{
    return g->type;
}

bool rn_graph_training(const rn_graph *g)
{
    return g->training;
}

rn_shape rn_shape_of(const rn_graph *g, rn_tensor t)
{
    return !g->failed && t > 0 && t < g->n_tensors ? g->tensor[t].shape : (rn_shape){0};
}

rn_place rn_graph_at(rn_graph *g, rn_place place)
{
    const rn_place before = g->place;
    g->place = place;
    return before;
}

void rn_scope(rn_graph *g, const char *format, ...)
{
    if (g->failed)
        return;
    const int used = g->depth ? g->scope_end[g->depth - 1] : 0, room = (int)sizeof g->scope - used;
    char *at = g->scope + used;
    va_list args;
    va_start(args, format);
    const int dot = used ? snprintf(at, (size_t)room, ".") : 0;
    const int n = vsnprintf(at + dot, (size_t)(room - dot), format, args);
    va_end(args);
    if (g->depth == (int)(sizeof g->scope_end / sizeof *g->scope_end) || n < 0 || dot + n >= room)
        rn_graph_fail(g, RN_ELIMIT, "scopes are nested deeper than %zu or longer than %zu bytes",
                      sizeof g->scope_end / sizeof *g->scope_end, sizeof g->scope);
    else
        g->scope_end[g->depth++] = used + dot + n;
}

void rn_scope_end(rn_graph *g)
{
    if (g->failed || g->depth == 0)
        return;
    g->depth--;
    g->scope[g->depth ? g->scope_end[g->depth - 1] : 0] = '\0';
}

/* "<scope>.<name>" in the graph's arena. */
static const char *full_name(rn_graph *g, const char *name)
{
    return g->scope[0] ? rn_arena_print(&g->arena, "%s.%s", g->scope, name) : rn_arena_text(&g->arena, name);
}

uint32_t rn_scope_stream(rn_graph *g, const char *name)
{
    const char *full = full_name(g, name);
    return full ? rn_stream_of(full) : 0;
}

/* Room for one more element of a growing array. */
static bool room_for(rn_graph *g, void **v, int64_t n, int64_t *room, size_t bytes)
{
    if (n < *room)
        return true;
    const int64_t more = *room ? 2 * *room : 64;
    void *larger = realloc(*v, (size_t)more * bytes);
    if (!larger) {
        rn_graph_fail(g, RN_EMEMORY, "no memory for a graph of %" PRId64 " nodes", more);
        return false;
    }
    *v = larger;
    *room = more;
    return true;
}

static rn_tensor new_tensor(rn_graph *g, rn_tensor_info info)
{
    if (!room_for(g, (void **)&g->tensor, g->n_tensors, &g->room_tensors, sizeof *g->tensor))
        return 0;
    g->tensor[g->n_tensors] = info;
    return (rn_tensor)g->n_tensors++;
}

/* Every axis ≥ 1, and at most 2⁴⁰ bytes: what a product of such tensors costs still fits 64 bits. */
static bool sound(rn_shape s)
{
    if (s.rank < 1 || s.rank > RN_MAX_RANK || s.type <= RN_NO_TYPE || s.type > RN_I32)
        return false;
    int64_t n = (int64_t)rn_type_bytes(s.type);
    for (int i = 0; i < s.rank; i++)
        if (s.dim[i] < 1 || __builtin_mul_overflow(n, s.dim[i], &n) || n > (int64_t)1 << 40)
            return false;
    return true;
}

/* Of a shape that is not sound: is it only that no machine could hold it? */
static bool too_large(rn_shape s)
{
    bool positive = s.rank >= 1 && s.rank <= RN_MAX_RANK && s.type > RN_NO_TYPE && s.type <= RN_I32;
    for (int i = 0; positive && i < s.rank; i++)
        positive = s.dim[i] >= 1;
    return positive;
}

rn_tensor rn_graph_input(rn_graph *g, const char *name, rn_shape shape)
{
    if (g->failed)
        return 0;
    if (shape.type == RN_NO_TYPE)
        shape.type = g->type;
    char text[RN_SHAPE_TEXT];
    if (!sound(shape)) {
        rn_graph_fail(g, too_large(shape) ? RN_EMEMORY : RN_ESHAPE,
                      "input '%s' cannot have the shape %s (every axis is at least 1, and 2^40 bytes are the most)", name,
                      rn_shape_text(shape, text));
        return 0;
    }
    for (int64_t i = 0; i < g->n_inputs; i++)
        if (strcmp(g->input[i].name, name) == 0) {
            rn_graph_fail(g, RN_EINTERNAL, "two inputs are called '%s'", name);
            return 0;
        }
    if (!room_for(g, (void **)&g->input, g->n_inputs, &g->room_inputs, sizeof *g->input))
        return 0;
    const rn_tensor t = new_tensor(g, (rn_tensor_info){.shape = shape, .origin = RN_FROM_INPUT, .index = (int32_t)g->n_inputs});
    g->input[g->n_inputs++] = (rn_named){rn_arena_text(&g->arena, name), t};
    return t;
}

void rn_graph_output(rn_graph *g, const char *name, rn_tensor t)
{
    if (g->failed || !room_for(g, (void **)&g->output, g->n_outputs, &g->room_outputs, sizeof *g->output))
        return;
    if (t <= 0 || t >= g->n_tensors)
        rn_graph_fail(g, RN_EINTERNAL, "output '%s' is no tensor of this graph", name);
    else
        g->output[g->n_outputs++] = (rn_named){rn_arena_text(&g->arena, name), t};
}

rn_tensor rn_graph_parameter(rn_graph *g, const char *name, rn_shape shape, rn_parameter_options options)
{
    if (g->failed)
        return 0;
    const char *full = full_name(g, name);
    char text[RN_SHAPE_TEXT];
    shape.type = g->type;
    if (!full || !sound(shape)) {
        rn_graph_fail(g, RN_ESHAPE, "parameter '%s' cannot have the shape %s", name, rn_shape_text(shape, text));
        return 0;
    }
    int64_t index;
    rn_error err;
    if (!rn_parameters_get(g->parameters, full, shape, options, &index, &err)) {
        rn_graph_fail(g, err.code, "%s", err.text);
        return 0;
    }
    /* the same parameter twice in one graph is one tensor, so its gradients add up */
    for (int64_t i = g->n_tensors - 1; i > 0; i--)
        if (g->tensor[i].origin == RN_FROM_PARAMETER && g->tensor[i].index == index)
            return (rn_tensor)i;
    return new_tensor(g, (rn_tensor_info){.shape = shape, .origin = RN_FROM_PARAMETER, .index = (int32_t)index,
                                          .needs_gradient = true});
}

/* Do the inputs fit what the op declares? */
static bool inputs_fit(rn_graph *g, const rn_op *op, const rn_tensor *in, int n_in)
{
    char text[RN_SHAPE_TEXT];
    for (int i = 0; i < RN_MAX_IN && op->inputs[i].name; i++) {
        const rn_op_input *want = &op->inputs[i];
        const rn_tensor t = i < n_in ? in[i] : 0;
        if (t < 0 || t >= g->n_tensors) {
            rn_graph_fail(g, RN_EINTERNAL, "%s: input '%s' is no tensor of this graph", op->name, want->name);
        } else if (t == 0) {
            if (!want->optional)
                rn_graph_fail(g, RN_EMISSING, "%s: input '%s' is missing", op->name, want->name);
        } else if (want->rank && g->tensor[t].shape.rank != want->rank) {
            rn_graph_fail(g, RN_ESHAPE, "%s: input '%s' has the shape %s, but %d axes are wanted", op->name, want->name,
                          rn_shape_text(g->tensor[t].shape, text), want->rank);
        } else if (g->tensor[t].shape.type != (want->integer ? RN_I32 : g->type)) {
            rn_graph_fail(g, RN_ETYPE, "%s: input '%s' is %s, but %s is wanted", op->name, want->name,
                          rn_type_name(g->tensor[t].shape.type), rn_type_name(want->integer ? RN_I32 : g->type));
        }
        if (g->failed)
            return false;
    }
    int most = 0;
    while (most < RN_MAX_IN && op->inputs[most].name)
        most++;
    if (n_in > most)
        rn_graph_fail(g, RN_EINTERNAL, "%s: %d inputs given, at most %d are known", op->name, n_in, most);
    return !g->failed;
}

rn_call rn_node_call(const rn_graph *g, const rn_graph_node *node, rn_shape in[RN_MAX_IN], rn_shape out[RN_MAX_OUT])
{
    for (int i = 0; i < node->n_in; i++)
        in[i] = node->in[i] ? g->tensor[node->in[i]].shape : (rn_shape){0};
    for (int i = 0; i < node->n_out; i++)
        out[i] = g->tensor[node->out[i]].shape;
    return (rn_call){.op = node->op, .attr = node->attr, .n_in = node->n_in, .n_out = node->n_out, .in = in, .out = out};
}

void rn_apply(rn_graph *g, const char *name, const void *attr, size_t attr_bytes, const rn_tensor *in, int n_in,
              rn_tensor *out, int n_out)
{
    for (int i = 0; i < n_out; i++)
        out[i] = 0;
    if (g->failed)
        return;
    const rn_op *op = (const rn_op *)rn_registry_find(g->registry, RN_KIND_OP, name);
    if (!op) {
        rn_graph_fail(g, RN_EPLUGIN, "no loaded plugin offers the op '%s'; `runner plugins` lists what is there", name);
        return;
    }
    if (attr_bytes != op->params_bytes || n_out != op->n_out || n_out > RN_MAX_OUT || n_in > RN_MAX_IN) {
        rn_graph_fail(g, RN_EINTERNAL, "op '%s' was called with %zu bytes of attributes and %d outputs, it has %zu and %d",
                      name, attr_bytes, n_out, op->params_bytes, op->n_out);
        return;
    }
    if (!inputs_fit(g, op, in, n_in))
        return;
    rn_graph_node node = {.op = op, .n_in = n_in, .n_out = n_out, .place = g->place, .block = g->block};
    for (int i = 0; i < n_in; i++)
        node.in[i] = in[i];
    void *copy = attr_bytes ? rn_arena_alloc(&g->arena, attr_bytes) : NULL;
    node.scope = rn_arena_text(&g->arena, g->scope);
    if ((attr_bytes && !copy) || !node.scope ||
        !room_for(g, (void **)&g->node, g->n_nodes, &g->room_nodes, sizeof *g->node)) {
        rn_graph_fail(g, RN_EMEMORY, "no memory for a node");
        return;
    }
    if (attr_bytes)
        node.attr = memcpy(copy, attr, attr_bytes);

    rn_shape in_shape[RN_MAX_IN], shape[RN_MAX_OUT] = {{0}};
    rn_call call = rn_node_call(g, &(rn_graph_node){.op = op, .attr = node.attr, .n_in = n_in, .in = {0}}, in_shape, shape);
    bool needs_gradient = false;
    for (int i = 0; i < n_in; i++) {
        in_shape[i] = in[i] ? g->tensor[in[i]].shape : (rn_shape){0};
        needs_gradient |= in[i] && g->tensor[in[i]].needs_gradient;
    }
    call.n_out = n_out;
    rn_error err;
    if (!op->shape(&call, shape, &err)) {
        rn_graph_fail(g, err.code, "%s: %s", name, err.text);
        return;
    }
    char text[RN_SHAPE_TEXT];
    for (int i = 0; i < n_out; i++) {
        if (!sound(shape[i])) {
            rn_graph_fail(g, RN_ESHAPE, "%s: output %d would have the shape %s", name, i, rn_shape_text(shape[i], text));
            return;
        }
        node.out[i] = new_tensor(g, (rn_tensor_info){.shape = shape[i], .origin = RN_FROM_NODE, .index = (int32_t)g->n_nodes,
                                                     .output = (int16_t)i, .needs_gradient = needs_gradient});
        if (g->failed)
            return;
        out[i] = node.out[i];
    }
    g->node[g->n_nodes++] = node;
}
