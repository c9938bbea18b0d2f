/* Statistics against the reference table. */
#include "eval/statistics.h"
#include "support/golden.h"

enum { MOST = 256 };

/* The arguments of a row. */
typedef struct given {
    double a[MOST], b[MOST], p[MOST], n[MOST], value[MOST];
    int count_a, count_b, count_p;
    double t, df, x;
} given;

typedef int statistic(const given *g, double *out); /* returns how many numbers it gives */

#define ONE(name_, expression) static int name_(const given *g, double *out) { return *out = (expression), 1; }
#define PAIR(name_, type, call, first, second) \
    static int name_(const given *g, double *out) { const type r = call; return out[0] = r.first, out[1] = r.second, 2; }
#define ADJUSTED(name_, call) static int name_(const given *g, double *out) { call(g->p, g->count_p, out); return g->count_p; }

/* clang-format off */
ONE(t_quantile, rn_student_quantile(g->p[0], g->df))
ONE(t_p,        rn_student_two_sided_p(g->t, g->df))
ONE(quantile_n, rn_normal_quantile(g->p[0]))
ONE(cdf_n,      rn_normal_cdf(g->x))
ONE(mean,       rn_mean(g->a, g->count_a))
ONE(sd,         rn_sample_sd(g->a, g->count_a))
ONE(se,         rn_standard_error(g->a, g->count_a))
ONE(median,     rn_median(g->a, g->count_a))
ONE(quantile,   rn_quantile(g->a, g->count_a, g->p[0]))
ONE(jackknife,  rn_jackknife_se_of_variance(g->a, g->count_a))
ONE(paired_t,   rn_paired_difference(g->a, g->b, g->count_a, 0.95).t)
ONE(paired_p,   rn_paired_difference(g->a, g->b, g->count_a, 0.95).p)
ONE(welch_t,    rn_welch_difference(g->a, g->count_a, g->b, g->count_b, 0.95).t)
ONE(welch_p,    rn_welch_difference(g->a, g->count_a, g->b, g->count_b, 0.95).p)
ONE(sign_flip,  rn_sign_flip_p(g->a, g->b, g->count_a))
ONE(wilcoxon,   rn_wilcoxon_signed_rank_p(g->a, g->b, g->count_a))
ONE(pearson,    rn_pearson(g->a, g->b, g->count_a))
ONE(spearman,   rn_spearman(g->a, g->b, g->count_a))
ONE(kendall,    rn_kendall_tau_b(g->a, g->b, g->count_a))
PAIR(mean_interval,   rn_interval,   rn_mean_interval(g->a, g->count_a, 0.95), low, high)
PAIR(paired_interval, rn_difference, rn_paired_difference(g->a, g->b, g->count_a, 0.95), low, high)
ADJUSTED(holm, rn_holm)
ADJUSTED(benjamini_hochberg, rn_benjamini_hochberg)
ADJUSTED(bonferroni, rn_bonferroni)
/* clang-format on */

static rn_line line_against_1_over_n(const given *g)
{
    double x[MOST];
    for (int i = 0; i < g->count_a; i++)
        x[i] = 1 / g->n[i];
    return rn_fit_line(x, g->value, g->count_a);
}
ONE(intercept, line_against_1_over_n(g).intercept)
ONE(slope, line_against_1_over_n(g).slope)
ONE(intercept_se, line_against_1_over_n(g).intercept_se)

static const struct { const char *what; statistic *f; } statistics[] = {
    {"student_t_quantile", t_quantile}, {"student_t_two_sided_p", t_p}, {"normal_quantile", quantile_n},
    {"normal_cdf", cdf_n}, {"mean", mean}, {"std_ddof1", sd}, {"standard_error", se}, {"median", median},
    {"quantile_linear", quantile}, {"jackknife_se_of_variance", jackknife}, {"mean_interval_95", mean_interval},
    {"paired_t", paired_t}, {"paired_p", paired_p}, {"paired_difference_interval_95", paired_interval},
    {"welch_t", welch_t}, {"welch_p", welch_p}, {"sign_flip_exact_p", sign_flip},
    {"wilcoxon_signed_rank_exact_p", wilcoxon}, {"pearson", pearson}, {"spearman", spearman},
    {"kendall_tau_b", kendall}, {"holm", holm}, {"benjamini_hochberg", benjamini_hochberg},
    {"bonferroni", bonferroni}, {"intercept_against_1_over_n", intercept}, {"slope_against_1_over_n", slope},
    {"intercept_standard_error", intercept_se},
};

static given given_of(const char *text)
{
    given g = {.t = golden_real(text, "t", (double)NAN), .df = golden_real(text, "df", (double)NAN), .x = golden_real(text, "x", (double)NAN)};
    g.count_a = golden_list(text, "a", g.a, MOST);
    g.count_b = golden_list(text, "b", g.b, MOST);
    g.count_p = golden_list(text, "p", g.p, MOST);
    if (golden_list(text, "n", g.n, MOST))
        g.count_a = golden_list(text, "value", g.value, MOST);
    return g;
}

static void compare(const golden_table *t, int row, statistic *f)
{
    char list[8192];
    double got[MOST], want[MOST];
    const given g = given_of(golden_cell(t, row, "given"));
    snprintf(list, sizeof list, "value=%s", golden_cell(t, row, "value"));
    const int n = golden_list(list, "value", want, MOST);
    assert_int_equal(f(&g, got), n);
    for (int i = 0; i < n; i++)
        if (!(fabs(got[i] - want[i]) <= golden_number(t, row, "relative_tolerance") * fmax(fabs(want[i]), 1e-3)))
            fail_msg("line %d, %s of %s: %.17g, not %.17g", t->line[row], golden_cell(t, row, "what"),
                     golden_cell(t, row, "given"), got[i], want[i]);
}

static void every_statistic_matches_the_table(void **state)
{
    (void)state;
    const golden_table *t = golden_read("statistics.tsv");
    int compared = 0, not_built = 0;
    for (int row = 0; row < t->rows; row++) {
        statistic *f = NULL;
        for (size_t i = 0; i < sizeof statistics / sizeof *statistics; i++)
            if (!strcmp(statistics[i].what, golden_cell(t, row, "what")))
                f = statistics[i].f;
        if (f)
            compare(t, row, f);
        compared += f != NULL, not_built += f == NULL;
    }
    golden_report("statistics.tsv", compared, not_built);
}

int main(void)
{
    if (!golden_folder())
        return TEST_SKIPPED;
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_statistic_matches_the_table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
