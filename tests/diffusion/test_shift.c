/* The shift: its derivation, its forms, and what it refuses. */
#include "support/schema.h"

#include <runner/schedule.h>

static void assert_close(double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance))
        fail_msg("%.17g, not %.17g", got, want);
}

static const rn_component *schedule(const char *name)
{
    const rn_component *c = component_in(plugin_of("schedules")->schedules, name);
    assert_non_null(c);
    return c;
}

static rn_schedule_choice choose(const char *name, const char *params, const rn_shift *shift)
{
    return (rn_schedule_choice){.curve = {schedule(name), params_of(schedule(name), params), {"spec.yaml", 12, 16}},
                                .shift = shift};
}

/* Tolerance: e^λ and back loses the digits that λ has before its point. */
static void the_logarithm_agrees_with_solving_for_the_snr(void **state)
{
    (void)state;
    const double sides[] = {8, 32, 64, 100, 256, 1024};
    int compared = 0;
    for (size_t from = 0; from < 6; from++)
        for (size_t to = 0; to < 6; to++)
            for (double logsnr = -15; logsnr <= 15; logsnr += 0.75, compared++)
                assert_close(rn_logsnr_shift_by_snr(logsnr, sides[from], sides[to]),
                                   rn_logsnr_shift(logsnr, sides[from], sides[to]), 1e-13);
    assert_true(compared > 0);
}

/* Pooling from `to` to `from` divides σ by to/from and leaves α: SNR·(to/from)². */
static void a_pooled_image_has_the_snr_of_its_reference(void **state)
{
    (void)state;
    const rn_shift shift = {.from = 32};
    const rn_schedule_choice moved = choose("cosine", "-", &shift), plain = choose("cosine", "-", NULL);
    rn_curve at128, at32;
    rn_error err;
    assert_ok(rn_curve_make(&moved, 128, &at128, &err), err);
    assert_ok(rn_curve_make(&plain, 32, &at32, &err), err);
    for (int i = 1; i < 100; i++) {
        const double t = i / 100.0, l = rn_curve_logsnr(&at128, t), pooled = rn_sigma(l) / (128 / 32);
        const double snr = rn_alpha(l) * rn_alpha(l) / (pooled * pooled), want = exp(rn_curve_logsnr(&at32, t));
        assert_true(fabs(snr / want - 1) < 1e-12);
    }
}

static void kept_ends_stay_where_they_were(void **state)
{
    (void)state;
    const rn_shift shift = {.from = 32, .ends = 1};
    const rn_schedule_choice choice = choose("cosine", "logsnr_min=-12;logsnr_max=9", &shift);
    rn_curve c;
    rn_error err;
    assert_ok(rn_curve_make(&choice, 256, &c, &err), err);
    assert_close(rn_curve_logsnr(&c, 0), 9, 1e-12);
    assert_close(rn_curve_logsnr(&c, 1), -12, 1e-12);
}

static void an_interpolated_shift_is_each_single_one_at_its_end(void **state)
{
    (void)state;
    for (int64_t low_at = 0; low_at < 2; low_at++) {
        const rn_shift shift = {.low = 32, .high = 256, .low_at = low_at};
        const rn_schedule_choice choice = choose("cosine", "-", &shift);
        rn_curve c;
        rn_error err;
        assert_ok(rn_curve_make(&choice, 512, &c, &err), err);
        assert_close(rn_curve_logsnr(&c, 0), rn_logsnr_shift(15, low_at ? 32 : 256, 512), 1e-12);
        assert_close(rn_curve_logsnr(&c, 1), rn_logsnr_shift(-15, low_at ? 256 : 32, 512), 1e-12);
    }
}

static void a_target_side_stands_in_for_the_resolution(void **state)
{
    (void)state;
    const rn_shift shift = {.from = 32, .to = 128};
    const rn_schedule_choice choice = choose("cosine", "-", &shift);
    rn_curve c;
    rn_error err;
    assert_ok(rn_curve_make(&choice, 64, &c, &err), err);
    assert_close(c.at_data, 2 * log(32.0 / 128), 1e-15);
}

