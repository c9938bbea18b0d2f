/* The built-in parts come in by the users' door: what is taken out of the folder is gone. */
#include "support/scratch.h"

#include <unistd.h>

/* A copy of the program, its library and its plugins (the build tree finds them relative to itself). */
static char *copied(void)
{
    char *folder = scratch_folder(), *out;
    if (scratch_run(&out, "cp '" BUILD_FOLDER "/runner' '%s' && mkdir '%s/lib' && cp -P '" BUILD_FOLDER "'/lib/librunner.so* "
                          "'%s/lib' && cp -r '" BUILD_FOLDER "/lib/runner' '%s/lib'", folder, folder, folder, folder) != 0)
        fail_msg("%s", out);
    free(out);
    return folder;
}

static void without_layers_so_its_layers_are_gone(void **state)
{
    (void)state;
    char *folder = copied(), *before, *after, *layers = scratch_path(folder, "lib/runner/layers.so");
    if (scratch_run(&before, "'%s/runner' plugins", folder) != 0)
        fail_msg("%s", before);
    assert_non_null(strstr(before, folder)); /* its own plugins, not those of the build tree */
    assert_non_null(strstr(before, "\n  layer "));
    assert_non_null(strstr(before, "resnet"));
    assert_int_equal(unlink(layers), 0);
    if (scratch_run(&after, "'%s/runner' plugins", folder) != 0)
        fail_msg("%s", after);
    assert_null(strstr(after, "\n  layer "));
    assert_null(strstr(after, "resnet"));
    assert_non_null(strstr(after, "\n  op "));

    char *spec;
    assert_int_equal(scratch_run(&spec, "'%s/runner' validate '" SOURCE_FOLDER "/experiments/quickstart.yaml'", folder), 2);
    assert_non_null(strstr(spec, "resnet"));
    assert_non_null(strstr(spec, folder)); /* where plugins were looked for */
    free(spec);
    free(before), free(after), free(layers), free(folder);
}

static void without_the_folder_the_program_says_where_it_looked(void **state)
{
    (void)state;
    char *folder = copied(), *out;
    assert_int_equal(scratch_run(NULL, "rm -r '%s/lib/runner'", folder), 0);
    assert_int_equal(scratch_run(&out, "'%s/runner' plugins", folder), 3);
    assert_non_null(strstr(out, "no built-in plugins were found"));
    assert_non_null(strstr(out, folder));
    free(out), free(folder);
}

static void a_plugin_that_cannot_be_loaded_is_exit_status_3(void **state)
{
    (void)state;
    char *folder = scratch_folder(), *file = scratch_path(folder, "broken.so"), *out;
    scratch_write(file, "\177ELF", 4);
    assert_int_equal(scratch_run(&out, "'" BUILD_FOLDER "/runner' plugins --plugin-dir '%s'", folder), 3);
    assert_non_null(strstr(out, file));
    assert_non_null(strstr(out, "cut short"));
    assert_non_null(strstr(out, "looked in: "));
    free(out), free(file), free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_layers_so_its_layers_are_gone),
        cmocka_unit_test(without_the_folder_the_program_says_where_it_looked),
        cmocka_unit_test(a_plugin_that_cannot_be_loaded_is_exit_status_3),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
