/* Kernels that cut their sums into blocks, at sizes where there are many blocks, against plain loops in double. */
#include "support/kernel_harness.h"

#include <runner/ops.h>

/* Thousands of terms of about 1, added in double; float32 results are rounded once. */
static const double float_tolerance = 1e-5, double_tolerance = 1e-10;

/* Images of so many pixels and channels; gap: elements between the runs of channels. */
typedef struct sizes { int64_t batch, pixels, channels, groups, gap; } sizes;
static const sizes cases[] = {
    {2, 700, 24, 4, 0}, {1, 5000, 8, 8, 3}, {3, 1024, 36, 1, 0}, {5, 333, 30, 5, 7}, {1, 9, 4096, 32, 0}, {2, 2000, 16, 2, 2},
};

static const rn_op *op_named(const char *name)
{
    return (const rn_op *)(const void *)rn_registry_find(harness_registry(), RN_KIND_OP, name);
}

static void expect(const harness_call *h, int output, const double *want, int64_t n, const char *kernel)
{
    double error = 0, largest = 0;
    assert_int_equal(rn_count(h->out[output]), n);
    for (int64_t i = 0; i < n; i++) {
        const double d = fabs(harness_output(h, output, i) - want[i]);
        error = d <= error ? error : d;
        largest = fabs(want[i]) > largest ? fabs(want[i]) : largest;
    }
    if (!(error <= (h->in[0].type == RN_F64 ? double_tolerance : float_tolerance) * largest))
        fail_msg("%s, kernel %s: output %d is off by %.1e of %.1e", h->call.op->name, kernel, output, error, largest);
}

/* What an op ought to give for a call: want[j] are zeroed, as large as output j. */
typedef void plainly(const harness_call *h, sizes s, double *const want[RN_MAX_OUT]);

/* Runs the op with every kernel in both types at every size, its units in five pieces. */
static void check(const char *op_name, plainly *plain, rn_example (*example)(sizes s, void *attr))
{
    const rn_op *op = op_named(op_name);
    int n, compared = 0;
    assert_non_null(op);
    const rn_kernel *const *kernels = rn_registry_kernels(harness_registry(), op_name, "cpu", &n);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
        for (int k = 0; k < n; k++)
            for (int type = 0; type < 2; type++) {
                const rn_type t = type ? RN_F64 : RN_F32;
                harness_call h;
                int64_t attr[16] = {0};
                const rn_example e = example(cases[c], attr);
                if (kernels[k]->type != RN_NO_TYPE && kernels[k]->type != t)
                    continue;
                harness_open_as(&h, op, t, &e, cases[c].gap);
                double *want[RN_MAX_OUT] = {NULL};
                for (int j = 0; j < op->n_out; j++)
                    assert_non_null(want[j] = calloc((size_t)rn_count(h.out[j]), sizeof(double)));
                if (!harness_run(&h, kernels[k], 5, true)) {
                    plain(&h, cases[c], want);
                    for (int j = 0; j < op->n_out; j++)
                        expect(&h, j, want[j], rn_count(h.out[j]), kernels[k]->name);
                    compared++;
                }
                for (int j = 0; j < op->n_out; j++)
                    free(want[j]);
                harness_close(&h);
            }
    assert_true(compared > 0);
}

static rn_shape map(sizes s) { return (rn_shape){.rank = 3, .dim = {s.batch, s.pixels, s.channels}}; }
static rn_shape by_image(sizes s, int64_t n) { return (rn_shape){.rank = 2, .dim = {s.batch, n}}; }
static rn_shape vector(int64_t n) { return (rn_shape){.rank = 1, .dim = {n}}; }

/* --- group_norm -------------------------------------------------------------------------------------- */

static int64_t element(sizes s, int64_t image, int64_t pixel, int64_t channel)
{
    return (image * s.pixels + pixel) * s.channels + channel;
}

static rn_example norm_example(sizes s, void *attr)
{
    *(rn_group_norm_attr *)attr = (rn_group_norm_attr){s.groups, 1e-5};
    return (rn_example){.attr = attr, .in = {map(s), vector(s.channels), vector(s.channels)}, .low = {299}, .high = {301}};
}

static void norm(const harness_call *h, sizes s, double *const want[RN_MAX_OUT])
{
    const int64_t width = s.channels / s.groups;
    const double n = (double)(s.pixels * width);
    for (int64_t g = 0; g < s.batch * s.groups; g++) {
        const int64_t image = g / s.groups, first = g % s.groups * width;
        double mean = 0, square = 0;
        for (int64_t e = 0; e < s.pixels * width; e++)
            mean += harness_input(h, 0, element(s, image, e / width, first + e % width)) / n;
        for (int64_t e = 0; e < s.pixels * width; e++) {
            const double d = harness_input(h, 0, element(s, image, e / width, first + e % width)) - mean;
            square += d * d / n;
        }
        want[1][g] = mean;
        want[2][g] = 1 / sqrt(square + 1e-5);
        for (int64_t e = 0; e < s.pixels * width; e++) {
            const int64_t c = first + e % width, at = element(s, image, e / width, c);
            want[0][at] = (harness_input(h, 0, at) - mean) * want[2][g] * harness_input(h, 1, c) + harness_input(h, 2, c);
        }
    }
}

