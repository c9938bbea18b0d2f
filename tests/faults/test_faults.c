/* What people do wrong, through the command line: each fault ends with one message that has its place and with the
 * right exit status, and nothing is made before a spec is accepted. */
#include "faults/spec_faults.h"
#include "support/scratch.h"

#include <sys/stat.h>
#include <unistd.h>

static char *folder;

static const struct section { const char *name, *text; } good[] = {
    {"data", "{type: dead_leaves, count: 32, resolution: 8, held_out: 4}"},
    {"model", "\n  type: uvit\n  levels:\n    - {channels: 8, block: resnet, blocks: 1}\n"
              "    - {channels: 8, block: transformer, blocks: 1, heads: 2}"},
    {"task", "{type: diffusion, schedule: {type: cosine, shift: none}}"},
    {"train", "{steps: 2, batch: 4}"},
    {"evaluate", "{samples: 8, sampler: {type: ddim, steps: 2}}"},
    {"seeds", "[0]"},
};

/* Writes t.yaml: the good spec, but for one section. */
static void write_spec(const char *section, const char *text)
{
    char *path = scratch_path(folder, "t.yaml");
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(strcmp(section, "head") == 0 ? text : "version: 1\nname: x\n", f);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        fprintf(f, "%s: %s\n", good[i].name, strcmp(section, good[i].name) == 0 ? text : good[i].text);
    if (strcmp(section, "+") == 0)
        fprintf(f, "%s\n", text);
    assert_int_equal(fclose(f), 0);
    free(path);
}

/* Runs the runner in the scratch folder with arguments that the shell reads, and compares. */
static bool behaves(const char *what, const char *arguments, int status, const char *told)
{
    char *text = NULL;
    const int got = scratch_run(&text, "cd '%s' && { timeout 60 '%s/runner' %s; } 2>&1", folder, BUILD_FOLDER, arguments);
    /* what has a place is shown with its line and a caret */
    const bool placed = strncmp(told, "t.yaml:", 7) == 0 || strncmp(told, "--set:", 6) == 0 || strncmp(told, "--set #", 7) == 0;
    const bool shown = strstr(text, " | ") && strchr(text, '^');
    const bool ok = got == status && strstr(text, told) && (shown || !placed) && !strstr(text, "Sanitizer") && !strstr(text, "runtime error");
    if (!ok)
        print_error("%s\n  status %d instead of %d, \"%s\" expected in:\n%s\n", what, got, status, told, text);
    free(text);
    return ok;
}

/* text as one word of the shell. */
static void quote(const char *text, char *word, size_t size)
{
    size_t n = 0;
    word[n++] = '\'';
    for (; *text && n + 6 < size; text++)
        if (*text == '\'')
            n += (size_t)snprintf(word + n, size - n, "'\\''");
        else
            word[n++] = *text;
    word[n++] = '\'';
    word[n] = '\0';
}

static void every_fault_of_a_spec_is_told_with_its_place(void **state)
{
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < sizeof spec_faults / sizeof *spec_faults; i++) {
        const spec_fault *f = &spec_faults[i];
        char arguments[1200] = "t.yaml --out never", word[1024];
        const bool set = strcmp(f->section, "--set") == 0;
        write_spec(set ? "" : f->section, f->text);
        if (set) {
            quote(f->text, word, sizeof word);
            snprintf(arguments, sizeof arguments, "t.yaml --out never --set %s", word);
        }
        wrong += !behaves(f->text, arguments, f->status, f->told);
    }
    char *never = scratch_path(folder, "never");
    assert_int_not_equal(access(never, F_OK), 0);
    free(never);
    assert_int_equal(wrong, 0);
}

