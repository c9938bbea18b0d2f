/* Samplers on data whose flow is known in closed form: orders of convergence, and what their options do.
 *
 *     x₀ ~ N(m, s²):  x̂ = m + αs²/(α²s² + σ²)·(z − αm),  flow z(λ) = αm + √(α²s² + σ²)·c with c constant */
#include "support/schema.h"
#include "test.h"

#include <runner/random.h>
#include <runner/sampler.h>
#include <runner/schedule.h>

enum { N = 5, MOST_STEPS = 4096 };
static const double mean[N] = {0.3, -0.8, 0, 0.1, 0.5}, std[N] = {0.5, 0.2, 1, 0.05, 0.3};

static double spread(int64_t i, double logsnr)
{
    const double a = rn_alpha(logsnr) * std[i % N], s = rn_sigma(logsnr);
    return sqrt(a * a + s * s);
}

typedef struct setting {
    int64_t n, calls;
    uint32_t seed;
} setting;

static bool denoise(void *context, int64_t step, const double *z, double logsnr, double *x0, rn_error *err)
{
    setting *s = context;
    (void)step, (void)err;
    const double a = rn_alpha(logsnr);
    for (int64_t i = 0; i < s->n; i++) {
        const double m = mean[i % N], variance = std[i % N] * std[i % N], v = spread(i, logsnr);
        x0[i] = m + a * variance / (v * v) * (z[i] - a * m);
    }
    s->calls++;
    return true;
}

static void noise(void *context, int64_t step, double *xi)
{
    const setting *s = context;
    const rn_stream stream = {.seed = s->seed, .stream = rn_stream_of("step noise"), .step = (uint32_t)step};
    for (int64_t i = 0; i < s->n; i++)
        xi[i] = rn_random_normal(stream, (uint64_t)i);
}

static const rn_sampler *sampler(const char *name)
{
    const rn_sampler *s = (const rn_sampler *)component_in(plugin_of("samplers")->samplers, name);
    assert_non_null(s);
    return s;
}

/* Walks z [n] from λ = −15 to 15, even in t of the cosine or in λ. */
static void walk(const char *name, const char *keys, bool even_in_logsnr, int64_t steps, setting *s, double *z)
{
    const rn_component *cosine = component_in(plugin_of("schedules")->schedules, "cosine");
    const rn_schedule_choice choice = {.curve = {.what = cosine, .params = params_of(cosine, "-")}};
    const rn_sampler *rule = sampler(name);
    static double logsnr[MOST_STEPS + 1];
    rn_curve curve;
    rn_error err;
    assert_ok(rn_curve_make(&choice, 64, &curve, &err), err);
    for (int64_t i = 0; i <= steps; i++) {
        const double done = (double)i / (double)steps;
        logsnr[i] = even_in_logsnr ? -15 + 30 * done : rn_curve_logsnr(&curve, 1 - done);
    }
    double *x0 = calloc((size_t)s->n, sizeof *x0), *scratch = calloc((size_t)(s->n * rule->scratch_arrays), sizeof *scratch);
    rn_sampler_run run = {.bytes = sizeof run, .logsnr = logsnr, .steps = steps, .n = s->n, .z = z, .x0 = x0,
                          .scratch = scratch, .context = s, .denoise = denoise, .noise = noise};
    s->calls = 0;
    assert_ok(rule->sample(params_of((const rn_component *)rule, keys), &run, &err), err);
    free(x0), free(scratch);
}

/* Largest distance from the flow that begins at ±1. */
static double distance(const char *name, const char *keys, bool even_in_logsnr, int64_t steps)
{
    setting s = {.n = 2 * N};
    double z[2 * N], largest = 0;
    for (int i = 0; i < 2 * N; i++)
        z[i] = i < N ? 1 : -1;
    walk(name, keys, even_in_logsnr, steps, &s, z);
    for (int i = 0; i < 2 * N; i++) {
        const double c = ((i < N ? 1 : -1) - rn_alpha(-15) * mean[i % N]) / spread(i, -15);
        largest = fmax(largest, fabs(z[i] - (rn_alpha(15) * mean[i % N] + spread(i, 15) * c)));
    }
    return largest;
}

