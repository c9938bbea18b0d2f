/* Public headers: each compiles alone, in C11 and in C++17, with the compilers that are there; a plugin exports
 * one symbol. */
#include "support/scratch.h"

#include <dirent.h>

static const struct {
    const char *compiler, *options;
} languages[] = {
    {"gcc", "-x c -std=c11 -Wall -Wextra -Wpedantic"},
    {"clang", "-x c -std=c11 -Wall -Wextra -Wpedantic"},
    {"g++", "-x c++ -std=c++17 -Wall -Wextra"},
    {"clang++", "-x c++ -std=c++17 -Wall -Wextra"},
};

static int by_suffix(const char *folder, const char *suffix, char ***names)
{
    struct dirent *entry;
    int n = 0;
    DIR *d = opendir(folder);
    assert_non_null(d);
    *names = NULL;
    while ((entry = readdir(d))) {
        const size_t length = strlen(entry->d_name), end = strlen(suffix);
        if (length <= end || strcmp(entry->d_name + length - end, suffix) != 0)
            continue;
        *names = realloc(*names, ((size_t)n + 1) * sizeof **names);
        assert_non_null(*names);
        (*names)[n++] = strdup(entry->d_name);
    }
    closedir(d);
    return n;
}

static void forget(char **names, int n)
{
    for (int i = 0; i < n; i++)
        free(names[i]);
    free(names);
}

static void every_public_header_compiles_alone_in_c_and_cpp(void **state)
{
    (void)state;
    char **headers;
    int compiled = 0;
    const int n = by_suffix(SOURCE_FOLDER "/include/runner", ".h", &headers);
    for (size_t k = 0; k < sizeof languages / sizeof *languages; k++) {
        if (scratch_run(NULL, "command -v %s", languages[k].compiler) != 0)
            continue;
        for (int i = 0; i < n; i++, compiled++) {
            char *out;
            if (scratch_run(&out, "echo '#include <runner/%s>' | %s %s -Werror -I'" SOURCE_FOLDER "/include' -fsyntax-only -",
                            headers[i], languages[k].compiler, languages[k].options) != 0)
                fail_msg("%s, %s: %s", headers[i], languages[k].compiler, out);
            free(out);
        }
    }
    assert_true(n > 10);
    assert_true(compiled >= n);
    forget(headers, n);
}

static void every_built_plugin_exports_one_symbol(void **state)
{
    (void)state;
    char **plugins;
    const int n = by_suffix(BUILD_FOLDER "/lib/runner", ".so", &plugins);
    for (int i = 0; i < n; i++) {
        char *out;
        assert_int_equal(scratch_run(&out, "nm -D --defined-only '" BUILD_FOLDER "/lib/runner/%s' | grep -v __odr_asan", plugins[i]), 0);
        const char *line_end = strchr(out, '\n');
        if (!strstr(out, " rn_plugin_export\n") || !line_end || line_end[1])
            fail_msg("%s exports more, or less, than rn_plugin_export:\n%s", plugins[i], out);
        free(out);
    }
    assert_true(n > 0);
    forget(plugins, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_public_header_compiles_alone_in_c_and_cpp),
        cmocka_unit_test(every_built_plugin_exports_one_symbol),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
