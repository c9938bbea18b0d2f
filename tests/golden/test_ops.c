/* Single ops against the reference table, forward and backward, with every set of kernels and in both types. A row
 * becomes a small program: what is given enters as parameters where the table has their gradients and as inputs
 * otherwise, and the gradient of Σ y·cot_y goes through the ops' own rules. */
#include "graph/program.h"
#include "support/golden.h"
#include "support/kernel_harness.h"

#include <runner/ops.h>
#include <runner/schedule.h>

enum { MOST_GIVEN = 12, MOST_SETS = 16, NAME = 64 };

/* float64 kernels: what is left is the rounding of the file, 2⁻²⁴, and little of our own. */
static const double double_tolerance = 3e-7;

static const golden_table *table;
static const rn_safetensors *file;

/* --- rows as programs ------------------------------------------------------------------------------ */

typedef struct given { char name[NAME]; rn_tensor tensor; rn_layout layout; } given;

typedef struct trial {
    const char *name, *op, *params, *results;
    rn_type type;
    const rn_op *what; /* NULL for a composition */
    given given[MOST_GIVEN];
    int n_given;
    rn_parameters parameters;
    rn_graph *graph;
    rn_program *program;
    rn_parameter_set set;
    void *gradients, *arena;
} trial;

static bool has_result(const trial *t, const char *name)
{
    const char *at = t->results;
    char result[NAME];
    for (double tolerance; golden_result(&at, result, sizeof result, &tolerance);)
        if (strcmp(result, name) == 0)
            return true;
    return false;
}

static const rn_file_tensor *tensor_of(const trial *t, const char *name)
{
    char full[2 * NAME];
    snprintf(full, sizeof full, "%s/%s", t->name, name);
    return rn_safetensors_find(file, full);
}

/* The shape in memory of a tensor that lies in the file in the layout's other order; a scalar is [1]. */
static rn_shape in_memory(const rn_file_tensor *f, rn_layout layout)
{
    rn_shape s = {.rank = f->rank ? f->rank : 1, .dim = {1}};
    assert_true(f->rank <= RN_MAX_RANK);
    for (int i = 0; i < f->rank; i++)
        s.dim[i] = f->dim[i];
    if (layout == RN_LAYOUT_IO)
        s = (rn_shape){.rank = 2, .dim = {s.dim[1], s.dim[0]}};
    if (layout == RN_LAYOUT_HWIO)
        s = (rn_shape){.rank = 4, .dim = {s.dim[2], s.dim[3], s.dim[1], s.dim[0]}};
    return s;
}

/* The tensor that is given under that name, made when first asked for; 0 if the row has none. */
static rn_tensor take(trial *t, const char *name, rn_layout layout, bool integer)
{
    for (int i = 0; i < t->n_given; i++)
        if (strcmp(t->given[i].name, name) == 0)
            return t->given[i].tensor;
    const rn_file_tensor *f = tensor_of(t, name);
    if (!f)
        return 0;
    char gradient[NAME + 1];
    snprintf(gradient, sizeof gradient, "d%s", name);
    rn_shape s = in_memory(f, layout);
    s.type = integer ? RN_I32 : RN_NO_TYPE;
    const rn_parameter_options options = {.init = RN_INIT_ZERO, .layout = layout};
    assert_true(t->n_given < MOST_GIVEN);
    given *made = &t->given[t->n_given++];
    snprintf(made->name, sizeof made->name, "%s", name);
    made->layout = layout;
    made->tensor = has_result(t, gradient) ? rn_graph_parameter(t->graph, name, s, options)
                                           : rn_graph_input(t->graph, name, s);
    return made->tensor;
}
static rn_tensor plain(trial *t, const char *name) { return take(t, name, RN_LAYOUT_FILE, false); }

/* The input that the table calls cot_<name>: what flows back into y. */
static rn_tensor cotangent_of(trial *t, const char *name, rn_tensor y)
{
    char cotangent[NAME + 4];
    snprintf(cotangent, sizeof cotangent, "cot_%s", name);
    rn_shape s = rn_shape_of(t->graph, y);
    s.pitch = 0;
    return rn_graph_input(t->graph, cotangent, s);
}

/* Ends in a tensor that the table calls `name`: an output, and the start of what flows back. */
static void result(trial *t, const char *name, rn_tensor y, bool flows)
{
    rn_graph_output(t->graph, name, y);
    if (!flows || t->graph->failed)
        return;
    const rn_tensor c = cotangent_of(t, name, y);
    rn_graph_differentiate(t->graph, 1, &y, &c);
}