/* mean and rstd are any numbers here: the gradient must use those that it is given. */
static rn_example norm_grad_example(sizes s, void *attr)
{
    *(rn_group_norm_attr *)attr = (rn_group_norm_attr){s.groups, 1e-5};
    return (rn_example){.attr = attr, .in = {map(s), vector(s.channels), by_image(s, s.groups), by_image(s, s.groups), map(s)}};
}

static void norm_grad(const harness_call *h, sizes s, double *const want[RN_MAX_OUT])
{
    const int64_t width = s.channels / s.groups;
    const double n = (double)(s.pixels * width);
    for (int64_t g = 0; g < s.batch * s.groups; g++) {
        const int64_t image = g / s.groups, first = g % s.groups * width;
        const double mean = harness_input(h, 2, g), rstd = harness_input(h, 3, g);
        double flat = 0, along = 0;
        for (int pass = 0; pass < 2; pass++)
            for (int64_t e = 0; e < s.pixels * width; e++) {
                const int64_t c = first + e % width, at = element(s, image, e / width, c);
                const double unit = (harness_input(h, 0, at) - mean) * rstd, dy = harness_input(h, 4, at);
                const double u = dy * harness_input(h, 1, c);
                if (pass == 0) {
                    flat += u / n;
                    along += u * unit / n;
                    want[1][c] += dy * unit;
                    want[2][c] += dy;
                } else {
                    want[0][at] = rstd * (u - flat - unit * along);
                }
            }
    }
}

static void group_norm_matches_plain_loops_over_many_blocks(void **state)
{
    (void)state;
    check("group_norm", norm, norm_example);
    check("group_norm_grad", norm_grad, norm_grad_example);
}

/* --- layer_norm: the gradient, whose sums go over all rows ------------------------------------------- */

static rn_example layer_example(sizes s, void *attr)
{
    *(rn_layer_norm_attr *)attr = (rn_layer_norm_attr){1e-5};
    const rn_shape rows = vector(s.batch * s.pixels);
    return (rn_example){.attr = attr, .in = {map(s), vector(s.channels), rows, rows, map(s)}};
}

static void layer_grad(const harness_call *h, sizes s, double *const want[RN_MAX_OUT])
{
    for (int64_t row = 0; row < s.batch * s.pixels; row++) {
        const double mean = harness_input(h, 2, row), rstd = harness_input(h, 3, row);
        double flat = 0, along = 0;
        for (int pass = 0; pass < 2; pass++)
            for (int64_t c = 0; c < s.channels; c++) {
                const int64_t at = row * s.channels + c;
                const double unit = (harness_input(h, 0, at) - mean) * rstd, dy = harness_input(h, 4, at);
                const double u = dy * harness_input(h, 1, c);
                if (pass == 0) {
                    flat += u / (double)s.channels;
                    along += u * unit / (double)s.channels;
                    want[1][c] += dy * unit;
                    want[2][c] += dy;
                } else {
                    want[0][at] = rstd * (u - flat - unit * along);
                }
            }
    }
}

static void layer_norm_matches_plain_loops_over_many_blocks(void **state)
{
    (void)state;
    check("layer_norm_grad", layer_grad, layer_example);
}

/* --- rms_norm: likewise, and over the groups of a row -------------------------------------------------- */

static rn_example rms_example(sizes s, void *attr)
{
    *(rn_rms_norm_attr *)attr = (rn_rms_norm_attr){s.groups, 1e-5};
    return (rn_example){.attr = attr, .in = {map(s), vector(s.channels / s.groups), vector(s.batch * s.pixels * s.groups), map(s)}};
}

static void rms_grad(const harness_call *h, sizes s, double *const want[RN_MAX_OUT])
{
    const int64_t width = s.channels / s.groups;
    for (int64_t run = 0; run < s.batch * s.pixels * s.groups; run++) {
        const double rstd = harness_input(h, 2, run);
        double along = 0;
        for (int pass = 0; pass < 2; pass++)
            for (int64_t c = 0; c < width; c++) {
                const int64_t at = run * width + c;
                const double unit = harness_input(h, 0, at) * rstd, dy = harness_input(h, 3, at), u = dy * harness_input(h, 1, c);
                if (pass == 0) {
                    along += u * unit / (double)width;
                    want[1][c] += dy * unit;
                } else {
                    want[0][at] = rstd * (u - unit * along);
                }
            }
    }
}

