/* Trajectories of samplers on exact denoisers, state by state. */
#include "support/curve.h"
#include "support/denoiser.h"
#include "support/schema.h"

/* Tolerance, in double: 1e-9 of the largest element, as the tables ask. */

typedef struct walk {
    denoiser d;
    const char *name;
    const double *states; /* [steps + 1, n] */
    int64_t n;
} walk;

static bool denoise(void *context, int64_t step, const double *z, double logsnr, double *x0, rn_error *err)
{
    return denoiser_denoise(&((walk *)context)->d, step, z, logsnr, x0, err);
}

static void noise(void *context, int64_t step, double *xi)
{
    denoiser_noise(&((walk *)context)->d, step, xi);
}

static bool after(void *context, int64_t step, const double *z, rn_error *err)
{
    (void)err;
    const walk *w = context;
    const double error = golden_error(z, w->states + (step + 1) * w->n, w->n);
    if (!(error <= 1e-9))
        fail_msg("%s: the state after step %d is off by %.1e", w->name, (int)step, error);
    return true;
}

static void compare_row(const golden_table *t, int row, const rn_sampler *sampler)
{
    const rn_safetensors *file = golden_tensors("samplers.safetensors");
    const char *data = golden_cell(t, row, "data"), *run_name = golden_cell(t, row, "run");
    const char *keys = golden_cell(t, row, "sampler");
    walk w = {.d = golden_denoiser(data, golden_cell(t, row, "sizes"), keys), .name = run_name};
    double *logsnr = golden_tensor(file, run_name, "logsnr", NULL);
    double *states = golden_tensor(file, run_name, "states", NULL), *x0 = golden_tensor(file, run_name, "x0", NULL);
    double *z = golden_tensor(file, data, "z", NULL);
    w.n = w.d.rows * w.d.dim, w.states = states;
    double *got_x0 = calloc((size_t)w.n, sizeof(double));
    double *scratch = calloc((size_t)(w.n * sampler->scratch_arrays), sizeof(double));
    rn_sampler_run run = {.bytes = sizeof run, .logsnr = logsnr, .steps = golden_int(keys, "steps", 0), .n = w.n,
                          .z = z, .x0 = got_x0, .scratch = scratch, .context = &w, .denoise = denoise,
                          .noise = noise, .after = after};
    rn_error err;
    assert_ok(sampler->sample(params_of((const rn_component *)sampler, golden_sampler_keys(keys)), &run, &err), err);
    if (!(golden_error(got_x0, x0, w.n) <= 1e-9))
        fail_msg("%s: x0 is off by %.1e", run_name, golden_error(got_x0, x0, w.n));
    free(logsnr), free(states), free(x0), free(z), free(got_x0), free(scratch);
    denoiser_free(&w.d);
}

static void every_sampler_follows_the_trajectories(void **state)
{
    (void)state;
    const golden_table *t = golden_read("samplers.tsv");
    const rn_plugin *plugin = plugin_of("samplers");
    int compared = 0, not_built = 0;
    for (int row = 0; row < t->rows; row++) {
        char kind[64];
        assert_true(golden_text(golden_cell(t, row, "sampler"), "kind", kind, sizeof kind));
        const rn_sampler *s = (const rn_sampler *)component_in(plugin->samplers, kind);
        if (s)
            compare_row(t, row, s);
        compared += s != NULL, not_built += s == NULL;
    }
    golden_report("samplers.tsv", compared, not_built);
}

/* The λ that the runs visit are those of our schedules, even in t or in λ. */
static void every_grid_is_that_of_our_schedule(void **state)
{
    (void)state;
    const golden_table *t = golden_read("samplers.tsv");
    int compared = 0, not_built = 0;
    for (int row = 0; row < t->rows; row++) {
        const char *keys = golden_cell(t, row, "sampler");
        rn_curve curve;
        if (!golden_curve(golden_cell(t, row, "schedule"), &curve)) {
            not_built++;
            continue;
        }
        char spacing[64] = "t";
        golden_text(keys, "spacing", spacing, sizeof spacing);
        const int64_t steps = golden_int(keys, "steps", 0);
        double *want = golden_tensor(golden_tensors("samplers.safetensors"), golden_cell(t, row, "run"), "logsnr", NULL);
        for (int64_t i = 0; i <= steps; i++) {
            const double share = (double)i / (double)steps, first = rn_curve_logsnr(&curve, 1);
            const double got = strcmp(spacing, "logsnr") ? rn_curve_logsnr(&curve, 1 - share)
                                                         : first + share * (rn_curve_logsnr(&curve, 0) - first);
            if (!(fabs(got - want[i]) <= 1e-9 * fmax(1, fabs(want[i]))))
                fail_msg("%s: logsnr %d is %.17g, not %.17g", golden_cell(t, row, "run"), (int)i, got, want[i]);
        }
        free(want);
        compared++;
    }
    golden_report("grids of samplers.tsv", compared, not_built);
}

int main(void)
{
    if (!golden_folder())
        return TEST_SKIPPED;
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_sampler_follows_the_trajectories),
                                       cmocka_unit_test(every_grid_is_that_of_our_schedule)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
