/* Loss weights against the reference table. */
#include "support/golden.h"
#include "support/schema.h"

#include <runner/schedule.h>

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
        const double logsnr = golden_number(t, row, "logsnr"), want = golden_number(t, row, "on_eps_mse");
        const double got = w->on_eps(params_of((const rn_component *)w, params), logsnr, 2 * M_PI * cosh(logsnr / 2));
        if (!(fabs(got - want) <= 1e-10 * fabs(want)))
            fail_msg("%s, %s at logsnr %g: %.17g, not %.17g", name, params, logsnr, got, want);
        compared++;
    }
    golden_report("weightings.tsv", compared, not_built);
}

int main(void)
{
    if (!golden_folder())
        return TEST_SKIPPED;
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_weighting_matches_the_table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
