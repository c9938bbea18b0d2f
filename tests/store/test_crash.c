/* Several writers, killed writers, damaged files: what was committed is there, the file is whole, nothing crashes. */
#include "test.h"
#include "store/connection.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/runner-crash-XXXXXX";
static char file[64];

static int64_t ask(const char *path, const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *q;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 20000);
    if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    const int64_t value = sqlite3_step(q) == SQLITE_ROW ? sqlite3_column_int64(q, 0) : -1;
    sqlite3_finalize(q);
    sqlite3_close(db);
    return value;
}

/* An experiment whose one variant has a run of that seed, begun by this process; 0 on failure. */
static int64_t begin(rn_store *s, int64_t seed, rn_error *err)
{
    int64_t run;
    rn_claim claim;
    rn_row_variant v = {.name = "v", .hash = "0", .is_baseline = true};
    rn_row_experiment e = {.name = "e", .variant = &v, .n_variants = 1};
    if (!rn_store_experiment(s, &e, err) ||
        !rn_store_run_begin(s, &(rn_row_run){.variant = v.id, .seed = seed, .hash = "0"}, &claim, &run, err))
        return 0;
    return run;
}

/* A child that could not: why, for the log of the test. */
static void give_up(int status, const rn_error *err)
{
    fprintf(stderr, "a writing process gives up: %s\n", err->text);
    _exit(status);
}

/* Steps of one row each, committed one by one; each is told through the pipe once it is. */
static void write_steps(int64_t seed, int64_t steps, int told)
{
    rn_error err = {0};
    rn_store *s;
    static const char *const name = "train/loss";
    if (!rn_store_open(file, RN_STORE_WRITE, &s, &err))
        give_up(3, &err);
    const int64_t run = begin(s, seed, &err);
    for (int64_t step = 1; run && step <= steps; step++) {
        const double value = (double)step;
        if (!rn_store_metrics(s, run, step, 1, &name, &value, &err) || !rn_store_flush(s, &err) ||
            (told >= 0 && write(told, &step, sizeof step) != sizeof step))
            give_up(4, &err);
    }
    if (!run || !rn_store_run_finish(s, run, &(rn_row_finish){.status = RN_RUN_DONE, .steps = steps}, &err))
        give_up(5, &err);
    rn_store_close(s);
    _exit(0);
}

static void several_processes_write_one_file(void **state)
{
    (void)state;
    enum { PROCESSES = 4, STEPS = 200 };
    pid_t child[PROCESSES];
    remove(file); /* they also make it at the same time */
    for (int i = 0; i < PROCESSES; i++)
        if ((child[i] = fork()) == 0)
            write_steps(i, STEPS, -1);
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        waitpid(child[i], &status, 0);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    assert_int_equal(ask(file, "SELECT count(*) FROM metric"), PROCESSES * STEPS);
    assert_int_equal(ask(file, "SELECT count(*) FROM run WHERE status = 'done'"), PROCESSES);
    assert_int_equal(ask(file, "SELECT count(*) FROM variant"), 1);
}

