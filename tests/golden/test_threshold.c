/* Dynamic thresholding against the reference numbers. */
#include "eval/threshold.h"
#include "support/golden.h"

static void dynamic_thresholding_matches_the_table(void **state)
{
    (void)state;
    const golden_table *t = golden_read("ops.tsv");
    const rn_safetensors *file = golden_tensors("ops.safetensors");
    int compared = 0;
    for (int row = 0; row < t->rows; row++) {
        if (strcmp(golden_cell(t, row, "op"), "dynamic_threshold") != 0)
            continue;
        const char *name = golden_cell(t, row, "case"), *params = golden_cell(t, row, "params");
        const char *results = golden_cell(t, row, "results");
        const int64_t images = golden_int(params, "B", 0), n = golden_int(params, "n", 0);
        double *x = golden_tensor(file, name, "x", NULL), *want = golden_tensor(file, name, "y", NULL), tolerance;
        double *work = calloc((size_t)n, sizeof *work);
        char tensor[64];
        assert_true(golden_result(&results, tensor, sizeof tensor, &tolerance));
        for (int64_t i = 0; i < images; i++)
            rn_dynamic_threshold(x + i * n, n, golden_real(params, "quantile", 0), work);
        if (!(golden_error(x, want, images * n) <= 3e-7)) /* in double: the rounding of the file */
            fail_msg("%s: off by %.1e", name, golden_error(x, want, images * n));
        free(x), free(want), free(work);
        compared++;
    }
    golden_report("dynamic_threshold of ops.tsv", compared, 0);
}

int main(void)
{
    if (!golden_folder())
        return TEST_SKIPPED;
    const struct CMUnitTest tests[] = {cmocka_unit_test(dynamic_thresholding_matches_the_table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
