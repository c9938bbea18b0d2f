/* How errors are printed, to the byte. */
#include "test.h"

#include "spec/check.h"
#include "support/toys.h"

/* What is printed of a YAML text that is checked as a task. */
static char *printed(const char *name, const char *yaml)
{
    rn_arena a = {0};
    rn_diagnostics d = {0};
    rn_chosen chosen;
    char *text = NULL;
    size_t bytes = 0;
    if (rn_check_component(&a, &toy_catalogue, RN_KIND_TASK, name, yaml, &chosen, &d))
        fail_msg("accepted: %s", yaml);
    rn_arena_free(&a); /* they own what they show */
    FILE *f = open_memstream(&text, &bytes);
    rn_diagnostics_sort(&d);
    rn_diagnostics_print(f, &d);
    fclose(f);
    rn_diagnostics_free(&d);
    return text;
}

static const struct { const char *yaml, *text; } rows[] = {
    {"type: diffuse\nschedule: {tpye: cosine, shift: {from: 32}}\n",
     "toy.yaml:2:12: schedule.tpye: unknown key; did you mean 'type'?\n"
     "  2 | schedule: {tpye: cosine, shift: {from: 32}}\n"
     "    |            ^~~~  known here: type, shift, low\n"},
    {"type: diffuse\n\n\n\n\n\n\n\n\nrate: 20\n",
     "toy.yaml:10:7: rate: '20' is out of range; allowed: a number above 0 and at most 10\n"
     "  10 | rate: 20\n"
     "     |       ^~\n"},
    {"{type: diffuse, rate: \xc3\xa4\xc3\xb6, label: \"\xe2\x80\xae\"}\n",
     "toy.yaml:1:23: rate: '\xc3\xa4\xc3\xb6' is no number; allowed: a number above 0 and at most 10\n"
     "  1 | {type: diffuse, rate: \xc3\xa4\xc3\xb6, label: \"\\u202e\"}\n"
     "    |                       ^~\n"},
    {"{type: diffuse, rate:\t\tx}\n",
     "toy.yaml:1:24: rate: 'x' is no number; allowed: a number above 0 and at most 10\n"
     "  1 | {type: diffuse, rate:  x}\n"
     "    |                        ^\n"},
    {"type: difuse\n",
     "toy.yaml:1:7: type: no loaded plugin offers the task 'difuse'; did you mean 'diffuse'?\n"
     "  1 | type: difuse\n"
     "    |       ^~~~~~  known here: diffuse\n"
     "    | looked for plugins in: ./toys, /usr/lib/toys\n"},
};

static void errors_are_printed_with_place_path_line_and_caret(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *text = printed("toy.yaml", rows[i].yaml);
        assert_string_equal(text, rows[i].text);
        free(text);
    }
}

static void long_lines_are_cut_around_the_caret(void **state)
{
    (void)state;
    char yaml[5000];
    for (int before = 0; before < 400; before += 7) {
        int n = sprintf(yaml, "{type: diffuse, label: \"%0*d\", rate: x, loss: {words: [", before + 1, 0);
        n += sprintf(yaml + n, "%0*d]}}\n", 3000, 0);
        char *text = printed("toy.yaml", yaml);
        char *quote = strchr(text, '\n') + 1, *caret = strchr(quote, '\n') + 1;
        caret[-1] = '\0';
        const char *shown = strchr(quote, '|') + 2, *mark = strchr(caret, '|') + 2;
        assert_true(rn_code_points(shown, strlen(shown)) <= 120);
        int column = (int)strspn(mark, " "), bytes = 0; /* code points, as the caret counts */
        for (int i = 0; i < column; bytes++)
            i += (shown[bytes + 1] & 0xc0) != 0x80;
        assert_int_equal(shown[bytes], 'x');
        assert_int_equal(mark[column], '^');
        free(text);
    }
}

static void twenty_are_shown_and_the_others_counted(void **state)
{
    (void)state;
    char yaml[4000] = "{type: diffuse";
    for (int i = 0; i < 33; i++)
        sprintf(yaml + strlen(yaml), ", odd%d: 1", i);
    strcat(yaml, "}\n");
    char *text = printed("toy.yaml", yaml);
    int lines = 0;
    for (const char *p = text; (p = strstr(p, "toy.yaml:1:")); p++)
        lines++;
    assert_int_equal(lines, 20);
    assert_non_null(strstr(text, "\nand 13 more\n"));
    free(text);
}

static void control_characters_never_reach_a_terminal(void **state)
{
    (void)state;
    char *text = printed("to\033[31my.yaml", "{type: diffuse, \"ra\\e[2Jte\": 1}\n");
    for (const char *p = text; *p; p++)
        assert_true(*p == '\n' || (unsigned char)*p >= 0x20);
    assert_non_null(strstr(text, "to\\x1b[31my.yaml:1:17: ra\\x1b[2Jte: unknown key"));
    free(text);
}

static void one_error_is_told_once(void **state)
{
    (void)state;
    rn_diagnostics d = {0};
    for (int i = 0; i < 3; i++)
        assert_false(rn_diagnose(&d, (rn_about){.code = RN_ERANGE, .path = i == 2 ? "b" : "a"}, "wrong"));
    assert_int_equal(d.n, 2);
    rn_error err;
    assert_false(rn_diagnostics_error(&d, &err));
    assert_int_equal(err.code, RN_ERANGE);
    assert_string_equal(err.text, "a: wrong");
    rn_diagnostics_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_are_printed_with_place_path_line_and_caret),
        cmocka_unit_test(long_lines_are_cut_around_the_caret),
        cmocka_unit_test(twenty_are_shown_and_the_others_counted),
        cmocka_unit_test(control_characters_never_reach_a_terminal),
        cmocka_unit_test(one_error_is_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
