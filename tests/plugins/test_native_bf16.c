/* The products of bfloat16: those that this machine can run, and those of AMX with their tiles in C. Inputs are rounded to
 * bfloat16 before, so that all that differs from the reference is the order of sums, and the rounding of a narrow result. */
#include "emulated/tiles.h"
#include "graph/program.h" /* rn_cpu_features */
#include "support/product_cases.h"

#include <runner/bf16.h>

/* Sums of up to 5000 products in float32 in another order; a unit in the last of 8 bits. */
static const double wide_tolerance = 4e-5, narrow_tolerance = 1.0 / 256;
/* Between its products attention rounds P, and dS with what cancels in it. */
static const double attention_tolerance = 2.5 / 256;

static double tolerance_of(const harness_call *h, int output)
{
    return strncmp(h->call.op->name, "attention", 9) == 0 ? attention_tolerance
           : h->out[output].type == RN_BF16               ? narrow_tolerance
                                                          : wide_tolerance;
}

extern const rn_kernel native_emulated_linear, native_emulated_linear_dw, native_emulated_matmul, native_emulated_conv2d,
    native_emulated_conv2d_dx, native_emulated_conv2d_dw, native_emulated_attention, native_emulated_attention_grad;
bool native_emulated_strips_agree(void);
static const rn_kernel *const emulated[] = {&native_emulated_linear, &native_emulated_linear_dw, &native_emulated_matmul,
                                            &native_emulated_conv2d, &native_emulated_conv2d_dx, &native_emulated_conv2d_dw,
                                            &native_emulated_attention, &native_emulated_attention_grad};
enum { EMULATED = sizeof emulated / sizeof *emulated, MOST = 8, EXAMPLES = 12, GAP = 5 };

/* The kernels of an op in bfloat16: the emulated one first. Returns their number, 0 where the op is no product. */
static int kernels_of(const char *op, const rn_kernel *found[MOST])
{
    int n, count = 0;
    const rn_kernel *const *all = rn_registry_kernels(harness_registry(), op, "cpu", &n);
    for (int i = 0; i < EMULATED; i++)
        if (strcmp(emulated[i]->op, op) == 0)
            found[count++] = emulated[i];
    for (int k = 0; count > 0 && count < MOST && k < n; k++)
        if (strcmp(all[k]->name, "native") == 0 && all[k]->type == RN_BF16 && (all[k]->cpu & rn_cpu_features()) == all[k]->cpu)
            found[count++] = all[k];
    return count;
}

static const rn_kernel *reference_of(const char *op)
{
    int n;
    const rn_kernel *const *all = rn_registry_kernels(harness_registry(), op, "cpu", &n);
    for (int k = 0; k < n; k++)
        if (strcmp(all[k]->name, "reference") == 0 && all[k]->type == RN_F32)
            return all[k];
    fail_msg("%s has no reference", op);
    return NULL;
}

/* Weights and biases too; a bias is not rounded by any kernel and may be. */
static void round_inputs(harness_call *h)
{
    for (int i = 0; i < h->call.n_in; i++)
        for (int64_t k = 0; h->in[i].type == RN_F32 && k < rn_rows(h->in[i]) * rn_pitch(h->in[i]); k++) {
            float *v = (float *)h->in_memory[i] + k;
            *v = rn_float_of(rn_bf16_of(*v));
        }
}

static int compare(harness_call *got, const char *what)
{
    const rn_kernel *kernel[MOST];
    harness_call want;
    int compared = 0;
    const int n = kernels_of(got->call.op->name, kernel);
    round_inputs(got);
    harness_open_like(&want, got);
    assert_null(harness_run(&want, reference_of(got->call.op->name), 1, false));
    for (int k = 0; k < n; k++) {
        if (harness_run(got, kernel[k], 3, true))
            continue;
        assert_true(emulated_tiles_released());
        for (int j = 0; j < got->call.n_out; j++) {
            const double error = product_difference(got, &want, j);
            if (!(error <= tolerance_of(got, j)))
                fail_msg("%s, %s, kernel %d: output %d differs by %.1e", got->call.op->name, what, k, j, error);
        }
        compared++;
    }
    harness_close(&want);
    return compared;
}