/* Words of the table to attributes. The struct is zeroed before; false: the op is called without any. */
typedef void attributes(const char *params, void *attr);

static void conv2d(const char *p, void *attr)
{
    const int64_t pad = golden_int(p, "pad", 0);
    *(rn_conv2d_attr *)attr = (rn_conv2d_attr){golden_int(p, "stride", 1), golden_int(p, "ph", pad),
                                               golden_int(p, "pw", pad), golden_int(p, "groups", 1)};
}
static void nothing(const char *p, void *attr) { (void)p, (void)attr; }
static void matmul(const char *p, void *attr)
{
    *(rn_matmul_attr *)attr = (rn_matmul_attr){golden_int(p, "ta", 0) != 0, golden_int(p, "tb", 0) != 0};
}
static void attention(const char *p, void *attr)
{
    *(rn_attention_attr *)attr = (rn_attention_attr){golden_int(p, "heads", 1)};
}
static void group_norm(const char *p, void *attr)
{
    *(rn_group_norm_attr *)attr = (rn_group_norm_attr){golden_int(p, "groups", 1), golden_real(p, "eps", 1e-5)};
}
static void layer_norm(const char *p, void *attr)
{
    *(rn_layer_norm_attr *)attr = (rn_layer_norm_attr){golden_real(p, "eps", 1e-5)};
}
static void rms_norm(const char *p, void *attr)
{
    *(rn_rms_norm_attr *)attr = (rn_rms_norm_attr){golden_int(p, "groups", 1), golden_real(p, "eps", 1e-6)};
}
static void dropout(const char *p, void *attr) { *(rn_dropout_attr *)attr = (rn_dropout_attr){golden_real(p, "p", 0), 0}; }
static void square(const char *p, void *attr) { *(int64_t *)attr = golden_int(p, "s", 2); } /* window or factor */
static void sinusoid(const char *p, void *attr)
{
    *(rn_sinusoid_embedding_attr *)attr = (rn_sinusoid_embedding_attr){golden_int(p, "D", 2)};
}

/* Ops that have attributes; every other op of the registry is called without. */
static const struct { const char *op; attributes *fill; } words[] = {
    {"conv2d", conv2d}, {"linear", nothing}, {"matmul", matmul}, {"attention", attention}, {"group_norm", group_norm},
    {"layer_norm", layer_norm}, {"rms_norm", rms_norm}, {"dropout", dropout}, {"avg_pool", square}, {"upsample_nearest", square},
    {"space_to_depth", square}, {"depth_to_space", square}, {"sinusoid_embedding", sinusoid},
};

static attributes *attributes_of(const rn_op *op)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i].op, op->name) == 0)
            return words[i].fill;
    return op->params_bytes ? NULL : nothing;
}

/* The op of the row's name, applied to the given tensors under its own inputs' names. */
static void build_single(trial *t)
{
    rn_tensor in[RN_MAX_IN] = {0}, out[RN_MAX_OUT];
    int n = 0;
    void *attr = calloc(1, t->what->params_bytes + 1);
    assert_non_null(attr);
    attributes_of(t->what)(t->params, attr);
    for (; n < RN_MAX_IN && t->what->inputs[n].name; n++)
        in[n] = take(t, t->what->inputs[n].name, t->what->inputs[n].layout, t->what->inputs[n].integer);
    rn_apply(t->graph, t->op, attr, t->what->params_bytes, in, n, out, t->what->n_out);
    free(attr);
    result(t, "y", out[0], tensor_of(t, "cot_y") != NULL);
}

static void build_mse(trial *t)
{
    const rn_tensor d = rn_op_sub(t->graph, plain(t, "x"), plain(t, "target"));
    result(t, "y", rn_op_mean_square(t->graph, d, 0), true);
}

