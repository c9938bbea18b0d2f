/* What is written is what is read: rows, NaN and infinity, verdicts by hand, claims, runs of dead processes. */
#include "test.h"
#include "store/connection.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/runner-results-XXXXXX";
static char file[64];

static rn_store *open_store(rn_store_mode mode)
{
    rn_error err;
    rn_store *s;
    assert_ok(rn_store_open(file, mode, &s, &err), err);
    return s;
}

static int setup(void **state)
{
    (void)state;
    snprintf(file, sizeof file, "%s/results.db", folder);
    remove(file);
    return 0;
}

/* One value of an SQL query as text into a static buffer; "NULL" for NULL, "no row" for none. */
static const char *ask(rn_store *s, const char *sql)
{
    static char text[512];
    sqlite3_stmt *q;
    if (sqlite3_prepare_v2(s->db, sql, -1, &q, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(s->db));
    snprintf(text, sizeof text, "no row");
    if (sqlite3_step(q) == SQLITE_ROW) {
        const char *value = (const char *)sqlite3_column_text(q, 0);
        snprintf(text, sizeof text, "%s", value ? value : "NULL");
    }
    sqlite3_finalize(q);
    return text;
}

#define H(c) c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c

static rn_row_variant variants[] = {
    {.name = "shift=none", .hash = H("a"), .is_baseline = true},
    {.name = "shift.from=32", .hash = H("b"), .differs = "task.schedule.shift: {from: 32}"},
};

static void put_experiment(rn_store *s)
{
    rn_error err;
    const rn_row_spec spec[] = {{"/tmp/a.yaml", "name: a\n"}, {"/tmp/base.yaml", "version: 1\n"}};
    rn_row_experiment e = {.name = "ablation", .question = "?", .spec = spec, .n_spec = 2, .variant = variants,
                           .n_variants = 2};
    assert_ok(rn_store_experiment(s, &e, &err), err);
}

static int64_t begin(rn_store *s, int variant, int64_t seed)
{
    rn_error err;
    rn_claim claim;
    int64_t run;
    char out[128];
    snprintf(out, sizeof out, "%s/ablation/%s/seed%d", folder, variants[variant].name, (int)seed);
    const rn_row_run row = {.variant = variants[variant].id, .seed = seed, .hash = variants[variant].hash,
                            .out_dir = out, .total_steps = 100, .threads = 2, .plan = "conv: reference"};
    assert_ok(rn_store_run_begin(s, &row, &claim, &run, &err), err);
    assert_int_equal(claim, RN_CLAIM_BEGUN);
    return run;
}

static void finish(rn_store *s, int64_t run, rn_run_status status)
{
    rn_error err;
    const rn_row_finish row = {.status = status, .error = status == RN_RUN_FAILED ? "loss is not finite" : NULL,
                               .seconds = 12.5, .flop = (double)NAN, .steps = 100, .images = 1600};
    assert_ok(rn_store_run_finish(s, run, &row, &err), err);
}

static void score(rn_store *s, int64_t run, int64_t step, const char *features, double value, int64_t n)
{
    rn_error err;
    const rn_row_score row = {.run = run, .step = step, .metric = "fid_proxy", .better = "min", .features = features,
                              .value = value, .low = (double)NAN, .high = (double)NAN, .floor = 0.25, .n = n, .dims = 64,
                              .extractor_hash = "e", .reference_hash = "r", .seconds = 1};
    assert_ok(rn_store_score(s, &row, &err), err);
}

/* Numbers of golden/statistics.tsv: b − a over three seeds, interval and p by SciPy. */
static void a_verdict_is_the_paired_difference_with_its_interval_and_p(void **state)
{
    (void)state;
    const double a[] = {8.1054, 12.1624, 10.2274}, b[] = {6.9564, 11.448, 9.3397};
    rn_error err;
    rn_arena arena = {0};
    rn_store *s = open_store(RN_STORE_WRITE);
    put_experiment(s);
    for (int seed = 0; seed < 3; seed++)
        for (int v = 0; v < 2; v++) {
            const int64_t run = begin(s, v, seed);
            score(s, run, 50, "A", 99, 256); /* an earlier step is not looked at */
            score(s, run, 100, "A", v ? b[seed] : a[seed], 256);
            finish(s, run, RN_RUN_DONE);
        }
    const int64_t failed = begin(s, 1, 3);
    score(s, failed, 100, "A", 1e6, 256);
    finish(s, failed, RN_RUN_FAILED); /* nor is a run that failed */
    rn_store_close(s);

    s = open_store(RN_STORE_READ);
    rn_row_ablation *row;
    size_t n;
    assert_ok(rn_store_ablation(s, "ablation", &arena, &row, &n, &err), err);
    assert_int_equal(n, 2);
    assert_true(row[0].is_baseline && isnan(row[0].difference) && row[0].n_pairs == 0);
    assert_true(fabs(row[0].mean - (a[0] + a[1] + a[2]) / 3) < 1e-12);
    assert_int_equal(row[1].n_seeds, 3);
    assert_int_equal(row[1].n_pairs, 3);
    assert_true(fabs(row[1].difference - (-2.7511 / 3)) < 1e-12);
    assert_true(fabs(row[1].difference_low - -1.4605126125101804) < 1e-9);
    assert_true(fabs(row[1].difference_high - -0.37355405415648446) < 1e-9);
    assert_true(fabs(row[1].p - 0.0184490329104224) < 1e-9);
    assert_true(fabs(row[1].sd - 2.247202644029535) < 1e-12);
    assert_true(row[1].floor == 0.25 && row[1].n_samples == 256 && row[1].dims == 64);
    assert_string_equal(ask(s, "SELECT variant FROM leaderboard WHERE rank = 1"), "shift.from=32");
    assert_string_equal(ask(s, "SELECT count(*) FROM run_status WHERE status = 'failed' AND error LIKE 'loss%'"), "1");
    rn_store_close(s);
    rn_arena_free(&arena);
}

static void one_seed_has_a_difference_but_no_interval(void **state)
{
    (void)state;
    rn_store *s = open_store(RN_STORE_WRITE);
    put_experiment(s);
    for (int v = 0; v < 2; v++) {
        const int64_t run = begin(s, v, 7);
        score(s, run, 1, "A", 3 + v, 8);
        finish(s, run, RN_RUN_DONE);
    }
    assert_string_equal(ask(s, "SELECT difference || ' ' || n_pairs || ' ' || coalesce(difference_low, p, sd, 'none') "
                               "FROM ablation WHERE NOT is_baseline"), "1.0 1 none");
    rn_store_close(s);
}

static void scores_of_unlike_samples_are_no_pair(void **state)
{
    (void)state;
    rn_store *s = open_store(RN_STORE_WRITE);
    put_experiment(s);
    for (int v = 0; v < 2; v++) {
        const int64_t run = begin(s, v, 0);
        score(s, run, 1, "A", 3, v ? 512 : 256);
        finish(s, run, RN_RUN_DONE);
    }
    assert_string_equal(ask(s, "SELECT n_pairs || ' ' || n_unlike FROM ablation WHERE NOT is_baseline"), "0 1");
    rn_store_close(s);
}

static void nan_and_infinity_survive(void **state)
{
    (void)state;
    rn_error err;
    rn_store *s = open_store(RN_STORE_WRITE);
    put_experiment(s);
    const int64_t run = begin(s, 0, 0);
    const char *const name[] = {"train/nan", "train/inf", "train/minus", "train/zero", "train/tiny"};
    const double value[] = {(double)NAN, (double)INFINITY, -(double)INFINITY, -0.0, 5e-324};
    assert_ok(rn_store_metrics(s, run, 3, 5, name, value, &err), err);
    assert_ok(rn_store_flush(s, &err), err);
    for (int i = 0; i < 5; i++) {
        sqlite3_stmt *q;
        sqlite3_prepare_v2(s->db, "SELECT value FROM curve WHERE name = ? AND step = 3", -1, &q, NULL);
        sqlite3_bind_text(q, 1, name[i], -1, SQLITE_STATIC);
        assert_int_equal(sqlite3_step(q), SQLITE_ROW);
        if (isnan(value[i]))
            assert_int_equal(sqlite3_column_type(q, 0), SQLITE_NULL);
        else
            assert_true(sqlite3_column_double(q, 0) == value[i]);
        sqlite3_finalize(q);
    }
    score(s, run, 1, "A", (double)NAN, 8);
    score(s, run, 1, "B", (double)INFINITY, 8);
    finish(s, run, RN_RUN_DONE);
    assert_string_equal(ask(s, "SELECT n_seeds || ' ' || n_nan || ' ' || ifnull(mean, 'NULL') FROM ablation WHERE features = 'A'"),
                        "0 1 NULL");
    assert_string_equal(ask(s, "SELECT mean = 9e999 FROM ablation WHERE features = 'B'"), "1");
    rn_store_close(s);
}

static void a_step_that_comes_again_replaces_its_row(void **state)
{
    (void)state;
    rn_error err;
    const char *const name = "train/loss";
    rn_store *s = open_store(RN_STORE_WRITE);
    put_experiment(s);
    const int64_t run = begin(s, 0, 0);
    for (int64_t step = 0; step < 5000; step++) { /* more than are held at once */
        const double value = (double)step;
        assert_ok(rn_store_metrics(s, run, step % 4000, 1, &name, &value, &err), err);
    }
    assert_ok(rn_store_flush(s, &err), err);
    assert_string_equal(ask(s, "SELECT count(*) || ' ' || sum(value) FROM curve"), "4000 11998000.0");
    assert_string_equal(ask(s, "SELECT step FROM run"), "3999");
    rn_store_close(s);
}

static void every_row_is_where_the_schema_says(void **state)
{
    (void)state;
    rn_error err;
    char sheet[128];
    snprintf(sheet, sizeof sheet, "%s/ablation/x/samples/s.png", folder);
    rn_store *s = open_store(RN_STORE_WRITE);
    put_experiment(s);
    const int64_t run = begin(s, 1, 0);
    const rn_row_parameter parameters[] = {{"train.steps", "100", "default", 100}, {"data.type", "x", "a.yaml:3:2", (double)NAN}};
    assert_ok(rn_store_parameters(s, run, parameters, 2, &err), err);
    const rn_row_plugin plugin = {"/usr/lib/x.so", H("c"), "x", "1.0", "MIT", 1, "op: y", (double)NAN};
    assert_ok(rn_store_plugins(s, run, &plugin, 1, &err), err);
    const rn_row_error grid[] = {{1, 0, -9, 0, 128, 0.5, (double)NAN}, {1, 1, 7, 0, 128, (double)NAN, (double)NAN}};
    assert_ok(rn_store_error_grid(s, run, "x0", 100, grid, 2, &err), err);
    const rn_row_sample sample = {.run = run, .step = 100, .path = sheet, .width = 64, .height = 64, .n = 4,
                                  .thumbnail = "png", .thumbnail_bytes = 3};
    assert_ok(rn_store_sample(s, &sample, &err), err);
    assert_ok(rn_store_artifact(s, 0, run, "weights", sheet, H("d"), 10, &err), err);
    assert_ok(rn_store_artifact(s, 0, run, "weights", sheet, H("e"), 20, &err), err);
    assert_ok(rn_store_event(s, run, "warning", "flat", 3, "text", &err), err);
    assert_ok(rn_store_metric_key(s, "train/loss", "1", "min", "the loss", &err), err);
    static const char *const wants[][2] = {
        {"SELECT number FROM parameter WHERE path = 'train.steps'", "100.0"},
        {"SELECT ifnull(number, 'none') || origin FROM parameter WHERE path = 'data.type'", "nonea.yaml:3:2"},
        {"SELECT p.name || r.offers FROM run_plugin r JOIN plugin p ON p.id = r.plugin_id", "xop: y"},
        {"SELECT group_concat(ifnull(mean, 'nan')) FROM error_grid", "0.5,nan"},
        {"SELECT path || length(thumbnail) FROM sample", "ablation/x/samples/s.png3"},
        {"SELECT group_concat(bytes) FROM artifact", "20"},
        {"SELECT level || step FROM event WHERE code = 'flat'", "warning3"},
        {"SELECT better FROM metric_key", "min"},
        {"SELECT out_dir FROM run", "ablation/shift.from=32/seed0"},
        {"SELECT b.path FROM experiment e JOIN spec s ON s.id = e.spec_id JOIN spec b ON b.id = s.base_id", "../base.yaml"},
        {"SELECT length(uid) || ' ' || status || ' ' || (pid_start > 0) FROM run", "32 running 1"},
        {"SELECT text FROM plan", "conv: reference"},
        {"SELECT count(*) FROM machine", "1"},
        {"SELECT count(*) FROM pragma_foreign_key_check", "0"},
        {"PRAGMA journal_mode", "wal"},
        {"PRAGMA foreign_keys", "1"},
    };
    for (size_t i = 0; i < sizeof wants / sizeof *wants; i++)
        assert_string_equal(ask(s, wants[i][0]), wants[i][1]);
    /* rows of runs that are not there are refused, and nothing of the call stays */
    assert_false(rn_store_parameters(s, 12345, parameters, 2, &err));
    assert_int_equal(err.code, RN_EDATABASE);
    assert_string_equal(ask(s, "SELECT count(*) FROM parameter"), "2");
    rn_store_close(s);
}

static void finished_runs_are_found_and_not_begun_again(void **state)
{
    (void)state;
    rn_error err;
    rn_claim claim;
    int64_t run = 1, again;
    rn_store *s = open_store(RN_STORE_WRITE);
    put_experiment(s);
    assert_ok(rn_store_find_done(s, "ablation", "shift=none", 0, H("a"), &run, &err), err);
    assert_int_equal(run, 0);
    const int64_t failed = begin(s, 0, 0);
    finish(s, failed, RN_RUN_FAILED);
    run = begin(s, 0, 0);
    assert_string_equal(ask(s, "SELECT max(attempt) FROM run"), "2");
    finish(s, run, RN_RUN_DONE);
    assert_ok(rn_store_find_done(s, "ablation", "shift=none", 0, H("a"), &again, &err), err);
    assert_int_equal(again, run);
    assert_ok(rn_store_find_done(s, "ablation", "shift=none", 0, H("b"), &again, &err), err);
    assert_int_equal(again, 0);
    const rn_row_run row = {.variant = variants[0].id, .seed = 0, .hash = H("a")};
    assert_ok(rn_store_run_begin(s, &row, &claim, &again, &err), err);
    assert_int_equal(claim, RN_CLAIM_DONE);
    assert_int_equal(again, run);
    rn_store_close(s);
}

static void views_show_the_hash_that_was_asked_for_last(void **state)
{
    (void)state;
    rn_error err;
    rn_store *s = open_store(RN_STORE_WRITE);
    put_experiment(s);
    for (int v = 0; v < 2; v++) {
        const int64_t run = begin(s, v, 0);
        score(s, run, 1, "A", v, 8);
        finish(s, run, RN_RUN_DONE);
    }
    rn_row_variant other = {.name = "shift=none", .hash = H("f"), .is_baseline = true};
    rn_row_experiment e = {.name = "ablation", .variant = &other, .n_variants = 1};
    assert_ok(rn_store_experiment(s, &e, &err), err);
    assert_int_equal(other.id, variants[0].id);
    assert_string_equal(ask(s, "SELECT count(*) FROM ablation"), "0");
    put_experiment(s);
    assert_string_equal(ask(s, "SELECT difference FROM ablation WHERE NOT is_baseline"), "1.0");
    rn_store_close(s);
}

/* A child begins a run and is killed; the parent, opening, finds it gone. */
static void a_run_whose_process_is_gone_is_lost(void **state)
{
    (void)state;
    rn_error err;
    int ready[2];
    rn_store *s = open_store(RN_STORE_WRITE);
    put_experiment(s);
    rn_store_close(s);
    assert_int_equal(pipe(ready), 0);
    const pid_t child = fork();
    if (child == 0) {
        rn_claim claim;
        int64_t run;
        const rn_row_run row = {.variant = variants[0].id, .seed = 0, .hash = H("a"), .out_dir = folder};
        if (rn_store_open(file, RN_STORE_WRITE, &s, &err) && rn_store_run_begin(s, &row, &claim, &run, &err) &&
            write(ready[1], "x", 1) == 1)
            pause();
        _exit(1);
    }
    char byte;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    s = open_store(RN_STORE_WRITE);
    assert_string_equal(ask(s, "SELECT status FROM run"), "running"); /* it lives */
    rn_claim claim;
    int64_t run;
    const rn_row_run row = {.variant = variants[0].id, .seed = 0, .hash = H("a")};
    assert_ok(rn_store_run_begin(s, &row, &claim, &run, &err), err);
    assert_int_equal(claim, RN_CLAIM_TAKEN);
    rn_store_close(s);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    s = open_store(RN_STORE_WRITE);
    assert_string_equal(ask(s, "SELECT status FROM run"), "lost");
    assert_string_equal(ask(s, "SELECT count(*) FROM event WHERE code = 'lost'"), "1");
    assert_ok(rn_store_run_begin(s, &row, &claim, &run, &err), err);
    assert_int_equal(claim, RN_CLAIM_BEGUN);
    rn_store_close(s);
    close(ready[0]);
    close(ready[1]);
}

static void paths_are_relative_to_the_folder_of_the_file(void **state)
{
    (void)state;
    rn_arena arena = {0};
    rn_store *s = open_store(RN_STORE_WRITE);
    static const char *const rows[][2] = {
        {"a/b.png", "a/b.png"}, {"./a//b.png", "a/b.png"}, {"a/../b", "b"}, {".", "."}, {"..", ".."},
        {"../other/x", "../other/x"}, {"link/x", "real/x"}, {"link/../y", "y"},
    };
    char path[512];
    snprintf(path, sizeof path, "%s/real", folder);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/link", folder);
    if (symlink("real", path) != 0)
        assert_true(access(path, F_OK) == 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, rows[i][0]);
        assert_string_equal(rn_store_relative(s, path, &arena), rows[i][1]);
    }
    rn_arena_free(&arena);
    rn_store_close(s);
}

