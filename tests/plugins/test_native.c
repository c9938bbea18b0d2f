/* The native kernels on shapes beyond the ops' own small examples: channels that fill several vectors and leave a rest,
 * rows that make several blocks and parts, few images and many; against the reference. */
#include "graph/program.h"
#include "support/kernel_harness.h"

#include <runner/ops.h>

enum { GAP = 5 };

typedef struct map { int64_t batch, height, width, channels; } map;
static const map maps[] = {
    {1, 2, 2, 1}, {2, 4, 6, 3}, {9, 8, 4, 16}, {1, 40, 36, 20}, {3, 10, 12, 68}, {8, 4, 4, 132}, {1, 32, 72, 8}, {1, 2, 4, 1200},
};
enum { MAPS = sizeof maps / sizeof *maps };

/* --- examples: input shapes and attributes for a map ------------------------------------------------------- */

typedef union attributes {
    rn_group_norm_attr group_norm;
    rn_layer_norm_attr layer_norm;
    rn_sum_leading_attr sum_leading;
    rn_random_normal_attr random_normal;
    rn_dropout_attr dropout;
    rn_avg_pool_attr pool;
    rn_space_to_depth_attr space;
    rn_channel_pad_attr pad;
    rn_scale_attr scale;
} attributes;
typedef void maker(map s, rn_shape *in, attributes *a);

static rn_shape shape1(int64_t a) { return (rn_shape){.rank = 1, .dim = {a}}; }
static rn_shape shape2(int64_t a, int64_t b) { return (rn_shape){.rank = 2, .dim = {a, b}}; }
static rn_shape shape4(int64_t a, int64_t b, int64_t c, int64_t d) { return (rn_shape){.rank = 4, .dim = {a, b, c, d}}; }
static rn_shape all(map s) { return shape4(s.batch, s.height, s.width, s.channels); }

static void one(map s, rn_shape *in, attributes *a) { (void)a, in[0] = all(s); }
static void two(map s, rn_shape *in, attributes *a) { (void)a, in[0] = in[1] = all(s); }
static void bias(map s, rn_shape *in, attributes *a) { (void)a, in[0] = all(s), in[1] = shape1(s.channels); }
static void positions(map s, rn_shape *in, attributes *a)
{
    (void)a, in[0] = all(s), in[1] = (rn_shape){.rank = 3, .dim = {s.height, s.width, s.channels}};
}
static void scale(map s, rn_shape *in, attributes *a) { in[0] = all(s), a->scale.factor = -0.75; }

static void group_norm(map s, rn_shape *in, attributes *a)
{
    in[0] = all(s), in[1] = in[2] = shape1(s.channels);
    a->group_norm = (rn_group_norm_attr){s.channels % 4 == 0 ? s.channels / 4 : 1, 1e-5};
}
static void group_norm_grad(map s, rn_shape *in, attributes *a)
{
    group_norm(s, in, a);
    in[2] = in[3] = shape2(s.batch, a->group_norm.groups), in[4] = all(s);
}
static void layer_norm(map s, rn_shape *in, attributes *a)
{
    in[0] = all(s), in[1] = in[2] = shape1(s.channels), a->layer_norm.eps = 1e-5;
}
static void layer_norm_bare(map s, rn_shape *in, attributes *a) { in[0] = all(s), a->layer_norm.eps = 1e-5; }
static void layer_norm_grad(map s, rn_shape *in, attributes *a)
{
    layer_norm(s, in, a);
    in[2] = in[3] = shape1(s.batch * s.height * s.width), in[4] = all(s);
}
static void layer_norm_grad_bare(map s, rn_shape *in, attributes *a)
{
    layer_norm_grad(s, in, a);
    in[1] = (rn_shape){0};
}
static void film(map s, rn_shape *in, attributes *a)
{
    (void)a, in[0] = all(s), in[1] = in[2] = shape2(s.batch, s.channels);
}
static void film_grad(map s, rn_shape *in, attributes *a)
{
    (void)a, in[0] = in[2] = all(s), in[1] = shape2(s.batch, s.channels);
}

