/* Every kernel against the reference kernel of its op: examples of the ops themselves, and products at sizes
 * that cross the kernels' blocks; dense tensors and channel ranges; units split over 1, 2, 3 and 5 threads.
 *
 * Tolerance of an output, relative to its largest element: 1e-12 for float64 and 2e-5 for float32, which is any
 * order of summation over the few thousand terms here, and no lost digit. */
#include "graph/program.h"
#include "test.h"

#include <dirent.h>
#include <dlfcn.h>
#include <runner/kernel.h>
#include <runner/ops.h>
#include <runner/plugin.h>
#include <runner/random.h>

enum { MOST_PLUGINS = 32, MOST_THREADS = 5, EXAMPLES = 24 };
static const rn_plugin *plugin[MOST_PLUGINS];
static int n_plugins;

static const rn_op *find_op(const char *name)
{
    for (int i = 0; i < n_plugins; i++)
        for (const rn_op *const *o = plugin[i]->ops; o && *o; o++)
            if (strcmp((*o)->name, name) == 0)
                return *o;
    return NULL;
}

static bool serves(const rn_kernel *k, const char *op, rn_type type)
{
    return strcmp(k->op, op) == 0 && (k->type == type || k->type == RN_NO_TYPE);
}

static bool is_reference(const rn_kernel *k) { return strcmp(k->name, "reference") == 0; }

static const rn_kernel *find_reference(const char *op, rn_type type)
{
    for (int i = 0; i < n_plugins; i++)
        for (const rn_kernel *const *k = plugin[i]->kernels; k && *k; k++)
            if (is_reference(*k) && serves(*k, op, type))
                return *k;
    return NULL;
}

/* --- tensors: values in double, memory with or without gaps ------------------------------------------ */

enum { GAP = 3 };

static size_t span(rn_shape s) { return (size_t)(rn_rows(s) * rn_pitch(s)) * rn_type_bytes(s.type); }

static void *memory_of(size_t bytes)
{
    void *v = aligned_alloc(64, (bytes + 127) / 64 * 64);
    assert_non_null(v);
    return memset(v, 0xff, bytes + 1); /* NaN, whatever the type */
}

static void put(void *v, rn_shape s, const double *values)
{
    const int64_t n = rn_last(s);
    for (int64_t i = 0; i < rn_count(s); i++) {
        const int64_t at = i / n * rn_pitch(s) + i % n;
        if (s.type == RN_F64)
            ((double *)v)[at] = values[i];
        else if (s.type == RN_I32)
            ((int32_t *)v)[at] = (int32_t)values[i];
        else
            ((float *)v)[at] = (float)values[i];
    }
}

static double get(const void *v, rn_shape s, int64_t i)
{
    const int64_t at = i / rn_last(s) * rn_pitch(s) + i % rn_last(s);
    return s.type == RN_F64 ? ((const double *)v)[at] : (double)((const float *)v)[at];
}

/* --- running a kernel -------------------------------------------------------------------------------- */

/* All phases, units split as the executor splits them, threads in falling order, each with its own scratch. */
static void run(const rn_kernel *k, const rn_call *c, const rn_work *work, const rn_buffers *m, int threads)
{
    void *scratch[MOST_THREADS];
    for (int t = 0; t < threads; t++)
        scratch[t] = memory_of(work->thread_scratch_bytes);
    for (int phase = 0; phase < RN_MAX_PHASES; phase++) {
        const int64_t n = phase ? work->more_units[phase - 1] : work->units;
        if (!n)
            break;
        for (int t = threads - 1; t >= 0; t--) {
            rn_buffers own = *m;
            own.thread_scratch = memset(scratch[t], 0xff, work->thread_scratch_bytes);
            if (n * t / threads < n * (t + 1) / threads)
                k->run(c, work, &own, phase, n * t / threads, n * (t + 1) / threads);
        }
    }
    for (int t = 0; t < threads; t++)
        free(scratch[t]);
}

/* Plans and runs into out; false where the kernel refuses. */
static bool apply(const rn_kernel *k, const rn_call *c, int threads, const void *const *in, void *const *out)
{
    rn_work work = {0};
    if (k->plan(c, threads, &work))
        return false;
    void *packed[RN_MAX_IN] = {0};
    for (int i = 0; i < c->n_in; i++)
        if (work.packed_bytes[i])
            k->pack(c, &work, i, in[i], packed[i] = memory_of(work.packed_bytes[i]));
    const rn_step step = {.seed = 1, .step = 2};
    const rn_buffers m = {.in = in, .out = out, .scratch = memory_of(work.scratch_bytes),
                          .packed = (const void *const *)packed, .step = &step};
    run(k, c, &work, &m, threads);
    free(m.scratch);
    for (int i = 0; i < c->n_in; i++)
        free(packed[i]);
    if (k->forget)
        k->forget(&work);
    return true;
}

