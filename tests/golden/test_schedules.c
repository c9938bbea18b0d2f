/* Base curves and shifts against the reference table. */
#include "support/curve.h"

/* Tolerances: the table's for λ, α and σ (double throughout). The slope has none there; it is a product of
 * functions as accurate as λ, so it gets ten times λ's. */
static void every_schedule_matches_the_table(void **state)
{
    (void)state;
    const golden_table *t = golden_read("schedules.tsv");
    int compared = 0, not_built = 0;
    for (int row = 0; row < t->rows; row++) {
        const char *name = golden_cell(t, row, "schedule");
        rn_curve curve;
        if (!golden_curve(name, &curve)) {
            not_built++;
            continue;
        }
        const double at = golden_number(t, row, "t"), want = golden_number(t, row, "logsnr");
        const double slope = golden_number(t, row, "dlogsnr_dt");
        const double got = rn_curve_logsnr(&curve, at), got_slope = rn_curve_slope(&curve, at);
        if (!(fabs(got - want) <= 1e-9 * fmax(1, fabs(want))))
            fail_msg("%s at t = %.17g: logsnr %.17g, not %.17g", name, at, got, want);
        const bool straight = !strncmp(name, "type=flow", 9); /* there alpha + sigma is 1, not the sum of their squares */
        const double alpha = straight ? rn_flow_alpha(got) : rn_alpha(got);
        const double sigma = straight ? rn_flow_sigma(got) : rn_sigma(got);
        if (!(fabs(alpha - golden_number(t, row, "alpha")) <= 1e-12) || !(fabs(sigma - golden_number(t, row, "sigma")) <= 1e-12))
            fail_msg("%s at t = %.17g: alpha %.17g, sigma %.17g", name, at, alpha, sigma);
        if (!(fabs(got_slope - slope) <= 1e-8 * fabs(slope)))
            fail_msg("%s at t = %.17g: slope %.17g, not %.17g", name, at, got_slope, slope);
        compared++;
    }
    golden_report("schedules.tsv", compared, not_built);
}

int main(void)
{
    if (!golden_folder())
        return TEST_SKIPPED;
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_schedule_matches_the_table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