/* Twice the steps leave 2^−order of the error. Tolerance: what higher orders still add at 2048 steps. */
static void errors_fall_with_the_order_of_the_sampler(void **state)
{
    static const struct { const char *name, *keys; bool even_in_logsnr; double order; } rows[] = {
        {"ddim", "-", true, 1},     {"ddim", "-", false, 1},
        {"dpmpp_2m", "-", true, 2}, {"dpmpp_2m", "lower_order_final=0", true, 2}, {"dpmpp_2m", "lower_order_final=0", false, 2},
        {"heun", "-", true, 2},     {"heun", "lower_order_final=0", true, 2},     {"heun", "lower_order_final=0", false, 2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const double few = distance(rows[i].name, rows[i].keys, rows[i].even_in_logsnr, 2048);
        const double many = distance(rows[i].name, rows[i].keys, rows[i].even_in_logsnr, 4096);
        const double order = log2(few / many);
        print_message("%s even in %s: %.1e, then %.1e, order %.2f\n", rows[i].name, rows[i].even_in_logsnr ? "logSNR" : "t", few, many, order);
        if (!(fabs(order - rows[i].order) <= 0.15))
            fail_msg("%s, %s, even in %s: order %.3f, not %g", rows[i].name, rows[i].keys,
                     rows[i].even_in_logsnr ? "logSNR" : "t", order, rows[i].order);
    }
}

static void the_table_of_calls_is_what_samplers_do(void **state)
{
    (void)state;
    const rn_sampler *const *all = plugin_of("samplers")->samplers;
    for (; *all; all++) {
        setting s = {.n = N};
        double z[N] = {0};
        walk((*all)->name, "lower_order_final=0", true, 7, &s, z);
        assert_int_equal(s.calls, 7 * ((*all)->calls_a_step ? (*all)->calls_a_step : 1));
    }
}

/* In its first step, and in the last one unless told otherwise, dpmpp_2m goes by one estimate only: then it is ddim. So is
 * heun in its last step, which spares it a call. */
static void first_order_steps_are_those_of_ddim(void **state)
{
    (void)state;
    setting s = {.n = N};
    for (int64_t steps = 1; steps <= 2; steps++) {
        double a[N] = {1, -1, 0.5, 2, 0}, b[N] = {1, -1, 0.5, 2, 0};
        walk("ddim", "-", true, steps, &s, a);
        walk("dpmpp_2m", "-", true, steps, &s, b);
        for (int i = 0; i < N; i++)
            assert_true(fabs(a[i] - b[i]) < 1e-14);
    }
    double a[N] = {1, -1, 0.5, 2, 0}, b[N] = {1, -1, 0.5, 2, 0};
    walk("ddim", "-", true, 1, &s, a);
    walk("heun", "-", true, 1, &s, b);
    assert_int_equal(s.calls, 1);
    for (int i = 0; i < N; i++)
        assert_true(fabs(a[i] - b[i]) < 1e-14);
}

/* Fresh noise is taken out again: with enough steps the samples have the data's law. Tolerance: five standard errors,
 * and 1 % for 256 steps of second order. */
static void churned_samples_have_the_law_of_the_data(void **state)
{
    enum { SAMPLES = 4000 };
    static const char *const keys[] = {"s_churn=0", "s_churn=40", "s_churn=80;s_min=0.05;s_max=50"};
    (void)state;
    double first = 0;
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
        setting s = {.n = SAMPLES * N, .seed = 5};
        double *z = calloc((size_t)s.n, sizeof *z);
        for (int64_t i = 0; i < s.n; i++)
            z[i] = rn_random_normal((rn_stream){.seed = 5, .stream = rn_stream_of("first noise")}, (uint64_t)i);
        walk("heun", keys[k], true, 256, &s, z);
        for (int i = 0; i < N; i++) {
            double sum = 0, squares = 0;
            for (int64_t j = 0; j < SAMPLES; j++)
                sum += z[j * N + i];
            for (int64_t j = 0; j < SAMPLES; j++)
                squares += pow(z[j * N + i] - sum / SAMPLES, 2);
            const double sd = sqrt(squares / (SAMPLES - 1));
            if (!(fabs(sum / SAMPLES - mean[i]) <= 5 * std[i] / sqrt(SAMPLES)) ||
                !(fabs(sd / std[i] - 1) <= 0.01 + 5 / sqrt(2.0 * SAMPLES)))
                fail_msg("%s: element %d has mean %.4f (%g), standard deviation %.4f (%g)", keys[k], i, sum / SAMPLES, mean[i], sd, std[i]);
        }
        if (k == 0)
            first = z[0];
        else
            assert_true(fabs(z[0] - first) > 1e-3); /* noise was added at all */
        free(z);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_fall_with_the_order_of_the_sampler),
        cmocka_unit_test(the_table_of_calls_is_what_samplers_do),
        cmocka_unit_test(first_order_steps_are_those_of_ddim),
        cmocka_unit_test(churned_samples_have_the_law_of_the_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