static void mix(map s, rn_shape *in, attributes *a) { (void)a, in[0] = in[1] = all(s), in[2] = in[3] = shape1(s.batch); }
static void by_image(map s, rn_shape *in, attributes *a) { (void)a, in[0] = all(s), in[1] = shape1(s.batch); }
static void mean_square_grad(map s, rn_shape *in, attributes *a) { by_image(s, in, a), in[2] = shape1(1); }

static void drop(map s, rn_shape *in, attributes *a) { in[0] = all(s), a->dropout = (rn_dropout_attr){0.3, 5}; }
static void drop_masked(map s, rn_shape *in, attributes *a) { drop(s, in, a), in[1] = all(s); }
static void drop_none(map s, rn_shape *in, attributes *a) { drop(s, in, a), a->dropout.rate = 0; }
static void drop_all(map s, rn_shape *in, attributes *a) { drop(s, in, a), a->dropout.rate = 1; }
static void normal(map s, rn_shape *in, attributes *a) { in[0] = all(s), a->random_normal.stream = 5; }

static void sum_to_channels(map s, rn_shape *in, attributes *a) { in[0] = all(s), a->sum_leading.keep = 1; }
static void sum_to_image(map s, rn_shape *in, attributes *a) { in[0] = all(s), a->sum_leading.keep = 3; }
static void sum_to_one(map s, rn_shape *in, attributes *a)
{
    in[0] = shape2(s.batch * s.height * s.width * s.channels, 1), a->sum_leading.keep = 1;
}

static void pool_2(map s, rn_shape *in, attributes *a) { in[0] = all(s), a->pool.window = 2; }
static void upsample_3(map s, rn_shape *in, attributes *a) { in[0] = all(s), a->pool.window = 3; }
static void to_depth_2(map s, rn_shape *in, attributes *a) { in[0] = all(s), a->space.factor = 2; }
static void to_space_2(map s, rn_shape *in, attributes *a)
{
    in[0] = shape4(s.batch, s.height, s.width, 4 * s.channels), a->space.factor = 2;
}
static void to_depth_4(map s, rn_shape *in, attributes *a)
{
    in[0] = shape4(s.batch, 4 * s.height, 4 * s.width, s.channels % 5), a->space.factor = 4;
}
static void to_space_4(map s, rn_shape *in, attributes *a)
{
    in[0] = shape4(s.batch, s.height, s.width, 16 * (s.channels % 5)), a->space.factor = 4;
}
static void pad(map s, rn_shape *in, attributes *a) { in[0] = all(s), a->pad = (rn_channel_pad_attr){3, s.channels + 20}; }
static void concat(map s, rn_shape *in, attributes *a)
{
    (void)a, in[0] = in[1] = in[2] = all(s), in[1].dim[3] += 7;
}

/* The largest error allowed, of the largest element (of 1 where that is less): 0 where bits must be equal, one rounding
 * more or less where products are fused, and what float32 loses in sums of thousands in another order. */
#define FUSED 2e-7
#define SUMS 2e-5
static const struct { const char *op; maker *make; double tolerance; bool in_place; } cases[] = {
    {"add", two, 0, true},                        {"add", bias, 0, true},
    {"add", positions, 0, true},                  {"sub", two, 0, true},
    {"mul", two, 0, true},                        {"scale", scale, 0, true},
    {"copy", one, 0, false},                      {"mix", mix, FUSED, true},
    {"scale_images", by_image, 0, true},          {"channel_pad", pad, 0, false},
    {"concat", concat, 0, false},                 {"group_norm", group_norm, SUMS, false},
    {"group_norm_grad", group_norm_grad, SUMS, false},
    {"layer_norm", layer_norm, SUMS, false},      {"layer_norm", layer_norm_bare, SUMS, false},
    {"layer_norm_grad", layer_norm_grad, SUMS, false},
    {"layer_norm_grad", layer_norm_grad_bare, SUMS, false},
    {"film", film, FUSED, true},                  {"film_grad", film_grad, SUMS, false},
    {"dropout", drop, 0, true},                   {"dropout", drop_masked, 0, true},
    {"dropout", drop_none, 0, true},              {"dropout", drop_all, 0, true},
    {"random_normal", normal, 2e-6, false},       {"sum_leading", sum_to_channels, SUMS, false},
    {"sum_leading", sum_to_image, FUSED, false},  {"sum_leading", sum_to_one, SUMS, false},
    {"avg_pool", pool_2, FUSED, false},           {"sum_pool", pool_2, FUSED, false},
    {"upsample_nearest", upsample_3, 0, false},   {"space_to_depth", to_depth_2, 0, false},
    {"space_to_depth", to_depth_4, 0, false},     {"depth_to_space", to_space_2, 0, false},
    {"depth_to_space", to_space_4, 0, false},     {"softmax", one, SUMS, false},
    {"softmax_grad", two, SUMS, false},           {"mean_square", one, FUSED, false},
    {"mean_square", by_image, FUSED, false},      {"mean_square_grad", mean_square_grad, FUSED, false},
};
enum { CASES = sizeof cases / sizeof *cases };