/* --- one call, all kernels --------------------------------------------------------------------------- */

typedef struct tally { int accepted[256], ops; } tally;

static void check_output(const rn_kernel *k, const rn_call *c, int j, const void *got, rn_shape shape, const void *want,
                         rn_shape dense)
{
    double error = 0, largest = 0;
    char text[RN_SHAPE_TEXT];
    for (int64_t i = 0; i < rn_count(dense); i++) {
        const double w = get(want, dense, i), d = fabs(get(got, shape, i) - w);
        error = d > error || isnan(d) ? d : error;
        largest = fmax(largest, fabs(w));
    }
    const double tolerance = (dense.type == RN_F64 ? 1e-12 : 2e-5) * (largest > 0 ? largest : 1);
    if (!(error <= tolerance))
        fail_msg("%s, kernel %s: output %d, in %s: error %.1e above %.1e", c->op->name, k->name, j,
                 rn_shape_text(c->in[0], text), error, tolerance);
    for (int64_t r = 0; r < rn_rows(shape); r++)
        for (int64_t i = rn_last(shape); i < rn_pitch(shape); i++) {
            const uint8_t *gap = (const uint8_t *)got + (size_t)(r * rn_pitch(shape) + i) * rn_type_bytes(shape.type);
            if (*gap != 0xff)
                fail_msg("%s, kernel %s: wrote between the channels of output %d", c->op->name, k->name, j);
        }
}

/* ways: 0 dense; bit 0: inputs are channel ranges; bit 1: outputs are. */
static bool compare(const rn_kernel *k, const rn_call *dense, int ways, double *const *values, void *const *want)
{
    rn_shape in[RN_MAX_IN], out[RN_MAX_OUT];
    void *x[RN_MAX_IN] = {0}, *y[RN_MAX_OUT] = {0}, *first[RN_MAX_OUT] = {0};
    rn_call c = *dense;
    c.in = in, c.out = out;
    for (int i = 0; i < c.n_in; i++) {
        in[i] = dense->in[i];
        if ((ways & 1) && in[i].rank > 1)
            in[i].pitch = rn_last(in[i]) + GAP;
        if (in[i].rank)
            put(x[i] = memory_of(span(in[i])), in[i], values[i]);
    }
    for (int j = 0; j < c.n_out; j++) {
        out[j] = dense->out[j];
        if ((ways & 2) && out[j].rank > 1)
            out[j].pitch = rn_last(out[j]) + GAP;
        y[j] = memory_of(span(out[j]));
    }
    bool accepted = true;
    const int threads[] = {1, 2, 3, MOST_THREADS};
    for (size_t t = 0; t < sizeof threads / sizeof *threads && accepted; t++) {
        for (int j = 0; j < c.n_out; j++)
            memset(y[j], 0xff, span(out[j]));
        accepted = apply(k, &c, threads[t], (const void *const *)x, y);
        for (int j = 0; accepted && j < c.n_out; j++) {
            if (t == 0) {
                check_output(k, &c, j, y[j], out[j], want[j], dense->out[j]);
                first[j] = memcpy(memory_of(span(out[j])), y[j], span(out[j]));
            } else if (memcmp(first[j], y[j], span(out[j])) != 0) {
                fail_msg("%s, kernel %s: %d threads give other bytes than one", c.op->name, k->name, threads[t]);
            }
        }
    }
    for (int i = 0; i < c.n_in; i++)
        free(x[i]);
    for (int j = 0; j < c.n_out; j++)
        free(y[j]), free(first[j]);
    return accepted;
}

/* Number of a kernel over all plugins, to count what it accepted. */
static int number_of(const rn_kernel *wanted)
{
    int n = 0;
    for (int i = 0; i < n_plugins; i++)
        for (const rn_kernel *const *k = plugin[i]->kernels; k && *k; k++, n++)
            if (*k == wanted)
                return n;
    return n;
}

