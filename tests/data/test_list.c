/* `runner data`: what is counted, what is refused, and that both outputs are well formed. */
#include "data/sets.h"

#include "data/list.h"
#include "data/png_write.h"
#include "support/golden.h"
#include "support/scratch.h"

static void write_image(const char *folder, const char *name, int64_t width, int64_t height)
{
    char *path = scratch_path(folder, name);
    rn_pixels p = {0};
    rn_error err = {0};
    assert_ok(rn_pixels_alloc(&p, width, height, &err), err);
    memset(p.rgb, 9, (size_t)(3 * width * height));
    assert_ok(rn_png_write(path, &p, NULL, &err), err);
    rn_pixels_free(&p);
    free(path);
}

static char *printed(const rn_listing *l, void (*print)(FILE *, const rn_listing *))
{
    char *text = NULL;
    size_t bytes;
    FILE *f = open_memstream(&text, &bytes);
    print(f, l);
    fclose(f);
    return text;
}

static void a_listing_counts_sizes_formats_and_classes_and_names_what_is_refused(void **state)
{
    (void)state;
    char *folder = scratch_folder();
    scratch_run(NULL, "mkdir '%s/a' '%s/b' && printf text >'%s'/b/$(printf 'new\\nline\\377\"').png", folder, folder, folder);
    write_image(folder, "a/1.png", 30, 20);
    write_image(folder, "a/2.png", 30, 20);
    write_image(folder, "b/3.png", 10, 40);
    const path_params params = {.path = folder};
    rn_data_config c = config_of(set_named("image_folder"), &params, 16, 16);
    rn_listing l = {0};
    rn_error err = {0};
    assert_ok(rn_listing_open(&c, &l, &err), err);
    assert_int_equal(l.count, 3);
    assert_int_equal(l.n_refused, 1);
    assert_int_equal(l.enlarged, 1);
    char *text = printed(&l, rn_listing_print), *json = printed(&l, rn_listing_json);
    static const char *const lines[] = {"3 images", "1 refused", "png (3)", "30×20 (2), 10×40 (1)", "1 smaller than 16×16",
                                        "a (2), b (1)", "b/new\\x0aline\377\".png: "};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (!strstr(text, lines[i]))
            fail_msg("'%s' is not in:\n%s", lines[i], text);
    static const char *const parts[] = {
        "\"name\": \"image_folder\"", "\"images\": 3", "{\"width\": 30, \"height\": 20, \"images\": 2}",
        "{\"name\": \"a\", \"images\": 2}", "{\"name\": \"b/new\\u000aline\\ufffd\\\".png\", \"reason\": \"",
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!strstr(json, parts[i]))
            fail_msg("'%s' is not in:\n%s", parts[i], json);
    free(text);
    free(json);
    rn_listing_close(&l);
    free(folder);
}

static void a_drawn_set_is_listed_without_drawing_it(void **state)
{
    (void)state;
    const struct {
        int64_t count, seed;
    } params = {4000000, 0};
    rn_data_config c = config_of(set_named("dead_leaves"), &params, 64, 48);
    rn_listing l = {0};
    rn_error err = {0};
    assert_ok(rn_listing_open(&c, &l, &err), err);
    assert_int_equal(l.count, 4000000);
    assert_int_equal(l.n_refused, 0);
    char *text = printed(&l, rn_listing_print);
    assert_non_null(strstr(text, "64×64 (4000000)"));
    free(text);
    rn_listing_close(&l);
}

/* Without a resolution, as `runner data PATH` asks. */
static void the_odd_folder_is_listed_with_a_reason_for_each_refused_file(void **state)
{
    const char *folder = golden_data_folder();
    (void)state;
    if (!folder)
        skip();
    char *path = scratch_path(folder, "odd");
    const path_params params = {.path = path};
    rn_data_config c = config_of(set_named("image_folder"), &params, 0, 0);
    rn_listing l = {0};
    rn_error err = {0};
    assert_ok(rn_listing_open(&c, &l, &err), err);
    assert_true(l.count > 0 && l.n_refused > 0);
    assert_int_equal(l.enlarged, 0);
    for (int64_t i = 0; i < l.n_refused; i++) {
        assert_non_null(strstr(l.refused[i].reason, l.refused[i].path));
        assert_true(strncmp(l.refused[i].path, "bad/", 4) == 0);
    }
    rn_listing_close(&l);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listing_counts_sizes_formats_and_classes_and_names_what_is_refused),
        cmocka_unit_test(a_drawn_set_is_listed_without_drawing_it),
        cmocka_unit_test(the_odd_folder_is_listed_with_a_reason_for_each_refused_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
