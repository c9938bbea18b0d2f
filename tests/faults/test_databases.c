/* Databases that are damaged, changed by hand, of another version or out of reach, through the command line: `compare` and
 * `run` say which file and what of it is wrong, end with the status of the environment, and leave the file as it was. */
#include "run/tiny.h"
#include "support/scratch.h"

#include <unistd.h>

static char *folder;

#define SQL(text) "sqlite3 x.db \"" text "\""
/* the byte 0xff, so often, from a place in the file */
#define SCRIBBLE(bytes, from) "head -c " #bytes " /dev/zero | tr '\\0' '\\377' | dd of=x.db bs=1 seek=" #from " conv=notrunc 2>/dev/null"

static const struct { const char *what, *before; int compare, run; const char *compare_told, *run_told; } rows[] = {
    {"nothing", "true", 0, 0, "", ""},
    {"a table", SQL("drop table metric"), 3, 3, "'x.db' (schema version 3) lacks the table 'metric'", NULL},
    {"a view", SQL("drop view leaderboard"), 3, 3, "'x.db' (schema version 3) lacks the view 'leaderboard'", NULL},
    {"a column", SQL("alter table run drop column exit_code"), 3, 3, "lacks the column 'exit_code' of the table 'run'", NULL},
    {"a column of a view", SQL("drop view ablation; create view ablation as select name as experiment from experiment"), 3, 3,
     "lacks the column 'better' of the view 'ablation'", NULL},
    {"a newer version", SQL("pragma user_version = 99"), 0, 3, "'x.db' has schema version 99, this runner knows version 3",
     "'x.db' has schema version 99, this runner writes version 3; use a newer runner"},
    {"no version", SQL("pragma user_version = 0"), 3, 3, "'x.db' has tables, but its schema version is 0", NULL},
    {"another program's", SQL("pragma application_id = 7"), 3, 3, "'x.db' is a database of another program", NULL},
    {"no mark", SQL("pragma application_id = 0"), 3, 3, "'x.db' is a database of another program (tables ", NULL},
    {"text", "echo 'no database, but a line of text, longer than a header would be: one hundred bytes or more, at least' > x.db", 3, 3,
     "'x.db' is no SQLite database", NULL},
    {"an empty file", ": > x.db", 3, 0, "'x.db' is empty", ""},
    {"no file", "rm x.db", 3, 0, "there is no database 'x.db'", ""},
    {"a folder", "rm x.db && mkdir x.db", 3, 3, "'x.db': it is a folder", NULL},
    {"half a header", "truncate -s 60 x.db", 3, 3, "'x.db' is no SQLite database", NULL},
    {"the header alone", "truncate -s 100 x.db", 3, 3, "'x.db' is damaged", NULL},
    {"one page", "truncate -s 4096 x.db", 3, 3, "'x.db' is damaged", NULL},
    {"half a file", "truncate -s 50000 x.db", 3, 3, "'x.db' is damaged", NULL},
    {"a page of the schema", SCRIBBLE(2000, 2096), 3, 3, "'x.db' is damaged", NULL},
    {"a page of a table", SCRIBBLE(400, 12288), 3, 3, "'x.db' is damaged", NULL},
};

/* Runs the runner on x.db, a copy of the good one that was damaged; false, and says so, where it answers otherwise. */
static bool answers(const char *what, const char *before, const char *arguments, int status, const char *told)
{
    char *text;
    const int made = scratch_run(&text, "cd '%s' && rm -rf x.db && cp good.db x.db && %s", folder, before);
    if (made)
        fail_msg("%s: %s", before, text);
    free(text);
    const int got = scratch_run(&text, "cd '%s' && cp -r x.db before.db 2>/dev/null; timeout 60 " RUNNER " %s --db x.db; got=$?; "
                                       "if [ $got = 3 ]; then cmp x.db before.db >&2 || diff -r x.db before.db; fi; rm -rf before.db; exit $got",
                                folder, arguments);
    const bool ok = got == status && strstr(text, told) && !strstr(text, " differ: ") && !strstr(text, "Sanitizer");
    if (!ok)
        print_error("%s, %s: status %d instead of %d, \"%s\" expected in:\n%s\n", what, arguments, got, status, told, text);
    free(text);
    return ok;
}

static void what_is_wrong_with_a_database_is_told(void **state)
{
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        wrong += !answers(rows[i].what, rows[i].before, "compare tiny", rows[i].compare, rows[i].compare_told);
        wrong += !answers(rows[i].what, rows[i].before, "tiny.yaml --quiet", rows[i].run,
                          rows[i].run_told ? rows[i].run_told : rows[i].compare_told);
    }
    assert_int_equal(wrong, 0);
}

/* To root nothing is closed, so root becomes somebody else. */
static void a_database_that_may_not_be_read_is_told(void **state)
{
    (void)state;
    const char *who = geteuid() == 0 ? "setpriv --reuid 65534 --clear-groups --inh-caps=-all" : "";
    char *text;
    if (scratch_run(NULL, "cd '%s' && %s true && %s test -x " RUNNER " && %s test -r tiny.yaml", folder, who, who, who) != 0)
        skip(); /* no such tool, or a build folder that nobody else may enter */
    static const struct { const char *arguments, *told; } verbs[] = {
        {"compare tiny", "could not read database 'x.db': Permission denied"},
        {"tiny.yaml --quiet --out .", "could not write database 'x.db': Permission denied"},
    };
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        const int got = scratch_run(&text, "cd '%s' && cp good.db x.db && chmod 000 x.db && %s timeout 60 " RUNNER " %s --db x.db; "
                                           "got=$?; rm -f x.db; exit $got", folder, who, verbs[i].arguments);
        if (got != 3 || !strstr(text, verbs[i].told))
            fail_msg("status %d: %s", got, text);
        free(text);
    }
}

static int begin(void **state)
{
    (void)state;
    folder = scratch_folder();
    char *spec = scratch_path(folder, "tiny.yaml");
    scratch_write(spec, TINY_SPEC, strlen(TINY_SPEC));
    free(spec);
    return scratch_run(NULL, "cd '%s' && chmod 755 . && " RUNNER " tiny.yaml --quiet --db good.db", folder);
}

static int end(void **state)
{
    (void)state;
    free(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_wrong_with_a_database_is_told),
        cmocka_unit_test(a_database_that_may_not_be_read_is_told),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
