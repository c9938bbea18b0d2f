/* What happens to the files of a run while it is at work: the database is locked, deleted or replaced, the folder of results
 * goes away, the disk is full. Each is told by one message with the file and what to do, nothing that was finished is lost, and
 * the same command goes on afterwards. */
#include "run/tiny.h"
#include "support/scratch.h"

static char *folder;

/* Shell functions. begin: a run in the background that is seen to be at work (it has scores); finish: its status and
 * what it said. What is done in between takes one step: a run looks at any moment. hold FILE SECONDS: the lock of a writer; with a
 * third word readers stay outside, too. */
#define SHELL \
    "cd '%s' && rm -rf results x.db* && runner=" RUNNER "\n" \
    "begin() { timeout 100 $runner tiny.yaml --quiet --set vary=none --set train.steps=2500 --set evaluate.every=50 \"$@\" > out 2> said & " \
    "pid=$!; until ls results/tiny/base/seed0/samples/step_00000100.png > /dev/null 2>&1; do kill -0 $pid || break; sleep 0.02; done; }\n" \
    "finish() { wait $pid; status=$?; cat said; return $status; }\n" \
    "hold() { (echo \"${3:+pragma locking_mode = exclusive;}\"; echo 'begin exclusive; update meta set value = value;'; sleep $2) | sqlite3 -cmd '.timeout 5000' $1 > /dev/null; }\n"
#define AGAIN " && $runner tiny.yaml --quiet --set vary=none > out"

typedef struct fault { const char *what, *shell; int status; const char *told[3], *after; } fault;

/* clang-format off */
static const fault faults[] = {
    {"the database is deleted", "begin; rm results/results.db; finish", 3,
     {"database 'results/results.db' was deleted while it was in use; all that had been written is saved as 'results/results.db.saved-1'",
      "stopped in run 1 of 2 (base, seed 0); once the cause is gone, the same command"},
     "test \"$(sqlite3 results/results.db.saved-1 'pragma integrity_check; select count(*) > 0 from score; pragma user_version' | tr '\\n' ' ')\" = 'ok 1 3 ' && "
     "mv results/results.db.saved-1 results/results.db" AGAIN},
    {"the database is deleted, and a copy was there before", "begin; touch results/results.db.saved-1; rm results/results.db; finish", 3,
     {"is saved as 'results/results.db.saved-2'"}, "test ! -s results/results.db.saved-1" AGAIN},
    {"the database is replaced", "begin; cp results/results.db other.db; mv other.db results/results.db; finish", 3,
     {"database 'results/results.db' was replaced by another file while it was in use; all that had been written is saved as"},
     "test -s results/results.db.saved-1" AGAIN},
    {"the folder of results is deleted", "begin; mv results gone; finish; status=$?; rm -r gone; (exit $status)", 3,
     {"results/", "results.db' was deleted while it was in use, and what it held is lost with it", "stopped in run 1 of 2"}, "true" AGAIN},
    {"the folder of a run is deleted", "begin; rm -rf results/tiny/base; finish", 3,
     {"could not write 'results/tiny/base/seed0/samples/step_", "No such file or directory"},
     "test \"$(sqlite3 results/results.db 'select status, error like \"could not write%%\" from run')\" = 'failed|1'" AGAIN},
    {"a lock that ends in time", "$runner tiny.yaml --quiet --db x.db > out && for verb in 'compare tiny' 'tiny.yaml --quiet'; do "
     "hold x.db 1.5 alone & sleep 0.5; timeout 60 $runner $verb --db x.db > out 2> said || exit; wait; test ! -s said || exit; done", 0, {""}, "true"},
    {"a full disk", "mkdir -p results && unshare -m sh -c \"mount -t tmpfs -o size=100k none results && $runner tiny.yaml --quiet --db x.db; "
     "status=\\$?; sqlite3 x.db 'pragma integrity_check'; exit \\$status\"", 3,
     {"results/", "No space left on device", "\nok\n"}, "true" AGAIN},
    {"a disk that fills up while the database grows", "mkdir -p results && unshare -m sh -c \"mount -t tmpfs -o size=600k none results && "
     "$runner tiny.yaml --quiet --out out.d --db results/results.db; status=\\$?; sqlite3 results/results.db 'pragma integrity_check'; exit \\$status\"", 3,
     {"could not write database 'results/results.db': no space left on the device", "\nok\n"}, "true" AGAIN},
};
/* clang-format on */

static bool holds(const fault *f)
{
    char *text;
    const int status = scratch_run(&text, SHELL "%s", folder, f->shell);
    bool ok = status == f->status && !strstr(text, "Sanitizer");
    for (int i = 0; i < 3 && f->told[i]; i++)
        ok = ok && strstr(text, f->told[i]);
    if (!ok)
        print_error("%s: status %d instead of %d, and it said:\n%s\n", f->what, status, f->status, text);
    free(text);
    const int after = scratch_run(&text, "cd '%s' && runner=" RUNNER " && %s", folder, f->after);
    if (after)
        print_error("%s: afterwards %d: %s\n", f->what, after, text);
    free(text);
    return ok && !after;
}

static void what_happens_to_the_files_is_told_and_the_command_goes_on(void **state)
{
    (void)state;
    int wrong = 0;
    const bool mounts = scratch_run(NULL, "cd '%s' && mkdir m && unshare -m mount -t tmpfs none m", folder) == 0;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        if (!mounts && strstr(faults[i].shell, "mount"))
            print_message("left out, no right to mount: %s\n", faults[i].what);
        else
            wrong += !holds(&faults[i]);
    }
    assert_int_equal(wrong, 0);
}

/* The patience is 20 s. Three at once: one opens to read, one to write, and one is at work when the lock comes: its own 20 s are
 * over before the lock is, and the end of the run is recorded after that. */
static void a_lock_that_does_not_end_is_told(void **state)
{
    (void)state;
    char *text;
    const int status = scratch_run(
        &text, SHELL "$runner tiny.yaml --quiet --db x.db > out && begin; hold results/results.db 23 & hold x.db 23 alone & sleep 1; "
                     "for verb in 'compare tiny' 'tiny.yaml --quiet'; do { timeout 60 $runner $verb --db x.db > /dev/null; echo status $?; } & done; wait; "
                     "cat said; sqlite3 results/results.db \"select status, error like 'database %%is locked%%' from run\"",
        folder);
    int told = 0;
    for (const char *at = text; (at = strstr(at, "is locked: another process has held it for more than 20 s")); at++)
        told++;
    if (status != 0 || told != 3 || !strstr(text, "stopped in run 1 of 2") || !strstr(text, "failed|1"))
        fail_msg("status %d: %s", status, text);
    char *second = strstr(text, "status 3");
    assert_true(second && strstr(second + 1, "status 3"));
    free(text);
    assert_int_equal(scratch_run(NULL, "cd '%s' && for db in results/results.db x.db; do " RUNNER " tiny.yaml --quiet --db $db || exit; done",
                                 folder), 0);
}

static int begin(void **state)
{
    (void)state;
    folder = scratch_folder();
    char *spec = scratch_path(folder, "tiny.yaml");
    scratch_write(spec, TINY_SPEC, strlen(TINY_SPEC));
    free(spec);
    return 0;
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
        cmocka_unit_test(what_happens_to_the_files_is_told_and_the_command_goes_on),
        cmocka_unit_test(a_lock_that_does_not_end_is_told),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
