/* YAML text → located tree: what is read, what is refused and where, and that hostile text costs no more. */
#include "test.h"

#include "spec/tree.h"
#include "support/scratch.h"

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

typedef struct reading {
    rn_arena arena;
    rn_diagnostics told;
    const rn_node *root;
} reading;

static void read_bytes(reading *r, const char *text, size_t bytes)
{
    char *folder = scratch_folder(), *path = scratch_path(folder, "s.yaml");
    *r = (reading){0};
    scratch_write(path, text, bytes);
    r->root = rn_tree_read(&r->arena, path, (rn_mark){0}, &r->told);
    free(path);
    free(folder);
}

static void close_reading(reading *r)
{
    rn_arena_free(&r->arena);
    rn_diagnostics_free(&r->told);
}

/* The first error must stand there and hold these words. */
static void assert_told(const reading *r, const char *what, int line, int column, const char *words)
{
    const rn_diagnostic *e = r->told.first;
    if (!e)
        fail_msg("%s: nothing told", what);
    else if (e->line != line || e->column != column || !strstr(e->text, words))
        fail_msg("%s: told %d:%d: %s", what, e->line, e->column, e->text);
}

static const struct { const char *what, *text; int line, column; const char *words; } wrong[] = {
    {"empty", "", 1, 1, "empty"},
    {"only a comment", "# nothing\n\n", 1, 1, "empty"},
    {"a key twice", "a: 1\nb: 2\na: 3\n", 3, 1, "twice, first in line 1, column 1"},
    {"a key twice, deeper", "x:\n  {a: 1, b: 2, a: 3}\n", 2, 16, "twice, first in line 2, column 4"},
    {"merge key twice", "a: &a {x: 1}\nb: {<<: *a, <<: *a}\n", 2, 13, "twice"},
    {"a second document", "a: 1\n---\nb: 2\n", 2, 1, "a second document"},
    {"a second document after an end", "a: 1\n...\n---\nb: 2\n", 3, 1, "a second document"},
    {"an unknown tag", "a: !python/object 3\n", 1, 4, "unknown tag '!python/object'"},
    {"an unknown tag of a mapping", "a: !x {b: 1}\n", 1, 4, "unknown tag"},
    {"an unknown alias", "a: *b\n", 1, 4, "no anchor '&b'"},
    {"an alias in its own anchor", "a: &b [1, *b]\n", 1, 11, "inside of its own anchor"},
    {"a list as a key", "? [a, b]\n: 1\n", 1, 3, "a key must be a word"},
    {"an alias as a key", "a: &b c\n*b : 1\n", 2, 1, "a key must be a word"},
    {"merging a scalar", "a: {<<: 3}\n", 1, 5, "takes a mapping"},
    {"an open bracket", "a: [1, 2\nb: 3\n", 2, 2, "no YAML"},
    {"an open quote", "a: \"x\n", 2, 1, "no YAML"},
    {"a tab that indents", "a:\n\tb: 1\n", 2, 1, "no YAML"},
    {"a wrong indentation", "a: 1\n  b: 2\n", 2, 4, "no YAML"},
    {"a NUL in a text", "a: \"\\0\"\n", 1, 4, "NUL"},
    {"a NUL in a key", "\"a\\0\": 1\n", 1, 1, "NUL"},
    {"a control character", "a: x\x01y\n", 1, 5, "no YAML"},
    {"no UTF-8", "a: \xff\xfe\n", 1, 4, "no YAML"},
    {"cut in a code point", "ä: 1\na: \xc3", 2, 4, "no YAML"},
};

static void what_is_wrong_with_a_text_is_told_where_it_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        reading r;
        read_bytes(&r, wrong[i].text, strlen(wrong[i].text));
        assert_told(&r, wrong[i].what, wrong[i].line, wrong[i].column, wrong[i].words);
        close_reading(&r);
    }
}

static void other_encodings_are_refused_by_name(void **state)
{
    (void)state;
    static const struct { const char *text; size_t bytes; int column; const char *words; } files[] = {
        {"\xff\xfe"
         "a\0:\0 \0001\0",
         10, 1, "UTF-16"},
        {"\xfe\xff\0a\0:\0 \0001", 10, 1, "UTF-16"},
        {"a: 1\0", 5, 5, "NUL byte"},
        {"\0\0\xfe\xff", 4, 1, "NUL byte"},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        reading r;
        read_bytes(&r, files[i].text, files[i].bytes);
        assert_null(r.root);
        assert_told(&r, files[i].words, 1, files[i].column, files[i].words);
        close_reading(&r);
    }
}

static void places_count_code_points_past_marks_and_breaks(void **state)
{
    (void)state;
    static const struct { const char *what, *text; int line, column; } files[] = {
        {"plain", "a: 1\nb: 2\n", 2, 4},
        {"a byte order mark", "\xef\xbb\xbf"
                              "b: 2\n",
         1, 4},
        {"a mark, then lines", "\xef\xbb\xbf"
                               "a: 1\nb: 2\n",
         2, 4},
        {"CRLF", "a: 1\r\nb: 2\r\n", 2, 4},
        {"CR", "a: 1\rb: 2\r", 2, 4},
        {"umlauts", "{ä: ü, b: 2}\n", 1, 11},
        {"an emoji", "{a: \xf0\x9f\x8c\xb1, b: 2}\n", 1, 11},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        reading r;
        read_bytes(&r, files[i].text, strlen(files[i].text));
        const rn_entry *b = rn_tree_entry(r.root, "b");
        if (!b || b->value->mark.line != files[i].line || b->value->mark.column != files[i].column)
            fail_msg("%s: at %d:%d", files[i].what, b ? b->value->mark.line : 0, b ? b->value->mark.column : 0);
        assert_int_equal(r.told.n, 0);
        close_reading(&r);
    }
}

