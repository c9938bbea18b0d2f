/* With fixed random cotangents c, f(x) = Σ ⟨y(x), c⟩ is a scalar: the rule's gradient of f is compared with
 * (f(x + h) − f(x − h))/2h, element by element of every input that has a gradient. */
#include "graph/check_gradients.h"
#include "base/worse.h"
#include "graph/program.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double step = 1e-5;

/* An op on one example: inputs with a gradient are parameters, the others are inputs of the program. */
typedef struct trial {
    const rn_op *op;
    rn_example example;
    rn_parameters parameters;
    rn_graph *graph;
    rn_program *program;
    rn_parameter_set set;
    double *gradients;
    void *arena;
    rn_tensor y[RN_MAX_OUT];
    int n_y;
} trial;

static void trial_free(trial *t)
{
    rn_program_close(t->program);
    rn_graph_close(t->graph);
    rn_parameters_free(&t->parameters);
    free(t->set.values);
    free(t->gradients);
    free(t->arena);
    free(t->example.attr);
}

static bool varies(const trial *t, int input)
{
    return t->example.in[input].rank && !t->op->inputs[input].integer && !t->op->inputs[input].constant;
}

static void build(trial *t)
{
    rn_graph *g = t->graph;
    rn_tensor in[RN_MAX_IN] = {0}, cotangent[RN_MAX_OUT];
    char name[32];
    for (int i = 0; i < t->example.n_in; i++) {
        rn_shape s = t->example.in[i];
        s.type = t->op->inputs[i].integer ? RN_I32 : RN_F64;
        s.pitch = 0;
        if (varies(t, i))
            in[i] = rn_graph_parameter(g, t->op->inputs[i].name, s, (rn_parameter_options){.init = RN_INIT_ZERO});
        else if (s.rank)
            in[i] = rn_graph_input(g, t->op->inputs[i].name, s);
    }
    rn_apply(g, t->op->name, t->example.attr, t->op->params_bytes, in, t->example.n_in, t->y, t->op->n_out);
    t->n_y = t->op->n_out - t->op->n_auxiliary;
    for (int i = 0; i < t->n_y; i++) {
        snprintf(name, sizeof name, "output %d", i);
        rn_graph_output(g, name, t->y[i]);
        snprintf(name, sizeof name, "cotangent %d", i);
        rn_shape s = rn_shape_of(g, t->y[i]);
        s.pitch = 0;
        cotangent[i] = rn_graph_input(g, name, s);
    }
    rn_graph_differentiate(g, t->n_y, t->y, cotangent);
}

/* Element k of an array: even on [low, high], or whole numbers from low to high − 1. */
static void fill(void *to, rn_shape s, rn_stream r, double low, double high)
{
    if (low == 0 && high == 0)
        low = -1, high = 1;
    for (int64_t k = 0; k < rn_count(s); k++) {
        const double u = rn_random_uniform(r, (uint64_t)k);
        if (s.type == RN_I32)
            ((int32_t *)to)[k] = (int32_t)(low + floor(u * (high - low)));
        else
            ((double *)to)[k] = low + u * (high - low);
    }
}

/* Inputs and cotangents are refilled before every run: a program may overwrite them. */
static void fill_inputs(trial *t, rn_stream r)
{
    for (int64_t i = 0; i < t->graph->n_inputs; i++) {
        const rn_tensor_info *info = &t->graph->tensor[t->graph->input[i].tensor];
        double low = 0, high = 0;
        for (int k = 0; k < t->example.n_in; k++)
            if (strcmp(t->op->inputs[k].name, t->graph->input[i].name) == 0)
                low = t->example.low[k], high = t->example.high[k];
        r.draw = 100 + (uint32_t)i;
        fill(rn_program_input(t->program, t->graph->input[i].name), info->shape, r, low, high);
    }
}

