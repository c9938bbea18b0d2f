#include "train/trainer.h"

#include "diffusion/guidance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- plan ------------------------------------------------------------------------------------------- */

static rn_task_env env_of(const rn_experiment *e, int64_t batch)
{
    return (rn_task_env){.bytes = sizeof(rn_task_env), .model = e->model, .batch = batch,
                         .height = e->data.resolution.height, .width = e->data.resolution.width};
}

/* The program that trains: its loss, differentiated. The seed of the gradient is an input that is 1. */
static bool compile_train(rn_trainer *t, const rn_registry *registry, const rn_program_options *o, rn_error *err)
{
    t->train_graph = rn_graph_open(registry, &t->parameters, RN_F32, true);
    if (!t->train_graph)
        return rn_fail(err, RN_EMEMORY, "no memory for a graph");
    t->task->build_loss(t->train_graph, t->experiment->task.params, &t->train_env);
    rn_tensor loss = 0;
    for (int64_t i = 0; i < t->train_graph->n_outputs; i++)
        if (strcmp(t->train_graph->output[i].name, "loss") == 0)
            loss = t->train_graph->output[i].tensor;
    if (!loss)
        rn_graph_fail(t->train_graph, RN_EINTERNAL, "the task '%s' has no output \"loss\"", t->task->name);
    const rn_tensor seed = rn_graph_input(t->train_graph, "gradient_seed", (rn_shape){.rank = 1, .dim = {1}});
    rn_graph_fuse(t->train_graph);
    rn_graph_differentiate(t->train_graph, 1, &loss, &seed);
    if (t->experiment->precision == RN_PRECISION_BF16)
        rn_graph_narrow(t->train_graph);
    if (t->experiment->memory.recompute == RN_RECOMPUTE_BLOCKS)
        rn_graph_recompute_blocks(t->train_graph);
    if (t->experiment->memory.recompute != RN_RECOMPUTE_NONE)
        rn_graph_recompute(t->train_graph);
    return rn_program_compile(t->train_graph, o, &t->train, err);
}

static bool compile_denoise(rn_trainer *t, const rn_registry *registry, const rn_program_options *o, rn_error *err)
{
    t->denoise_graph = rn_graph_open(registry, &t->parameters, RN_F32, false);
    if (!t->denoise_graph)
        return rn_fail(err, RN_EMEMORY, "no memory for a graph");
    t->task->build_denoise(t->denoise_graph, t->experiment->task.params, &t->denoise_env);
    rn_graph_fuse(t->denoise_graph);
    if (t->experiment->precision == RN_PRECISION_BF16)
        rn_graph_narrow(t->denoise_graph);
    return rn_program_compile(t->denoise_graph, o, &t->denoise, err);
}

/* The smallest number of steps that uses up the budget. */
static bool count_steps(rn_trainer *t, rn_error *err)
{
    const rn_quantity b = t->config.budget;
    double steps = b.value;
    if (t->config.steps)
        return true;
    if (b.unit == RN_BUDGET_S) {
        t->budget_s = b.value;
        t->config.steps = RN_MAX_STEPS;
        return true;
    }
    if (b.unit == RN_BUDGET_IMAGES)
        steps /= (double)t->config.batch;
    else if (b.unit == RN_BUDGET_FLOP)
        steps /= t->cost.flop_per_step;
    if (!(steps <= RN_MAX_STEPS))
        return rn_fail(err, RN_ERANGE, "train.budget: %g %s are %.3g steps; at most %d are allowed", b.value,
                       b.unit == RN_BUDGET_FLOP ? "FLOP" : b.unit == RN_BUDGET_IMAGES ? "images" : "steps", steps, RN_MAX_STEPS);
    t->config.steps = (int64_t)ceil(steps);
    return true;
}

void rn_trainer_expect(rn_trainer *t, int64_t steps)
{
    if (t->budget_s > 0)
        t->config.steps = steps < t->step + 1 ? t->step + 1 : steps > RN_MAX_STEPS ? RN_MAX_STEPS : steps;
}

