/* A call fails in the middle of a run: an allocation, or a write as on a full disk, the 1st, 2nd … of a spread over all that
 * the run makes (preload/fail.c). Whichever it is, the runner ends by itself, says what was missing, and leaves a sound
 * database; or it had no need of that call, and then all results are there and are the same. What is left behind is no
 * hindrance: the same command goes on. */
#include "support/scratch.h"

#include <math.h>

#define RUN "timeout 60 env LD_PRELOAD='" BUILD_FOLDER "/tests/preload_fail.so' %s '" BUILD_FOLDER "/runner' tiny.yaml --quiet --threads 1"
/* What the run is about: its scores. */
#define SCORES "sqlite3 results/results.db 'select metric, features, step, value from final_score order by metric, features'"

static const char spec[] =
    "version: 1\n"
    "name: tiny\n"
    "data: {type: dead_leaves, count: 12, held_out: 2, resolution: 16}\n"
    "model:\n"
    "  type: uvit\n"
    "  levels:\n"
    "    - {channels: 8, block: resnet}\n"
    "    - {channels: 8, block: transformer, heads: 2}\n"
    "train: {steps: 2, batch: 2}\n"
    "evaluate: {samples: 4, batch: 2, sheet: 2, reference_images: 8, sampler: {type: ddim, steps: 2}}\n"
    "seeds: [0]\n";

static char *folder, *scores;
static long allocations, writes;
static int n_told; /* runs that ended with a message */

/* One run with the n-th call failing. `again`: then without, in the same folder. */
static bool ends_well(const char *which, long n, bool again)
{
    char fault[64], *text, *found;
    snprintf(fault, sizeof fault, "%s=%ld", which, n);
    const int status = scratch_run(&text, "cd '%s' && rm -rf results && " RUN " > out", folder, fault);
    bool ok = status < 126 && (status == 0 || text[0]) && !strstr(text, "buffer overflow");
    n_told += status != 0;
    if (status == 0) {
        scratch_run(&found, "cd '%s' && " SCORES, folder);
        ok = ok && strcmp(found, scores) == 0;
        free(found);
    }
    const int sound = scratch_run(&found, "cd '%s' && if [ -s results/results.db ]; then sqlite3 results/results.db 'pragma integrity_check'; "
                                          "else echo ok; fi", folder);
    ok = ok && sound == 0 && strcmp(found, "ok\n") == 0;
    if (!ok)
        print_error("%s: status %d, the database is %s, and it said: %s\n", fault, status, found, text);
    free(found);
    free(text);
    if (ok && again) {
        const int after = scratch_run(&text, "cd '%s' && { '" BUILD_FOLDER "/runner' tiny.yaml --quiet --threads 1 && " SCORES " > scores; } "
                                             "2>&1 > out && cat scores", folder);
        if (after || strcmp(text, scores) != 0) {
            print_error("%s: afterwards status %d: %s\n", fault, after, text);
            ok = false;
        }
        free(text);
    }
    return ok;
}

/* 1 … last in n steps of equal ratio; the small ones, which would be the same, follow each other. */
static int spread(const char *which, long last, int n)
{
    int wrong = 0;
    long before = 0;
    n_told = 0;
    for (int i = 0; i < n; i++) {
        const long at = lround(pow((double)last, (double)i / (n - 1)));
        before = at > before ? at : before + 1;
        wrong += !ends_well(which, before, i % 8 == 7);
    }
    assert_true(n_told > n / 2);
    return wrong;
}

static void an_allocation_that_fails_is_told(void **state)
{
    (void)state;
    assert_true(allocations > 5000);
    assert_int_equal(spread("FAIL_ALLOCATION", allocations, 40), 0);
}

/* Most allocations are those of the database's beginning: here the others, in steps of equal width. */
static void an_allocation_that_fails_late_is_told(void **state)
{
    (void)state;
    enum { RUNS = 6 };
    int wrong = 0;
    for (int i = 1; i <= RUNS; i++)
        wrong += !ends_well("FAIL_ALLOCATION", allocations - i * allocations / (4 * RUNS), false);
    assert_int_equal(wrong, 0);
}

static void a_write_that_fails_is_told(void **state)
{
    (void)state;
    enum { RUNS = 15 };
    int wrong = 0;
    n_told = 0;
    assert_true(writes > 100);
    for (int i = 0; i < RUNS; i++)
        wrong += !ends_well("FAIL_WRITE", 1 + i * (writes - 1) / (RUNS - 1), i % 8 == 7);
    assert_true(n_told > RUNS / 2);
    assert_int_equal(wrong, 0);
}

static int begin(void **state)
{
    (void)state;
    char *text, *path;
    folder = scratch_folder();
    path = scratch_path(folder, "tiny.yaml");
    scratch_write(path, spec, strlen(spec));
    free(path);
    if (scratch_run(&text, "cd '%s' && " RUN " > out && cat count", folder, "FAIL_COUNT=count") != 0 ||
        sscanf(text, "%ld %ld", &allocations, &writes) != 2) {
        print_error("%s\n", text);
        return 1;
    }
    free(text);
    return scratch_run(&scores, "cd '%s' && " SCORES, folder);
}

static int end(void **state)
{
    (void)state;
    free(scores);
    free(folder);
    return 0;
}

int main(void)
{
    if (SANITIZERS[0]) {
        fputs("skipped: built with a sanitizer, whose allocator stands in place of the failing one\n", stderr);
        return TEST_SKIPPED;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_allocation_that_fails_is_told),
        cmocka_unit_test(an_allocation_that_fails_late_is_told),
        cmocka_unit_test(a_write_that_fails_is_told),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
