/* x₀, ε, v and flow from z and any one of them, against the reference table. */
#include "support/golden.h"

#include <runner/schedule.h>

static double close_to(double got, double want, double tolerance)
{
    return fabs(got - want) <= tolerance;
}

/* Tolerance: an error of a few roundings (1e-15) in what is predicted arrives multiplied by the gain. */
static void every_prediction_gives_back_x0_and_eps(void **state)
{
    (void)state;
    const golden_table *t = golden_read("parameterisations.tsv");
    for (int row = 0; row < t->rows; row++) {
        const double logsnr = golden_number(t, row, "logsnr"), z = golden_number(t, row, "z");
        const double x0 = golden_number(t, row, "x0"), eps = golden_number(t, row, "eps");
        const double out[] = {[RN_PREDICT_EPS] = eps, [RN_PREDICT_V] = golden_number(t, row, "v"), [RN_PREDICT_X0] = x0,
                              [RN_PREDICT_FLOW] = golden_number(t, row, "flow")};
        const double gain_x0 = golden_number(t, row, "gain_x_from_eps"), gain_eps = golden_number(t, row, "gain_eps_from_x");
        if (!close_to(rn_alpha(logsnr) * x0 + rn_sigma(logsnr) * eps, z, 1e-14))
            fail_msg("logsnr %g: z = %.17g", logsnr, rn_alpha(logsnr) * x0 + rn_sigma(logsnr) * eps);
        for (int p = 0; rn_prediction_words[p]; p++) {
            const rn_conversion c = rn_prediction_conversion((rn_prediction)p, logsnr);
            const rn_target target = rn_prediction_target((rn_prediction)p, logsnr);
            const double got_x0 = c.x0_z * z + c.x0_out * out[p], got_eps = c.eps_z * z + c.eps_out * out[p];
            if (!close_to(got_x0, x0, 4e-15 * gain_x0) || !close_to(got_eps, eps, 4e-15 * gain_eps))
                fail_msg("logsnr %g from %s: x0 %.17g, eps %.17g", logsnr, rn_prediction_words[p], got_x0, got_eps);
            if (!close_to(target.x0 * x0 + target.eps * eps, out[p], 4e-15))
                fail_msg("logsnr %g: target of %s is %.17g", logsnr, rn_prediction_words[p],
                         target.x0 * x0 + target.eps * eps);
        }
    }
    golden_report("parameterisations.tsv", t->rows, 0);
}

int main(void)
{
    if (!golden_folder())
        return TEST_SKIPPED;
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_prediction_gives_back_x0_and_eps)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
