/* The walls of the house, read from the sources: each floor of runner/ includes only floors below it, a library has one
 * floor, and no file of runner/ knows a component by its name. */
#include "plugin/load.h"
#include "support/scratch.h"

#include <ftw.h>

static const char *const floors[] = {"base", "spec",  "plugin", "graph",  "tune", "diffusion", "data",
                                     "train", "eval", "store",  "report", "cli"};

/* Floors that lie below and yet are none of one's business. */
static const struct {
    const char *floor, *not_to_include, *why;
} strangers[] = {
    {"diffusion", "graph", "the algebra of logSNR needs no program"},
    {"data", "graph", "images come in as plain arrays"},
    {"data", "diffusion", "images come in as plain arrays"},
    {"store", "graph", "the database takes numbers and texts"},
    {"store", "train", "the database takes numbers and texts"},
    {"report", "train", "tables read what the store has"},
};

/* Headers of libraries, and the one floor that sees them. */
static const struct {
    const char *header, *floor;
} libraries[] = {
    {"yaml.h", "spec"}, {"sqlite3.h", "store"}, {"png.h", "data"},      {"jpeglib.h", "data"},
    {"omp.h", "base"},  {"dlfcn.h", "plugin"},  {"openssl/", "base"},
};

/* Words that happen to be a component's name as well, and mean something else where they stand. */
static const struct {
    const char *word, *file, *meaning;
} homonyms[] = {
    {"eps", "diffusion/prediction.c", "what a network predicts: the noise"},
    {"v", "diffusion/prediction.c", "what a network predicts: α·ε − σ·x"},
    {"x0", "diffusion/prediction.c", "what a network predicts: the image"},
    {"flow", "diffusion/prediction.c", "what a network predicts: ε − x"},
    {"x0", "train/trainer.c", "an output of the denoising program"},
    {"x0", "cli/run_one.c", "which error the grid of errors has"},
    {"scale", "report/error_map.c", "by how much errors are pooled: a name of JSON"},
    {"scale", "store/shown.c", "the same: a column"},
    {"cpu", "store/shown.c", "a column: where a run ran"},
    {"x0", "report/show_run.c", "which error the grid of errors has"},
    {"x0", "report/show_experiment.c", "which error the grid of errors has"},
    {"linear", "plugin/describe.c", "a trait of an op"},
    {"copy", "plugin/describe.c", "a trait of an op"},
    {"cosine", "spec/experiment.c", "how the learning rate falls"},
    {"reference", "cli/verb_describe.c", "which page to print"},
};
static int homonym_seen[sizeof homonyms / sizeof *homonyms];

enum { MOST_FILES = 1000 };
static char *sources[MOST_FILES]; /* paths below runner/ */
static int n_sources;

static const char *const root = SOURCE_FOLDER "/runner";

static int add_source(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)at;
    const size_t n = strlen(path);
    if (type == FTW_F && n > 2 && path[n - 2] == '.' && (path[n - 1] == 'c' || path[n - 1] == 'h')) {
        if (n_sources == MOST_FILES)
            return 1;
        sources[n_sources++] = strdup(path + strlen(root) + 1);
    }
    return 0;
}

static int find_sources(void **state)
{
    (void)state;
    return nftw(root, add_source, 16, FTW_PHYS) != 0 || n_sources == 0;
}

static int forget_sources(void **state)
{
    (void)state;
    while (n_sources)
        free(sources[--n_sources]);
    return 0;
}

/* Which floor a path begins with; −1: none. */
static int floor_of(const char *path)
{
    for (int i = 0; i < (int)(sizeof floors / sizeof *floors); i++) {
        const size_t n = strlen(floors[i]);
        if (strncmp(path, floors[i], n) == 0 && path[n] == '/')
            return i;
    }
    return -1;
}

static char *source_text(const char *name)
{
    size_t bytes;
    char *path = scratch_path(root, name), *text = (char *)scratch_read(path, &bytes);
    free(path);
    return text;
}

static int check_own_include(const char *file, int own, const char *included)
{
    const int floor = floor_of(included);
    int wrong = 0;
    if (floor < 0) {
        print_error("%s includes \"%s\", which is on no floor\n", file, included);
        return 1;
    }
    if (floor > own) {
        print_error("%s includes \"%s\", which is above it\n", file, included);
        wrong++;
    }
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++)
        if (strcmp(strangers[i].floor, floors[own]) == 0 && strcmp(strangers[i].not_to_include, floors[floor]) == 0) {
            print_error("%s includes \"%s\", but %s\n", file, included, strangers[i].why);
            wrong++;
        }
    return wrong;
}