static void rms_norm_matches_plain_loops_over_many_blocks(void **state)
{
    (void)state;
    check("rms_norm_grad", rms_grad, rms_example);
}

/* --- film --------------------------------------------------------------------------------------------- */

static rn_example film_example(sizes s, void *attr)
{
    return (rn_example){.attr = attr, .in = {map(s), by_image(s, s.channels), map(s)}};
}

static void film_grad(const harness_call *h, sizes s, double *const want[RN_MAX_OUT])
{
    for (int64_t at = 0; at < s.batch * s.pixels * s.channels; at++) {
        const int64_t k = at / (s.pixels * s.channels) * s.channels + at % s.channels;
        const double dy = harness_input(h, 2, at);
        want[0][at] = dy * (1 + harness_input(h, 1, k));
        want[1][k] += dy * harness_input(h, 0, at);
        want[2][k] += dy;
    }
}

static void film_matches_plain_loops_over_many_blocks(void **state)
{
    (void)state;
    check("film_grad", film_grad, film_example);
}

/* --- sums ---------------------------------------------------------------------------------------------- */

static rn_example sum_example(sizes s, void *attr)
{
    *(rn_sum_leading_attr *)attr = (rn_sum_leading_attr){s.groups % 4}; /* 4 and more groups: whatever is left */
    return (rn_example){.attr = attr, .in = {map(s)}};
}

static void sum(const harness_call *h, sizes s, double *const want[RN_MAX_OUT])
{
    for (int64_t at = 0; at < s.batch * s.pixels * s.channels; at++)
        want[0][at % rn_count(h->out[0])] += harness_input(h, 0, at);
}

static rn_example square_example(sizes s, void *attr)
{
    return (rn_example){.attr = attr, .in = {map(s), s.groups > 4 ? (rn_shape){0} : vector(s.batch)}};
}

static void square(const harness_call *h, sizes s, double *const want[RN_MAX_OUT])
{
    const int64_t image = s.pixels * s.channels;
    for (int64_t at = 0; at < s.batch * image; at++) {
        const double d = harness_input(h, 0, at), w = h->in[1].rank ? harness_input(h, 1, at / image) : 1;
        want[0][0] += w * d * d / (double)(s.batch * image);
    }
}

static void sums_match_plain_loops_over_many_blocks(void **state)
{
    (void)state;
    check("sum_leading", sum, sum_example);
    check("mean_square", square, square_example);
}

/* --- random numbers: an element's place in the global batch ------------------------------------------- */

static rn_example normal_example(sizes s, void *attr)
{
    *(rn_random_normal_attr *)attr = (rn_random_normal_attr){1234};
    return (rn_example){.attr = attr, .in = {map(s)}};
}

static void normal(const harness_call *h, sizes s, double *const want[RN_MAX_OUT])
{
    const rn_stream r = {.seed = h->step.seed, .stream = 1234, .step = h->step.step};
    const uint64_t image = (uint64_t)(s.pixels * s.channels);
    for (uint64_t at = 0; at < (uint64_t)s.batch * image; at++)
        want[0][at] = rn_random_normal(r, h->step.first_image * image + at);
}

static rn_example dropout_example(sizes s, void *attr)
{
    *(rn_dropout_attr *)attr = (rn_dropout_attr){0.25, 99};
    return (rn_example){.attr = attr, .in = {map(s)}};
}

static void dropout(const harness_call *h, sizes s, double *const want[RN_MAX_OUT])
{
    const rn_stream r = {.seed = h->step.seed, .stream = 99, .step = h->step.step};
    const uint64_t image = (uint64_t)(s.pixels * s.channels);
    for (uint64_t at = 0; at < (uint64_t)s.batch * image; at++)
        if (rn_random_uniform(r, h->step.first_image * image + at) >= 0.25)
            want[0][at] = harness_input(h, 0, (int64_t)at) / 0.75;
}

static void random_ops_draw_by_the_place_in_the_global_batch(void **state)
{
    (void)state;
    check("random_normal", normal, normal_example);
    check("dropout", dropout, dropout_example);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(group_norm_matches_plain_loops_over_many_blocks),
        cmocka_unit_test(layer_norm_matches_plain_loops_over_many_blocks),
        cmocka_unit_test(rms_norm_matches_plain_loops_over_many_blocks),
        cmocka_unit_test(film_matches_plain_loops_over_many_blocks),
        cmocka_unit_test(sums_match_plain_loops_over_many_blocks),
        cmocka_unit_test(random_ops_draw_by_the_place_in_the_global_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