/* Whole files that are no spec. */
static void what_is_no_spec_is_refused(void **state)
{
    (void)state;
    static const struct { const char *what, *text; size_t bytes; const char *told; } rows[] = {
        {"empty", "", 0, "t.yaml:1:1: the file is empty"},
        {"a comment", "# x\n", 4, "the file is empty"},
        {"NUL", "version: 1\n\0", 12, "t.yaml:2:1"},
        {"UTF-16", "\xff\xfe" "a\0", 4, "t.yaml:1:1"},
        {"Latin-1", "name: caf\xe9\n", 11, "t.yaml:1:10"},
        {"a tab", "data:\n\ttype: x\n", 15, "t.yaml:2:1"},
        {"a list", "- a\n", 4, "t.yaml:1:1: a spec is a mapping"},
        {"a word", "hello\n", 6, "t.yaml:1:1: a spec is a mapping"},
        {"two documents", "version: 1\n---\nversion: 1\n", 26, "t.yaml:2:1"},
        {"an alias in itself", "a: &a [*a]\n", 11, "t.yaml:1:8: alias '*a' stands inside of its own anchor"},
    };
    char *path = scratch_path(folder, "t.yaml");
    int wrong = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        scratch_write(path, rows[i].text, rows[i].bytes);
        wrong += !behaves(rows[i].what, "validate t.yaml", 2, rows[i].told);
    }
    const size_t bytes = 200000;
    char *deep = malloc(bytes);
    assert_non_null(deep);
    memset(deep, '[', bytes);
    scratch_write(path, deep, bytes);
    wrong += !behaves("200 KB of [", "validate t.yaml", 2, "t.yaml:1:65: nested deeper than 64 levels");
    free(deep);
    free(path);
    assert_int_equal(wrong, 0);
}

/* bytes of a file in the scratch folder, and what reads it */
typedef struct file_fault {
    const char *name, *text;
    size_t bytes;
    const char *arguments;
    int status;
    const char *told;
} file_fault;

#define RUN "t.yaml --quiet --out out --set "
static const file_fault file_faults[] = {
    {"d/a.png", "xx", 2, RUN "'data={type: image_folder, path: d, resolution: 8}'", 3, "'d/a.png'"},
    {"d/a.png", "xx", 2, "data d", 1, "a.png"},
    {"d/a.png", "\x89PNG\r\n\x1a\n", 8, RUN "'data={type: image_folder, path: d, resolution: 8, on_error: skip}'", 3, "'d/a.png'"},
    {"a.tar", "garbage", 7, RUN "'data={type: tar, path: a.tar, resolution: 8}'", 3, "a.tar"},
    {"a.tar", "", 0, RUN "'data={type: tar, path: a.tar, resolution: 8}'", 3, "a.tar"},
    {"a.bin", "12345", 5, RUN "'data={type: cifar10, path: a.bin, resolution: 8}'", 3, "a.bin"},
    {"a.idx", "\0\0\7\3", 4, RUN "'data={type: idx, path: a.idx, resolution: 8}'", 3, "a.idx"},
    {"a.idx", "\0\0\x08\x03\0\0\0\1\xff\xff\xff\xff\xff\xff\xff\xff", 16, RUN "'data={type: idx, path: a.idx, resolution: 8}'", 3, "a.idx"},
    {"b.idx", "\0\0\x08\x03\0\0\0\1\0\0\0\2\0\0\0\2x", 17, RUN "'data={type: idx, path: b.idx, resolution: 8}'", 3, "b.idx"},
    {"a.db", "hello world, hello world", 24, "t.yaml --quiet --out out --db a.db", 3, "'a.db' is no SQLite database"},
    {"a.db", "hello world, hello world", 24, "compare x --db a.db", 3, "'a.db' is no SQLite database"},
    {"a.db", "", 0, "compare x --db a.db", 3, "database 'a.db' is empty"},
    {"a.so", "not ELF", 7, "validate t.yaml --plugin-dir a.so", 3, "a.so': no shared object"},
    {"a.so", "\x7f" "ELF", 4, "validate t.yaml --plugin-dir a.so", 3, "a.so'"},
    {"file", "x", 1, "t.yaml --quiet --out file", 3, "'file': a file of that name is there"},
    {"file", "x", 1, "t.yaml --quiet --out file/x", 3, "'file"},
    {"o/cache/images", "x", 1, "t.yaml --quiet --out o", 3, "'o/cache/images': a file of that name is there"},
};