static const rn_op *op_of(const char *name)
{
    const rn_op *op = (const rn_op *)(const void *)rn_registry_find(harness_registry(), RN_KIND_OP, name);
    assert_non_null(op);
    return op;
}

/* False where the map does not fit the case. `low` to `high`: what input 0 is drawn from. */
static bool open_case_of(rn_type type, harness_call *h, int number, map s, int64_t gap, double low, double high)
{
    attributes a = {0};
    rn_example e = {.attr = &a, .low = {low}, .high = {high}};
    cases[number].make(s, e.in, &a);
    if (rn_last(e.in[0]) == 0)
        return false;
    harness_open_as(h, op_of(cases[number].op), type, &e, gap);
    return true;
}
static bool open_case(harness_call *h, int number, map s, int64_t gap, double low, double high)
{
    return open_case_of(RN_F32, h, number, s, gap, low, high);
}

/* Kernel `k` of an op in that type that this machine can run; NULL where there are no more. *k goes on. */
static const rn_kernel *next_kernel_of(rn_type type, const char *op, const char *name, int *k)
{
    int n;
    const rn_kernel *const *kernels = rn_registry_kernels(harness_registry(), op, "cpu", &n);
    while (*k < n) {
        const rn_kernel *kernel = kernels[(*k)++];
        if (strcmp(kernel->name, name) == 0 && kernel->type == type && (kernel->cpu & ~rn_cpu_features()) == 0)
            return kernel;
    }
    return NULL;
}
static const rn_kernel *next_kernel(const char *op, const char *name, int *k) { return next_kernel_of(RN_F32, op, name, k); }
static const rn_kernel *reference_of(const char *op)
{
    int k = 0;
    return next_kernel(op, "reference", &k);
}

static void expect_same(const harness_call *got, const harness_call *want, double tolerance, const char *what)
{
    for (int j = 0; j < got->call.n_out; j++) {
        double error = 0, largest = 1;
        for (int64_t i = 0; i < rn_count(got->out[j]); i++) {
            const double x = harness_output(got, j, i), y = harness_output(want, j, i), d = fabs(x - y);
            error = d <= error ? error : d; /* so that not-a-number stays */
            largest = fmax(largest, fabs(y));
        }
        char shape[RN_SHAPE_TEXT];
        if (!(error <= tolerance * largest))
            fail_msg("%s of %s, %s: output %d differs by %.1e", got->call.op->name, rn_shape_text(got->in[0], shape), what, j,
                     error);
    }
}

/* --- tests -------------------------------------------------------------------------------------------------- */

static void native_agrees_with_the_reference_on_maps_of_all_sizes(void **state)
{
    (void)state;
    int compared = 0;
    for (int i = 0; i < CASES; i++)
        for (int s = 0; s < MAPS; s++)
            for (int64_t gap = 0; gap <= GAP; gap += GAP) {
                harness_call got, want;
                if (!open_case(&got, i, maps[s], gap, 0, 0) || !open_case(&want, i, maps[s], gap, 0, 0))
                    continue;
                assert_null(harness_run(&want, reference_of(cases[i].op), 1, false));
                const rn_kernel *kernel;
                for (int k = 0; (kernel = next_kernel(cases[i].op, "native", &k));)
                    if (!harness_run(&got, kernel, 7, true)) {
                        expect_same(&got, &want, cases[i].tolerance, gap ? "channel ranges" : "dense");
                        compared++;
                    }
                harness_close(&got);
                harness_close(&want);
            }
    assert_true(compared > CASES);
}