static void a_writer_killed_at_any_instant_leaves_all_that_it_committed(void **state)
{
    (void)state;
    enum { KILLS = 20 };
    unsigned random = 12345;
    int with_rows = 0;
    remove(file);
    for (int i = 0; i < KILLS; i++) {
        int pipes[2];
        assert_int_equal(pipe(pipes), 0);
        const pid_t child = fork();
        if (child == 0) {
            close(pipes[0]);
            write_steps(i, INT64_MAX, pipes[1]);
        }
        close(pipes[1]);
        int64_t told = 0, step;
        if (i % 2 && read(pipes[0], &step, sizeof step) == sizeof step)
            told = step; /* however slow the machine is just now, half of them have written before they are killed */
        random = random * 1664525u + 1013904223u;
        usleep(random >> 16); /* up to 66 ms: opening, making the schema, writing */
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        while (read(pipes[0], &step, sizeof step) == sizeof step)
            told = step;
        close(pipes[0]);
        rn_error err;
        rn_store *s;
        assert_ok(rn_store_open(file, RN_STORE_WRITE, &s, &err), err);
        rn_store_close(s);
        char sql[160];
        snprintf(sql, sizeof sql, "SELECT count(*) FROM metric JOIN run ON run.id = run_id WHERE seed = %d", i);
        const int64_t rows = ask(file, sql);
        assert_true(rows >= told && rows <= told + 1); /* the last may be there and not yet told */
        with_rows += rows > 0;
        assert_int_equal(ask(file, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
        assert_int_equal(ask(file, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
        assert_int_equal(ask(file, "SELECT count(*) FROM run WHERE status = 'running'"), 0);
    }
    assert_true(with_rows > 0);
}

/* A small finished database as bytes. */
static uint8_t *small_database(size_t *bytes)
{
    rn_error err;
    rn_store *s;
    remove(file);
    assert_ok(rn_store_open(file, RN_STORE_WRITE, &s, &err), err);
    const int64_t run = begin(s, 0, &err);
    static const char *const name = "train/loss";
    for (int64_t step = 0; step < 500; step++)
        assert_ok(rn_store_metrics(s, run, step, 1, &name, &(double){0.5}, &err), err);
    const rn_row_score score = {.run = run, .step = 1, .metric = "m", .better = "min", .value = 1, .n = 2};
    assert_ok(rn_store_score(s, &score, &err), err);
    assert_ok(rn_store_run_finish(s, run, &(rn_row_finish){.status = RN_RUN_DONE}, &err), err);
    rn_store_close(s);
    FILE *f = fopen(file, "rb");
    assert_non_null(f);
    uint8_t *data = malloc(1 << 22);
    *bytes = fread(data, 1, 1 << 22, f);
    fclose(f);
    return data;
}

/* Opens and uses it, both ways. Returns how many of the two ways ended in an error; each has to say the file's name. */
static int try_both(const uint8_t *data, size_t bytes)
{
    int refused = 0;
    for (int mode = RN_STORE_READ; mode <= RN_STORE_WRITE; mode++) {
        char path[80];
        snprintf(path, sizeof path, "%s/damaged.db", folder);
        FILE *f = fopen(path, "wb");
        assert_non_null(f);
        assert_int_equal(fwrite(data, 1, bytes, f), bytes);
        fclose(f);
        rn_error err;
        rn_store *s = NULL;
        rn_arena arena = {0};
        rn_row_ablation *row;
        rn_row_status *status;
        size_t n;
        bool ok = rn_store_open(path, (rn_store_mode)mode, &s, &err) &&
                  rn_store_ablation(s, "e", &arena, &row, &n, &err) && rn_store_status(s, "e", &arena, &status, &n, &err);
        if (ok && mode == RN_STORE_WRITE)
            ok = begin(s, 1, &err) != 0;
        if (!ok) {
            refused++;
            assert_true(err.code == RN_EDATABASE || err.code == RN_EIO);
            if (!strstr(err.text, path))
                fail_msg("%zu bytes: %s", bytes, err.text);
        }
        rn_store_close(s);
        rn_arena_free(&arena);
        char beside[96];
        for (int i = 0; i < 2; i++) {
            snprintf(beside, sizeof beside, "%s%s", path, i ? "-wal" : "-shm");
            remove(beside);
        }
    }
    return refused;
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    size_t bytes;
    uint8_t *data = small_database(&bytes);
    assert_true(bytes > 50000);
    for (size_t cut = 512; cut < bytes; cut += 512)
        assert_int_equal(try_both(data, cut), 2);
    assert_int_equal(try_both(data, bytes), 0);
    free(data);
}

static void flipped_bytes_never_crash(void **state)
{
    (void)state;
    size_t bytes;
    uint8_t *data = small_database(&bytes), *copy = malloc(bytes);
    unsigned random = 99;
    int refused = 0;
    for (int i = 0; i < 150; i++) {
        memcpy(copy, data, bytes);
        for (int flips = 0; flips < 1 + i % 8; flips++) {
            random = random * 1664525u + 1013904223u;
            copy[(random >> 8) % (i % 3 ? bytes : 4096)] ^= (uint8_t)(1u << (random & 7));
        }
        refused += try_both(copy, bytes);
    }
    assert_true(refused > 0);
    free(copy);
    free(data);
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
        cmocka_unit_test(several_processes_write_one_file),
        cmocka_unit_test(a_writer_killed_at_any_instant_leaves_all_that_it_committed),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(flipped_bytes_never_crash),
    };
    if (!mkdtemp(folder))
        return 1;
    snprintf(file, sizeof file, "%s/results.db", folder);
    return cmocka_run_group_tests(tests, NULL, remove_folder);
}