/* No file of ours: places that are not there, that are of another kind, the command line. */
static const struct { const char *arguments; int status; const char *told; } line_faults[] = {
    {"", 2, "usage:"},
    {"--", 2, "usage:"},
    {"nonsense", 2, "neither a verb nor the path of a spec"},
    {"vaildate t.yaml", 2, "did you mean 'validate'"},
    {"validate", 2, "usage: runner validate"},
    {"validate t.yaml x", 2, "usage: runner validate"},
    {"validate t.yaml --set", 2, "--set wants a value"},
    {"validate t.yaml --set seeds=[1] --set train.steps=x", 2, "--set #2:13: train.steps: 'x' is no whole number"},
    {"validate t.yaml --set 'task.loss.scales=[3]' --set seeds=[1]", 2, "--set #1:18: variant base: task: loss.scales: 3 does not divide"},
    {"validate t.yaml", 0, ": 1 variant x 1 seed, nothing wrong"},
    {"plan t.yaml --set seeds=[1,2] --set 'vary={train.steps: [2, 3]}'", 0, "2 variants x 2 seeds"},
    {"schedule t.yaml --set 'task.schedule.shift={low: 4}'", 2, "--set:21: shift: low without high"},
    {"bench t.yaml --set model.levels[1].heads=3", 2, "--set:23: mid.0: heads: 3 does not divide"},
    {"validate t.yaml --json=1", 2, "--json"},
    {"validate t.yaml --out x", 2, "has no option --out"},
    {"validate t.yaml --thread 2", 2, "did you mean '--threads'"},
    {"validate -- --help", 2, "'--help'"},
    {"t.yaml --help", 0, "usage: runner run SPEC [options]"}, /* and does not run it */
    {"nonsense --help", 2, "neither a verb nor the path of a spec"},
    {"plugins --help", 0, "usage: runner plugins [options]"},
    {"bench --help", 0, "steps to measure (default: 9)\n"},
    {"sample --help", 0, "steps from noise to image (default: the run's)\n"},
    {"schedule t.yaml --plot x.png", 2, "--plot: 'x.png' does not end in .svg"},
    {"schedule t.yaml", 0, "0.50    0.0000  0.707107  0.707107"}, /* not -0.0000 */
    {"schedule t.yaml", 0, "pixels, no shift\n"},
    {"schedule t.yaml --set 'task.schedule.shift={from: 4}'", 0, "pixels, shifted: logSNR -1.386 at every t\n"},
    {"check kernels reference", 0, "0 kernels compared with the reference, 0 differ: what was named has only reference kernels"},
    {"t.yaml --out=", 2, "--out: an empty path"},
    {"bench t.yaml --threads 0", 2, "--threads: '0' is no number from 1 to 1024"},
    {"bench t.yaml --threads -1", 2, "--threads: '-1'"},
    {"bench t.yaml --threads 99999999999999999999", 2, "--threads:"},
    {"bench t.yaml --threads 1x", 2, "--threads: '1x'"},
    {"bench t.yaml --steps 0", 2, "--steps"},
    {"bench t.yaml --mode x", 2, "--mode"},
    {"validate nope.yaml", 2, "could not read 'nope.yaml'"},
    {"validate .", 2, "could not read '.': it is a folder"},
    {"validate /dev/zero", 2, "larger than the limit"},
    {"validate fifo", 2, "fifo:1:1: the file is empty"},
    {"compare x --db nope.db", 3, "nope.db"},
    {"compare x --db nope/x.db", 3, "folder 'nope'"},
    {"compare x --db .", 3, "it is a folder"},
    {"t.yaml --quiet --out out --db .", 3, "it is a folder"},
    {"t.yaml --quiet --out out --db /dev/null", 3, "no regular file"},
    {"t.yaml --quiet --out /proc/x", 3, "'/proc/x'"},
    {"validate t.yaml --plugin-dir nope", 3, "--plugin-dir names 'nope'"},
    {RUN "'data={type: image_folder, path: nope, resolution: 8}'", 3, "--set:33: could not read the folder 'nope'"},
    {RUN "'data={type: image_folder, path: empty, resolution: 8}'", 3, "'empty'"},
    {RUN "'data={type: tar, path: empty, resolution: 8}'", 3, "'empty'"},
    {RUN "'data={type: cifar10, path: nope.bin, resolution: 8}'", 3, "nope.bin"},
    {RUN "'data={type: idx, path: nope.idx, resolution: 8}'", 3, "nope.idx"},
    {RUN "'model.levels[0].channels=65536'", 3, "this machine has"},
    {"describe model uvit > /dev/full", 3, "could not write the output"},
    {"validate t.yaml > /dev/full", 3, "could not write the output"},
    {"validate t.yaml >&-", 3, "could not write the output"},
};