/* Σ weight · mean of the pooled d², and the means. */
static void scales(trial *t, rn_tensor d)
{
    rn_graph *g = t->graph;
    double side[RN_MAX_IN], weight[RN_MAX_IN];
    const int n = golden_list(t->params, "sides", side, RN_MAX_IN);
    assert_int_equal(golden_list(t->params, "weights", weight, RN_MAX_IN), n);
    rn_tensor term[RN_MAX_IN], sum = 0;
    for (int i = 0; i < n; i++) {
        const int64_t window = rn_shape_of(g, d).dim[1] / (int64_t)side[i];
        term[i] = rn_op_mean_square(g, window > 1 ? rn_op_avg_pool(g, d, window) : d, 0);
        const rn_tensor share = rn_op_scale(g, term[i], weight[i]);
        sum = sum ? rn_op_add(g, sum, share) : share;
    }
    rn_graph_output(g, "terms", rn_op_concat(g, term, n));
    result(t, "y", sum, true);
}

static void build_scales(trial *t) { scales(t, rn_op_sub(t->graph, plain(t, "x"), plain(t, "target"))); }

/* On ε, from v: ε̂ = σz + αv. α and σ of the given logSNR are filled by fill_inputs. */
static void build_scales_v(trial *t)
{
    rn_graph *g = t->graph;
    const rn_shape s = in_memory(tensor_of(t, "logsnr"), RN_LAYOUT_FILE);
    const rn_tensor alpha = rn_graph_input(g, "alpha", s), sigma = rn_graph_input(g, "sigma", s), eps = plain(t, "eps");
    const rn_tensor z = rn_op_mix(g, plain(t, "x0"), eps, alpha, sigma);
    rn_graph_output(g, "z", z);
    scales(t, rn_op_sub(g, rn_op_mix(g, z, plain(t, "v"), sigma, alpha), eps));
}

/* Levels of a wavelet transform, each on the ll of the one before; the table's results are the other bands, by name
 * and level, and the last ll. */
static void build_levels(trial *t, int64_t wavelet)
{
    static const char *const bands[] = {"ll", "lh", "hl", "hh"};
    rn_graph *g = t->graph;
    rn_tensor x = plain(t, "x"), y[RN_MAX_RANK * 4], c[RN_MAX_RANK * 4];
    const int levels = (int)golden_int(t->params, "levels", 1);
    const int64_t channels = rn_shape_of(g, x).dim[3];
    int n = 0;
    assert_true(levels <= RN_MAX_RANK);
    for (int level = 1; level <= levels; level++) {
        const rn_tensor all = rn_op_dwt(g, x, wavelet);
        for (int b = level < levels; b < 4; b++) {
            char name[NAME];
            snprintf(name, sizeof name, "%s%d", bands[b], level);
            y[n] = rn_op_channel_range(g, all, b * channels, (b + 1) * channels);
            rn_graph_output(g, name, y[n]);
            c[n] = cotangent_of(t, name, y[n]);
            n++;
        }
        x = rn_op_channel_range(g, all, 0, channels);
    }
    rn_graph_differentiate(g, n, y, c);
}
static void build_haar(trial *t) { build_levels(t, RN_HAAR); }
static void build_dwt53(trial *t) { build_levels(t, RN_LEGALL53); }

/* The transposed convolution with stride k is the gradient of the convolution with stride k, plus a bias. */
static void build_transposed(trial *t)
{
    rn_graph *g = t->graph;
    const rn_tensor x = plain(t, "x"), w = take(t, "w", RN_LAYOUT_HWIO, false), b = plain(t, "b");
    const rn_shape s = rn_shape_of(g, x);
    const int64_t k = golden_int(t->params, "k", 1), stride = golden_int(t->params, "stride", 1);
    assert_int_equal(k, stride);
    const rn_conv2d_dx_attr attr = {{stride, 0, 0, 1}, s.dim[1] * k, s.dim[2] * k};
    result(t, "y", rn_op_add(g, rn_op_conv2d_dx(g, x, w, attr), b), true);
}

/* Rows that are several ops. */
static const struct composition { const char *op; void (*build)(trial *t); const char *parts[8]; } compositions[] = {
    {"mse", build_mse, {"sub", "mean_square"}},
    {"multi_scale_loss", build_scales, {"sub", "avg_pool", "mean_square", "scale", "add", "concat"}},
    {"multi_scale_loss_v", build_scales_v, {"mix", "sub", "avg_pool", "mean_square", "scale", "add", "concat"}},
    {"haar", build_haar, {"dwt", "channel_range"}},
    {"dwt53", build_dwt53, {"dwt", "channel_range"}},
    {"conv_transpose2d", build_transposed, {"conv2d_dx", "add"}},
};

static const rn_op *op_named(const char *name)
{
    return (const rn_op *)(const void *)rn_registry_find(harness_registry(), RN_KIND_OP, name);
}

