/* Statistics at their edges, and properties that no table holds. */
#include "test.h"

#include "eval/statistics.h"

static void assert_close(double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance))
        fail_msg("%.17g, not %.17g", got, want);
}

/* Beyond some ten thousand degrees of freedom the continued fraction has hundreds of terms that nearly cancel. */
static void quantiles_and_tails_are_inverse(void **state)
{
    (void)state;
    const double p[] = {1e-12, 1e-6, 0.001, 0.2, 0.4999, 0.5001, 0.975, 1 - 1e-9}, df[] = {0.5, 1, 1.7, 2, 5, 29, 1000, 1e6};
    for (size_t i = 0; i < sizeof p / sizeof *p; i++) {
        const double least = fmin(p[i], 1 - p[i]);
        assert_close(rn_normal_cdf(rn_normal_quantile(p[i])) / p[i], 1, 1e-12);
        for (size_t k = 0; k < sizeof df / sizeof *df; k++) {
            const double t = rn_student_quantile(p[i], df[k]);
            assert_true((t < 0) == (p[i] < 0.5));
            assert_close(rn_student_two_sided_p(t, df[k]) / (2 * least), 1, df[k] > 1e4 ? 1e-9 : 1e-12);
        }
    }
}

static void many_degrees_of_freedom_are_the_normal_distribution(void **state)
{
    (void)state;
    assert_close(rn_student_quantile(0.975, 1e9), rn_normal_quantile(0.975), 1e-8);
    assert_close(rn_student_two_sided_p(1.5, 1e9), 2 * rn_normal_cdf(-1.5), 1e-8);
}

static void what_does_not_exist_is_nan(void **state)
{
    (void)state;
    const double one[] = {3}, other[] = {5};
    assert_true(isnan(rn_mean(one, 0)));
    assert_true(rn_mean(one, 1) == 3);
    assert_true(isnan(rn_sample_sd(one, 1)));
    assert_true(isnan(rn_mean_interval(one, 1, 0.95).low));
    const rn_difference d = rn_paired_difference(one, other, 1, 0.95);
    assert_true(d.value == 2 && isnan(d.low) && isnan(d.high) && isnan(d.p));
    assert_true(isnan(rn_quantile(one, 0, 0.5)));
    assert_true(isnan(rn_quantile(one, 1, 1.5)));
    assert_true(isnan(rn_student_quantile(0, 3)));
    assert_true(isnan(rn_student_quantile(0.5, 0)));
    assert_true(isnan(rn_jackknife_se_of_variance(one, 1)));
    assert_true(isnan(rn_fit_line(one, other, 1).intercept_se));
}

/* Seeds that all agree: no spread, and still an answer. */
static void equal_differences_are_certain_or_nothing(void **state)
{
    (void)state;
    const double a[] = {1, 2, 3}, b[] = {3, 4, 5};
    const rn_difference up = rn_paired_difference(a, b, 3, 0.95), down = rn_paired_difference(b, a, 3, 0.95),
                        none = rn_paired_difference(a, a, 3, 0.95);
    assert_true(up.value == 2 && up.low == 2 && up.high == 2 && up.t > 0 && up.p == 0);
    assert_true(down.value == -2 && isinf(down.t) && down.t < 0 && down.p == 0);
    assert_true(none.value == 0 && none.t == 0 && none.p == 1);
    assert_true(rn_wilcoxon_signed_rank_p(a, a, 3) == 1);
    assert_true(rn_sign_flip_p(a, a, 3) == 1);
}

/* The interval at 1 − p touches 0. */
static void the_interval_and_the_p_value_say_the_same(void **state)
{
    (void)state;
    const double a[] = {8.1, 12.2, 10.2, 9.7}, b[] = {7.0, 11.4, 10.6, 9.3};
    const double p = rn_paired_difference(a, b, 4, 0.95).p;
    assert_close(rn_paired_difference(a, b, 4, 1 - p).high, 0, 1e-12);
    const double q = rn_welch_difference(a, 4, b, 4, 0.95).p;
    assert_close(rn_welch_difference(a, 4, b, 4, 1 - q).high, 0, 1e-12);
}

static void exchanging_the_sides_turns_the_difference(void **state)
{
    (void)state;
    const double a[] = {8.1, 12.2, 10.2}, b[] = {7.0, 11.4, 10.6};
    const rn_difference d = rn_paired_difference(a, b, 3, 0.95), e = rn_paired_difference(b, a, 3, 0.95);
    assert_close(d.value, -e.value, 1e-15);
    assert_close(d.low, -e.high, 1e-13);
    assert_close(d.p, e.p, 1e-13);
    assert_true(rn_sign_flip_p(a, b, 3) == rn_sign_flip_p(b, a, 3));
    assert_true(rn_wilcoxon_signed_rank_p(a, b, 3) == rn_wilcoxon_signed_rank_p(b, a, 3));
}

/* With ties, by hand: d = 1, 1, −2 has the ranks 1.5, 1.5, 3; sums 3 and 3, so no evidence. */
static void ties_share_their_ranks(void **state)
{
    (void)state;
    const double a[] = {0, 0, 0, 5}, b[] = {1, 1, -2, 5};
    assert_close(rn_wilcoxon_signed_rank_p(a, b, 4), 1, 1e-15);
    const double x[] = {1, 1, 2}, y[] = {1, 2, 3};
    assert_close(rn_spearman(x, y, 3), sqrt(3) / 2, 1e-15);
    assert_close(rn_kendall_tau_b(x, y, 3), 2 / sqrt(6), 1e-15);
}

static void adjusted_p_values_may_replace_the_given_ones(void **state)
{
    (void)state;
    double p[] = {0.01, 0.04, 0.03, 0.005}, q[4];
    rn_holm(p, 4, q);
    rn_holm(p, 4, p);
    for (int i = 0; i < 4; i++)
        assert_true(p[i] == q[i]);
    rn_bonferroni(p, 0, p);
    rn_benjamini_hochberg(p, 0, p);
    assert_true(p[0] == q[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_and_tails_are_inverse),
        cmocka_unit_test(many_degrees_of_freedom_are_the_normal_distribution),
        cmocka_unit_test(what_does_not_exist_is_nan),
        cmocka_unit_test(equal_differences_are_certain_or_nothing),
        cmocka_unit_test(the_interval_and_the_p_value_say_the_same),
        cmocka_unit_test(exchanging_the_sides_turns_the_difference),
        cmocka_unit_test(ties_share_their_ranks),
        cmocka_unit_test(adjusted_p_values_may_replace_the_given_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