static void make(const char *name)
{
    char *path = scratch_path(folder, name);
    assert_true(mkdir(path, 0777) == 0);
    free(path);
}

static void damaged_files_are_named(void **state)
{
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < sizeof file_faults / sizeof *file_faults; i++) {
        const file_fault *f = &file_faults[i];
        char *path = scratch_path(folder, f->name);
        write_spec("", "");
        scratch_write(path, f->text, f->bytes);
        wrong += !behaves(f->arguments, f->arguments, f->status, f->told);
        free(path);
    }
    assert_int_equal(wrong, 0);
}

static void command_lines_and_missing_things_are_told(void **state)
{
    (void)state;
    int wrong = 0;
    write_spec("", "");
    for (size_t i = 0; i < sizeof line_faults / sizeof *line_faults; i++)
        wrong += !behaves(line_faults[i].arguments, line_faults[i].arguments, line_faults[i].status, line_faults[i].told);
    assert_int_equal(wrong, 0);
}

/* A limit on the size of files is a full disk that a test may have. */
static void a_full_disk_is_an_error_of_the_environment(void **state)
{
    (void)state;
    int wrong = 0;
    write_spec("", "");
    static const int blocks[] = {0, 1, 40, 200}; /* of 512 bytes */
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        char *text = NULL;
        const int status = scratch_run(&text, "cd '%s' && rm -rf full && (ulimit -f %d; exec '%s/runner' t.yaml --quiet "
                                              "--out full) 2>&1", folder, blocks[i], BUILD_FOLDER);
        if (status != 3 || !strstr(text, "full/") || strstr(text, "Sanitizer")) {
            print_error("%d blocks: status %d: %s\n", blocks[i], status, text);
            wrong++;
        }
        free(text);
    }
    assert_int_equal(wrong, 0);
}

static void caches_with_a_changed_byte_are_made_again(void **state)
{
    (void)state;
    write_spec("", "");
    assert_true(behaves("first", "t.yaml --quiet --out cached", 0, "base"));
    assert_int_equal(scratch_run(NULL, "cd '%s/cached' && cp -r cache ../kept && rm -r x results.db && for f in cache/*/*; do "
                                       "printf '\\125' | dd of=\"$f\" bs=1 seek=$(($(stat -c %%s \"$f\") - 5)) conv=notrunc "
                                       "2>/dev/null; cmp -s \"$f\" \"../kept/${f#cache/}\" && exit 1; done; exit 0", folder), 0);
    assert_true(behaves("again", "t.yaml --quiet --out cached", 0, "base"));
    assert_int_equal(scratch_run(NULL, "cd '%s' && diff -r kept cached/cache", folder), 0);
}

static int begin(void **state)
{
    (void)state;
    folder = scratch_folder();
    make("d");
    make("empty");
    make("o");
    make("o/cache");
    char *fifo = scratch_path(folder, "fifo");
    const int bad = mkfifo(fifo, 0666);
    free(fifo);
    return bad;
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
        cmocka_unit_test(every_fault_of_a_spec_is_told_with_its_place),
        cmocka_unit_test(what_is_no_spec_is_refused),
        cmocka_unit_test(damaged_files_are_named),
        cmocka_unit_test(command_lines_and_missing_things_are_told),
        cmocka_unit_test(a_full_disk_is_an_error_of_the_environment),
        cmocka_unit_test(caches_with_a_changed_byte_are_made_again),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
