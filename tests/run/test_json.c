/* What a verb prints with --json is JSON, nothing else comes with it, and each thing in it has a name. */
#include "support/json_check.h"
#include "support/scratch.h"
#include "tiny.h"

static void the_checker_knows_what_is_json(void **state)
{
    static const struct { const char *text; bool ok; } cases[] = {
        {"{}", true},         {" [1, -0.5e+3, true, null, \"a\\u00e9\\n\"] ", true}, {"{\"name\": \"a\", \"b\": [{}]}", true},
        {"", false},          {"{} {}", false},     {"[1,]", false},    {"{\"a\": 1,}", false}, {"[01]", false},
        {"[1.]", false},      {"[nan]", false},     {"[inf]", false},   {"{a: 1}", false},      {"[\"\n\"]", false},
        {"[\"\xff\"]", false}, {"[\"\\x\"]", false}, {"[\"a]", false},   {"{\"a\" 1}", false},   {"[1 2]", false},
        {"[1", false},        {"{\"name\": \"a\", \"name\": \"b\"}", false}, {"['a']", false}, {"[+1]", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if ((json_check(cases[i].text).wrong == NULL) != cases[i].ok)
            fail_msg("%s", cases[i].text);
    const json_checked c = json_check("[{\"name\": \"a\"}, {\"b\": {\"name\": \"c\"}}]");
    assert_int_equal(c.objects, 3);
    assert_int_equal(c.named, 2);
    assert_int_equal(c.nameless_rows, 1);
}

/* Runs `runner <command>`, stderr apart; its stdout must be JSON with names. */
static void check(const char *folder, const char *command)
{
    char *text;
    const int status = scratch_run(&text, "cd '%s' && " RUNNER " %s 2>err", folder, command);
    if (status)
        fail_msg("runner %s: exit status %d\n%s", command, status, text);
    const json_checked c = json_check(text);
    if (c.wrong)
        fail_msg("runner %s: no JSON: %s was expected at byte %zu: %.60s", command, c.wrong, c.at, text + c.at);
    if (c.named == 0)
        fail_msg("runner %s: nothing in it has a name", command);
    if (c.nameless_rows)
        fail_msg("runner %s: %ld objects have no name and others beside them have one", command, c.nameless_rows);
    free(text);
}

/* A row for each verb that takes --json. */
static void every_verb_with_json_prints_json_alone(void **state)
{
    static const char *const commands[] = {
        "tiny.yaml --json", /* first: the others compare what it has done */
        "compare tiny --json",
        "sample tiny/shift=none/0 --count 2 --json",
        "interpolate results/tiny/shift=none/seed0 --count 2 --json",
        "plan tiny.yaml --json",
        "plan tiny.yaml --kernels --json",
        "schedule tiny.yaml --json",
        "show tiny --json",
        "show tiny/shift.from=8/1 --json",
        "snr tiny.yaml --json",
        "weighting tiny.yaml --json",
        "data tiny.yaml --json",
        "plugins --json",
        "describe spec --json",
        "bench tiny.yaml --steps 1 --json",
    };
    (void)state;
    char *folder = scratch_folder(), *spec = scratch_path(folder, "tiny.yaml"), *help;
    scratch_write(spec, TINY_SPEC, strlen(TINY_SPEC));
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        check(folder, commands[i]);

    /* no verb that takes --json is missing above */
    assert_int_equal(scratch_run(&help, "for v in $(" RUNNER " --help | sed -n '/^verbs:/,/^$/s/^  \\([a-z]*\\) .*/\\1/p'); do "
                                 RUNNER " $v --help | grep -q -- --json && echo $v; done; true"), 0);
    char *rest;
    int verbs = 0;
    for (char *verb = strtok_r(help, "\n", &rest); verb; verb = strtok_r(NULL, "\n", &rest), verbs++) {
        bool found = strcmp(verb, "run") == 0;
        for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
            found |= strncmp(commands[i], verb, strlen(verb)) == 0 && commands[i][strlen(verb)] == ' ';
        if (!found)
            fail_msg("`runner %s` takes --json and is not tried here", verb);
    }
    assert_true(verbs >= 7);
    free(help), free(spec), free(folder);
}

/* Every component that the registry lists, by kind and name. */
static void every_component_is_described_in_json(void **state)
{
    (void)state;
    char *folder = scratch_folder(), *list, *rest, command[256], kind[64], name[128];
    int n = 0;
    assert_int_equal(scratch_run(&list, RUNNER " plugins --json | grep -o '\"kind\": \"[a-z_ ]*\", \"name\": \"[^\"]*\"' | "
                                 "sed 's/\"kind\": \"\\([^\"]*\\)\", \"name\": \"\\(.*\\)\"/\\1 \\2/' | sort -u"), 0);
    for (char *line = strtok_r(list, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest), n++) {
        assert_int_equal(sscanf(line, "%63s %127s", kind, name), 2);
        snprintf(command, sizeof command, "describe %s %s --json", kind, name);
        check(folder, command);
    }
    print_message("%d components\n", n);
    assert_true(n > 40);
    free(list), free(folder);
}

/* Bytes that are no UTF-8, quotes and line breaks in what a stranger named do not break the output. */
static void odd_names_of_files_do_not_break_json(void **state)
{
    (void)state;
    char *folder = scratch_folder(), *text;
    assert_int_equal(scratch_run(NULL, "cd '%s' && mkdir images && printf x > images/\"$(printf 'a\\377\\\"b\\nc\\\\d')\".png", folder), 0);
    assert_int_equal(scratch_run(&text, "cd '%s' && " RUNNER " data images --json 2>err", folder), 1);
    const json_checked c = json_check(text);
    if (c.wrong)
        fail_msg("%s was expected at byte %zu of %s", c.wrong, c.at, text);
    assert_non_null(strstr(text, "\"refused\""));
    free(text), free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_checker_knows_what_is_json),
        cmocka_unit_test(every_verb_with_json_prints_json_alone),
        cmocka_unit_test(every_component_is_described_in_json),
        cmocka_unit_test(odd_names_of_files_do_not_break_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
