/* Scores of sets of vectors against the reference table. */
#include "metrics/mmd.h"
#include "support/golden.h"
#include "support/schema.h"

#include <runner/features.h>

typedef struct sets {
    double *x, *y;
    int64_t n, m, dims;
} sets;

static sets sets_of(const char *name)
{
    const rn_safetensors *file = golden_tensors("scores.safetensors");
    const rn_file_tensor *x, *y;
    sets s = {.x = golden_tensor(file, name, "x", &x), .y = golden_tensor(file, name, "y", &y)};
    assert_true(s.x && s.y);
    s.n = x->dim[0], s.m = y->dim[0], s.dims = x->dim[1];
    return s;
}

static mmd mmd_of(const double *x, int64_t n, const double *y, int64_t m, int64_t dims)
{
    mmd d;
    rn_error err;
    assert_ok(mmd_cubic(x, n, y, m, dims, &d, &err), err);
    return d;
}

/* The rows of a set that an index set names. */
static double *gather(const double *x, const double *index, int64_t n, int64_t dims)
{
    double *out = malloc((size_t)(n * dims) * sizeof *out);
    for (int64_t i = 0; i < n; i++)
        memcpy(out + i * dims, x + (int64_t)index[i] * dims, (size_t)dims * sizeof *out);
    return out;
}

/* Mean (or standard deviation) of the unbiased estimates over the stored index sets. */
static double over_subsets(const char *name, const sets *s, bool deviation)
{
    const rn_safetensors *file = golden_tensors("scores.safetensors");
    const rn_file_tensor *info;
    double *at_x = golden_tensor(file, name, "subset_x", &info), *at_y = golden_tensor(file, name, "subset_y", NULL);
    assert_true(at_x && at_y);
    const int64_t subsets = info->dim[0], size = info->dim[1];
    double sum = 0, squares = 0, value[1024];
    assert_true(subsets <= 1024);
    for (int64_t k = 0; k < subsets; k++) {
        double *x = gather(s->x, at_x + k * size, size, s->dims), *y = gather(s->y, at_y + k * size, size, s->dims);
        sum += value[k] = mmd_of(x, size, y, size, s->dims).unbiased;
        free(x), free(y);
    }
    for (int64_t k = 0; k < subsets; k++)
        squares += (value[k] - sum / (double)subsets) * (value[k] - sum / (double)subsets);
    free(at_x), free(at_y);
    return deviation ? sqrt(squares / (double)subsets) : sum / (double)subsets;
}

/* The unbiased estimate comes through the metric, as a run asks for it. */
static double kid(const char *name, const char *params)
{
    sets s = sets_of(name);
    char estimator[64];
    double got = (double)NAN;
    assert_true(golden_text(params, "estimator", estimator, sizeof estimator));
    if (!strcmp(estimator, "unbiased")) {
        const rn_metric *metric = (const rn_metric *)component_in(plugin_of("metrics")->metrics, "kid");
        rn_score score;
        rn_error err;
        assert_non_null(metric);
        assert_ok(metric->score(NULL, &(rn_vectors){s.x, s.n, s.dims}, &(rn_vectors){s.y, s.m, s.dims}, 0, &score, &err), err);
        got = score.value;
    } else if (!strcmp(estimator, "biased"))
        got = mmd_of(s.x, s.n, s.y, s.m, s.dims).biased;
    else
        got = over_subsets(name, &s, !strcmp(estimator, "subsets_std"));
    free(s.x), free(s.y);
    return got;
}

static void every_score_matches_the_table(void **state)
{
    (void)state;
    const golden_table *t = golden_read("scores.tsv");
    int compared = 0, not_built = 0;
    for (int row = 0; row < t->rows; row++) {
        const char *name = golden_cell(t, row, "case"), *params = golden_cell(t, row, "params");
        if (strcmp(golden_cell(t, row, "score"), "kid")) {
            not_built++;
            continue;
        }
        const double got = kid(name, params), want = golden_number(t, row, "value");
        if (!(fabs(got - want) <= golden_number(t, row, "tolerance")))
            fail_msg("%s, %s: %.17g, not %.17g", name, params, got, want);
        compared++;
    }
    golden_report("scores.tsv", compared, not_built);
}

int main(void)
{
    if (!golden_folder())
        return TEST_SKIPPED;
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_score_matches_the_table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