static void add_up(rn_trainer *t)
{
    rn_trainer_cost *c = &t->cost;
    const rn_optimizer *rule = (const rn_optimizer *)t->experiment->train.optimizer.rule.what;
    const size_t flat = (size_t)t->parameters.total * sizeof(float);
    c->parameters = t->parameters.elements;
    c->flop_per_image = rn_program_cost(t->denoise).product_flop / t->denoise_env.batch;
    c->flop_per_step = 3.0 * (double)c->flop_per_image * (double)t->experiment->train.batch;
    c->train_arena_bytes = rn_program_arena_bytes(t->train);
    c->denoise_arena_bytes = rn_program_arena_bytes(t->denoise);
    c->arena_bytes = c->train_arena_bytes > c->denoise_arena_bytes ? c->train_arena_bytes : c->denoise_arena_bytes;
    c->weight_bytes = flat;
    c->training_bytes = flat * (size_t)(1 + rule->n_state + (t->experiment->train.ema > 0));
    c->packed_bytes = rn_program_packed_bytes(t->train) + rn_program_packed_bytes(t->denoise);
    c->total_bytes = c->arena_bytes + c->weight_bytes + c->training_bytes + c->packed_bytes;
}

bool rn_trainer_plan(rn_trainer *t, const rn_registry *registry, const rn_experiment *e, rn_error *err)
{
    t->experiment = e;
    t->config = e->train;
    t->task = (const rn_task *)e->task.what;
    t->train_env = env_of(e, e->train.batch);
    t->denoise_env = env_of(e, e->evaluate.batch);
    t->device = (const rn_device *)rn_registry_default(registry, RN_KIND_DEVICE);
    if (!t->device)
        return rn_fail(err, RN_EPLUGIN, "no loaded plugin offers a device; `runner plugins` lists what is there");
    if (t->task->check && !t->task->check(e->task.params, &t->train_env, err)) {
        rn_context(err, "task");
        return rn_at(err, e->task.place); /* a task knows its values, not where they stand */
    }
    if (!rn_guidance_check(e, err))
        return false;
    const rn_program_options o = {.kernels = e->kernels.v, .n_kernels = e->kernels.n, .device = t->device->name,
                                  .chooser = e->deterministic ? NULL : t->chooser};
    if (!compile_train(t, registry, &o, err) || !compile_denoise(t, registry, &o, err))
        return false;
    add_up(t);
    return count_steps(t, err) || rn_at(err, e->task.place); /* by its path the key is found from there */
}

/* --- start ------------------------------------------------------------------------------------------ */

static void *device_memory(rn_trainer *t, size_t bytes, const char *what, rn_error *err)
{
    void *p = t->device->alloc(bytes);
    if (!p)
        rn_fail(err, RN_EMEMORY, "no memory for %s: %zu bytes (%.1f MiB) on device '%s'; `runner plan` shows what a "
                "variant needs", what, bytes, (double)bytes / 1048576, t->device->name);
    return p;
}

bool rn_trainer_start(rn_trainer *t, uint32_t seed, rn_error *err)
{
    const size_t flat = t->cost.weight_bytes;
    t->seed = seed;
    t->arena = device_memory(t, t->cost.arena_bytes, "activations", err);
    t->raw.values = t->arena ? device_memory(t, flat, "weights", err) : NULL;
    t->gradients = t->raw.values ? device_memory(t, flat, "gradients", err) : NULL;
    bool ok = t->gradients != NULL;
    ok = ok && rn_optimize_init(&t->optimize, &t->config, t->parameters.total, err);
    if (ok && t->experiment->train.ema > 0)
        ok = (t->average.values = device_memory(t, flat, "the average of the weights", err)) != NULL;
    if (!ok)
        return false;
    rn_parameters_init(&t->parameters, seed, RN_F32, t->raw.values);
    if (t->average.values)
        memcpy(t->average.values, t->raw.values, flat);
    t->raw.version = t->average.version = 1;
    return rn_program_bind(t->train, t->arena, &t->raw, t->gradients, err) &&
           rn_program_bind(t->denoise, t->arena, &t->raw, NULL, err);
}

bool rn_trainer_start_denoise(rn_trainer *t, uint32_t seed, rn_error *err)
{
    t->seed = seed;
    t->cost.arena_bytes = t->cost.denoise_arena_bytes;
    t->arena = device_memory(t, t->cost.arena_bytes, "activations", err);
    t->raw.values = t->arena ? device_memory(t, t->cost.weight_bytes, "weights", err) : NULL;
    if (!t->raw.values)
        return false;
    rn_parameters_init(&t->parameters, seed, RN_F32, t->raw.values);
    t->raw.version = 1;
    return rn_program_bind(t->denoise, t->arena, &t->raw, NULL, err);
}

void rn_trainer_free(rn_trainer *t)
{
    rn_program_close(t->train);
    rn_program_close(t->denoise);
    rn_graph_close(t->train_graph);
    rn_graph_close(t->denoise_graph);
    if (t->device) {
        if (t->arena)
            t->device->release(t->arena, t->cost.arena_bytes);
        void *const flat[] = {t->raw.values, t->average.values, t->gradients};
        for (size_t i = 0; i < sizeof flat / sizeof *flat; i++)
            if (flat[i])
                t->device->release(flat[i], t->cost.weight_bytes);
    }
    rn_optimize_free(&t->optimize);
    rn_parameters_free(&t->parameters);
    *t = (rn_trainer){0};
}

