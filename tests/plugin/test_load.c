/* Where plugins are looked for, in which order, and what is said when there are none. */
#include "plugin/load.h"
#include "support/scratch.h"

#include <sys/stat.h>
#include <unistd.h>

#define BUILTIN BUILD_FOLDER "/lib/runner"
#define PLUGIN BUILTIN "/devices.so"

static rn_texts texts(const char *const *v, int64_t n)
{
    return (rn_texts){v, n};
}

static void copy_plugin(const char *to)
{
    size_t bytes;
    uint8_t *file = scratch_read(PLUGIN, &bytes);
    scratch_write(to, file, bytes);
    free(file);
}

/* Loads; the registry on success, NULL with err on failure. */
static rn_registry *load(const rn_plugin_search *search, rn_error *err)
{
    rn_registry *r = rn_registry_open();
    assert_non_null(r);
    if (rn_plugins_load(r, search, err))
        return r;
    rn_registry_close(r);
    return NULL;
}

static void built_in_plugins_are_found_beside_the_library(void **state)
{
    (void)state;
    rn_error err;
    rn_registry *r = load(&(rn_plugin_search){0}, &err);
    assert_ok(r != NULL, err);
    assert_non_null(rn_registry_find(r, RN_KIND_DEVICE, "cpu"));
    char *resolved = realpath(PLUGIN, NULL);
    bool found = false;
    for (int i = 0; i < rn_registry_plugins(r); i++) {
        const rn_loaded *p = rn_registry_plugin(r, i);
        found |= strcmp(p->path, resolved) == 0;
        assert_int_equal(strlen(p->sha256), 64);
    }
    assert_true(found);
    free(resolved);
    rn_registry_close(r);
}

static void the_hash_is_that_of_the_file(void **state)
{
    (void)state;
    rn_error err;
    rn_registry *r = rn_registry_open();
    assert_ok(rn_plugin_load_file(r, PLUGIN, &err), err);
    char *out;
    assert_int_equal(scratch_run(&out, "sha256sum < " PLUGIN), 0);
    assert_memory_equal(out, rn_registry_plugin(r, 0)->sha256, 64);
    free(out);
    rn_registry_close(r);
}

static void places_are_searched_in_the_order_spec_option_environment_builtin(void **state)
{
    (void)state;
    char *folder[4], path[4096];
    for (int i = 0; i < 4; i++)
        folder[i] = scratch_folder();
    snprintf(path, sizeof path, ":%s::", folder[2]);
    rn_error err;
    char *plugin = scratch_path(folder[3], "devices.so");
    copy_plugin(plugin);
    rn_registry *r = load(&(rn_plugin_search){.spec = texts((const char *const *)&folder[0], 1),
                                              .option = texts((const char *const *)&folder[1], 1),
                                              .environment = path,
                                              .builtin = folder[3]}, &err);
    assert_ok(r != NULL, err);
    assert_int_equal(rn_registry_searched(r), 4);
    assert_ok(rn_plugins_load(r, &(rn_plugin_search){.builtin = folder[3]}, &err), err); /* again: nothing is new */
    assert_int_equal(rn_registry_searched(r), 4);
    assert_int_equal(rn_registry_plugins(r), 1);
    for (int i = 0; i < 4; i++) {
        assert_string_equal(rn_registry_searched_at(r, i), folder[i]);
        free(folder[i]);
    }
    free(plugin);
    rn_registry_close(r);
}

