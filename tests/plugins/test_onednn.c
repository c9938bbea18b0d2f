/* The onednn kernels where the ops' own examples do not reach: sizes of many units and a rest, layouts with padding,
 * weights that are no parameters; and that the library keeps to the threads that call it. */
#include "base/parallel.h"
#include "graph/program.h"
#include "support/kernel_harness.h"

#include <runner/ops.h>

#include <dirent.h>

/* Sums of up to 2304 products of numbers up to 1, in another order; bfloat16: weights and results are rounded to 8 bits. */
static double tolerance_of(rn_type type) { return type == RN_BF16 ? 1e-2 : 2e-5; }
enum { GAP = 5 }; /* elements between the rows of a channel range */

static const rn_kernel *kernel_of(const char *op, const char *set, rn_type type)
{
    int n;
    const rn_kernel *const *kernels = rn_registry_kernels(harness_registry(), op, "cpu", &n);
    for (int k = 0; k < n; k++)
        if (strcmp(kernels[k]->name, set) == 0 && kernels[k]->type == type)
            return kernels[k];
    fail_msg("no kernel %s of %s in %s", set, op, rn_type_name(type));
    return NULL;
}

static double largest_difference(const harness_call *a, const harness_call *b)
{
    double error = 0, largest = 1;
    for (int64_t i = 0; i < rn_count(a->out[0]); i++) {
        const double want = harness_output(b, 0, i), d = fabs(harness_output(a, 0, i) - want);
        error = d > error || isnan(d) ? d : error;
        largest = fabs(want) > largest ? fabs(want) : largest;
    }
    return error / largest;
}

/* Inputs that are channel ranges give the reference's values, or are refused. Returns whether they were taken. */
static bool expect_ranges(const rn_op *op, const rn_kernel *kernel, const rn_example *example, const harness_call *dense,
                          rn_type type, const char *text)
{
    harness_call ranges;
    harness_open_as(&ranges, op, type, example, GAP);
    const bool taken = !harness_run(&ranges, kernel, 3, false);
    if (taken && !(largest_difference(&ranges, dense) <= tolerance_of(type)))
        fail_msg("%s, %s: channel ranges differ by %.1e", op->name, text, largest_difference(&ranges, dense));
    harness_close(&ranges);
    return taken;
}

/* Packed and not, units cut in several ways: the reference's values, and always the same bytes. */
static void expect_agreement_in(rn_type type, const char *op, const rn_example *example, const char *text)
{
    const rn_op *of = (const rn_op *)(const void *)rn_registry_find(harness_registry(), RN_KIND_OP, op);
    const rn_kernel *kernel = kernel_of(op, "onednn", type);
    harness_call want, whole, got;
    harness_open_as(&whole, of, type, example, 0);
    harness_open_as(&got, of, type, example, 0);
    harness_open_like(&want, &whole);
    assert_null(harness_run(&want, kernel_of(op, "reference", RN_F32), 1, false));
    const char *why = harness_run(&whole, kernel, 1, false);
    if (why)
        fail_msg("%s, %s: %s", op, text, why);
    if (!(largest_difference(&whole, &want) <= tolerance_of(type)))
        fail_msg("%s, %s: differs by %.1e", op, text, largest_difference(&whole, &want));
    for (int pieces = 2; pieces <= 5; pieces++) {
        got.computed = pieces % 2;
        assert_null(harness_run(&got, kernel, pieces, pieces > 3));
        if (largest_difference(&got, &whole) != 0)
            fail_msg("%s, %s: %d pieces give other numbers", op, text, pieces);
    }
    if (!expect_ranges(of, kernel, example, &want, type, text) && strncmp(op, "conv2d", 6) != 0)
        fail_msg("%s, %s: refuses channel ranges, which products take", op, text);
    harness_close(&want);
    harness_close(&whole);
    harness_close(&got);
}

/* The library has code for bfloat16 from AVX-512 on. */
static void expect_agreement(const char *op, const rn_example *example, const char *text)
{
    expect_agreement_in(RN_F32, op, example, text);
    if (rn_cpu_features() & RN_CPU_AVX512F)
        expect_agreement_in(RN_BF16, op, example, text);
}

static rn_shape shape(int rank, int64_t a, int64_t b, int64_t c, int64_t d)
{
    return (rn_shape){.rank = rank, .dim = {a, b, c, d}};
}

/* --- the reference's values -------------------------------------------------------------------------- */