/* The same values in bfloat16: results are rounded to 8 bits, those of softmax once more before they are divided. */
static void in_bfloat16_it_agrees_with_the_reference(void **state)
{
    static const double tolerance = 1.5 / 256;
    (void)state;
    int compared = 0, kernels = 0;
    for (int i = 0; i < CASES; i++)
        for (int s = 0; s < MAPS; s++)
            for (int64_t gap = 0; gap <= GAP; gap += GAP) {
                harness_call got, want;
                if (!open_case_of(RN_BF16, &got, i, maps[s], gap, 0, 0))
                    continue;
                harness_open_like(&want, &got);
                assert_null(harness_run(&want, reference_of(cases[i].op), 1, false));
                const rn_kernel *kernel;
                for (int k = 0; (kernel = next_kernel_of(RN_BF16, cases[i].op, "native", &k)); kernels++)
                    if (!harness_run(&got, kernel, 7, true)) {
                        expect_same(&got, &want, tolerance, gap ? "bfloat16, channel ranges" : "bfloat16, dense");
                        compared++;
                    }
                harness_close(&got);
                harness_close(&want);
            }
    assert_true(compared > CASES || kernels == 0); /* machines without the instructions have no such kernels */
}

/* x is 1000 and σ 0.3: E[x²] − mean² would be off by all of σ². eps is small against that. */
static void a_large_mean_costs_no_digits(void **state)
{
    (void)state;
    for (int i = 0; i < CASES; i++)
        for (int s = 1; s < MAPS && strstr(cases[i].op, "_norm") && !strstr(cases[i].op, "grad"); s++) {
            harness_call got, want;
            open_case(&got, i, maps[s], 0, 1000, 1001);
            open_case(&want, i, maps[s], 0, 1000, 1001);
            assert_null(harness_run(&want, reference_of(cases[i].op), 1, false));
            const rn_kernel *kernel;
            for (int k = 0; (kernel = next_kernel(cases[i].op, "native", &k));) {
                assert_null(harness_run(&got, kernel, 1, false));
                expect_same(&got, &want, 2 * SUMS, "a large mean");
            }
            harness_close(&got);
            harness_close(&want);
        }
}

/* As harness_run with one piece, but output 0 lies over input 0. */
static void run_in_place(harness_call *h, const rn_kernel *kernel)
{
    rn_work work = {0};
    assert_null(kernel->plan(&h->call, 1, &work));
    assert_int_equal(work.scratch_bytes + work.thread_scratch_bytes, 0);
    void *const out[] = {h->in_memory[0]};
    const rn_buffers m = {.in = (const void *const *)h->in_memory, .out = out, .step = &h->step};
    kernel->run(&h->call, &work, &m, 0, 0, work.units);
    memcpy(h->out_memory[0], h->in_memory[0], (size_t)rn_bytes(h->out[0]));
}

static void what_runs_in_place_gives_the_same(void **state)
{
    (void)state;
    for (int i = 0; i < CASES; i++)
        for (int s = 0; s < MAPS && cases[i].in_place; s++) {
            const rn_kernel *kernel;
            assert_true(op_of(cases[i].op)->traits & RN_IN_PLACE);
            for (int k = 0; (kernel = next_kernel(cases[i].op, "native", &k));) {
                harness_call got, want;
                open_case(&got, i, maps[s], 0, 0, 0);
                open_case(&want, i, maps[s], 0, 0, 0);
                assert_null(harness_run(&want, kernel, 1, false));
                run_in_place(&got, kernel);
                expect_same(&got, &want, 0, "in place");
                harness_close(&got);
                harness_close(&want);
            }
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(native_agrees_with_the_reference_on_maps_of_all_sizes),
        cmocka_unit_test(in_bfloat16_it_agrees_with_the_reference),
        cmocka_unit_test(a_large_mean_costs_no_digits),
        cmocka_unit_test(what_runs_in_place_gives_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
