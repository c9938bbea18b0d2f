/* What every kernel of every op promises, whoever wrote it: bytes that do not depend on how units are split, every
 * output written, channel ranges taken or refused, the reference's values. Cases are the ops' own examples. */
#include "support/kernel_harness.h"

enum { EXAMPLES = 12, GAP = 5 };

/* Different orders of summation in float32, on a few hundred elements of about 1. */
static const double float_tolerance = 2e-5, double_tolerance = 1e-12;
/* Inputs are the same; parameters, and what a product multiplies, are rounded to 8 bits. */
static const double bf16_tolerance = 1e-2;

static double tolerance_of(rn_type type)
{
    return type == RN_F64 ? double_tolerance : type == RN_BF16 ? bf16_tolerance : float_tolerance;
}

typedef void kernel_case(const rn_op *op, const rn_kernel *kernel, rn_type type, int number);

/* Calls `each` with every example of every op for every kernel of each type. */
static int for_each_kernel(kernel_case *each)
{
    static const rn_type types[] = {RN_F32, RN_F64, RN_BF16};
    const rn_registry *r = harness_registry();
    int cases = 0;
    for (int i = 0; i < rn_registry_count(r, RN_KIND_OP); i++) {
        const rn_op *op = (const rn_op *)(const void *)rn_registry_at(r, RN_KIND_OP, i);
        int n;
        const rn_kernel *const *kernels = rn_registry_kernels(r, op->name, "cpu", &n);
        for (int k = 0; op->example && k < n; k++)
            for (int t = 0; t < 3; t++)
                for (int number = 0; number < EXAMPLES; number++, cases++)
                    if (kernels[k]->type == types[t] || (kernels[k]->type == RN_NO_TYPE && types[t] != RN_BF16))
                        each(op, kernels[k], types[t], number);
    }
    return cases;
}

static void expect_same(const harness_call *a, const harness_call *b, double tolerance, const char *kernel, const char *what)
{
    for (int j = 0; j < a->call.n_out; j++) {
        double error = 0, largest = 1;
        for (int64_t i = 0; i < rn_count(a->out[j]); i++) {
            const double x = harness_output(a, j, i), y = harness_output(b, j, i), d = fabs(x - y);
            if (isnan(x) || isnan(y))
                fail_msg("%s, kernel %s, %s: output %d is not written at %d", a->call.op->name, kernel, what, j, (int)i);
            error = d > error ? d : error;
            largest = fabs(y) > largest ? fabs(y) : largest;
        }
        if (!(error <= tolerance * largest))
            fail_msg("%s, kernel %s, %s: output %d differs by %.1e", a->call.op->name, kernel, what, j, error);
    }
}

/* --- any split of the units gives the same bytes ---------------------------------------------------- */

static void split(const rn_op *op, const rn_kernel *kernel, rn_type type, int number)
{
    static const struct { int pieces; bool backwards; } ways[] = {{2, false}, {3, true}, {16, true}, {1000, false}};
    harness_call whole, parts;
    harness_open(&whole, op, type, number, 0);
    harness_open(&parts, op, type, number, 0);
    if (!harness_run(&whole, kernel, 1, false))
        for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
            assert_null(harness_run(&parts, kernel, ways[i].pieces, ways[i].backwards));
            expect_same(&parts, &whole, 0, kernel->name, "units split");
        }
    harness_close(&whole);
    harness_close(&parts);
}

static void any_split_of_the_units_gives_the_same_numbers(void **state)
{
    (void)state;
    assert_true(for_each_kernel(split) > 0);
}

/* --- a channel range is as good as its dense copy, or refused ---------------------------------------- */

