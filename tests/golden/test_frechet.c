/* The Fréchet distance: from moments by its function, from samples through the metric. */
#include "metrics/frechet.h"
#include "support/golden.h"
#include "support/schema.h"

#include <runner/features.h>

static double from_moments(const char *name)
{
    const rn_safetensors *file = golden_tensors("frechet.safetensors");
    const rn_file_tensor *info;
    double *mean1 = golden_tensor(file, name, "mean1", &info), *cov1 = golden_tensor(file, name, "cov1", NULL);
    double *mean2 = golden_tensor(file, name, "mean2", NULL), *cov2 = golden_tensor(file, name, "cov2", NULL);
    assert_true(mean1 && cov1 && mean2 && cov2);
    double distance;
    rn_error err;
    assert_ok(frechet_moments(mean1, cov1, mean2, cov2, info->count, &distance, &err), err);
    free(mean1), free(cov1), free(mean2), free(cov2);
    return distance;
}

/* The numbers of a name, as the tables define them: mix(fnv1a(name) + i·0x9E3779B9)/2³¹ − 1. */
static double *named_numbers(const char *name, const char *part, int64_t count, double scale, double offset)
{
    char full[256];
    snprintf(full, sizeof full, "%s/%s", name, part);
    uint32_t base = 2166136261u;
    for (const char *c = full; *c; c++)
        base = (base ^ (uint8_t)*c) * 16777619u;
    double *v = malloc((size_t)count * sizeof *v);
    for (int64_t i = 0; i < count; i++) {
        uint32_t h = base + (uint32_t)i * 0x9E3779B9u;
        h ^= h >> 16, h *= 0x85EBCA6Bu, h ^= h >> 13, h *= 0xC2B2AE35u, h ^= h >> 16;
        v[i] = (double)(float)(((double)h * 0x1p-31 - 1) * scale + offset);
    }
    return v;
}

static double through_the_metric(const char *name, const char *params, bool hash)
{
    const rn_safetensors *file = golden_tensors("frechet.safetensors");
    const int64_t n = golden_int(params, "n", 0), m = golden_int(params, "m", 0), dims = golden_int(params, "dim", 0);
    double *x = hash ? named_numbers(name, "x", n * dims, 1, 0) : golden_tensor(file, name, "x", NULL);
    double *y = hash ? named_numbers(name, "y", m * dims, 0.8, 0.1) : golden_tensor(file, name, "y", NULL);
    assert_true(x && y);
    const rn_metric *metric = (const rn_metric *)component_in(plugin_of("metrics")->metrics, "fid_proxy");
    assert_non_null(metric);
    rn_score score;
    rn_error err;
    assert_ok(metric->score(NULL, &(rn_vectors){x, n, dims}, &(rn_vectors){y, m, dims}, 0, &score, &err), err);
    assert_true(isnan(score.floor) ? m < 4 : isfinite(score.floor) && score.floor >= 0);
    assert_true((score.note[0] != '\0') == (n <= dims || m <= dims));
    free(x), free(y);
    return score.value;
}

static void every_distance_matches_the_table(void **state)
{
    (void)state;
    const golden_table *t = golden_read("frechet.tsv");
    int compared = 0;
    for (int row = 0; row < t->rows; row++, compared++) {
        const char *name = golden_cell(t, row, "case"), *given = golden_cell(t, row, "given");
        const double want = golden_number(t, row, "distance");
        const double got = !strcmp(given, "moments") ? from_moments(name)
                           : through_the_metric(name, golden_cell(t, row, "params"), !strcmp(given, "hash"));
        if (!(got >= 0 && fabs(got - want) <= golden_number(t, row, "tolerance")))
            fail_msg("%s: %.17g, not %.17g", name, got, want);
    }
    golden_report("frechet.tsv", compared, 0);
}

int main(void)
{
    if (!golden_folder())
        return TEST_SKIPPED;
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_distance_matches_the_table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