static void a_file_that_is_reached_twice_is_loaded_once(void **state)
{
    (void)state;
    char *folder = scratch_folder(), *plugin = scratch_path(folder, "a.so"), *link_ = scratch_path(folder, "b.so"),
         *hard = scratch_path(folder, "c.so"), *hidden = scratch_path(folder, ".d.so"), *text = scratch_path(folder, "readme");
    copy_plugin(plugin);
    assert_int_equal(symlink("a.so", link_), 0);
    assert_int_equal(link(plugin, hard), 0);
    scratch_write(hidden, "x", 1);
    scratch_write(text, "x", 1);
    const char *const places[] = {plugin, folder, link_};
    rn_error err;
    rn_registry *r = load(&(rn_plugin_search){.spec = texts(places, 3), .builtin = folder}, &err);
    assert_ok(r != NULL, err);
    assert_int_equal(rn_registry_plugins(r), 1);
    rn_registry_close(r);
    free(folder), free(plugin), free(link_), free(hard), free(hidden), free(text);
}

static void a_copy_of_a_plugin_is_a_duplicate_that_names_both_files(void **state)
{
    (void)state;
    char *folder = scratch_folder(), *a = scratch_path(folder, "a.so"), *b = scratch_path(folder, "b.so");
    copy_plugin(a);
    copy_plugin(b);
    rn_error err;
    assert_null(load(&(rn_plugin_search){.builtin = folder}, &err));
    assert_int_equal(err.code, RN_EPLUGIN);
    assert_non_null(strstr(err.text, "device 'cpu' is offered by two plugins"));
    assert_non_null(strstr(err.text, "/a.so'"));
    assert_non_null(strstr(err.text, "/b.so'"));
    free(folder), free(a), free(b);
}

static void a_missing_place_that_was_named_is_an_error_that_says_who_named_it(void **state)
{
    (void)state;
    static const char *const missing[] = {"/no/such/place"};
    const struct {
        rn_plugin_search search;
        const char *who;
    } rows[] = {
        {{.spec = texts(missing, 1)}, "the spec's list of plugins"},
        {{.option = texts(missing, 1)}, "--plugin-dir"},
        {{.environment = "/no/such/place"}, "RUNNER_PLUGIN_PATH"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rn_error err;
        assert_null(load(&rows[i].search, &err));
        assert_int_equal(err.code, RN_EPLUGIN);
        assert_non_null(strstr(err.text, rows[i].who));
        assert_non_null(strstr(err.text, "'/no/such/place': No such file"));
    }
}

static void without_any_plugin_the_places_are_named(void **state)
{
    (void)state;
    char *empty = scratch_folder();
    const char *const folders[] = {"/no/such/folder", empty};
    for (size_t i = 0; i < 2; i++) {
        rn_error err;
        assert_null(load(&(rn_plugin_search){.builtin = folders[i]}, &err));
        assert_int_equal(err.code, RN_EPLUGIN);
        assert_non_null(strstr(err.text, "no built-in plugins were found"));
        assert_non_null(strstr(err.text, folders[i]));
    }
    free(empty);
}

static void a_plugin_that_cannot_be_loaded_says_where_else_was_looked(void **state)
{
    (void)state;
    char *good = scratch_folder(), *bad = scratch_folder(), *file = scratch_path(bad, "x.so");
    scratch_write(file, "text", 4);
    const char *const places[] = {good, bad};
    rn_error err;
    assert_null(load(&(rn_plugin_search){.option = texts(places, 2)}, &err));
    assert_int_equal(err.code, RN_EPLUGIN);
    assert_non_null(strstr(err.text, file));
    assert_non_null(strstr(err.text, "looked in: "));
    assert_non_null(strstr(err.text, good));
    free(good), free(bad), free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(built_in_plugins_are_found_beside_the_library),
        cmocka_unit_test(the_hash_is_that_of_the_file),
        cmocka_unit_test(places_are_searched_in_the_order_spec_option_environment_builtin),
        cmocka_unit_test(a_file_that_is_reached_twice_is_loaded_once),
        cmocka_unit_test(a_copy_of_a_plugin_is_a_duplicate_that_names_both_files),
        cmocka_unit_test(a_missing_place_that_was_named_is_an_error_that_says_who_named_it),
        cmocka_unit_test(without_any_plugin_the_places_are_named),
        cmocka_unit_test(a_plugin_that_cannot_be_loaded_says_where_else_was_looked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
