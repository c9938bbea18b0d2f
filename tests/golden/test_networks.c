/* Whole networks against the tables: the noised image, the output, the loss and the gradient of every parameter, and
 * where short trainings end. What is built is what users build: YAML of the row, the spec's checker, the task's train program. */
#include "support/networks.h"
#include "train/optimize.h"

static const golden_table *table;

/* A way to compute: the type of the graph, the kernel sets in order, and the tolerance where it is not the table's. */
typedef struct way {
    const char *name;
    rn_type type;
    const char *kernels[2];
    int64_t n_kernels;
    double tolerance; /* 0: the table's, 20 × PyTorch's own float32 error */
    bool narrow;      /* activations in bfloat16; the error of a tensor is then 1 − cos of the angle between it and the table's */
} way;

/* What the tables ask of whole networks in bfloat16: a cosine of 0.998, and two digits of a single number. */
static const double narrow_tolerance = 0.002, narrow_number_tolerance = 0.02;


static const way ways[] = {
    {"float32 reference", RN_F32, {"reference"}, 1, 0, false},
    {"float32 openblas", RN_F32, {"openblas", "reference"}, 2, 0, false},
    {"float32 native", RN_F32, {"native", "reference"}, 2, 0, false},
    {"float32 winograd", RN_F32, {"winograd", "native"}, 2, 0, false},
#if HAS_ONEDNN
    {"float32 onednn", RN_F32, {"onednn", "reference"}, 2, 0, false},
#endif
    /* inputs are exact float32, so what is left is the rounding of the file, 2^-24, and little of our own */
    {"float64 reference", RN_F64, {"reference"}, 1, 3e-7, false},
    {"float64 openblas", RN_F64, {"openblas", "reference"}, 2, 3e-7, false},
    {"bfloat16 reference", RN_F32, {"reference"}, 1, 0, true},
    {"bfloat16 native", RN_F32, {"native", "reference"}, 2, 0, true},
    {"bfloat16 winograd", RN_F32, {"winograd", "native"}, 2, 0, true},
#if HAS_ONEDNN
    {"bfloat16 onednn", RN_F32, {"onednn", "native"}, 2, 0, true},
#endif
};

/* --- one train program over the weights of a file --------------------------------------------------- */

typedef struct trained {
    network net;
    const rn_task *task;
    const rn_safetensors *weights;
    int64_t batch;
    rn_parameters parameters;
    rn_graph *graph;
    rn_program *program;
    void *arena, *values, *gradients;
    int64_t first_choice; /* nodes of the set that the way is about */
} trained;

/* n elements of a graph's type; the planes of memory that a program wants are 64-byte aligned. */
static void *room(rn_type type, int64_t n)
{
    const size_t bytes = ((size_t)n * rn_type_bytes(type) + 63) / 64 * 64;
    void *p = aligned_alloc(64, bytes ? bytes : 64);
    assert_non_null(p);
    return memset(p, 0, bytes ? bytes : 64);
}

static double element(rn_type type, const void *v, int64_t i)
{
    return type == RN_F64 ? ((const double *)v)[i] : (double)((const float *)v)[i];
}

static void set_element(rn_type type, void *v, int64_t i, double x)
{
    if (type == RN_F64)
        ((double *)v)[i] = x;
    else
        ((float *)v)[i] = (float)x;
}

/* A tensor of a file in the order of memory; malloc. */
static float *in_memory_order(const rn_parameter *p, const rn_file_tensor *t)
{
    int64_t dim[RN_MAX_RANK];
    const int rank = rn_parameter_file_dims(p, dim);
    bool same = t->rank == rank;
    for (int i = 0; same && i < rank; i++)
        same = t->dim[i] == dim[i];
    if (!same)
        fail_msg("'%s' has another shape in the file", t->name);
    float *file = room(RN_F32, p->count), *memory = room(RN_F32, p->count);
    assert_true(rn_file_tensor_float(t, file));
    rn_parameter_from_file(p, file, memory);
    free(file);
    return memory;
}

/* Every parameter has its tensor in the file, and every tensor its parameter. */
static void load_weights(trained *t)
{
    assert_int_equal(rn_safetensors_count(t->weights), t->parameters.n);
    for (int64_t i = 0; i < t->parameters.n; i++) {
        const rn_parameter *p = &t->parameters.v[i];
        const rn_file_tensor *tensor = rn_safetensors_find(t->weights, p->name);
        if (!tensor)
            fail_msg("the network has a parameter '%s' that the file has not", p->name);
        float *memory = in_memory_order(p, tensor);
        for (int64_t k = 0; k < p->count; k++)
            set_element(t->graph->type, t->values, p->offset + k, (double)memory[k]);
        free(memory);
    }
}

