/* The matrix products of `native` at sizes that the ops' own examples do not reach: more rows than a block has, more columns
 * than a panel, sums longer than a block of k, each with rests. */
#include "graph/program.h" /* rn_cpu_features */
#include "support/kernel_harness.h"

typedef struct row {
    const char *op;
    int64_t rows, in, out; /* of a linear; a product of a batch of 3 for matmul */
    bool turned, bias;
    int64_t gap;           /* > 0: inputs are channel ranges */
} row;

static const row table[] = {
    /*           rows   in  out  turned bias  gap */
    {"linear",      1,   1,   1, false, true,  0}, {"linear",     1, 700,  33, true,  false, 0},
    {"linear",     13,   1,  40, false, false, 3}, {"linear",    40,  50,   3, false, true,  0},
    {"linear",     56,  17,  64, false, true,  0}, {"linear",    57,  17,  64, false, true,  0},
    {"linear",     16, 400,  96, true,  false, 7}, {"linear",    24, 385,  31, false, true,  1},
    {"linear",    300,   3,  65, false, true,  0}, {"linear",   300, 384,  16, true,  false, 0},
    {"linear",    511, 385,  17, true,  true,  5}, {"linear",   600, 800, 100, false, true,  0},
    {"linear",   1000,  31, 200, false, false, 2}, {"linear",  2000,   5,   3, true,  true,  0},
    {"linear_dw",   1,   3,   2, false, false, 0}, {"linear_dw", 30,   1,  40, false, false, 0},
    {"linear_dw", 385,  15,  33, false, false, 4}, {"linear_dw", 777,  70,  20, false, false, 0},
    {"linear_dw", 900, 530, 260, false, false, 0}, {"linear_dw", 5000, 29, 3, false, false, 0},
    {"linear_dw", 2000, 16,  64, false, false, 3},
};

static rn_shape matrix(int64_t rows, int64_t columns) { return (rn_shape){.rank = 2, .dim = {rows, columns}}; }

static void open_row(harness_call *h, const row *r)
{
    const rn_op *op = (const rn_op *)(const void *)rn_registry_find(harness_registry(), RN_KIND_OP, r->op);
    rn_linear_attr attr = {r->turned};
    rn_example e = {.attr = &attr, .in = {matrix(r->rows, r->in)}};
    if (strcmp(r->op, "linear_dw") == 0)
        e.in[1] = matrix(r->rows, r->out);
    else
        e.in[1] = r->turned ? matrix(r->out, r->in) : matrix(r->in, r->out);
    if (r->bias)
        e.in[2] = (rn_shape){.rank = 1, .dim = {r->out}};
    harness_open_as(h, op, RN_F32, &e, r->gap);
}

/* Kernel number `i` of those named `name`, in float32, that this machine runs; NULL: there are no more. */
static const rn_kernel *kernel_of(const char *op, const char *name, int i)
{
    int n;
    const rn_kernel *const *all = rn_registry_kernels(harness_registry(), op, "cpu", &n);
    for (int k = 0; k < n; k++)
        if (strcmp(all[k]->name, name) == 0 && all[k]->type == RN_F32 && (all[k]->cpu & rn_cpu_features()) == all[k]->cpu && i-- == 0)
            return all[k];
    return NULL;
}

/* Largest difference of output 0, as a share of the largest value. */
static double difference(const harness_call *a, const harness_call *b)
{
    double error = 0, largest = 1e-30;
    for (int64_t i = 0; i < rn_count(a->out[0]); i++) {
        const double x = harness_output(a, 0, i), y = harness_output(b, 0, i);
        if (isnan(x) || isnan(y))
            return INFINITY;
        error = fmax(error, fabs(x - y)), largest = fmax(largest, fabs(y));
    }
    return error / largest;
}

/* Sums of up to 5000 products in float32 in another order; the reference's own rounding is the larger part. */
static const double tolerance = 2e-5;

static void awkward_sizes_give_what_the_reference_gives(void **state)
{
    (void)state;
    int compared = 0;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const row *r = &table[i];
        harness_call want, got;
        open_row(&want, r);
        open_row(&got, r);
        assert_null(harness_run(&want, kernel_of(r->op, "reference", 0), 1, false));
        const rn_kernel *kernel;
        for (int k = 0; (kernel = kernel_of(r->op, "native", k)); k++) {
            if (harness_run(&got, kernel, 3, true))
                continue;
            const double error = difference(&got, &want);
            if (!(error <= tolerance))
                fail_msg("%s, %d rows, %d → %d: error %.1e", r->op, (int)r->rows, (int)r->in, (int)r->out, error);
            compared++;
        }
        harness_close(&want);
        harness_close(&got);
    }
    assert_true(compared > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(awkward_sizes_give_what_the_reference_gives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