/* Whatever b and the curve: every λ moves by 2·log b, as a shift with from/to = b moves it, and both may stand together. */
static void input_scaling_is_a_shift_by_twice_the_logarithm(void **state)
{
    static const char *const names[] = {"cosine", "cosine_power", "flow", "linear", "sigmoid", "simple_linear"};
    static const struct { double b; int64_t from, to; } rows[] = {{0.5, 32, 64}, {0.25, 64, 256}, {0.4, 40, 100}, {2, 64, 32}};
    (void)state;
    for (size_t k = 0; k < sizeof names / sizeof *names; k++)
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            const rn_shift shift = {.from = rows[i].from, .to = rows[i].to};
            const rn_schedule_choice plain = choose(names[k], "-", NULL), shifted = choose(names[k], "-", &shift);
            rn_schedule_choice scaled = plain, both = shifted;
            rn_curve c[4];
            rn_error err;
            scaled.input_scale = both.input_scale = rows[i].b;
            assert_ok(rn_curve_make(&plain, 64, &c[0], &err), err);
            assert_ok(rn_curve_make(&shifted, 64, &c[1], &err), err);
            assert_ok(rn_curve_make(&scaled, 64, &c[2], &err), err);
            assert_ok(rn_curve_make(&both, 64, &c[3], &err), err);
            for (double t = 0; t <= 1; t += 0.0625) {
                const double by = 2 * log(rows[i].b), l = rn_curve_logsnr(&c[0], t);
                assert_close(rn_curve_logsnr(&c[2], t), l + by, 1e-13);
                assert_close(rn_curve_logsnr(&c[2], t), rn_curve_logsnr(&c[1], t), 1e-13);
                assert_close(rn_curve_logsnr(&c[3], t), l + 2 * by, 1e-13);
                /* from the definition: b·x₀ noised, then divided so that the squares add up to 1 again */
                const double a = rows[i].b * rn_alpha(l), s = rn_sigma(l), norm = sqrt(a * a + s * s);
                assert_close(rn_alpha(rn_curve_logsnr(&c[2], t)), a / norm, 1e-14);
                assert_close(rn_sigma(rn_curve_logsnr(&c[2], t)), s / norm, 1e-14);
            }
        }
}

/* Tolerance: the last bit of t, times the slope there. */
static void t_is_found_again_from_logsnr(void **state)
{
    static const char *const names[] = {"cosine", "cosine_power", "flow", "linear", "sigmoid", "simple_linear"};
    const rn_shift shift = {.from = 32};
    (void)state;
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        const rn_schedule_choice choice = choose(names[k], "-", &shift);
        rn_curve c;
        rn_error err;
        assert_ok(rn_curve_make(&choice, 64, &c, &err), err);
        for (double t = 0.001; t < 1; t += 0.0313)
            assert_close(rn_curve_t(&c, rn_curve_logsnr(&c, t)), t, 4e-16 + 4e-15 / -rn_curve_slope(&c, t));
        assert_true(rn_curve_t(&c, 99) == 0 && rn_curve_t(&c, -99) == 1);
        assert_true(rn_curve_t(&c, rn_curve_logsnr(&c, 0)) == 0 && rn_curve_t(&c, rn_curve_logsnr(&c, 1)) == 1);
    }
}

/* The straight path's z, shifted by pooling: t' = k·t/(1 + (k − 1)·t), k = to/from, as flow models write their shift. */
static void a_shifted_flow_is_the_known_change_of_t(void **state)
{
    (void)state;
    const rn_shift shift = {.from = 64};
    const rn_schedule_choice plain = choose("flow", "-", NULL), shifted = choose("flow", "-", &shift);
    rn_curve a, b;
    rn_error err;
    assert_ok(rn_curve_make(&plain, 256, &a, &err), err);
    assert_ok(rn_curve_make(&shifted, 256, &b, &err), err);
    for (double t = 0.01; t < 1; t += 0.01) {
        const double k = 256.0 / 64, moved = k * t / (1 + (k - 1) * t);
        assert_close(rn_curve_logsnr(&b, t), rn_curve_logsnr(&a, moved), 1e-12);
        assert_close(rn_flow_sigma(rn_curve_logsnr(&a, t)), t, 1e-14);
        assert_close(rn_flow_alpha(rn_curve_logsnr(&a, t)), 1 - t, 1e-14);
    }
}

static void the_slope_is_that_of_the_curve(void **state)
{
    (void)state;
    static const char *const names[] = {"cosine", "cosine_power", "flow", "linear", "sigmoid", "simple_linear"};
    const rn_shift shift = {.low = 32, .high = 128};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        const rn_schedule_choice choice = choose(names[k], "-", &shift);
        rn_curve c;
        rn_error err;
        assert_ok(rn_curve_make(&choice, 256, &c, &err), err);
        for (double t = 0.05; t < 0.96; t += 0.05) {
            const double h = 1e-5, slope = rn_curve_slope(&c, t);
            const double difference = (rn_curve_logsnr(&c, t + h) - rn_curve_logsnr(&c, t - h)) / (2 * h);
            if (!(fabs(slope - difference) <= 1e-6 * fabs(slope)))
                fail_msg("%s at t = %g: %.10g, by differences %.10g", names[k], t, slope, difference);
        }
    }
}

