/* The float32 products of `native` at awkward sizes. */
#include "graph/program.h" /* rn_cpu_features */
#include "support/product_cases.h"

/* Kernel number `i` of those named `name` that this machine runs in float32; NULL: there are no more. */
static const rn_kernel *kernel_of(const char *op, const char *name, int i)
{
    int n;
    const rn_kernel *const *all = rn_registry_kernels(harness_registry(), op, "cpu", &n);
    for (int k = 0; k < n; k++)
        if (strcmp(all[k]->name, name) == 0 && (all[k]->type == RN_F32 || all[k]->type == RN_NO_TYPE) &&
            (all[k]->cpu & rn_cpu_features()) == all[k]->cpu && i-- == 0)
            return all[k];
    return NULL;
}

/* Sums of up to 5000 products in float32 in another order. Winograd's transforms, which take some of these convolutions,
 * lose a digit more. */
static const double tolerance = 4e-5;

/* Compares each kernel of the set with the reference; returns how many accepted. */
static int compare(const product_case *p)
{
    harness_call want, got;
    const rn_kernel *kernel;
    int compared = 0;
    product_case_open(&want, p, RN_F32);
    product_case_open(&got, p, RN_F32);
    assert_null(harness_run(&want, kernel_of(p->op, "reference", 0), 1, false));
    for (int k = 0; (kernel = kernel_of(p->op, "native", k)); k++) {
        if (harness_run(&got, kernel, 3, true))
            continue;
        for (int j = 0; j < got.call.n_out; j++) {
            const double error = product_difference(&got, &want, j);
            if (!(error <= tolerance))
                fail_msg("%s of %d, %d, %d, %d, kernel %d: output %d differs by %.1e", p->op, (int)p->size[0], (int)p->size[1],
                         (int)p->size[2], (int)p->size[3], k, j, error);
        }
        compared++;
    }
    harness_close(&want);
    harness_close(&got);
    return compared;
}

static void awkward_sizes_give_what_the_reference_gives(void **state)
{
    (void)state;
    int compared = 0;
    for (size_t i = 0; i < n_product_cases; i++)
        compared += compare(&product_cases[i]);
    assert_true(compared > 0);
}

/* Bytes of a row must not depend on the rows beside it, or a step would depend on how a batch is cut. */
static void a_row_of_a_product_depends_on_no_other_row(void **state)
{
    (void)state;
    const product_case many = {"linear", {200, 500, 70, PRODUCT_BIAS}, 0}, less = {"linear", {90, 500, 70, PRODUCT_BIAS}, 0};
    harness_call a, b;
    const rn_kernel *kernel;
    product_case_open(&a, &many, RN_F32);
    product_case_open(&b, &less, RN_F32);
    for (int i = 0; i < 3; i++) /* the weight and the bias of the one for both; the rows are the same from the first on */
        memcpy(b.in_memory[i], a.in_memory[i], (size_t)rn_bytes(b.in[i]));
    for (int k = 0; (kernel = kernel_of("linear", "native", k)); k++) {
        assert_null(harness_run(&a, kernel, 2, false));
        assert_null(harness_run(&b, kernel, 1, false));
        assert_memory_equal(a.out_memory[0], b.out_memory[0], (size_t)rn_bytes(b.out[0]));
    }
    harness_close(&a);
    harness_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(awkward_sizes_give_what_the_reference_gives),
        cmocka_unit_test(a_row_of_a_product_depends_on_no_other_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