static const struct composition *composition_of(const char *op)
{
    for (size_t i = 0; i < sizeof compositions / sizeof *compositions; i++)
        if (strcmp(compositions[i].op, op) == 0)
            return &compositions[i];
    return NULL;
}

/* Is everything there that the row is made of? */
static bool built(const char *op)
{
    const struct composition *c = composition_of(op);
    for (int i = 0; c && i < 8 && c->parts[i]; i++)
        if (!op_named(c->parts[i]))
            return false;
    return c || (op_named(op) && attributes_of(op_named(op)));
}

/* --- running and comparing ------------------------------------------------------------------------- */

static void *room(size_t bytes)
{
    void *p = aligned_alloc(64, (bytes + 64) / 64 * 64);
    assert_non_null(p);
    return memset(p, 0, (bytes + 64) / 64 * 64);
}

static double at(rn_type type, const void *v, int64_t i)
{
    return type == RN_F64 ? ((const double *)v)[i] : (double)((const float *)v)[i];
}
static void put(rn_type type, void *v, int64_t i, double x)
{
    if (type == RN_F64)
        ((double *)v)[i] = x;
    else if (type == RN_F32)
        ((float *)v)[i] = (float)x;
    else
        ((int32_t *)v)[i] = (int32_t)x;
}

/* Where element i in the order of memory stands in the file. */
static int64_t place_in_file(rn_shape s, rn_layout layout, int64_t i)
{
    if (layout == RN_LAYOUT_IO)
        return i % s.dim[1] * s.dim[0] + i / s.dim[1];
    if (layout != RN_LAYOUT_HWIO)
        return i;
    const int64_t o = i % s.dim[3], k = i / s.dim[3] % s.dim[2], q = i / s.dim[3] / s.dim[2] % s.dim[1];
    const int64_t p = i / s.dim[3] / s.dim[2] / s.dim[1];
    return ((o * s.dim[2] + k) * s.dim[0] + p) * s.dim[1] + q;
}

/* alpha and sigma come from the row's logSNR, a cotangent that the file lacks is 1. */
static void fill_input(const trial *t, const char *name, rn_shape s, void *to)
{
    double *v = golden_tensor(file, t->name, name, NULL), *logsnr = NULL;
    if (!v && (strcmp(name, "alpha") == 0 || strcmp(name, "sigma") == 0))
        logsnr = golden_tensor(file, t->name, "logsnr", NULL);
    for (int64_t i = 0; i < rn_count(s); i++)
        put(s.type, to, i, v ? v[i] : !logsnr ? 1 : name[0] == 'a' ? rn_alpha(logsnr[i]) : rn_sigma(logsnr[i]));
    free(v);
    free(logsnr);
}

static void fill(trial *t)
{
    for (int64_t i = 0; i < t->graph->n_inputs; i++) {
        const char *name = t->graph->input[i].name;
        fill_input(t, name, rn_program_shape(t->program, name), rn_program_input(t->program, name));
    }
    for (int64_t i = 0; i < t->parameters.n; i++) {
        const rn_parameter *p = &t->parameters.v[i];
        double *v = golden_tensor(file, t->name, p->name, NULL);
        for (int64_t k = 0; k < p->count; k++)
            put(t->type, t->set.values, p->offset + k, v[place_in_file(p->shape, (rn_layout)p->options.layout, k)]);
        free(v);
    }
}

/* What the program made of a result, in the order of the file; malloc. */
static double *made(const trial *t, const char *name, int64_t count)
{
    double *v = malloc((size_t)count * sizeof *v);
    assert_non_null(v);
    const void *output = rn_program_output(t->program, name);
    if (output) {
        const rn_shape s = rn_program_shape(t->program, name);
        assert_int_equal(rn_count(s), count);
        for (int64_t i = 0; i < count; i++)
            v[i] = at(t->type, output, i / rn_last(s) * rn_pitch(s) + i % rn_last(s));
        return v;
    }
    const rn_parameter *p = name[0] == 'd' ? rn_parameters_find(&t->parameters, name + 1) : NULL;
    if (!p)
        fail_msg("%s: nothing in the program is '%s'", t->name, name);
    assert_int_equal(p->count, count);
    for (int64_t i = 0; i < count; i++)
        v[place_in_file(p->shape, (rn_layout)p->options.layout, i)] = at(t->type, t->gradients, p->offset + i);
    return v;
}