typedef struct convolution { int64_t batch, height, width, in, out, kh, kw, stride, pad_h, pad_w, groups; const char *text; } convolution;
static const convolution convolutions[] = {
    {5, 16, 16, 32, 48, 3, 3, 1, 1, 1, 1, "one image a unit"},
    {7, 8, 8, 16, 20, 3, 3, 1, 1, 1, 1, "several images a unit, and a rest"},
    {11, 6, 5, 17, 33, 3, 3, 1, 1, 1, 1, "odd channels, padded layouts"},
    {3, 15, 17, 16, 32, 3, 3, 2, 1, 1, 1, "stride 2 on odd sides"},
    {3, 17, 16, 8, 16, 3, 3, 3, 0, 0, 1, "pixels that no window sees"},
    {2, 9, 12, 16, 16, 1, 5, 1, 0, 2, 1, "a flat window"},
    {3, 12, 10, 32, 64, 3, 3, 1, 1, 1, 2, "two groups"},
    {3, 12, 10, 24, 24, 3, 3, 1, 1, 1, 24, "a group for each channel"},
    {3, 24, 24, 64, 32, 1, 1, 1, 0, 0, 1, "single pixels"},
    {3, 24, 24, 3, 64, 3, 3, 1, 1, 1, 1, "from three channels"},
    {3, 24, 24, 64, 3, 3, 3, 1, 1, 1, 1, "to three channels"},
};

static void convolutions_agree(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof convolutions / sizeof *convolutions; i++) {
        const convolution k = convolutions[i];
        const int64_t h = (k.height + 2 * k.pad_h - k.kh) / k.stride + 1, w = (k.width + 2 * k.pad_w - k.kw) / k.stride + 1;
        rn_conv2d_attr a = {k.stride, k.pad_h, k.pad_w, k.groups};
        rn_conv2d_dx_attr dx = {a, k.height, k.width};
        rn_conv2d_dw_attr dw = {a, k.kh, k.kw};
        const rn_shape x = shape(4, k.batch, k.height, k.width, k.in), y = shape(4, k.batch, h, w, k.out);
        const rn_shape weight = shape(4, k.kh, k.kw, k.in / k.groups, k.out);
        expect_agreement("conv2d", &(rn_example){.attr = &a, .in = {x, weight, shape(1, k.out, 0, 0, 0)}}, k.text);
        expect_agreement("conv2d", &(rn_example){.attr = &a, .in = {x, weight}}, k.text);
        expect_agreement("conv2d_dx", &(rn_example){.attr = &dx, .in = {y, weight}}, k.text);
        expect_agreement("conv2d_dw", &(rn_example){.attr = &dw, .in = {x, y}}, k.text);
    }
}

static void products_agree(void **state)
{
    static const int64_t sizes[][3] = {{1, 64, 7}, {63, 1, 40}, {300, 33, 65}, {2049, 48, 64}, {4096, 64, 100}};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const int64_t m = sizes[i][0], k = sizes[i][1], n = sizes[i][2];
        rn_linear_attr straight = {false}, turned = {true};
        char text[80];
        snprintf(text, sizeof text, "%d rows, %d to %d", (int)m, (int)k, (int)n);
        const rn_shape x = shape(2, m, k, 0, 0), b = shape(1, n, 0, 0, 0);
        expect_agreement("linear", &(rn_example){.attr = &straight, .in = {x, shape(2, k, n, 0, 0), b}}, text);
        expect_agreement("linear", &(rn_example){.attr = &turned, .in = {x, shape(2, n, k, 0, 0)}}, text);
        expect_agreement("linear_dw", &(rn_example){.in = {x, shape(2, m, n, 0, 0)}}, text);
        for (int t = 0; t < 4; t++) {
            rn_matmul_attr a = {t & 1, t & 2};
            expect_agreement("matmul", &(rn_example){.attr = &a, .in = {a.ta ? shape(3, 2, k, m, 0) : shape(3, 2, m, k, 0),
                                                                     a.tb ? shape(3, 2, n, k, 0) : shape(3, 2, k, n, 0)}}, text);
        }
    }
}

/* --- in a program ------------------------------------------------------------------------------------ */

