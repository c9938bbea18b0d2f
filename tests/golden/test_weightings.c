/* Loss weights against the reference table: on ε, on the other predictions, and in the common frame. */
#include "support/component.h"
#include "support/golden.h"
#include "support/networks.h"
#include "support/schema.h"

#include <runner/task.h>

static void compare(const char *what, const char *name, const char *params, double logsnr, double got, double want)
{
    if (!(fabs(got - want) <= 1e-10 * fabs(want))) /* the table's tolerance */
        fail_msg("%s, %s at logsnr %g, %s: %.17g, not %.17g", name, params, logsnr, what, got, want);
}

/* ε̂ − ε is eps_out·(out − target), so that is what a weight on ε changes by, squared. */
static double on_prediction(rn_prediction p, double logsnr, double on_eps)
{
    const double eps_out = rn_prediction_conversion(p, logsnr).eps_out;
    return on_eps * eps_out * eps_out;
}

/* Where −dλ/dt enters, the table has that of the unclipped cosine: 2π·cosh(λ/2). */
static void every_weighting_matches_the_table(void **state)
{
    (void)state;
    const golden_table *t = golden_read("weightings.tsv");
    const rn_plugin *plugin = plugin_of("weightings");
    int compared = 0, not_built = 0;
    for (int row = 0; row < t->rows; row++) {
        const char *name = golden_cell(t, row, "weighting"), *params = golden_cell(t, row, "params");
        const rn_weighting *w = (const rn_weighting *)component_in(plugin->weightings, name);
        if (!w) {
            not_built++;
            continue;
        }
        const double logsnr = golden_number(t, row, "logsnr");
        const double got = w->on_eps(params_of((const rn_component *)w, params), logsnr, 2 * M_PI * cosh(logsnr / 2));
        compare("on eps", name, params, logsnr, got, golden_number(t, row, "on_eps_mse"));
        compare("on x0", name, params, logsnr, on_prediction(RN_PREDICT_X0, logsnr, got), golden_number(t, row, "on_x0_mse"));
        compare("on v", name, params, logsnr, on_prediction(RN_PREDICT_V, logsnr, got), golden_number(t, row, "on_v_mse"));
        compared++;
    }
    golden_report("weightings.tsv", compared, not_built);
}

/* "a=1;b=2" as ", a: 1, b: 2" */
static void as_yaml(const char *params, char *yaml, size_t size)
{
    size_t n = 0;
    yaml[0] = '\0';
    for (const char *c = strcmp(params, "-") ? params : ""; *c && n + 3 < size; c++) {
        if (c == params)
            n += (size_t)snprintf(yaml + n, size - n, ", ");
        n += (size_t)(*c == '=' ? snprintf(yaml + n, size - n, ": ") : *c == ';' ? snprintf(yaml + n, size - n, ", ")
                                                                                  : snprintf(yaml + n, size - n, "%c", *c));
    }
}

/* What the task says of a spec with that weighting. Tolerance: the slope comes from t, found again from λ, whose last
 * bits are worth 1e-16·|dλ/dt| in λ (1e-11 at λ = 18, as |dλ/dt| is 25,000 there). */
static void the_task_gives_the_weights_of_the_common_frame(void **state)
{
    (void)state;
    const golden_table *t = golden_read("weightings.tsv");
    rn_arena arena = {0};
    int compared = 0;
    for (int row = 0; row < t->rows; row++) {
        const char *name = golden_cell(t, row, "weighting");
        char yaml[512], params[256];
        rn_chosen task;
        rn_error err;
        as_yaml(golden_cell(t, row, "params"), params, sizeof params);
        snprintf(yaml, sizeof yaml, "{type: diffusion, schedule: {type: cosine, bounds: none}, weighting: {type: %s%s}}", name, params);
        assert_ok(component_check(networks_registry(), RN_KIND_TASK, yaml, &arena, &task, &err), err);
        const rn_task_env env = {.bytes = sizeof env, .batch = 1, .height = 64, .width = 64};
        const double logsnr = golden_number(t, row, "logsnr"), want = golden_number(t, row, "w_elbo_frame");
        double got;
        assert_ok(((const rn_task *)task.what)->weight(task.params, &env, logsnr, &got, &err), err);
        if (!(fabs(got - want) <= 1e-9 * fabs(want)))
            fail_msg("%s at logsnr %g: w = %.17g, not %.17g", yaml, logsnr, got, want);
        compared++;
    }
    rn_arena_free(&arena);
    golden_report("w_elbo_frame of weightings.tsv", compared, 0);
}

int main(void)
{
    if (!golden_folder())
        return TEST_SKIPPED;
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_weighting_matches_the_table),
                                       cmocka_unit_test(the_task_gives_the_weights_of_the_common_frame)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
