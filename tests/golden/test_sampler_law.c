/* Mean and variance of what a sampler draws, against the exact law: a sampler together with its random numbers. */
#include "support/curve.h"
#include "support/denoiser.h"
#include "support/schema.h"

#include <runner/random.h>

enum { SAMPLES = 8000, MOST_DIM = 64 };

typedef struct drawing {
    denoiser d;
    uint32_t seed;
} drawing;

static bool denoise(void *context, int64_t step, const double *z, double logsnr, double *x0, rn_error *err)
{
    return denoiser_denoise(&((drawing *)context)->d, step, z, logsnr, x0, err);
}

static void draw(uint32_t seed, const char *stream, int64_t step, int64_t n, double *out)
{
    const rn_stream s = {.seed = seed, .stream = rn_stream_of(stream), .step = (uint32_t)step};
    for (int64_t i = 0; i < n; i++)
        out[i] = rn_random_normal(s, (uint64_t)i);
}

static void noise(void *context, int64_t step, double *xi)
{
    const drawing *w = context;
    draw(w->seed, "step noise", step, w->d.rows * w->d.dim, xi);
}

/* z [SAMPLES, dim] at the end. Even in t, as all rows of the table. */
static double *samples_of(const rn_sampler *sampler, const char *data, const char *keys, int64_t steps, uint32_t seed,
                          int64_t *dim)
{
    const golden_table *runs = golden_read("samplers.tsv");
    const int row = golden_run_of(data);
    drawing w = {.d = golden_denoiser(data, golden_cell(runs, row, "sizes"), "-"), .seed = seed};
    w.d.rows = SAMPLES;
    rn_curve curve;
    assert_true(golden_curve(golden_cell(runs, row, "schedule"), &curve));
    const int64_t n = SAMPLES * w.d.dim;
    double *logsnr = calloc((size_t)steps + 1, sizeof(double)), *z = calloc((size_t)n, sizeof(double));
    double *x0 = calloc((size_t)n, sizeof(double)), *scratch = calloc((size_t)(n * sampler->scratch_arrays), sizeof(double));
    for (int64_t i = 0; i <= steps; i++)
        logsnr[i] = rn_curve_logsnr(&curve, 1 - (double)i / (double)steps);
    draw(seed, "first noise", 0, n, z);
    rn_sampler_run run = {.bytes = sizeof run, .logsnr = logsnr, .steps = steps, .n = n, .z = z, .x0 = x0,
                          .scratch = scratch, .context = &w, .denoise = denoise, .noise = noise};
    rn_error err;
    assert_ok(sampler->sample(params_of((const rn_component *)sampler, keys), &run, &err), err);
    *dim = w.d.dim;
    free(logsnr), free(x0), free(scratch);
    denoiser_free(&w.d);
    return z;
}

static void compare_row(const golden_table *t, int row, const rn_sampler *sampler)
{
    char keys[64], lists[8192];
    double mean[MOST_DIM], variance[MOST_DIM];
    int64_t dim;
    snprintf(keys, sizeof keys, "interp=%s", golden_cell(t, row, "interp"));
    snprintf(lists, sizeof lists, "mean=%s;variance=%s", golden_cell(t, row, "mean"), golden_cell(t, row, "variance"));
    double *z = samples_of(sampler, golden_cell(t, row, "data"), keys, (int64_t)golden_number(t, row, "steps"),
                           (uint32_t)row, &dim);
    assert_int_equal(golden_list(lists, "mean", mean, MOST_DIM), dim);
    assert_int_equal(golden_list(lists, "variance", variance, MOST_DIM), dim);
    for (int64_t k = 0; k < dim; k++) {
        double sum = 0, squares = 0;
        for (int64_t i = 0; i < SAMPLES; i++)
            sum += z[i * dim + k];
        const double m = sum / SAMPLES;
        for (int64_t i = 0; i < SAMPLES; i++)
            squares += (z[i * dim + k] - m) * (z[i * dim + k] - m);
        const double v = squares / (SAMPLES - 1);
        if (!(fabs(m - mean[k]) <= 5 * sqrt(variance[k] / SAMPLES)) ||
            !(fabs(v / variance[k] - 1) <= 5 * sqrt(2.0 / SAMPLES)))
            fail_msg("line %d, %s, element %d: mean %.5f (%.5f), variance %.5f (%.5f)", t->line[row], sampler->name,
                     (int)k, m, mean[k], v, variance[k]);
    }
    free(z);
}

/* Tolerance: five standard errors, the table's; the draws are fixed by their seeds. */
static void samples_have_the_exact_mean_and_variance(void **state)
{
    (void)state;
    const golden_table *t = golden_read("sampler_law.tsv");
    const rn_plugin *plugin = plugin_of("samplers");
    int compared = 0, not_built = 0;
    for (int row = 0; row < t->rows; row++) {
        const rn_sampler *s = (const rn_sampler *)component_in(plugin->samplers, golden_cell(t, row, "sampler"));
        if (s)
            compare_row(t, row, s);
        compared += s != NULL, not_built += s == NULL;
    }
    golden_report("sampler_law.tsv", compared, not_built);
}

int main(void)
{
    if (!golden_folder())
        return TEST_SKIPPED;
    const struct CMUnitTest tests[] = {cmocka_unit_test(samples_have_the_exact_mean_and_variance)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