/* f = Σ ⟨y, c⟩ at the present values. */
static double value(trial *t, rn_stream r)
{
    const rn_step s = {.seed = r.seed};
    char name[32];
    fill_inputs(t, r);
    rn_program_run(t->program, &s);
    double *y[RN_MAX_OUT] = {NULL}, sum = 0;
    int64_t n[RN_MAX_OUT] = {0};
    for (int i = 0; i < t->n_y; i++) { /* refilling the cotangents may overwrite the outputs: copy them first */
        snprintf(name, sizeof name, "output %d", i);
        n[i] = rn_count(rn_program_shape(t->program, name));
        const rn_shape shape = rn_program_shape(t->program, name);
        y[i] = calloc((size_t)n[i] + 1, sizeof(double));
        const double *from = rn_program_output(t->program, name);
        for (int64_t row = 0; y[i] && row < rn_rows(shape); row++)
            memcpy(y[i] + row * rn_last(shape), from + row * rn_pitch(shape), (size_t)rn_last(shape) * sizeof(double));
    }
    fill_inputs(t, r);
    for (int i = 0; i < t->n_y; i++) {
        snprintf(name, sizeof name, "cotangent %d", i);
        const double *c = rn_program_input(t->program, name);
        for (int64_t k = 0; y[i] && k < n[i]; k++)
            sum += c[k] * y[i][k];
    }
    for (int i = 0; i < RN_MAX_OUT; i++)
        free(y[i]);
    return sum;
}

/* The largest difference over an input's elements, as a share of the largest derivative. */
static double compare(trial *t, const rn_parameter *p, const double *rule, rn_stream r)
{
    double worst = 0, largest = 1e-3, *x = (double *)t->set.values + p->offset;
    for (int64_t k = 0; k < p->count; k++) {
        const double before = x[k];
        x[k] = before + step;
        const double above = value(t, r);
        x[k] = before - step;
        const double below = value(t, r);
        x[k] = before;
        const double d = (above - below) / (2 * step), off = fabs(d - rule[p->offset + k]);
        largest = fabs(d) > largest ? fabs(d) : largest;
        worst = rn_worse(worst, off);
    }
    return worst / largest;
}

static bool check_example(const rn_registry *registry, const rn_op *op, int number, uint32_t seed, double *error,
                          rn_error *err)
{
    trial t = {.op = op};
    const rn_stream r = {.seed = seed, .stream = rn_stream_of(op->name), .step = (uint32_t)number};
    bool ok = false;
    while (t.example.n_in < RN_MAX_IN && op->inputs[t.example.n_in].name)
        t.example.n_in++;
    t.example.attr = calloc(1, op->params_bytes + 1);
    t.graph = rn_graph_open(registry, &t.parameters, RN_F64, true);
    double *rule = NULL;
    if (!t.example.attr || !t.graph)
        goto memory;
    op->example(&t.example, r, number);
    build(&t);
    const rn_program_options o = {0};
    if (!rn_program_compile(t.graph, &o, &t.program, err))
        goto done;
    const size_t flat = (size_t)(t.parameters.total + 1) * sizeof(double);
    t.set.values = aligned_alloc(64, (flat + 63) / 64 * 64);
    t.gradients = aligned_alloc(64, (flat + 63) / 64 * 64);
    t.arena = aligned_alloc(64, rn_program_arena_bytes(t.program) + 64);
    rule = malloc(flat);
    if (!t.set.values || !t.gradients || !t.arena || !rule)
        goto memory;
    memset(t.gradients, 0, flat);
    for (int i = 0; i < t.example.n_in; i++) {
        const rn_parameter *p = varies(&t, i) ? rn_parameters_find(&t.parameters, op->inputs[i].name) : NULL;
        rn_stream own = r;
        own.draw = (uint32_t)i + 1;
        if (p)
            fill((double *)t.set.values + p->offset, p->shape, own, t.example.low[i], t.example.high[i]);
    }
    if (!rn_program_bind(t.program, t.arena, &t.set, t.gradients, err))
        goto done;
    value(&t, r);
    memcpy(rule, t.gradients, flat);
    *error = 0;
    for (int64_t i = 0; i < t.parameters.n; i++) {
        const double e = compare(&t, &t.parameters.v[i], rule, r);
        *error = rn_worse(*error, e);
    }
    ok = true;
    goto done;
memory:
    rn_fail(err, RN_EMEMORY, "no memory for an example of the op '%s'", op->name);
done:
    free(rule);
    trial_free(&t);
    return ok;
}

bool rn_check_gradient(const rn_registry *registry, const rn_op *op, int examples, uint32_t seed,
                       rn_gradient_check *result, rn_error *err)
{
    *result = (rn_gradient_check){.has_rule = op->gradient != NULL};
    if (!result->has_rule)
        return true;
    if (!op->example)
        return rn_fail(err, RN_EPLUGIN, "the op '%s' has a gradient rule but no generator of examples to check it with",
                       op->name);
    for (int i = 0; i < examples; i++) {
        double error;
        if (!check_example(registry, op, i, seed, &error, err))
            return rn_context(err, "example %d of the op '%s'", i, op->name);
        result->error = rn_worse(result->error, error);
        result->examples++;
    }
    return true;
}
