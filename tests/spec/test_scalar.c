/* Numbers and words as people write them. */
#include "test.h"

#include "spec/scalar.h"

static const struct { const char *text; rn_number result; int64_t value; } ints[] = {
    {"0", RN_NUMBER_OK, 0},
    {"64", RN_NUMBER_OK, 64},
    {"+3", RN_NUMBER_OK, 3},
    {"-3", RN_NUMBER_OK, -3},
    {"010", RN_NUMBER_OK, 10}, /* never octal */
    {"0x10", RN_NUMBER_OK, 16},
    {"0xfF", RN_NUMBER_OK, 255},
    {"1e3", RN_NUMBER_OK, 1000},
    {"1E+3", RN_NUMBER_OK, 1000},
    {"2.5e1", RN_NUMBER_OK, 25},
    {"1_000", RN_NUMBER_OK, 1000},
    {"1_0_0", RN_NUMBER_OK, 100},
    {"64Ki", RN_NUMBER_OK, 65536},
    {"256Mi", RN_NUMBER_OK, 268435456},
    {"1Gi", RN_NUMBER_OK, 1073741824},
    {"1.5k", RN_NUMBER_OK, 1500},
    {"2M", RN_NUMBER_OK, 2000000},
    {"9223372036854775807", RN_NUMBER_OK, INT64_MAX},
    {"9007199254740993", RN_NUMBER_OK, INT64_C(9007199254740993)}, /* not through a double */
    {"9223372036854775808", RN_NUMBER_LARGE, 0},
    {"8589934592Gi", RN_NUMBER_LARGE, 0},
    {"1e300", RN_NUMBER_LARGE, 0},
    {"0x10000000000000000", RN_NUMBER_LARGE, 0},
    {"1.5", RN_NUMBER_FRACTION, 0},
    {"1e-3", RN_NUMBER_FRACTION, 0},
    {"inf", RN_NUMBER_FRACTION, 0},
    {".nan", RN_NUMBER_FRACTION, 0},
    {"", RN_NUMBER_NONE, 0},
    {"+", RN_NUMBER_NONE, 0},
    {".", RN_NUMBER_NONE, 0},
    {"e3", RN_NUMBER_NONE, 0},
    {"1e", RN_NUMBER_NONE, 0},
    {"_1", RN_NUMBER_NONE, 0},
    {"1_", RN_NUMBER_NONE, 0},
    {"1__0", RN_NUMBER_NONE, 0},
    {"0x", RN_NUMBER_NONE, 0},
    {"0o17", RN_NUMBER_NONE, 0},
    {"12abc", RN_NUMBER_NONE, 0},
    {"64ki", RN_NUMBER_NONE, 0},
    {"1 000", RN_NUMBER_NONE, 0},
    {" 1", RN_NUMBER_NONE, 0},
    {"--1", RN_NUMBER_NONE, 0},
    {"1,5", RN_NUMBER_NONE, 0},
};

static void whole_numbers_are_read_as_people_write_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ints / sizeof *ints; i++) {
        int64_t v = -77;
        const rn_number r = rn_scalar_int(ints[i].text, &v);
        if (r != ints[i].result || (r == RN_NUMBER_OK && v != ints[i].value))
            fail_msg("'%s': result %d, value %" PRId64, ints[i].text, (int)r, v);
    }
}

static const struct { const char *text; rn_number result; double value; } reals[] = {
    {"1e-4", RN_NUMBER_OK, 1e-4},
    {".5", RN_NUMBER_OK, 0.5},
    {"5.", RN_NUMBER_OK, 5},
    {"-.5", RN_NUMBER_OK, -0.5},
    {"+3", RN_NUMBER_OK, 3},
    {"1_000.5", RN_NUMBER_OK, 1000.5},
    {"0x10", RN_NUMBER_OK, 16},
    {"1.5k", RN_NUMBER_OK, 1500},
    {"3e-4", RN_NUMBER_OK, 3e-4},
    {"inf", RN_NUMBER_OK, HUGE_VAL},
    {"-.inf", RN_NUMBER_OK, -HUGE_VAL},
    {"1e999", RN_NUMBER_LARGE, 0},
    {"true", RN_NUMBER_NONE, 0},
    {"1..2", RN_NUMBER_NONE, 0},
    {"infinity", RN_NUMBER_NONE, 0},
    {"0x1p3", RN_NUMBER_NONE, 0},
    {"1e5e5", RN_NUMBER_NONE, 0},
};

static void real_numbers_are_read_as_people_write_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
        double v = -77;
        const rn_number r = rn_scalar_real(reals[i].text, &v);
        if (r != reals[i].result || (r == RN_NUMBER_OK && memcmp(&v, &reals[i].value, sizeof v) != 0))
            fail_msg("'%s': result %d, value %g", reals[i].text, (int)r, v);
    }
    double nan;
    assert_int_equal(rn_scalar_real("nan", &nan), RN_NUMBER_OK);
    assert_true(isnan(nan));
}