static void range(const rn_op *op, const rn_kernel *kernel, rn_type type, int number)
{
    harness_call dense, ranges;
    harness_open(&dense, op, type, number, 0);
    harness_open(&ranges, op, type, number, GAP);
    const char *refusal = harness_run(&ranges, kernel, 2, false);
    if (refusal && strcmp(kernel->name, "reference") == 0)
        fail_msg("%s: the reference refuses a channel range: %s", op->name, refusal);
    if (!refusal && !harness_run(&dense, kernel, 2, false))
        expect_same(&ranges, &dense, tolerance_of(type), kernel->name, "channel ranges");
    harness_close(&dense);
    harness_close(&ranges);
}

static void a_channel_range_gives_what_its_dense_copy_gives(void **state)
{
    (void)state;
    assert_true(for_each_kernel(range) > 0);
}

/* --- every kernel against the reference ------------------------------------------------------------- */

/* `got` against the reference kernel in float64, or in float32 on the same values. */
static void compare(harness_call *got, const rn_kernel *kernel, rn_type type, const char *what)
{
    int n;
    const rn_kernel *const *kernels = rn_registry_kernels(harness_registry(), got->call.op->name, "cpu", &n);
    harness_call want;
    if (harness_run(got, kernel, 1, false))
        return;
    if (type == RN_F64)
        harness_open_as(&want, got->call.op, type, &got->example, 0);
    else
        harness_open_like(&want, got);
    for (int i = 0; type == RN_F64 && i < got->call.n_in; i++)
        if (got->in[i].rank)
            memcpy(want.in_memory[i], got->in_memory[i], (size_t)rn_bytes(got->in[i]));
    want.step = got->step;
    for (int k = 0; k < n; k++)
        if (strcmp(kernels[k]->name, "reference") == 0 && kernels[k]->type == (type == RN_BF16 ? RN_F32 : type)) {
            assert_null(harness_run(&want, kernels[k], 1, false));
            expect_same(got, &want, tolerance_of(type), kernel->name, what);
        }
    harness_close(&want);
}

static void against_reference(const rn_op *op, const rn_kernel *kernel, rn_type type, int number)
{
    static const struct { unsigned in, out; const char *what; } mixtures[] = {
        {~0u, 0, "float32 out"}, {0, ~0u, "float32 in"}, {1, ~0u, "float32 in but the first"}, {~1u, ~0u, "the first float32"}};
    harness_call got;
    harness_open(&got, op, type, number, 0);
    compare(&got, kernel, type, "the reference");
    harness_close(&got);
    for (size_t i = 0; type == RN_BF16 && i < sizeof mixtures / sizeof *mixtures; i++) {
        harness_open_mixed(&got, op, number, mixtures[i].in, mixtures[i].out);
        compare(&got, kernel, type, mixtures[i].what);
        harness_close(&got);
    }
}

static void every_kernel_agrees_with_the_reference(void **state)
{
    (void)state;
    assert_true(for_each_kernel(against_reference) > 0);
}

/* --- an op that computes anything has a reference kernel for each type -------------------------------- */

static void every_op_that_is_no_view_has_its_references(void **state)
{
    (void)state;
    const rn_registry *r = harness_registry();
    int ops = 0;
    for (int i = 0; i < rn_registry_count(r, RN_KIND_OP); i++) {
        const rn_op *op = (const rn_op *)(const void *)rn_registry_at(r, RN_KIND_OP, i);
        int n, types = 0;
        const rn_kernel *const *kernels = rn_registry_kernels(r, op->name, "cpu", &n);
        for (int k = 0; k < n; k++)
            if (strcmp(kernels[k]->name, "reference") == 0)
                types |= kernels[k]->type == RN_F32 ? 1 : kernels[k]->type == RN_F64 ? 2 : 0;
        if (!(op->traits & RN_VIEW) && types != 3)
            fail_msg("%s: no reference kernel in float32 and float64", op->name);
        ops++;
    }
    assert_true(ops > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_split_of_the_units_gives_the_same_numbers),
        cmocka_unit_test(a_channel_range_gives_what_its_dense_copy_gives),
        cmocka_unit_test(every_kernel_agrees_with_the_reference),
        cmocka_unit_test(every_op_that_is_no_view_has_its_references),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