static void train_graph(trained *t, const way *w)
{
    const rn_task_env env = {.bytes = sizeof env, .model = t->net.model, .batch = t->batch, .height = t->net.side,
                             .width = t->net.side, .noise_given = true};
    rn_error err = {0};
    assert_ok(t->task->check(t->net.task.params, &env, &err), err);
    t->graph = rn_graph_open(networks_registry(), &t->parameters, w->type, true);
    assert_non_null(t->graph);
    t->task->build_loss(t->graph, t->net.task.params, &env);
    assert_ok(rn_graph_check(t->graph, &err), err);
    rn_tensor loss = 0;
    for (int64_t i = 0; i < t->graph->n_outputs; i++)
        if (strcmp(t->graph->output[i].name, "loss") == 0)
            loss = t->graph->output[i].tensor;
    assert_true(loss != 0);
    const rn_shape scalar = {.rank = 1, .dim = {1}};
    const rn_tensor cotangent = rn_graph_input(t->graph, "cotangent", scalar);
    rn_graph_fuse(t->graph); /* fused, and with outputs made again, as programs of a run are */
    rn_graph_differentiate(t->graph, 1, &loss, &cotangent);
    if (w->narrow)
        rn_graph_narrow(t->graph);
    rn_graph_recompute(t->graph);
    assert_ok(rn_graph_check(t->graph, &err), err);
}

static void open_trained(trained *t, const char *name, const char *definition, const way *w)
{
    char file[256];
    snprintf(file, sizeof file, "net_%s.weights.safetensors", name);
    *t = (trained){.weights = golden_tensors(file), .batch = golden_int(definition, "batch", 0)};
    network_open(&t->net, definition);
    t->task = (const rn_task *)(const void *)t->net.task.what;
    assert_non_null(t->task);
    train_graph(t, w);
    t->values = room(w->type, t->parameters.total);
    t->gradients = room(w->type, t->parameters.total);
    load_weights(t);
    const rn_program_options options = {.kernels = w->kernels, .n_kernels = w->n_kernels};
    rn_error err = {0};
    assert_ok(rn_program_compile(t->graph, &options, &t->program, &err), err);
    for (int64_t i = 0; i < rn_program_nodes(t->program); i++)
        t->first_choice += strcmp(rn_program_node(t->program, i).kernel, w->kernels[0]) == 0;
    t->arena = room(RN_F64, (int64_t)(rn_program_arena_bytes(t->program) + 7) / 8);
    const rn_parameter_set set = {t->values, 1};
    assert_ok(rn_program_bind(t->program, t->arena, &set, t->gradients, &err), err);
}

static void close_trained(trained *t)
{
    rn_program_close(t->program);
    rn_graph_close(t->graph);
    rn_parameters_free(&t->parameters);
    free(t->arena);
    free(t->values);
    free(t->gradients);
    network_close(&t->net);
}

/* --- inputs ------------------------------------------------------------------------------------------ */

/* Step `step` of a tensor that may have a step axis in front; count elements of it. malloc. */
static double *given(const rn_safetensors *batch, const char *name, int64_t step, int64_t count)
{
    const rn_file_tensor *info = rn_safetensors_find(batch, name);
    if (!info || info->count < (step + 1) * count)
        fail_msg("the file has no '%s' with %" PRId64 " elements for step %" PRId64, name, count, step);
    double *all = room(RN_F64, info->count);
    assert_true(rn_file_tensor_double(info, all));
    memmove(all, all + step * count, (size_t)count * sizeof *all);
    return all;
}

/* Images, noise and labels come from the file; a scalar of the task's is its own function of the image's logSNR. */
static void fill_inputs(const trained *t, const rn_safetensors *batch, int64_t step)
{
    for (int64_t i = 0; i < t->graph->n_inputs; i++) {
        const char *name = t->graph->input[i].name;
        const rn_shape shape = rn_program_shape(t->program, name);
        const int64_t count = rn_count(shape);
        void *to = rn_program_input(t->program, name);
        assert_non_null(to);
        const char *in_file = strcmp(name, "image") == 0 ? "x0" : name;
        if (rn_safetensors_find(batch, in_file)) {
            double *v = given(batch, in_file, step, count);
            for (int64_t k = 0; k < count; k++)
                if (shape.type == RN_I32)
                    ((int32_t *)to)[k] = (int32_t)v[k];
                else
                    set_element(shape.type, to, k, v[k]);
            free(v);
        } else if (count == 1 && strcmp(name, "cotangent") == 0) {
            set_element(shape.type, to, 0, 1);
        } else {
            assert_int_equal(count, t->batch);
            double *logsnr = given(batch, "logsnr", step, count);
            for (int64_t k = 0; k < count; k++)
                set_element(shape.type, to, k, t->task->denoise_scalar(t->net.task.params, name, logsnr[k]));
            free(logsnr);
        }
    }
}

/* --- comparing --------------------------------------------------------------------------------------- */

