/* The JSON writer: nesting, escapes, numbers that read back, and bytes that are no text. */
#include "test.h"

#include "base/json.h"
#include "base/utf8.h"

static void assert_written(void (*write)(rn_json *), const char *expected)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *f = open_memstream(&text, &bytes);
    assert_non_null(f);
    rn_json j;
    rn_json_begin(&j, f);
    write(&j);
    rn_json_finish(&j);
    fclose(f);
    assert_string_equal(text, expected);
    free(text);
}

static void nested(rn_json *j)
{
    rn_json_object(j, NULL);
    rn_json_text(j, "name", "a");
    rn_json_array(j, "list");
    rn_json_int(j, NULL, INT64_MIN);
    rn_json_bool(j, NULL, true);
    rn_json_text(j, NULL, NULL);
    rn_json_end(j);
    rn_json_array(j, "empty");
    rn_json_end(j);
    rn_json_end(j);
}

static void objects_and_arrays_nest(void **state)
{
    (void)state;
    assert_written(nested, "{\n  \"name\": \"a\",\n  \"list\": [\n    -9223372036854775808,\n    true,\n    null\n  ],\n  \"empty\": []\n}\n");
}

static void rows(rn_json *j)
{
    rn_json_array(j, NULL);
    for (int i = 0; i < 2; i++) {
        rn_json_row(j, NULL);
        rn_json_bool(j, "last", i == 1);
        rn_json_array(j, "of");
        rn_json_int(j, NULL, i);
        rn_json_int(j, NULL, 5);
        rn_json_end(j);
        rn_json_end(j);
    }
    rn_json_end(j);
}

static void a_row_keeps_to_one_line(void **state)
{
    (void)state;
    assert_written(rows, "[\n  {\"last\": false, \"of\": [0, 5]},\n  {\"last\": true, \"of\": [1, 5]}\n]\n");
}

static void numbers(rn_json *j)
{
    static const double values[] = {0.1, -3e-4, 1e300, 0};
    rn_json_array(j, NULL);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        rn_json_number(j, NULL, values[i]);
    rn_json_number(j, NULL, (double)NAN);
    rn_json_number(j, NULL, HUGE_VAL);
    rn_json_end(j);
}

static void numbers_read_back_and_what_is_not_finite_is_null(void **state)
{
    (void)state;
    assert_written(numbers, "[\n  0.10000000000000001,\n  -0.00029999999999999997,\n  1.0000000000000001e+300,\n  0,\n  null,\n  null\n]\n");
}

/* text → what stands between the quotes */
static const struct { const char *text, *written; } strings[] = {
    {"a\"b\\c", "a\\\"b\\\\c"},
    {"\n\t\x01\x7f", "\\u000a\\u0009\\u0001\\u007f"},
    {"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x8c\xb1", "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x8c\xb1"},
    {"\xff", "\\ufffd"},                          /* no UTF-8 at all */
    {"\xc3", "\\ufffd"},                          /* cut off */
    {"\xc3(", "\\ufffd("},                        /* no second byte */
    {"\xc0\xaf", "\\ufffd\\ufffd"},               /* overlong */
    {"\xe0\x80\xaf", "\\ufffd\\ufffd\\ufffd"},    /* overlong */
    {"\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd"},    /* a surrogate */
    {"\xf4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd"}, /* beyond U+10FFFF */
};
static const char *current;

static void one_string(rn_json *j) { rn_json_text(j, NULL, current); }

static void texts_are_escaped_and_always_utf_8(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
        char expected[200];
        snprintf(expected, sizeof expected, "\"%s\"\n", strings[i].written);
        current = strings[i].text;
        assert_written(one_string, expected);
    }
}

static void utf8_is_told_from_other_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t n, length;
    } cases[] = {
        {"", 0, 0},           {"", 1, 0},           {"a", 1, 1},           {"\x7f", 1, 1},         {"\x80", 1, 0},
        {"\xc2\x80", 2, 2},   {"\xc2\x80", 1, 0},   {"\xc1\xbf", 2, 0},    {"\xe0\xa0\x80", 3, 3}, {"\xe0\x9f\xbf", 3, 0},
        {"\xed\x9f\xbf", 3, 3}, {"\xed\xa0\x80", 3, 0}, {"\xf0\x90\x80\x80", 4, 4}, {"\xf0\x8f\xbf\xbf", 4, 0},
        {"\xf4\x8f\xbf\xbf", 4, 4}, {"\xf4\x90\x80\x80", 4, 0}, {"\xf5\x80\x80\x80", 4, 0}, {"\xe2\x82", SIZE_MAX, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (rn_utf8_length(cases[i].text, cases[i].n) != cases[i].length)
            fail_msg("row %zu: %zu bytes instead of %zu", i, rn_utf8_length(cases[i].text, cases[i].n), cases[i].length);
    assert_true(rn_utf8_valid("α² = 2", 8));
    assert_false(rn_utf8_valid("a\0b", 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_and_arrays_nest),
        cmocka_unit_test(a_row_keeps_to_one_line),
        cmocka_unit_test(numbers_read_back_and_what_is_not_finite_is_null),
        cmocka_unit_test(texts_are_escaped_and_always_utf_8),
        cmocka_unit_test(utf8_is_told_from_other_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
