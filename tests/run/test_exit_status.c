/* What goes wrong while a spec runs: each fault has its exit status, says what and where, leaves a sound database, and
 * is over once its cause is. Faults in specs and on the command line are in tests/faults. */
#include "support/scratch.h"
#include "data/png_write.h"
#include "tiny.h"

#define ONE_SEED " --quiet --set 'seeds=[0]'"
#define PLAIN ONE_SEED " --set vary=none"
#define FOLDER(path) PLAIN " --set 'data={type: image_folder, path: " path ", resolution: 16, held_out: 2}'"

typedef struct fault {
    const char *name;
    const char *before;  /* shell, in the same process as the runner: limits hold for it */
    const char *options; /* of `runner tiny.yaml` */
    int status;
    const char *said;    /* a part of what it writes to stderr */
    const char *sql, *answer; /* of results/results.db afterwards; NULL: it may not be there */
} fault;

/* clang-format off */
static const fault faults[] = {
    {"nothing", "", PLAIN, 0, "", "select status from run", "done\n"},
    {"unreadable images stop the run before training", "", FOLDER("mixed"), 3, "mixed/broken.png", "select count(*) from run", "0\n"},
    {"and are recorded where they are skipped", "", FOLDER("mixed") " --set data.on_error=skip", 0, "",
     "select level, instr(text, 'mixed/broken.png') > 0 from event where code = 'refused'", "warning|1\n"},
    {"a folder without one readable image", "", FOLDER("broken") " --set data.on_error=skip", 3, "broken", "select count(*) from run", "0\n"},
    {"a loss that is not finite fails its run, and the others go on", "",
     ONE_SEED " --set train.steps=60 --set train.optimizer.weight_decay=10 --set train.optimizer.clip=none --set train.optimizer.warmup=0"
     " --set 'vary={train.optimizer.lr: [10, 1e-3]}'", 1, "1 of 2 runs failed",
     "select variant.name, status, error like 'the loss is nan at step%' from run join variant on variant.id = variant_id order by run.id",
     "lr=10|failed|1\nlr=1e-3|done|\n"},
    {"a plugin that is not there", "", PLAIN " --set 'plugins=[gone.so]'", 3, "gone.so", NULL, NULL},
    {"a plugin that is no shared object", "", PLAIN " --set 'plugins=[tiny.yaml]'", 3, "tiny.yaml", NULL, NULL},
    {"a folder of results that is a file", "", PLAIN " --out tiny.yaml", 3, "tiny.yaml", NULL, NULL},
    {"a database that is none", "mkdir results && cp tiny.yaml results/results.db && ", PLAIN, 3, "results.db", NULL, NULL},
    {"a database that is a folder", "mkdir -p results/results.db && ", PLAIN, 3, "results.db", NULL, NULL},
    {"more memory than there is", "", PLAIN " --set data.resolution=4096 --set train.batch=65536", 3, "bytes", NULL, NULL},
    {"a disk without room for the database", "ulimit -f 20 && ", PLAIN, 3, "results.db", NULL, NULL},
    {"a disk without room for the weights", "ulimit -f 4000 && ", PLAIN " --set 'model.levels[1].channels=256'", 3, "safetensors",
     "select count(*) from run where status = 'done'", "0\n"},
};
/* clang-format on */

static void write_images(const char *folder)
{
    uint8_t pixels[16 * 16 * 3];
    rn_error err;
    char name[64];
    assert_int_equal(scratch_run(NULL, "cd '%s' && mkdir mixed broken && echo none > mixed/broken.png && echo none > broken/a.png",
                                 folder), 0);
    for (int i = 0; i < 6; i++) {
        for (int k = 0; k < (int)sizeof pixels; k++)
            pixels[k] = (uint8_t)(k * (i + 3));
        snprintf(name, sizeof name, "mixed/%d.png", i);
        char *path = scratch_path(folder, name);
        assert_ok(rn_sheet_write(path, pixels, 1, 16, 16, NULL, &err), err);
        free(path);
    }
}

static char *prepared(void)
{
    char *folder = scratch_folder(), *spec = scratch_path(folder, "tiny.yaml");
    scratch_write(spec, TINY_SPEC, strlen(TINY_SPEC));
    write_images(folder);
    free(spec);
    return folder;
}

/* Is what sqlite3 answers the text that was expected? */
static bool answers(const char *folder, const char *sql, const char *expected)
{
    char *text;
    const int status = scratch_run(&text, "sqlite3 '%s/results/results.db' \"%s\"", folder, sql);
    const bool ok = status == 0 && strcmp(text, expected) == 0;
    if (!ok)
        print_message("  %s\n  answers\n%s  instead of\n%s", sql, text, expected);
    free(text);
    return ok;
}

static bool check(const fault *f)
{
    char *folder = prepared(), *text;
    const int status = scratch_run(&text, "cd '%s' && %s timeout 60 " RUNNER " tiny.yaml %s > out", folder, f->before, f->options);
    bool ok = status == f->status && strstr(text, f->said);
    if (!ok)
        print_message("  exit status %d, %d was expected; said\n%s  wanted\n%s\n", status, f->status, text, f->said);
    free(text);
    if (f->sql)
        ok = answers(folder, f->sql, f->answer) && answers(folder, "pragma integrity_check", "ok\n") && ok;

    /* what was in the way is gone: the plain spec runs, whatever was left behind */
    const bool in_the_way = strstr(f->before, "results.db") != NULL;
    const int again = scratch_run(&text, "cd '%s' && %s " RUNNER " tiny.yaml" PLAIN " > out", folder,
                                  in_the_way ? "rm -r results &&" : "");
    if (again) {
        print_message("  afterwards: exit status %d\n%s", again, text);
        ok = false;
    }
    free(text), free(folder);
    return ok;
}

static void every_fault_has_its_exit_status_and_leaves_nothing_damaged(void **state)
{
    int wrong = 0;
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        if (!check(&faults[i])) {
            print_message("wrong: %s\n", faults[i].name);
            wrong++;
        }
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_fault_has_its_exit_status_and_leaves_nothing_damaged)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