static void a_number_of_any_length_is_read_or_refused(void **state)
{
    (void)state;
    char text[2000];
    for (size_t n = 1; n < sizeof text; n++) {
        double v = 0;
        int64_t i = 0;
        memset(text, '9', n);
        text[n] = '\0';
        const rn_number whole = rn_scalar_int(text, &i), real = rn_scalar_real(text, &v);
        assert_true(n <= 18 ? whole == RN_NUMBER_OK : whole != RN_NUMBER_OK);
        assert_true(n <= 300 ? real == RN_NUMBER_OK : n > 309 ? real != RN_NUMBER_OK : true);
    }
}

static const struct { const char *text; rn_number result; double value; int64_t unit; const char *name; } quantities[] = {
    {"2e15 FLOP", RN_NUMBER_OK, 2e15, 0, "FLOP"},
    {"2e15FLOP", RN_NUMBER_OK, 2e15, 0, "FLOP"},
    {"2 PFLOP", RN_NUMBER_OK, 2e15, 0, "PFLOP"},
    {".5 TFLOP", RN_NUMBER_OK, 5e11, 0, "TFLOP"},
    {"64000 images", RN_NUMBER_OK, 64000, 1, "images"},
    {"64k images", RN_NUMBER_OK, 64000, 1, "images"},
    {"1 image", RN_NUMBER_OK, 1, 1, "image"},
    {"4_000 steps", RN_NUMBER_OK, 4000, 2, "steps"},
    {"300 s", RN_NUMBER_OK, 300, 3, "s"},
    {"300s", RN_NUMBER_OK, 300, 3, "s"},
    {"10 min", RN_NUMBER_OK, 600, 3, "min"},
    {"1.5  h", RN_NUMBER_OK, 5400, 3, "h"},
    {"-3 s", RN_NUMBER_OK, -3, 3, "s"}, /* ranges refuse it */
    {"10", RN_NUMBER_FRACTION, 0, 0, ""},
    {"10 mn", RN_NUMBER_FRACTION, 0, 0, "mn"},
    {"10 flop", RN_NUMBER_FRACTION, 0, 0, "flop"},
    {"10 averyveryveryverylongword", RN_NUMBER_FRACTION, 0, 0, "averyveryveryverylongwo"},
    {"min", RN_NUMBER_NONE, 0, 0, "min"},
    {"ten min", RN_NUMBER_NONE, 0, 0, "min"},
    {"10 min 3 s", RN_NUMBER_NONE, 0, 0, "s"},
    {"", RN_NUMBER_NONE, 0, 0, ""},
    {"1e999 s", RN_NUMBER_LARGE, 0, 0, "s"},
    {"1e308 h", RN_NUMBER_LARGE, 0, 0, "h"},
};

static void quantities_have_units_in_the_spellings_of_people(void **state)
{
    static const char *const units[] = {"FLOP", "images", "steps", "s", NULL};
    (void)state;
    for (size_t i = 0; i < sizeof quantities / sizeof *quantities; i++) {
        double v = -77;
        int64_t unit = -77;
        char name[RN_UNIT_NAME];
        const rn_number r = rn_scalar_quantity(quantities[i].text, units, &v, &unit, name);
        if (r != quantities[i].result || strcmp(name, quantities[i].name) != 0)
            fail_msg("'%s': result %d, unit '%s'", quantities[i].text, (int)r, name);
        if (r == RN_NUMBER_OK && (fabs(v - quantities[i].value) > 1e-12 * fabs(v) || unit != quantities[i].unit))
            fail_msg("'%s': %g of unit %d", quantities[i].text, v, (int)unit);
    }
    const char *names[64];
    const size_t n = rn_scalar_units(units, names, 64);
    assert_true(n > 4 && n < 64);
    for (size_t i = 0; i < n; i++) { /* what is told to be known is known */
        char text[64], name[RN_UNIT_NAME];
        double v;
        int64_t unit;
        snprintf(text, sizeof text, "1 %s", names[i]);
        assert_int_equal(rn_scalar_quantity(text, units, &v, &unit, name), RN_NUMBER_OK);
    }
}

static void only_true_and_false_are_booleans(void **state)
{
    (void)state;
    static const char *const others[] = {"yes", "no", "on", "off", "True", "FALSE", "y", "1", ""};
    bool v = false;
    assert_true(rn_scalar_bool("true", &v) && v);
    assert_true(rn_scalar_bool("false", &v) && !v);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(rn_scalar_bool(others[i], &v));
}

static void reals_are_printed_as_briefly_as_they_read_back(void **state)
{
    (void)state;
    static const double values[] = {0.1, 3e-4, 1.0 / 3.0, 5e-324, 1.7976931348623157e308, 1000000, -15};
    char text[RN_REAL_TEXT];
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        double back;
        assert_int_equal(rn_scalar_real(rn_real_text(values[i], text), &back), RN_NUMBER_OK);
        assert_true(!(back < values[i]) && !(back > values[i]));
    }
    assert_string_equal(rn_real_text(0.1, text), "0.1");
    assert_string_equal(rn_real_text(1000000, text), "1000000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers_are_read_as_people_write_them),
        cmocka_unit_test(real_numbers_are_read_as_people_write_them),
        cmocka_unit_test(a_number_of_any_length_is_read_or_refused),
        cmocka_unit_test(quantities_have_units_in_the_spellings_of_people),
        cmocka_unit_test(only_true_and_false_are_booleans),
        cmocka_unit_test(reals_are_printed_as_briefly_as_they_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