/* In the terms of the way; within() knows them. */
static double error_of(const way *w, const double *got, const double *want, int64_t n)
{
    double gg = 0, ww = 0, gw = 0;
    for (int64_t i = 0; i < n; i++)
        gg += got[i] * got[i], ww += want[i] * want[i], gw += got[i] * want[i];
    if (!w->narrow || ww == 0)
        return golden_error(got, want, n);
    return n == 1 ? golden_error(got, want, n) * narrow_tolerance / narrow_number_tolerance : 1 - gw / sqrt(gg * ww);
}

/* Error of an array against a parameter-shaped tensor "<prefix><name>" of a file. */
static double parameter_error(const rn_safetensors *file, const char *prefix, const rn_parameter *p, const way *w,
                              const void *flat)
{
    char name[600];
    snprintf(name, sizeof name, "%s%s", prefix, p->name);
    const rn_file_tensor *info = rn_safetensors_find(file, name);
    if (!info)
        fail_msg("the file has no '%s'", name);
    float *memory = in_memory_order(p, info);
    double *got = room(RN_F64, p->count), *want = room(RN_F64, p->count);
    for (int64_t i = 0; i < p->count; i++)
        got[i] = element(w->type, flat, p->offset + i), want[i] = (double)memory[i];
    const double error = error_of(w, got, want, p->count);
    free(memory), free(got), free(want);
    return error;
}

static double output_error(const trained *t, const rn_safetensors *file, const char *name, const way *w)
{
    const rn_shape shape = rn_program_shape(t->program, name);
    const void *y = rn_program_output(t->program, name);
    if (!y)
        fail_msg("the train program has no output '%s'", name);
    const int64_t n = rn_count(shape);
    double *got = room(RN_F64, n), *want = given(file, name, 0, n);
    for (int64_t i = 0; i < n; i++)
        got[i] = element(shape.type, y, i);
    const double error = error_of(w, got, want, n);
    free(got), free(want);
    return error;
}

static void within(const char *name, const char *what, const way *w, double error, double tolerance)
{
    if (w->narrow)
        tolerance = narrow_tolerance;
    if (w->tolerance > 0)
        tolerance = w->tolerance;
    if (!(error <= tolerance)) /* this way round NaN fails, too */
        fail_msg("%s, %s: %s is off by %.2e, allowed %.1e", name, w->name, what, error, tolerance);
}

/* Returns how many nodes the way's first set ran. */
static int64_t compare_gradient_row(const char *name, const char *definition, const char *results, const way *w)
{
    char file[256];
    snprintf(file, sizeof file, "net_%s.safetensors", name);
    const rn_safetensors *golden = golden_tensors(file);
    trained t;
    open_trained(&t, name, definition, w);
    fill_inputs(&t, golden, 0);
    const rn_step step = {0};
    rn_program_run(t.program, &step);
    char result[64];
    double tolerance;
    while (golden_result(&results, result, sizeof result, &tolerance)) {
        if (strcmp(result, "grad/*") != 0) {
            within(name, result, w, output_error(&t, golden, result, w), tolerance);
            continue;
        }
        for (int64_t i = 0; i < t.parameters.n; i++) {
            const rn_parameter *p = &t.parameters.v[i];
            within(name, p->name, w, parameter_error(golden, "grad/", p, w, t.gradients), tolerance);
        }
    }
    close_trained(&t);
    return t.first_choice;
}

static void outputs_losses_and_gradients_are_those_of_the_table(void **state)
{
    (void)state;
    enum { WAYS = sizeof ways / sizeof *ways };
    int compared = 0;
    int64_t ran[WAYS] = {0};
    for (int row = 0; row < table->rows; row++) {
        if (strcmp(golden_cell(table, row, "what"), "gradient") != 0)
            continue;
        for (int k = 0; k < WAYS; k++)
            ran[k] += compare_gradient_row(golden_cell(table, row, "case"), golden_cell(table, row, "params"),
                                 golden_cell(table, row, "results"), &ways[k]);
        compared++;
    }
    for (int k = 0; k < WAYS; k++)
        if (compared && !ran[k])
            fail_msg("%s ran no node of '%s'", ways[k].name, ways[k].kernels[0]);
    golden_report("networks.tsv, gradient", compared, 0);
}

/* --- short training runs ------------------------------------------------------------------------------ */

/* A number that a row has to have. */
static double needed(const char *definition, const char *key)
{
    char text[64];
    if (!golden_text(definition, key, text, sizeof text))
        fail_msg("no '%s' in '%s'", key, definition);
    return golden_real(definition, key, 0);
}