static void unknown_experiments_are_answered_with_the_nearest_names(void **state)
{
    (void)state;
    rn_error err;
    rn_arena arena = {0};
    rn_row_listed row;
    rn_store *s = open_store(RN_STORE_WRITE);
    assert_false(rn_store_find(s, "x", &arena, &row, &err));
    put_experiment(s);
    assert_false(rn_store_find(s, "ablatoin", &arena, &row, &err));
    assert_int_equal(err.code, RN_EUNKNOWN);
    assert_non_null(strstr(err.text, "'ablation'"));
    assert_ok(rn_store_find(s, "ablation", &arena, &row, &err), err);
    assert_int_equal(row.variants, 2);
    rn_arena_free(&arena);
    rn_store_close(s);
}

static int remove_folder(void **state)
{
    char command[96];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_verdict_is_the_paired_difference_with_its_interval_and_p, setup),
        cmocka_unit_test_setup(one_seed_has_a_difference_but_no_interval, setup),
        cmocka_unit_test_setup(scores_of_unlike_samples_are_no_pair, setup),
        cmocka_unit_test_setup(nan_and_infinity_survive, setup),
        cmocka_unit_test_setup(a_step_that_comes_again_replaces_its_row, setup),
        cmocka_unit_test_setup(every_row_is_where_the_schema_says, setup),
        cmocka_unit_test_setup(finished_runs_are_found_and_not_begun_again, setup),
        cmocka_unit_test_setup(views_show_the_hash_that_was_asked_for_last, setup),
        cmocka_unit_test_setup(a_run_whose_process_is_gone_is_lost, setup),
        cmocka_unit_test_setup(paths_are_relative_to_the_folder_of_the_file, setup),
        cmocka_unit_test_setup(unknown_experiments_are_answered_with_the_nearest_names, setup),
    };
    if (!mkdtemp(folder))
        return 1;
    return cmocka_run_group_tests(tests, NULL, remove_folder);
}
