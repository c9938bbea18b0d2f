/* Opening what is no database of ours: one clear error that names the file, and nothing is created or changed. */
#include "test.h"
#include "store/connection.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/runner-open-XXXXXX";

static const char *at(const char *name)
{
    static char path[4][256];
    static int next;
    char *p = path[next++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", folder, name);
    return p;
}

static void put_file(const char *name, const void *data, size_t bytes)
{
    FILE *f = fopen(at(name), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, bytes, f), bytes);
    fclose(f);
}

static void run_sql(const char *name, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(at(name), &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_close(db);
}

static void make_ours(const char *name)
{
    rn_error err;
    rn_store *s;
    assert_ok(rn_store_open(at(name), RN_STORE_WRITE, &s, &err), err);
    rn_store_close(s);
}

static void what_cannot_be_opened_is_told_with_its_name_and_reason(void **state)
{
    (void)state;
    char text[8192];
    memset(text, 'x', sizeof text);
    put_file("empty.db", "", 0);
    put_file("short.db", "SQLite format 3", 16);
    put_file("text.db", text, sizeof text);
    mkdir(at("folder.db"), 0777);
    mkfifo(at("pipe.db"), 0666);
    run_sql("foreign.db", "CREATE TABLE songs (id); PRAGMA application_id = 7;");
    run_sql("unmarked.db", "CREATE TABLE songs (id);");
    make_ours("newer.db");
    run_sql("newer.db", "PRAGMA user_version = 99;");
    make_ours("tables.db");
    run_sql("tables.db", "DROP VIEW ablation; DROP TABLE verdict;");
    make_ours("columns.db");
    run_sql("columns.db", "ALTER TABLE experiment DROP COLUMN note;");
    make_ours("views.db"); /* of which no statement of the runner takes notice */
    run_sql("views.db", "DROP VIEW curve;");
    make_ours("empty_view.db");
    run_sql("empty_view.db", "DROP VIEW ablation; CREATE VIEW ablation AS SELECT name AS experiment FROM experiment;");
    make_ours("kind.db");
    run_sql("kind.db", "DROP VIEW curve; CREATE TABLE curve (experiment, variant, seed, name, step, value, time_ms, unit, run_id);");
    make_ours("unversioned.db");
    run_sql("unversioned.db", "PRAGMA user_version = 0;");
    make_ours("negative.db");
    run_sql("negative.db", "PRAGMA user_version = -7;");
    make_ours("newer_less.db");
    run_sql("newer_less.db", "PRAGMA user_version = 99; ALTER TABLE run DROP COLUMN exit_code;");
    memcpy(text, "SQLite format 3", 16);
    put_file("damaged.db", text, sizeof text);

    enum { R = 1, W = 2 };
    static const struct { const char *name; int modes; rn_code code; const char *reason; } rows[] = {
        {"missing.db", R, RN_EIO, "there is no database"},
        {"missing/results.db", R | W, RN_EIO, "No such file"},
        {"text.db/results.db", R | W, RN_EIO, "Not a directory"},
        {"empty.db", R, RN_EDATABASE, "is empty"},
        {"short.db", R | W, RN_EDATABASE, "no SQLite database"},
        {"text.db", R | W, RN_EDATABASE, "no SQLite database"},
        {"folder.db", R | W, RN_EIO, "it is a folder"},
        {"pipe.db", R | W, RN_EIO, "no regular file"},
        {"foreign.db", R | W, RN_EDATABASE, "another program (application id 0x00000007"},
        {"unmarked.db", R | W, RN_EDATABASE, "another program (tables songs)"},
        {"newer.db", W, RN_EDATABASE, "has schema version 99, this runner writes version 3"},
        {"newer_less.db", R, RN_EDATABASE, "(schema version 99) lacks the column 'exit_code' of the table 'run'"},
        {"tables.db", R | W, RN_EDATABASE, "lacks the table 'verdict'"},
        {"columns.db", R | W, RN_EDATABASE, "lacks the column 'note' of the table 'experiment'"},
        {"views.db", R | W, RN_EDATABASE, "lacks the view 'curve'"},
        {"empty_view.db", R | W, RN_EDATABASE, "lacks the column 'better' of the view 'ablation'"},
        {"kind.db", R | W, RN_EDATABASE, "lacks the view 'curve'"},
        {"unversioned.db", R | W, RN_EDATABASE, "its schema version is 0"},
        {"negative.db", R | W, RN_EDATABASE, "its schema version is -7"},
        {"damaged.db", R | W, RN_EDATABASE, "another program"}, /* its application id is noise, too */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int mode = R; mode <= W; mode++) {
            if (!(rows[i].modes & mode))
                continue;
            rn_error err;
            rn_store *s = NULL;
            struct stat before, after;
            const bool there = stat(at(rows[i].name), &before) == 0;
            if (rn_store_open(at(rows[i].name), mode == R ? RN_STORE_READ : RN_STORE_WRITE, &s, &err))
                fail_msg("%s was opened", rows[i].name);
            assert_null(s);
            assert_int_equal(err.code, rows[i].code);
            if (!strstr(err.text, at(rows[i].name)) || !strstr(err.text, rows[i].reason))
                fail_msg("%s: %s", rows[i].name, err.text);
            assert_int_equal(stat(at(rows[i].name), &after) == 0, there);
            if (there)
                assert_true(before.st_size == after.st_size && before.st_mtim.tv_nsec == after.st_mtim.tv_nsec);
        }
}

static void a_newer_file_can_still_be_read(void **state)
{
    (void)state;
    rn_error err;
    rn_store *s;
    rn_arena arena = {0};
    rn_row_listed *row;
    size_t n;
    make_ours("newer2.db");
    run_sql("newer2.db", "PRAGMA user_version = 4; ALTER TABLE run ADD COLUMN more TEXT;");
    assert_ok(rn_store_open(at("newer2.db"), RN_STORE_READ, &s, &err), err);
    assert_non_null(strstr(rn_store_notices(s), "has schema version 4, this runner knows version 3"));
    assert_ok(rn_store_list(s, &arena, &row, &n, &err), err);
    assert_false(rn_store_event(s, 0, "info", "x", 0, "y", &err)); /* not written, whatever is called */
    rn_store_close(s);
    rn_arena_free(&arena);
}

static void a_file_that_is_read_only_is_read_and_not_written(void **state)
{
    (void)state;
    rn_error err;
    rn_store *s;
    char path[256];
    snprintf(path, sizeof path, "%s/closed", folder);
    mkdir(path, 0777);
    make_ours("closed/results.db");
    chmod(at("closed/results.db"), 0444);
    chmod(path, 0555);
    rn_arena arena = {0};
    rn_row_listed *row;
    size_t n;
    assert_ok(rn_store_open(at("closed/results.db"), RN_STORE_READ, &s, &err), err);
    assert_ok(rn_store_list(s, &arena, &row, &n, &err), err);
    rn_store_close(s);
    rn_arena_free(&arena);
    assert_false(rn_store_open(at("closed/results.db"), RN_STORE_WRITE, &s, &err));
    assert_int_equal(err.code, RN_EIO);
    assert_non_null(strstr(err.text, "Permission denied"));
    assert_false(rn_store_open(at("closed/new.db"), RN_STORE_WRITE, &s, &err));
    assert_non_null(strstr(err.text, "could not create"));
    assert_true(access(at("closed/results.db-wal"), F_OK) != 0 && access(at("closed/new.db"), F_OK) != 0);
    chmod(path, 0755);
}

static void readers_leave_nothing_behind(void **state)
{
    (void)state;
    rn_error err;
    rn_store *s;
    make_ours("alone.db");
    assert_ok(rn_store_open(at("alone.db"), RN_STORE_READ, &s, &err), err);
    rn_store_close(s);
    assert_true(access(at("alone.db-wal"), F_OK) != 0 && access(at("alone.db-shm"), F_OK) != 0);
}

static void a_file_left_empty_by_a_killed_writer_is_made_anew(void **state)
{
    (void)state;
    put_file("begun.db", "", 0);
    make_ours("begun.db");
    make_ours(":memory:"); /* a file like any other */
    assert_int_equal(access(at(":memory:"), F_OK), 0);
}

static const rn_schema_file two_versions[] = {
    {"0001", "CREATE TABLE a (x); INSERT INTO a VALUES (1); PRAGMA application_id = 1380860994; PRAGMA user_version = 1;"},
    {"0002", "ALTER TABLE a ADD COLUMN y; PRAGMA user_version = 2;"},
    {0, 0},
};
static const rn_schema_file one_version[] = {{"0001", NULL}, {0, 0}};
static const rn_schema_file broken_version[] = {
    {"0001", NULL}, {"0002", "ALTER TABLE a ADD COLUMN y; INSERT INTO nowhere VALUES (1);"}, {0, 0}};

static int count(void *n, int columns, char **value, char **name)
{
    (void)columns, (void)name;
    *(int *)n = atoi(value[0]);
    return 0;
}

static int ask(const char *name, const char *sql)
{
    sqlite3 *db;
    int n = -1;
    assert_int_equal(sqlite3_open(at(name), &db), SQLITE_OK);
    sqlite3_exec(db, sql, count, &n, NULL);
    sqlite3_close(db);
    return n;
}

/* The store itself needs tables of its own, so the migration is called alone. */
static bool migrate(const char *name, const rn_schema_file *schema, rn_store *s, rn_error *err)
{
    memset(s, 0, sizeof *s);
    s->path = (char *)(uintptr_t)at(name);
    s->patience_ms = 1000;
    assert_int_equal(sqlite3_open(s->path, &s->db), SQLITE_OK);
    const bool ok = rn_store_migrate(s, schema, err);
    sqlite3_close(s->db);
    return ok;
}

static void an_older_file_is_copied_and_brought_forward(void **state)
{
    (void)state;
    rn_error err;
    rn_store s;
    run_sql("old.db", two_versions[0].sql);
    assert_ok(migrate("old.db", one_version, &s, &err), err); /* nothing to do, no copy */
    assert_true(access(at("old.db.v1.bak"), F_OK) != 0);
    assert_false(migrate("old.db", broken_version, &s, &err)); /* all or nothing */
    assert_non_null(strstr(err.text, "0002"));
    assert_int_equal(ask("old.db", "PRAGMA user_version"), 1);
    assert_int_equal(ask("old.db", "SELECT count(*) FROM pragma_table_info('a')"), 1);
    assert_ok(migrate("old.db", two_versions, &s, &err), err);
    assert_non_null(strstr(s.notices, "from schema version 1 to 2"));
    assert_int_equal(ask("old.db", "PRAGMA user_version"), 2);
    assert_int_equal(ask("old.db", "SELECT count(*) FROM pragma_table_info('a')"), 2);
    assert_int_equal(ask("old.db.v1-2.bak", "PRAGMA user_version"), 1); /* the first copy was not overwritten */
    assert_int_equal(ask("old.db.v1-2.bak", "SELECT x FROM a"), 1);
}

/* From each version that was released to the newest, with what was in it. */
static void files_of_every_released_version_are_brought_forward(void **state)
{
    (void)state;
    int newest = 0, tried = 0;
    while (rn_schema_files[newest].name)
        newest++;
    for (int version = 1; version < newest; version++, tried++) {
        rn_error err;
        rn_store *s;
        char name[32], sql[128], copy[64];
        snprintf(name, sizeof name, "released%d.db", version);
        for (int i = 0; i < version; i++)
            run_sql(name, rn_schema_files[i].sql);
        run_sql(name, "INSERT INTO experiment (name, created_ms, updated_ms) VALUES ('kept', 1, 1)");
        assert_ok(rn_store_open(at(name), RN_STORE_WRITE, &s, &err), err); /* which also looks for every table and column */
        snprintf(sql, sizeof sql, "from schema version %d to %d", version, newest);
        assert_non_null(strstr(rn_store_notices(s), sql));
        rn_store_close(s);
        assert_int_equal(ask(name, "PRAGMA user_version"), newest);
        assert_int_equal(ask(name, "SELECT count(*) FROM experiment WHERE name = 'kept'"), 1);
        snprintf(copy, sizeof copy, "%s.v%d.bak", name, version);
        assert_int_equal(ask(copy, "PRAGMA user_version"), version);
    }
    assert_true(tried > 0);
}

/* Readers change nothing, so an older file has to wait for a writer; it is said who that is. */
static void an_older_file_is_not_read_as_if_it_were_new(void **state)
{
    (void)state;
    rn_error err;
    rn_store *s = NULL;
    run_sql("old2.db", two_versions[0].sql);
    assert_false(rn_store_open_with(at("old2.db"), RN_STORE_READ, two_versions, &s, &err));
    assert_int_equal(err.code, RN_EDATABASE);
    assert_non_null(strstr(err.text, "has schema version 1, this runner reads version 2: run a spec with it"));
    assert_int_equal(ask("old2.db", "PRAGMA user_version"), 1);
}

/* A view that was made anew may have NULL where a table of ours cannot. */
static void a_view_that_answers_nonsense_is_told(void **state)
{
    (void)state;
    rn_error err;
    rn_store *s;
    rn_arena arena = {0};
    rn_row_ablation *row;
    rn_row_status *run;
    size_t n;
    make_ours("nonsense.db");
    run_sql("nonsense.db", "DROP VIEW ablation; CREATE VIEW ablation AS SELECT 'e' AS experiment, NULL AS variant, NULL AS metric, "
                           "NULL AS features, NULL AS setting, 1 AS is_baseline, 1 AS n_seeds, 1 AS mean, 1 AS sd, 1 AS low, "
                           "1 AS high, 1 AS difference, 1 AS difference_low, 1 AS difference_high, 1 AS p, 1 AS n_pairs, "
                           "1 AS n_nan, 1 AS n_unlike, NULL AS better, 1 AS floor, 1 AS n_samples, 1 AS dims, NULL AS note, "
                           "1 AS position, NULL AS hash");
    assert_ok(rn_store_open(at("nonsense.db"), RN_STORE_READ, &s, &err), err);
    assert_ok(rn_store_status(s, "e", &arena, &run, &n, &err), err);
    assert_false(rn_store_ablation(s, "e", &arena, &row, &n, &err));
    assert_int_equal(err.code, RN_EDATABASE);
    assert_non_null(strstr(err.text, "nonsense.db': a row of the view ablation lacks a value"));
    rn_store_close(s);
    rn_arena_free(&arena);
}

/* A file system without shared memory, as SQLite's lock-file VFS has none. */
static void without_shared_memory_the_journal_is_delete_and_says_so(void **state)
{
    (void)state;
    rn_error err;
    rn_store *s;
    sqlite3_vfs *usual = sqlite3_vfs_find(NULL), *locks = sqlite3_vfs_find("unix-dotfile");
    assert_non_null(locks);
    sqlite3_vfs_register(locks, 1);
    for (int i = 0; i < 2; i++) {
        assert_ok(rn_store_open(at("network.db"), RN_STORE_WRITE, &s, &err), err);
        assert_non_null(strstr(rn_store_notices(s), "journal mode is DELETE"));
        rn_store_close(s);
    }
    sqlite3_vfs_register(usual, 1);
    assert_int_equal(ask("network.db", "SELECT count(*) FROM event WHERE code = 'open' AND level = 'warning'"), 1);
}

static void a_locked_file_is_waited_for_and_then_told(void **state)
{
    (void)state;
    rn_error err;
    rn_store *a, *b;
    const char *name = "x";
    const double value = 1;
    assert_ok(rn_store_open(at("locked.db"), RN_STORE_WRITE, &a, &err), err);
    assert_ok(rn_store_open(at("locked.db"), RN_STORE_WRITE, &b, &err), err);
    rn_store_set_patience(b, 50);
    rn_row_variant v = {.name = "v", .hash = "0"};
    rn_row_experiment e = {.name = "e", .variant = &v, .n_variants = 1};
    assert_ok(rn_store_experiment(b, &e, &err), err);
    int64_t run;
    rn_claim claim;
    assert_ok(rn_store_run_begin(b, &(rn_row_run){.variant = v.id, .hash = "0"}, &claim, &run, &err), err);
    assert_ok(rn_store_begin(a, &err), err);
    assert_false(rn_store_event(b, run, "info", "x", 0, "y", &err));
    assert_int_equal(err.code, RN_EDATABASE);
    assert_non_null(strstr(err.text, "is locked"));
    b->held_since_ms = 0;
    assert_ok(rn_store_metrics(b, run, 1, 1, &name, &value, &err), err); /* training goes on: the row waits */
    b->held_since_ms = 0;
    assert_ok(rn_store_metrics(b, run, 2, 1, &name, &value, &err), err);
    assert_ok(rn_store_end(a, true, &err), err);
    assert_ok(rn_store_event(b, run, "info", "x", 0, "y", &err), err);
    rn_store_close(a);
    rn_store_close(b);
    assert_int_equal(ask("locked.db", "SELECT count(*) FROM metric"), 2);
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
        cmocka_unit_test(what_cannot_be_opened_is_told_with_its_name_and_reason),
        cmocka_unit_test(a_newer_file_can_still_be_read),
        cmocka_unit_test(a_file_that_is_read_only_is_read_and_not_written),
        cmocka_unit_test(readers_leave_nothing_behind),
        cmocka_unit_test(a_file_left_empty_by_a_killed_writer_is_made_anew),
        cmocka_unit_test(an_older_file_is_copied_and_brought_forward),
        cmocka_unit_test(files_of_every_released_version_are_brought_forward),
        cmocka_unit_test(an_older_file_is_not_read_as_if_it_were_new),
        cmocka_unit_test(a_view_that_answers_nonsense_is_told),
        cmocka_unit_test(without_shared_memory_the_journal_is_delete_and_says_so),
        cmocka_unit_test(a_locked_file_is_waited_for_and_then_told),
    };
    if (!mkdtemp(folder))
        return 1;
    return cmocka_run_group_tests(tests, NULL, remove_folder);
}