/* --- step ------------------------------------------------------------------------------------------- */

/* Fills the inputs of the train program: images and labels are the runner's, all others the task's. */
static bool feed(rn_trainer *t, const rn_step *step, const float *images, const int32_t *labels, rn_error *err)
{
    for (int64_t i = 0; i < t->train_graph->n_inputs; i++) {
        const char *name = t->train_graph->input[i].name;
        const rn_shape shape = rn_program_shape(t->train, name);
        void *to = rn_program_input(t->train, name);
        if (strcmp(name, "image") == 0) {
            memcpy(to, images, (size_t)rn_bytes(shape));
        } else if (strcmp(name, "gradient_seed") == 0) {
            *(float *)to = 1;
        } else {
            int32_t *ints = shape.type == RN_I32 ? to : NULL;
            if (ints)
                memcpy(ints, labels, (size_t)rn_bytes(shape));
            if (!t->task->feed(t->experiment->task.params, &t->train_env, step, name, ints ? NULL : to, ints, rn_count(shape)))
                return rn_fail(err, RN_EINTERNAL, "the task '%s' does not fill its input '%s'", t->task->name, name);
        }
    }
    return true;
}

bool rn_trainer_step(rn_trainer *t, const float *images, const int32_t *labels, rn_step_result *result, rn_error *err)
{
    const rn_step step = {.seed = t->seed, .step = (uint32_t)t->step};
    if (!feed(t, &step, images, labels, err))
        return false;
    rn_program_run(t->train, &step);
    result->loss = (double)*(const float *)rn_program_output(t->train, "loss");
    if (!isfinite(result->loss))
        return rn_fail(err, RN_EFAILED, "the loss is %g at step %" PRId64 "; a lower learning rate or a longer warm-up "
                       "may help", result->loss, t->step);
    if (!rn_optimize_step(&t->optimize, t->step, t->raw.values, t->gradients, t->average.values, &result->optimizer, err))
        return false;
    t->raw.version++;
    t->average.version++;
    t->step++;
    return true;
}

int64_t rn_trainer_outputs(const rn_trainer *t)
{
    return t->train_graph->n_outputs;
}

const char *rn_trainer_output_name(const rn_trainer *t, int64_t i)
{
    return t->train_graph->output[i].name;
}

double rn_trainer_output(const rn_trainer *t, int64_t i)
{
    return (double)*(const float *)rn_program_output(t->train, t->train_graph->output[i].name);
}

/* --- denoise ---------------------------------------------------------------------------------------- */

void rn_trainer_denoise(rn_trainer *t, const rn_parameter_set *set, const double *z, double logsnr, const int32_t *labels,
                        double *x0)
{
    const rn_model *model = (const rn_model *)t->experiment->model.what;
    rn_program_use(t->denoise, set);
    for (int64_t i = 0; i < t->denoise_graph->n_inputs; i++) {
        const char *name = t->denoise_graph->input[i].name;
        const rn_shape shape = rn_program_shape(t->denoise, name);
        const int64_t n = rn_count(shape);
        void *to = rn_program_input(t->denoise, name);
        if (shape.type == RN_I32) {
            const int32_t none = (int32_t)(model->classes ? model->classes(t->experiment->model.params) : 0);
            for (int64_t b = 0; b < n; b++)
                ((int32_t *)to)[b] = labels ? labels[b] : none;
        } else if (strcmp(name, "z") == 0) {
            for (int64_t k = 0; k < n; k++)
                ((float *)to)[k] = (float)z[k];
        } else {
            const double value = t->task->denoise_scalar(t->experiment->task.params, name, logsnr);
            for (int64_t b = 0; b < n; b++)
                ((float *)to)[b] = (float)value;
        }
    }
    const rn_step step = {.seed = t->seed};
    rn_program_run(t->denoise, &step);
    const float *out = rn_program_output(t->denoise, "x0");
    const int64_t n = rn_count(rn_program_shape(t->denoise, "x0"));
    for (int64_t k = 0; k < n; k++)
        x0[k] = (double)out[k];
}

const rn_parameter_set *rn_trainer_evaluated(const rn_trainer *t)
{
    return t->experiment->evaluate.weights == 0 && t->average.values ? &t->average : &t->raw;
}
