/* The same command goes on: what is finished is skipped, nothing is overwritten. */
#include "support/scratch.h"
#include "tiny.h"

#include <unistd.h>

static int run(const char *folder, const char *options, char **text)
{
    return scratch_run(text, "cd '%s' && " RUNNER " tiny.yaml %s", folder, options);
}

/* Paths, times and sizes of all files but the database's. */
static char *files_of(const char *folder)
{
    char *text;
    assert_int_equal(scratch_run(&text, "cd '%s' && find results -type f ! -name 'results.db*' -printf '%%p %%s %%T@\\n' | sort",
                                 folder), 0);
    return text;
}

static int occurrences(const char *text, const char *word)
{
    int n = 0;
    for (const char *p = text; (p = strstr(p, word)); p += strlen(word))
        n++;
    return n;
}

static void finished_runs_are_skipped_and_nothing_changes(void **state)
{
    (void)state;
    char *folder = tiny_folder(), *out;
    if (run(folder, "--quiet", &out))
        fail_msg("%s", out);
    char *before = files_of(folder), *done = tiny_query(folder, "select count(*) from run where status = 'done'");
    assert_string_equal(done, "4\n");
    free(out);
    assert_int_equal(run(folder, "", &out), 0);
    assert_int_equal(occurrences(out, "done before, skipped"), 4);
    char *after = files_of(folder);
    assert_string_equal(before, after);
    free(after), free(before), free(done), free(out);

    /* one more seed is two more runs */
    assert_int_equal(run(folder, "--set 'seeds=[0, 1, 2]'", &out), 0);
    assert_int_equal(occurrences(out, "done before, skipped"), 4);
    free(out);
    done = tiny_query(folder, "select count(*) from run where status = 'done'");
    assert_string_equal(done, "6\n");
    free(done), free(folder);
}

static void another_value_makes_new_runs_beside_the_old_ones(void **state)
{
    (void)state;
    char *folder = tiny_folder(), *out, *old, *path;
    assert_int_equal(run(folder, "--quiet --set 'seeds=[0]'", NULL), 0);
    char *before = files_of(folder);
    assert_int_equal(run(folder, "--set 'seeds=[0]' --set train.batch=5", &out), 0);
    assert_int_equal(occurrences(out, "done before, skipped"), 0);
    char *after = files_of(folder);
    for (char *line = strtok_r(before, "\n", &old); line; line = strtok_r(NULL, "\n", &old))
        if (!strstr(after, line))
            fail_msg("changed or gone: %s", line);
    assert_non_null(strstr(after, "/seed0."));
    path = tiny_query(folder, "select distinct out_dir like '/%' from run");
    assert_string_equal(path, "0\n"); /* relative to the database */
    free(path), free(out), free(after), free(before), free(folder);
}

static void cosmetic_changes_rerun_nothing(void **state)
{
    (void)state;
    char *folder = tiny_folder(), *out;
    assert_int_equal(run(folder, "--quiet --set 'seeds=[0]'", NULL), 0);
    assert_int_equal(run(folder, "--set 'seeds=[0]' --set 'question=Why not?' --set train.log_every=3", &out), 0);
    assert_int_equal(occurrences(out, "done before, skipped"), 2);
    free(out), free(folder);
}

static void two_processes_share_the_work(void **state)
{
    (void)state;
    char *folder = tiny_folder(), *out, *n;
    if (scratch_run(&out, "cd '%s' && " RUNNER " tiny.yaml > a.out 2>&1 & cd '%s' && " RUNNER " tiny.yaml > b.out 2>&1; b=$?; "
                    "wait $!; a=$?; cat a.out b.out; exit $((a + b))", folder, folder))
        fail_msg("%s", out);
    n = tiny_query(folder, "select count(*), count(distinct variant_id || ' ' || seed) from run where status = 'done'");
    assert_string_equal(n, "4|4\n");
    free(n), free(out), free(folder);
}

static void out_and_db_move_the_results(void **state)
{
    (void)state;
    char *folder = tiny_folder(), *there;
    assert_int_equal(run(folder, "--quiet --set 'seeds=[0]' --out here --db mine.db", NULL), 0);
    there = scratch_path(folder, "mine.db");
    assert_int_equal(access(there, R_OK), 0);
    free(there);
    there = scratch_path(folder, "here/tiny/shift=none/seed0/model.safetensors");
    assert_int_equal(access(there, R_OK), 0);
    free(there);
    there = scratch_path(folder, "results");
    assert_int_not_equal(access(there, F_OK), 0);
    free(there), free(folder);
}

/* Variants that differ in `evaluate:` alone train once: the same weights, byte for byte, and scores of their own. */
static void what_differs_in_evaluation_alone_is_trained_once(void **state)
{
    (void)state;
    char *folder = tiny_folder(), *out, *rows;
    assert_int_equal(run(folder, "--set 'seeds=[0]' --set 'vary={evaluate.sampler.steps: [2, 3], task.schedule.shift: [none, {from: 8}]}'",
                         &out), 0);
    assert_int_equal(occurrences(out, "which differs in its evaluation alone"), 2);
    assert_int_equal(occurrences(out, "trained 6 steps"), 2);
    free(out);
    rows = tiny_query(folder, "select count(*), count(distinct r.training_hash), count(r.weights_from), min(r.step), count(distinct a.sha256), "
                         "(select count(distinct value) from score s join metric_key k on k.id = s.metric_id "
                         "where k.name = 'fid_proxy' and s.features = 'pooled_pixels') "
                         "from run r join artifact a on a.run_id = r.id and a.kind = 'ema' where r.status = 'done'");
    assert_string_equal(rows, "4|2|2|6|2|4\n");
    free(rows);

    /* weights that are not what they were are trained again */
    assert_int_equal(scratch_run(NULL, "cd '%s' && for f in $(find results -name model.safetensors); do printf x >> $f; done", folder), 0);
    assert_int_equal(run(folder, "--set 'seeds=[0]' --set 'vary={evaluate.sampler.steps: [4]}'", &out), 0);
    assert_int_equal(occurrences(out, "cannot be taken, so they are trained again"), 1);
    assert_int_equal(occurrences(out, "has changed since it was written"), 1);
    assert_int_equal(occurrences(out, "trained 6 steps"), 1);
    free(out);

    /* scores on the way need the training */
    assert_int_equal(run(folder, "--set 'seeds=[0]' --set 'vary={evaluate.sampler.steps: [5]}' --set evaluate.every=3", &out), 0);
    assert_int_equal(occurrences(out, "trained 6 steps"), 1);
    free(out), free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finished_runs_are_skipped_and_nothing_changes),
        cmocka_unit_test(another_value_makes_new_runs_beside_the_old_ones),
        cmocka_unit_test(cosmetic_changes_rerun_nothing),
        cmocka_unit_test(what_differs_in_evaluation_alone_is_trained_once),
        cmocka_unit_test(two_processes_share_the_work),
        cmocka_unit_test(out_and_db_move_the_results),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