static int check_library(const char *file, int own, const char *included)
{
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++)
        if (strncmp(included, libraries[i].header, strlen(libraries[i].header)) == 0 &&
            strcmp(libraries[i].floor, floors[own]) != 0) {
            print_error("%s includes <%s>, which only %s/ does\n", file, included, libraries[i].floor);
            return 1;
        }
    return 0;
}

static void every_floor_includes_only_floors_below_it(void **state)
{
    (void)state;
    int includes = 0, wrong = 0;
    for (int i = 0; i < n_sources; i++) {
        const int own = floor_of(sources[i]);
        if (own < 0)
            fail_msg("runner/%s is on no floor", sources[i]);
        char *text = source_text(sources[i]);
        for (char *line = text, *next; line; line = next) {
            next = strchr(line, '\n');
            if (next)
                *next++ = '\0';
            char included[200], first, last;
            if (sscanf(line, " # include %c%199[^\">]%c", &first, included, &last) != 3)
                continue;
            includes++;
            wrong += first == '"' ? check_own_include(sources[i], own, included) : check_library(sources[i], own, included);
        }
        free(text);
    }
    assert_true(includes > n_sources);
    assert_int_equal(wrong, 0);
}

/* The next string literal at *at, without its quotes (cut where it is longer than size); false at the end. Comments,
 * character constants and #include lines hold none. */
static bool next_literal(const char **at, char *literal, size_t size)
{
    for (const char *p = *at; *p;) {
        if (strncmp(p, "/*", 2) == 0) {
            const char *end = strstr(p + 2, "*/");
            p = end ? end + 2 : p + strlen(p);
        } else if (strncmp(p, "//", 2) == 0 || strncmp(p, "#include", 8) == 0) {
            p += strcspn(p, "\n");
        } else if (*p == '"' || *p == '\'') {
            const char quote = *p++;
            size_t n = 0;
            for (; *p && *p != quote; p++) {
                if (n + 1 < size)
                    literal[n++] = *p;
                if (*p == '\\' && p[1])
                    p++;
            }
            literal[n] = '\0';
            p += *p == quote;
            if (quote == '"') {
                *at = p;
                return true;
            }
        } else {
            p++;
        }
    }
    return false;
}

static bool is_homonym(const char *word, const char *file)
{
    for (size_t i = 0; i < sizeof homonyms / sizeof *homonyms; i++)
        if (strcmp(homonyms[i].word, word) == 0 && strcmp(homonyms[i].file, file) == 0)
            return ++homonym_seen[i];
    return false;
}

static const char *kind_of_name(const rn_registry *r, const char *name)
{
    for (int k = RN_KIND_NONE + 1; k < RN_KIND_END; k++)
        for (int i = 0; i < rn_registry_count(r, (rn_kind)k); i++)
            if (strcmp(rn_registry_at(r, (rn_kind)k, i)->name, name) == 0)
                return rn_kind_name((rn_kind)k);
    return NULL;
}

static void no_file_of_the_runner_names_a_component(void **state)
{
    (void)state;
    rn_error err;
    rn_registry *r = rn_registry_open();
    assert_ok(rn_plugins_load(r, &(rn_plugin_search){0}, &err), err);
    assert_true(rn_registry_count(r, RN_KIND_OP) > 0);
    int literals = 0, wrong = 0;
    for (int i = 0; i < n_sources; i++) {
        char *text = source_text(sources[i]), word[200];
        for (const char *at = text; next_literal(&at, word, sizeof word); literals++) {
            const char *kind = kind_of_name(r, word);
            if (!kind || is_homonym(word, sources[i]))
                continue;
            print_error("runner/%s names the %s \"%s\": ask its descriptor instead\n", sources[i], kind, word);
            wrong++;
        }
        free(text);
    }
    rn_registry_close(r);
    assert_true(literals > n_sources);
    assert_int_equal(wrong, 0);
    for (size_t i = 0; i < sizeof homonyms / sizeof *homonyms; i++)
        if (!homonym_seen[i])
            fail_msg("\"%s\" (%s) no longer stands in %s: its row can go", homonyms[i].word, homonyms[i].meaning,
                     homonyms[i].file);
}

static void literals_are_told_from_comments_and_characters(void **state)
{
    (void)state;
    const char *at = "#include \"a.h\"\n/* \"b\" */ f('\"', \"c\\\"d\"); // \"e\"\n\"f\"", *const want[] = {"c\\d", "f"};
    char word[20];
    for (size_t i = 0; i < 2; i++) {
        assert_true(next_literal(&at, word, sizeof word));
        assert_string_equal(word, want[i]);
    }
    assert_false(next_literal(&at, word, sizeof word));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_floor_includes_only_floors_below_it),
        cmocka_unit_test(literals_are_told_from_comments_and_characters),
        cmocka_unit_test(no_file_of_the_runner_names_a_component),
    };
    return cmocka_run_group_tests(tests, find_sources, forget_sources);
}