static void merge_keys_add_what_is_not_there(void **state)
{
    (void)state;
    static const char text[] = "one: &one {x: 1, y: 1}\ntwo: &two {y: 2, z: 2}\nall: {<<: [*one, *two], x: 0}\n";
    reading r;
    read_bytes(&r, text, strlen(text));
    const rn_node *all = rn_tree_entry(r.root, "all")->value;
    assert_int_equal(all->n, 3);
    assert_string_equal(rn_tree_entry(all, "x")->value->text, "0");
    assert_string_equal(rn_tree_entry(all, "y")->value->text, "1");
    assert_string_equal(rn_tree_entry(all, "z")->value->text, "2");
    assert_int_equal(rn_tree_entry(all, "z")->mark.line, 2);
    assert_int_equal(r.told.n, 0);
    close_reading(&r);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* `times` copies of `part` between head and tail. */
static char *repeated(const char *head, const char *part, size_t times, const char *tail)
{
    const size_t n = strlen(head), p = strlen(part), m = strlen(tail);
    char *text = malloc(n + p * times + m + 1);
    assert_non_null(text);
    memcpy(text, head, n);
    for (size_t i = 0; i < times; i++)
        memcpy(text + n + i * p, part, p);
    memcpy(text + n + p * times, tail, m + 1);
    return text;
}

/* Each is refused within a second: they would cost minutes, gigabytes or the stack if they were followed. */
static void hostile_texts_are_refused_at_once(void **state)
{
    (void)state;
    static const struct { const char *what, *head, *part; size_t times; const char *words; } texts[] = {
        {"200 KB of [", "", "[", 200000, "deeper than 64"},
        {"200 KB of {a:", "", "{a: ", 50000, "deeper than 64"},
        {"nested dashes", "", "- ", 100000, "deeper than 64"},
        {"2 MB", "", "a: 1\n", 400000, "larger than the limit"},
        {"many anchors", "", "- &a 1\n", 2000, "more than 1000 anchors"},
        {"many aliases", "- &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n", "- *a\n", 20000, "aliases stand for more than"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char *text = repeated(texts[i].head, texts[i].part, texts[i].times, "");
        reading r;
        const double begin = seconds();
        read_bytes(&r, text, strlen(text));
        const double took = seconds() - begin;
        assert_null(r.root);
        if (!r.told.first || !strstr(r.told.first->text, texts[i].words))
            fail_msg("%s: told %s", texts[i].what, r.told.first ? r.told.first->text : "nothing");
        if (took > 1)
            fail_msg("%s: took %.1f s", texts[i].what, took);
        close_reading(&r);
        free(text);
    }
}

static void an_alias_bomb_is_refused(void **state)
{
    (void)state;
    char text[2000] = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 20; i++) {
        char line[80];
        snprintf(line, sizeof line, "a%d: &a%d [*a%d, *a%d, *a%d, *a%d]\n", i, i, i - 1, i - 1, i - 1, i - 1);
        strcat(text, line);
    }
    reading r;
    read_bytes(&r, text, strlen(text));
    assert_null(r.root);
    assert_non_null(strstr(r.told.first->text, "aliases stand for more than"));
    close_reading(&r);
}

static void sixty_four_levels_are_read(void **state)
{
    (void)state;
    for (size_t depth = 63; depth <= 64; depth++) { /* of lists, with a scalar inside */
        char *open = repeated("", "[", depth, "1"), *all = repeated(open, "]", depth, "");
        reading r;
        read_bytes(&r, all, strlen(all));
        assert_int_equal(r.root != NULL, depth == 63);
        close_reading(&r);
        free(open);
        free(all);
    }
}

static void what_is_no_file_is_told_with_the_reason(void **state)
{
    (void)state;
    char *folder = scratch_folder(), *missing = scratch_path(folder, "missing.yaml"), *closed = scratch_path(folder, "c");
    scratch_write(closed, "a: 1\n", 5);
    assert_int_equal(chmod(closed, 0), 0);
    const struct { const char *path, *words; } files[] = {
        {missing, "No such file"}, {folder, "is a folder"}, {closed, geteuid() ? "Permission denied" : ""},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        reading r = {0};
        r.root = rn_tree_read(&r.arena, files[i].path, (rn_mark){0}, &r.told);
        if (!files[i].words[0]) { /* root reads all */
            close_reading(&r);
            continue;
        }
        assert_null(r.root);
        assert_told(&r, files[i].path, 0, 0, files[i].words);
        assert_int_equal(r.told.first->code, RN_EUSAGE); /* of the spec, not of the environment */
        close_reading(&r);
    }
    free(closed);
    free(missing);
    free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_wrong_with_a_text_is_told_where_it_is),
        cmocka_unit_test(other_encodings_are_refused_by_name),
        cmocka_unit_test(places_count_code_points_past_marks_and_breaks),
        cmocka_unit_test(merge_keys_add_what_is_not_there),
        cmocka_unit_test(hostile_texts_are_refused_at_once),
        cmocka_unit_test(an_alias_bomb_is_refused),
        cmocka_unit_test(sixty_four_levels_are_read),
        cmocka_unit_test(what_is_no_file_is_told_with_the_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
