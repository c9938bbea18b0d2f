/* How fast deterministic samplers approach the exact probability flow. */
#include "support/curve.h"
#include "support/denoiser.h"
#include "support/schema.h"

/* Largest distance of the last state from the flow. */
static double distance(const rn_sampler *sampler, const char *data, const char *spacing, int64_t steps)
{
    const golden_table *runs = golden_read("samplers.tsv");
    const int row = golden_run_of(data);
    denoiser d = golden_denoiser(data, golden_cell(runs, row, "sizes"), "-");
    rn_curve curve;
    assert_true(golden_curve(golden_cell(runs, row, "schedule"), &curve));
    const rn_safetensors *file = golden_tensors("samplers.safetensors");
    double *z = golden_tensor(file, data, "z", NULL), *flow = golden_tensor(file, data, "flow", NULL);
    const int64_t n = d.rows * d.dim;
    double *logsnr = calloc((size_t)steps + 1, sizeof(double)), *x0 = calloc((size_t)n, sizeof(double));
    double *scratch = calloc((size_t)(n * sampler->scratch_arrays), sizeof(double));
    const double first = rn_curve_logsnr(&curve, 1), last = rn_curve_logsnr(&curve, 0);
    for (int64_t i = 0; i <= steps; i++) {
        const double share = (double)i / (double)steps;
        logsnr[i] = strcmp(spacing, "logsnr") ? rn_curve_logsnr(&curve, 1 - share) : first + share * (last - first);
    }
    rn_sampler_run run = {.bytes = sizeof run, .logsnr = logsnr, .steps = steps, .n = n, .z = z, .x0 = x0,
                          .scratch = scratch, .context = &d, .denoise = denoiser_denoise, .noise = denoiser_noise};
    rn_error err;
    assert_ok(sampler->sample(params_of((const rn_component *)sampler, golden_sampler_keys("-")), &run, &err), err);
    double largest = 0;
    for (int64_t i = 0; i < n; i++)
        largest = fmax(largest, fabs(z[i] - flow[i]));
    free(z), free(flow), free(logsnr), free(x0), free(scratch);
    denoiser_free(&d);
    return largest;
}

/* Tolerance: 2 % + 2e-5, the table's. */
static void the_distance_from_the_flow_is_the_tables(void **state)
{
    (void)state;
    const golden_table *t = golden_read("sampler_order.tsv");
    const rn_plugin *plugin = plugin_of("samplers");
    int compared = 0, not_built = 0;
    for (int row = 0; row < t->rows; row++) {
        const rn_sampler *s = (const rn_sampler *)component_in(plugin->samplers, golden_cell(t, row, "sampler"));
        if (!s) {
            not_built++;
            continue;
        }
        const char *data = golden_cell(t, row, "data"), *spacing = golden_cell(t, row, "spacing");
        const int64_t steps = (int64_t)golden_number(t, row, "steps");
        const double want = golden_number(t, row, "max_error"), got = distance(s, data, spacing, steps);
        if (!(fabs(got - want) <= 0.02 * want + 2e-5))
            fail_msg("%s on %s, %d steps even in %s: %.6g, not %.6g", s->name, data, (int)steps, spacing, got, want);
        compared++;
    }
    golden_report("sampler_order.tsv", compared, not_built);
}

int main(void)
{
    if (!golden_folder())
        return TEST_SKIPPED;
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_distance_from_the_flow_is_the_tables)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