/* linear where w is an input of the program: a copy packed before the run would hold the values of the run before. */
static void run_twice(const char *set, float y[2][6])
{
    enum { IN = 2, OUT = 3, ROWS = 2 };
    rn_parameters parameters = {0};
    rn_error err = {0};
    rn_graph *g = rn_graph_open(harness_registry(), &parameters, RN_F32, false);
    assert_non_null(g);
    const rn_tensor x = rn_graph_input(g, "x", shape(2, ROWS, IN, 0, 0)), w = rn_graph_input(g, "w", shape(2, IN, OUT, 0, 0));
    rn_graph_output(g, "y", rn_op_linear(g, x, w, 0, (rn_linear_attr){false}));
    rn_program *p;
    const rn_program_options options = {.kernels = &set, .n_kernels = 1};
    assert_ok(rn_program_compile(g, &options, &p, &err), err);
    assert_string_equal(rn_program_node(p, 0).kernel, set);
    void *arena = aligned_alloc(64, (rn_program_arena_bytes(p) + 63) / 64 * 64);
    assert_non_null(arena);
    const rn_parameter_set none = {.version = 1};
    assert_ok(rn_program_bind(p, arena, &none, NULL, &err), err);
    for (int run = 0; run < 2; run++) {
        for (int i = 0; i < ROWS * IN; i++)
            ((float *)rn_program_input(p, "x"))[i] = (float)(i + 1);
        for (int i = 0; i < IN * OUT; i++)
            ((float *)rn_program_input(p, "w"))[i] = (float)(i * (run + 1) - 2);
        rn_program_run(p, &(rn_step){0});
        memcpy(y[run], rn_program_output(p, "y"), sizeof y[run]);
    }
    rn_program_close(p);
    free(arena);
    rn_graph_close(g);
    rn_parameters_free(&parameters);
}

static void a_weight_that_is_no_parameter_is_read_in_every_run(void **state)
{
    (void)state;
    float got[2][6], want[2][6];
    run_twice("onednn", got);
    run_twice("reference", want);
    assert_memory_equal(got, want, sizeof got); /* small whole numbers: exact in any order */
    assert_memory_not_equal(got[0], got[1], sizeof got[0]);
}

/* --- threads ----------------------------------------------------------------------------------------- */

static int threads_of_this_process(void)
{
    int n = 0;
    DIR *tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    for (const struct dirent *e; (e = readdir(tasks));)
        n += e->d_name[0] != '.';
    closedir(tasks);
    return n;
}

typedef struct loop { const harness_call *h; const rn_kernel *kernel; const rn_work *work; const rn_buffers *m; char *own; } loop;

static void units(void *context, int thread, int64_t begin, int64_t end)
{
    const loop *l = context;
    rn_buffers m = *l->m;
    m.thread_scratch = l->own + (size_t)thread * ((l->work->thread_scratch_bytes + 63) / 64 * 64);
    l->kernel->run(&l->h->call, l->work, &m, 0, begin, end);
}

static void nothing(void *context, int thread, int64_t begin, int64_t end) { (void)context, (void)thread, (void)begin, (void)end; }

/* main() has told OpenMP that four threads are wanted, which the library would take. */
static void the_library_starts_no_threads(void **state)
{
    enum { THREADS = 2 };
    (void)state;
    rn_conv2d_dw_attr dw = {{1, 1, 1, 1}, 3, 3};
    const rn_example example = {.attr = &dw, .in = {shape(4, 8, 32, 32, 32), shape(4, 8, 32, 32, 32)}};
    const rn_kernel *kernel = kernel_of("conv2d_dw", "onednn", RN_F32);
    harness_call h;
    harness_open_as(&h, (const rn_op *)(const void *)rn_registry_find(harness_registry(), RN_KIND_OP, "conv2d_dw"), RN_F32,
                    &example, 0);
    rn_work work = {0};
    rn_threads_set(THREADS);
    rn_parallel(THREADS, nothing, NULL); /* the pool is there */
    const int before = threads_of_this_process();
    assert_null(kernel->plan(&h.call, THREADS, &work));
    void *scratch = malloc(work.scratch_bytes);
    char *own = aligned_alloc(64, THREADS * ((work.thread_scratch_bytes + 63) / 64 * 64 + 64));
    assert_true(scratch && own && work.units >= THREADS);
    const rn_buffers m = {.in = (const void *const *)h.in_memory, .out = h.out_memory, .scratch = scratch,
                          .packed = (const void *const[RN_MAX_IN]){NULL}, .step = &h.step};
    for (int i = 0; i < 10; i++)
        rn_parallel(work.units, units, &(loop){&h, kernel, &work, &m, own});
    assert_int_equal(threads_of_this_process(), before);
    kernel->forget(&work);
    free(scratch), free(own);
    harness_close(&h);
}

int main(void)
{
    if (!HAS_ONEDNN) {
        fputs("skipped: built without oneDNN\n", stderr);
        return TEST_SKIPPED;
    }
    setenv("OMP_NUM_THREADS", "4", 1); /* read when the library is loaded */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_library_starts_no_threads),
        cmocka_unit_test(convolutions_agree),
        cmocka_unit_test(products_agree),
        cmocka_unit_test(a_weight_that_is_no_parameter_is_read_in_every_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