static void compare(const trial *t, const char *set)
{
    const char *left = t->results;
    char name[NAME];
    for (double tolerance; golden_result(&left, name, sizeof name, &tolerance);) {
        const rn_file_tensor *info;
        double *want = golden_tensor(file, t->name, name, &info);
        if (!want)
            fail_msg("%s: '%s' is not in the file", t->name, name);
        double *got = made(t, name, info->count);
        const double error = golden_error(got, want, info->count);
        if (t->type == RN_F64)
            tolerance = double_tolerance;
        if (!(error <= tolerance))
            fail_msg("%s, %s, kernels %s, %s: error %.1e, allowed %.1e", t->name, name, set, rn_type_name(t->type), error,
                     tolerance);
        free(got);
        free(want);
    }
}

/* Does the program run a node with a kernel of that set? */
static bool uses(const trial *t, const char *set)
{
    for (int64_t i = 0; i < rn_program_nodes(t->program); i++)
        if (strcmp(rn_program_node(t->program, i).kernel, set) == 0)
            return true;
    return false;
}

/* Compares a row computed with one set of kernels; false where the set refuses all of it. */
static bool compare_row(int row, const char *set, rn_type type)
{
    trial t = {.name = golden_cell(table, row, "case"), .op = golden_cell(table, row, "op"),
               .params = golden_cell(table, row, "params"), .results = golden_cell(table, row, "results"), .type = type};
    rn_error err = {0};
    const struct composition *c = composition_of(t.op);
    t.what = c ? NULL : op_named(t.op);
    t.graph = rn_graph_open(harness_registry(), &t.parameters, type, true);
    assert_non_null(t.graph);
    if (c)
        c->build(&t);
    else
        build_single(&t);
    if (!rn_graph_check(t.graph, &err))
        fail_msg("%s: %s", t.name, err.text);
    const rn_program_options options = {.kernels = &set, .n_kernels = 1};
    if (!rn_program_compile(t.graph, &options, &t.program, &err))
        fail_msg("%s: %s", t.name, err.text);
    const bool used = uses(&t, set);
    if (used) {
        const size_t bytes = (size_t)t.parameters.total * rn_type_bytes(type);
        t.set = (rn_parameter_set){room(bytes), 1};
        t.gradients = room(bytes);
        t.arena = room(rn_program_arena_bytes(t.program));
        assert_ok(rn_program_bind(t.program, t.arena, &t.set, t.gradients, &err), err);
        fill(&t);
        rn_program_run(t.program, &(rn_step){0});
        compare(&t, set);
    }
    rn_program_close(t.program);
    rn_graph_close(t.graph);
    rn_parameters_free(&t.parameters);
    free(t.set.values);
    free(t.gradients);
    free(t.arena);
    return used;
}

/* The names of the sets that have kernels at all. */
static int kernel_sets(const char *set[MOST_SETS])
{
    int n = 0;
    for (int i = 0; i < rn_registry_count(harness_registry(), RN_KIND_KERNEL); i++) {
        const char *name = rn_registry_at(harness_registry(), RN_KIND_KERNEL, i)->name;
        int k = 0;
        while (k < n && strcmp(set[k], name))
            k++;
        if (k == n && n < MOST_SETS)
            set[n++] = name;
    }
    return n;
}

/* Tolerance in float32: the table's, 20 × PyTorch's own error: any order of summation, no lost digits. */
static void every_kernel_matches_every_row_that_it_accepts(void **state)
{
    (void)state;
    const char *set[MOST_SETS];
    const int sets = kernel_sets(set);
    int compared = 0, not_built = 0;
    for (int row = 0; row < table->rows; row++) {
        if (!built(golden_cell(table, row, "op"))) {
            not_built++;
            continue;
        }
        bool any = false;
        for (int k = 0; k < sets; k++) {
            any |= compare_row(row, set[k], RN_F32);
            any |= compare_row(row, set[k], RN_F64);
        }
        if (!any)
            fail_msg("%s: no kernel accepts it", golden_cell(table, row, "case"));
        compared++;
    }
    golden_report("ops.tsv", compared, not_built);
}

int main(void)
{
    if (!golden_folder())
        return TEST_SKIPPED;
    table = golden_read("ops.tsv");
    file = golden_tensors("ops.safetensors");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kernel_matches_every_row_that_it_accepts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