static void check_call(const rn_op *op, const void *attr, rn_shape *in, const double *low, const double *high,
                       rn_type type, uint32_t seed, tally *count)
{
    rn_shape out[RN_MAX_OUT] = {0};
    rn_call c = {.op = op, .attr = attr, .n_out = op->n_out, .in = in, .out = out};
    double *values[RN_MAX_IN] = {0};
    void *x[RN_MAX_IN] = {0}, *want[RN_MAX_OUT] = {0};
    rn_error err;
    while (c.n_in < RN_MAX_IN && (op->inputs[c.n_in].name || in[c.n_in].rank))
        c.n_in++;
    const rn_kernel *reference = find_reference(op->name, type);
    if (!reference)
        return;
    for (int i = 0; i < c.n_in; i++) {
        if (!in[i].rank)
            continue;
        in[i].type = op->inputs[i].integer ? RN_I32 : type;
        const double l = low && (low[i] != 0 || high[i] != 0) ? low[i] : -1, h = l == -1 && !(low && low[i] == -1) ? 1 : high[i];
        values[i] = malloc(sizeof(double) * (size_t)rn_count(in[i]));
        assert_non_null(values[i]);
        for (int64_t e = 0; e < rn_count(in[i]); e++) {
            const double u = rn_random_uniform((rn_stream){.seed = seed, .stream = (uint32_t)i}, (uint64_t)e);
            const double v = in[i].type == RN_I32 ? floor(l + u * (h - l)) : l + u * (h - l);
            values[i][e] = type == RN_F32 ? (double)(float)v : v;
        }
        put(x[i] = memory_of(span(in[i])), in[i], values[i]);
    }
    assert_ok(op->shape(&c, out, &err), err);
    for (int j = 0; j < c.n_out; j++)
        want[j] = memory_of(span(out[j]));
    assert_true(apply(reference, &c, 1, (const void *const *)x, want));
    for (int p = 0; p < n_plugins; p++)
        for (const rn_kernel *const *k = plugin[p]->kernels; k && *k; k++) {
            if (is_reference(*k) || !serves(*k, op->name, type) || ((*k)->cpu & rn_cpu_features()) != (*k)->cpu)
                continue;
            for (int ways = 0; ways < 4; ways++)
                count->accepted[number_of(*k)] += compare(*k, &c, ways, values, want);
        }
    count->ops++;
    for (int i = 0; i < c.n_in; i++)
        free(values[i]), free(x[i]);
    for (int j = 0; j < c.n_out; j++)
        free(want[j]);
}

/* --- products at sizes beyond one block -------------------------------------------------------------- */

static rn_shape shape(int64_t a, int64_t b, int64_t c, int64_t d)
{
    const rn_shape s = {.rank = 2 + (c > 0) + (d > 0), .dim = {a, b, c, d}};
    return s;
}

typedef struct convolution { int64_t b, h, w, c, o, kh, kw, stride, pad_h, pad_w; } convolution;
static const convolution convolutions[] = {
    {3, 17, 19, 7, 12, 3, 3, 1, 1, 1}, {2, 33, 31, 20, 33, 3, 3, 1, 1, 1}, {2, 40, 12, 64, 48, 1, 1, 1, 0, 0},
    {3, 21, 23, 9, 14, 3, 3, 2, 1, 1}, {2, 24, 36, 5, 16, 4, 4, 4, 0, 0},  {1, 35, 29, 4, 6, 5, 7, 1, 2, 3},
    {2, 30, 30, 11, 5, 1, 1, 2, 0, 0}, {2, 19, 18, 6, 8, 3, 3, 1, 0, 2},   {1, 26, 25, 130, 17, 3, 3, 1, 1, 1},
    {1, 5, 4, 3, 2, 3, 3, 1, 4, 4},
};

typedef struct tokens { int64_t b, heads, d, tq, tk; } tokens;
static const tokens attentions[] = {{2, 3, 8, 33, 33}, {1, 2, 16, 300, 300}, {1, 1, 24, 70, 1100}, {2, 2, 5, 1, 9}};

typedef struct product { int64_t b, m, n, k, ta, tb; } product;
static const product products[] = {{3, 70, 33, 17, 0, 0}, {2, 300, 65, 40, 1, 0}, {2, 129, 31, 64, 0, 1},
                                   {1, 90, 120, 300, 1, 1}, {1, 1, 700, 130, 0, 0}};

static void check_op(const char *name, const void *attr, rn_shape *in, rn_type type, tally *count)
{
    const rn_op *op = find_op(name);
    if (op)
        check_call(op, attr, in, NULL, NULL, type, (uint32_t)in[0].dim[1] + 1000, count);
}