static void awkward_sizes_give_what_the_reference_gives(void **state)
{
    (void)state;
    int compared = 0;
    for (size_t i = 0; i < n_product_cases; i++) {
        const product_case *p = &product_cases[i];
        const rn_kernel *kernel[MOST];
        char what[120];
        if (!kernels_of(p->op, kernel))
            continue;
        harness_call h;
        snprintf(what, sizeof what, "%d, %d, %d, %d", (int)p->size[0], (int)p->size[1], (int)p->size[2], (int)p->size[3]);
        product_case_open(&h, p, RN_BF16);
        compared += compare(&h, what);
        harness_close(&h);
    }
    assert_true(compared > 0);
}

static void examples_give_what_the_reference_gives_in_any_mixture_of_types(void **state)
{
    static const struct { unsigned in, out; } mixtures[] = {{~0u, ~0u}, {~0u, 0}, {0, ~0u}, {1, ~0u}, {~1u, ~0u}, {~1u, 0}};
    (void)state;
    int compared = 0;
    for (int i = 0; i < EMULATED; i++) {
        const rn_op *op = (const rn_op *)(const void *)rn_registry_find(harness_registry(), RN_KIND_OP, emulated[i]->op);
        for (int number = 0; number < EXAMPLES; number++)
            for (size_t k = 0; k < sizeof mixtures / sizeof *mixtures; k++) {
                harness_call h;
                char what[60];
                snprintf(what, sizeof what, "example %d, mixture %d", number, (int)k);
                harness_open_mixed(&h, op, number, mixtures[k].in, mixtures[k].out);
                compared += compare(&h, what);
                harness_close(&h);
            }
    }
    assert_true(compared > 0 && emulated_tiles_products() > 0);
}

static void any_split_of_the_units_gives_the_same_bytes(void **state)
{
    static const struct { int pieces; bool backwards; } ways[] = {{2, false}, {5, true}, {1000, false}};
    (void)state;
    for (size_t i = 0; i < n_product_cases; i++) {
        const rn_kernel *kernel[MOST];
        harness_call whole, parts;
        product_case_open(&whole, &product_cases[i], RN_BF16);
        product_case_open(&parts, &product_cases[i], RN_BF16);
        for (int k = kernels_of(product_cases[i].op, kernel) - 1; k >= 0; k--)
            for (size_t w = 0; w < sizeof ways / sizeof *ways && !harness_run(&whole, kernel[k], 1, false); w++) {
                assert_null(harness_run(&parts, kernel[k], ways[w].pieces, ways[w].backwards));
                assert_memory_equal(parts.out_memory[0], whole.out_memory[0], (size_t)rn_bytes(whole.out[0]));
            }
        harness_close(&whole);
        harness_close(&parts);
    }
}

static void channel_ranges_give_what_their_dense_copies_give(void **state)
{
    (void)state;
    for (int i = 0; i < EMULATED; i++) {
        const rn_op *op = (const rn_op *)(const void *)rn_registry_find(harness_registry(), RN_KIND_OP, emulated[i]->op);
        for (int number = 0; number < EXAMPLES; number++) {
            harness_call dense, ranges;
            harness_open(&dense, op, RN_BF16, number, 0);
            harness_open(&ranges, op, RN_BF16, number, GAP);
            if (!harness_run(&ranges, emulated[i], 2, false) && !harness_run(&dense, emulated[i], 2, false))
                assert_true(product_difference(&ranges, &dense, 0) == 0);
            harness_close(&dense);
            harness_close(&ranges);
        }
    }
}

/* What plan() asks before tiles are used for the first time. */
static void tiles_that_leave_something_out_are_found_out(void **state)
{
    (void)state;
    assert_true(native_emulated_strips_agree());
    emulated_tiles_break(true);
    assert_false(native_emulated_strips_agree());
    emulated_tiles_break(false);
    assert_true(native_emulated_strips_agree());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiles_that_leave_something_out_are_found_out),
        cmocka_unit_test(awkward_sizes_give_what_the_reference_gives),
        cmocka_unit_test(examples_give_what_the_reference_gives_in_any_mixture_of_types),
        cmocka_unit_test(any_split_of_the_units_gives_the_same_bytes),
        cmocka_unit_test(channel_ranges_give_what_their_dense_copies_give),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
