/* The native norms on sizes that the ops' own examples do not reach: many blocks and parts of an image, rows of many
 * vectors and a rest, one image and many, a mean that is large against the deviation. */
#include "support/kernel_harness.h"

#include <runner/ops.h>

typedef struct size { int64_t batch, height, width, channels, groups; bool film; } size;
static const size sizes[] = {
    {1, 64, 64, 64, 16, true},  {9, 32, 33, 64, 16, true}, {8, 1, 1, 4, 1, false}, {2, 130, 40, 24, 6, true},
    {9, 17, 5, 100, 25, false}, {1, 3, 5, 257, 1, true},   {3, 100, 1, 7, 7, true}, {16, 16, 16, 256, 32, false},
};
enum { SIZES = sizeof sizes / sizeof *sizes, X = 0, MOST_INPUTS = 8 };

static const rn_op *op_of(const char *name)
{
    const rn_op *op = (const rn_op *)(const void *)rn_registry_find(harness_registry(), RN_KIND_OP, name);
    if (!op)
        fail_msg("no op '%s'", name);
    return op;
}

/* Largest distance of the outputs from the reference's, against the largest of each (at least 1). */
static double distance(const harness_call *a, const harness_call *b)
{
    double worst = 0;
    for (int j = 0; j < a->call.n_out; j++) {
        double error = 0, largest = 1;
        for (int64_t i = 0; i < rn_count(a->out[j]); i++) {
            const double want = harness_output(b, j, i), d = fabs(harness_output(a, j, i) - want);
            error = d > error || isnan(d) ? d : error;
            largest = fabs(want) > largest ? fabs(want) : largest;
        }
        worst = error / largest > worst || isnan(error) ? error / largest : worst;
    }
    return worst;
}

/* Every native kernel of the op against the reference; 0: none would take it. */
static int compare(const char *name, const rn_example *example, double tolerance)
{
    const rn_op *op = op_of(name);
    int n, compared = 0;
    const rn_kernel *const *kernels = rn_registry_kernels(harness_registry(), name, "cpu", &n);
    harness_call got, want;
    harness_open_as(&got, op, RN_F32, example, 0);
    harness_open_as(&want, op, RN_F32, example, 0);
    for (int k = 0; k < n; k++)
        if (strcmp(kernels[k]->name, "reference") == 0 && kernels[k]->type == RN_F32)
            assert_null(harness_run(&want, kernels[k], 1, false));
    for (int k = 0; k < n; k++)
        if (strcmp(kernels[k]->name, "native") == 0 && !harness_run(&got, kernels[k], 3, true)) {
            const double d = distance(&got, &want);
            if (!(d <= tolerance))
                fail_msg("%s of [%d, %d, .., %d] differs from the reference by %.1e", name, (int)example->in[X].dim[0],
                         (int)example->in[X].dim[1], (int)rn_last(example->in[X]), d);
            compared++;
        }
    harness_close(&got);
    harness_close(&want);
    return compared;
}

static rn_shape shape(int rank, int64_t a, int64_t b, int64_t c, int64_t d)
{
    return (rn_shape){.rank = rank, .dim = {a, b, c, d}};
}

/* Inputs x, w, b, scale, offset, and for a gradient mean, rstd [statistics], dy. */
static rn_example example_of(const size *s, void *attr, rn_shape statistics, double low, double high)
{
    rn_example e = {.attr = attr, .n_in = statistics.rank ? MOST_INPUTS : 5};
    e.in[0] = shape(4, s->batch, s->height, s->width, s->channels);
    e.low[0] = low, e.high[0] = high;
    e.in[1] = e.in[2] = shape(1, s->channels, 0, 0, 0);
    if (s->film)
        e.in[3] = e.in[4] = shape(2, s->batch, s->channels, 0, 0);
    e.in[5] = e.in[6] = statistics;
    e.low[6] = 0.5, e.high[6] = 2;
    if (statistics.rank)
        e.in[7] = e.in[0];
    return e;
}

static void group_norm_film_silu_agrees(void **state)
{
    (void)state;
    int compared = 0;
    for (int i = 0; i < SIZES; i++) {
        rn_group_norm_attr attr = {sizes[i].groups, 1e-5};
        const rn_example forward = example_of(&sizes[i], &attr, (rn_shape){0}, -1, 1);
        const rn_example grad = example_of(&sizes[i], &attr, shape(2, sizes[i].batch, sizes[i].groups, 0, 0), -1, 1);
        compared += compare("group_norm_film_silu", &forward, 2e-6);
        compared += compare("group_norm_film_silu_grad", &grad, 5e-6);
    }
    assert_true(compared > 0);
}

static void layer_norm_film_agrees(void **state)
{
    (void)state;
    int compared = 0;
    for (int i = 0; i < SIZES; i++) {
        if (!sizes[i].film)
            continue;
        rn_layer_norm_attr attr = {1e-5};
        const int64_t rows = sizes[i].batch * sizes[i].height * sizes[i].width;
        const rn_example forward = example_of(&sizes[i], &attr, (rn_shape){0}, -1, 1);
        const rn_example grad = example_of(&sizes[i], &attr, shape(1, rows, 0, 0, 0), -1, 1);
        compared += compare("layer_norm_film", &forward, 2e-6);
        compared += compare("layer_norm_film_grad", &grad, 5e-6);
    }
    assert_true(compared > 0);
}

/* A thousand with a deviation of about 0.3: float32 itself has digits for 1e-4 of that deviation. */
static void a_large_mean_costs_no_digits(void **state)
{
    (void)state;
    int compared = 0;
    for (int i = 0; i < SIZES; i++) {
        if (sizes[i].height * sizes[i].width * sizes[i].channels / sizes[i].groups < 64)
            continue;
        rn_group_norm_attr attr = {sizes[i].groups, 1e-5};
        const rn_example forward = example_of(&sizes[i], &attr, (rn_shape){0}, 999.5, 1000.5);
        compared += compare("group_norm_film_silu", &forward, 1e-5);
    }
    assert_true(compared > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(group_norm_film_silu_agrees),
        cmocka_unit_test(layer_norm_film_agrees),
        cmocka_unit_test(a_large_mean_costs_no_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