static void check_large(rn_type type, tally *count)
{
    for (size_t i = 0; i < sizeof convolutions / sizeof *convolutions; i++) {
        const convolution k = convolutions[i];
        const rn_conv2d_attr a = {k.stride, k.pad_h, k.pad_w, 1};
        const rn_conv2d_dx_attr dx = {a, k.h, k.w};
        const rn_conv2d_dw_attr dw = {a, k.kh, k.kw};
        const rn_shape x = shape(k.b, k.h, k.w, k.c), w = shape(k.kh, k.kw, k.c, k.o), b = {.rank = 1, .dim = {k.o}};
        const rn_shape dy = shape(k.b, (k.h + 2 * k.pad_h - k.kh) / k.stride + 1,
                                  (k.w + 2 * k.pad_w - k.kw) / k.stride + 1, k.o);
        check_op("conv2d", &a, (rn_shape[RN_MAX_IN]){x, w, i % 3 ? b : (rn_shape){0}}, type, count);
        check_op("conv2d_dx", &dx, (rn_shape[RN_MAX_IN]){dy, w}, type, count);
        check_op("conv2d_dw", &dw, (rn_shape[RN_MAX_IN]){x, dy}, type, count);
    }
    for (size_t i = 0; i < sizeof products / sizeof *products; i++) {
        const product p = products[i];
        const rn_matmul_attr a = {p.ta != 0, p.tb != 0};
        const rn_linear_attr linear = {p.tb != 0};
        const rn_shape bias = {.rank = 1, .dim = {p.n}};
        check_op("matmul", &a,
                 (rn_shape[RN_MAX_IN]){p.ta ? shape(p.b, p.k, p.m, 0) : shape(p.b, p.m, p.k, 0),
                                       p.tb ? shape(p.b, p.n, p.k, 0) : shape(p.b, p.k, p.n, 0)}, type, count);
        check_op("linear", &linear,
                 (rn_shape[RN_MAX_IN]){shape(p.b, p.m, p.k, 0), p.tb ? shape(p.n, p.k, 0, 0) : shape(p.k, p.n, 0, 0),
                                       i % 2 ? bias : (rn_shape){0}}, type, count);
        check_op("linear_dw", NULL, (rn_shape[RN_MAX_IN]){shape(p.b, 4 * p.m, p.k, 0), shape(p.b, 4 * p.m, p.n, 0)}, type,
                 count);
    }
    for (size_t i = 0; i < sizeof attentions / sizeof *attentions; i++) {
        const tokens t = attentions[i];
        const rn_attention_attr a = {t.heads};
        const rn_shape q = shape(t.b, t.tq, t.heads * t.d, 0), k = shape(t.b, t.tk, t.heads * t.d, 0);
        check_op("attention", &a, (rn_shape[RN_MAX_IN]){q, k, k}, type, count);
        check_op("attention_grad", &a, (rn_shape[RN_MAX_IN]){q, k, k, q, shape(t.b, t.heads, t.tq, 0), q}, type, count);
    }
}

static void every_kernel_agrees_with_the_reference_for_any_number_of_threads(void **state)
{
    (void)state;
    const rn_type types[] = {RN_F32, RN_F64};
    tally count = {0};
    for (int t = 0; t < 2; t++) {
        for (int i = 0; i < n_plugins; i++)
            for (const rn_op *const *o = plugin[i]->ops; o && *o; o++)
                for (int number = 0; (*o)->example && number < EXAMPLES; number++) {
                    void *attr = calloc(1, (*o)->params_bytes + 1);
                    assert_non_null(attr);
                    rn_example e = {.attr = attr};
                    while (e.n_in < RN_MAX_IN && (*o)->inputs[e.n_in].name)
                        e.n_in++;
                    (*o)->example(&e, (rn_stream){.seed = 5, .stream = rn_stream_of((*o)->name), .step = (uint32_t)number},
                                  number);
                    check_call(*o, attr, e.in, e.low, e.high, types[t], (uint32_t)number, &count);
                    free(attr);
                }
        check_large(types[t], &count);
    }
    assert_true(count.ops > 0);
    for (int i = 0; i < n_plugins; i++)
        for (const rn_kernel *const *k = plugin[i]->kernels; k && *k; k++) {
            if (is_reference(*k) || !find_op((*k)->op) || ((*k)->cpu & rn_cpu_features()) != (*k)->cpu)
                continue;
            printf("%s, kernel %s: %d comparisons\n", (*k)->op, (*k)->name, count.accepted[number_of(*k)]);
            if (count.accepted[number_of(*k)] == 0)
                fail_msg("%s, kernel %s: accepted nothing", (*k)->op, (*k)->name);
        }
}

/* All shared objects of the build that offer ops or kernels. */
static int load(void **state)
{
    (void)state;
    const char *folder = BUILD_FOLDER "/lib/runner";
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d)) != NULL;) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        void *object = strstr(e->d_name, ".so") ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
        const rn_plugin *p = object ? dlsym(object, "rn_plugin_export") : NULL;
        if (p && (p->ops || p->kernels) && n_plugins < MOST_PLUGINS)
            plugin[n_plugins++] = p;
    }
    if (d)
        closedir(d);
    return n_plugins > 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kernel_agrees_with_the_reference_for_any_number_of_threads),
    };
    return cmocka_run_group_tests(tests, load, NULL);
}