/* The optimiser is the table's: Adam, with what the row says of it. */
static rn_train_config train_config(network *net, const char *definition)
{
    char yaml[256], decay[16] = "constant";
    (void)golden_text(definition, "decay", decay, sizeof decay);
    snprintf(yaml, sizeof yaml, "type: adam\nbeta1: %.17g\nbeta2: %.17g\neps: %.17g\n", needed(definition, "beta1"),
             needed(definition, "beta2"), needed(definition, "eps"));
    return (rn_train_config){
        .steps = golden_int(definition, "steps", 0),
        .batch = golden_int(definition, "batch", 0),
        .optimizer = {.rule = network_chosen(net, RN_KIND_OPTIMIZER, yaml),
                      .lr = needed(definition, "lr"),
                      .warmup = golden_int(definition, "warmup", 0),
                      .decay = strcmp(decay, "cosine") == 0,
                      .clip = golden_real(definition, "clip", 0),
                      .l2 = golden_real(definition, "l2", 0),
                      .weight_decay = golden_real(definition, "weight_decay", 0)},
        .ema = golden_real(definition, "ema", 0),
        .ema_warmup = golden_int(definition, "ema_warmup", 0) != 0,
    };
}

/* The steps of a row; losses[i] is the loss before step i. */
static void train(trained *t, const rn_train_config *config, const rn_safetensors *batches, float *average, double *losses)
{
    rn_optimize optimize = {0};
    rn_error err = {0};
    assert_ok(rn_optimize_init(&optimize, config, t->parameters.total, &err), err);
    memcpy(average, t->values, (size_t)t->parameters.total * sizeof *average);
    for (int64_t i = 0; i < config->steps; i++) {
        const rn_parameter_set set = {t->values, (uint64_t)i + 1}; /* packed copies follow the version */
        const rn_step step = {.step = (uint32_t)i};
        rn_optimize_report report;
        rn_program_use(t->program, &set);
        fill_inputs(t, batches, i);
        rn_program_run(t->program, &step);
        losses[i] = element(RN_F32, rn_program_output(t->program, "loss"), 0);
        assert_ok(rn_optimize_step(&optimize, i, t->values, t->gradients, average, &report, &err), err);
    }
    rn_optimize_free(&optimize);
}

static void compare_train_row(const char *name, const char *definition, const char *results, const way *w)
{
    char file[256];
    snprintf(file, sizeof file, "net_%s.train.safetensors", name);
    const rn_safetensors *golden = golden_tensors(file);
    trained t;
    open_trained(&t, name, definition, w);
    const rn_train_config config = train_config(&t.net, definition);
    float *average = room(RN_F32, t.parameters.total);
    double *losses = room(RN_F64, config.steps), *want = given(golden, "losses", 0, config.steps);
    train(&t, &config, golden, average, losses);
    char result[64];
    double tolerance;
    while (golden_result(&results, result, sizeof result, &tolerance)) {
        if (strcmp(result, "losses") == 0) {
            within(name, result, w, golden_error(losses, want, config.steps), tolerance);
            continue;
        }
        assert_true(strcmp(result, "final/*") == 0 || strcmp(result, "ema/*") == 0);
        const bool final = result[0] == 'f';
        for (int64_t i = 0; i < t.parameters.n; i++) {
            const rn_parameter *p = &t.parameters.v[i];
            const double error = parameter_error(golden, final ? "final/" : "ema/", p, w, final ? t.values : average);
            within(name, p->name, w, error, tolerance);
        }
    }
    free(average), free(losses), free(want);
    close_trained(&t);
}

/* The definition of a case's network stands in its row `gradient`. */
static const char *network_of(const char *name)
{
    for (int row = 0; row < table->rows; row++)
        if (strcmp(golden_cell(table, row, "case"), name) == 0 && strcmp(golden_cell(table, row, "what"), "gradient") == 0)
            return golden_cell(table, row, "params");
    fail_msg("no row 'gradient' for '%s'", name);
    return NULL;
}

static void short_trainings_end_where_those_of_the_table_end(void **state)
{
    (void)state;
    int compared = 0;
    for (int row = 0; row < table->rows; row++) {
        if (strcmp(golden_cell(table, row, "what"), "train") != 0)
            continue;
        const char *name = golden_cell(table, row, "case");
        char definition[4096]; /* the row's own keys first: the first of a key counts */
        snprintf(definition, sizeof definition, "%s;%s", golden_cell(table, row, "params"), network_of(name));
        for (size_t k = 0; k < sizeof ways / sizeof *ways; k++)
            if (ways[k].type == RN_F32 && !ways[k].narrow) /* optimisers move float32 */
                compare_train_row(name, definition, golden_cell(table, row, "results"), &ways[k]);
        compared++;
    }
    golden_report("networks.tsv, train", compared, 0);
}

int main(void)
{
    if (!golden_folder())
        return TEST_SKIPPED;
    table = golden_read("networks.tsv");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outputs_losses_and_gradients_are_those_of_the_table),
        cmocka_unit_test(short_trainings_end_where_those_of_the_table_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