static void no_curve_is_infinite_anywhere(void **state)
{
    (void)state;
    static const struct { const char *name, *params; } rows[] = {
        {"cosine", "-"}, {"cosine", "bounds=none"}, {"cosine_power", "-"}, {"linear", "-"},
        {"sigmoid", "-"}, {"simple_linear", "-"}, {"flow", "-"},
    };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        const rn_schedule_choice choice = choose(rows[k].name, rows[k].params, NULL);
        rn_curve c;
        rn_error err;
        assert_ok(rn_curve_make(&choice, 64, &c, &err), err);
        const double t[] = {0, 1e-12, 0.5, 1 - 1e-12, 1};
        for (size_t i = 0; i < 5; i++)
            if (!isfinite(rn_curve_logsnr(&c, t[i])) || !isfinite(rn_curve_slope(&c, t[i])))
                fail_msg("%s at t = %g: logsnr %g, slope %g", rows[k].name, t[i], rn_curve_logsnr(&c, t[i]),
                         rn_curve_slope(&c, t[i]));
    }
}

static void what_cannot_be_meant_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *name, *params;
        rn_shift shift;
        rn_code code;
        const char *says;
    } rows[] = {
        {"cosine", "-", {0}, RN_EMISSING, "no side"},
        {"cosine", "-", {.to = 64}, RN_EMISSING, "no side"},
        {"cosine", "-", {.from = 32, .low = 32, .high = 64}, RN_ERANGE, "keep one"},
        {"cosine", "-", {.from = 32, .high = 64}, RN_ERANGE, "keep one"},
        {"cosine", "-", {.low = 32}, RN_EMISSING, "low without high"},
        {"cosine", "-", {.high = 32}, RN_EMISSING, "high without low"},
        {"cosine", "-", {.low = 64, .high = 32}, RN_ERANGE, "above high"},
        {"cosine", "-", {.low = 32, .high = 64, .ends = 1}, RN_ERANGE, "ends"},
        {"cosine", "-", {.from = 32, .low_at = 1}, RN_ERANGE, "low_at"},
        {"cosine", "bounds=none", {.from = 32, .ends = 1}, RN_ERANGE, "no bounds"},
        {"linear", "-", {.from = 32, .ends = 1}, RN_ERANGE, "no bounds"},
        {"cosine", "-", {.low = 8, .high = 1024, .low_at = 1}, RN_ERANGE, "fall"},
        {"cosine", "logsnr_min=15;logsnr_max=-15", {.from = 32}, RN_ERANGE, "fall"},
        {"sigmoid", "start=3;end=-3", {.from = 32}, RN_ERANGE, "fall"},
        {"sigmoid", "start=-100;end=100;tau=0.01", {.from = 32}, RN_ERANGE, "fall"}, /* a step */
        {"cosine_power", "start=1;end=1", {.from = 32}, RN_ERANGE, "fall"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const rn_schedule_choice choice = choose(rows[i].name, rows[i].params, &rows[i].shift);
        rn_curve c = {.move = 7};
        rn_error err = {0};
        if (rn_curve_make(&choice, 64, &c, &err))
            fail_msg("row %d, %s, was accepted", (int)i, rows[i].says);
        if (err.code != rows[i].code || !strstr(err.text, rows[i].says))
            fail_msg("row %d: code %d, '%s'", (int)i, err.code, err.text);
        assert_int_equal(err.line, 12);
        assert_int_equal(err.column, 16);
        assert_true(c.move == 7); /* untouched */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_logarithm_agrees_with_solving_for_the_snr),
        cmocka_unit_test(a_pooled_image_has_the_snr_of_its_reference),
        cmocka_unit_test(kept_ends_stay_where_they_were),
        cmocka_unit_test(an_interpolated_shift_is_each_single_one_at_its_end),
        cmocka_unit_test(a_target_side_stands_in_for_the_resolution),
        cmocka_unit_test(input_scaling_is_a_shift_by_twice_the_logarithm),
        cmocka_unit_test(t_is_found_again_from_logsnr),
        cmocka_unit_test(a_shifted_flow_is_the_known_change_of_t),
        cmocka_unit_test(the_slope_is_that_of_the_curve),
        cmocka_unit_test(no_curve_is_infinite_anywhere),
        cmocka_unit_test(what_cannot_be_meant_is_refused_with_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
