/* A set opened for a run: what is refused, what is held out, what the fingerprint sees. */
#include "data/sets.h"

#include "data/png_write.h"
#include "support/scratch.h"

/* A PNG of width×height pixels that differ from file to file. */
static void write_image(const char *folder, const char *name, int64_t width, int64_t height, uint8_t grey)
{
    char *path = scratch_path(folder, name);
    rn_pixels p = {0};
    rn_error err = {0};
    assert_ok(rn_pixels_alloc(&p, width, height, &err), err);
    for (int64_t i = 0; i < 3 * width * height; i++)
        p.rgb[i] = (uint8_t)(grey + i % 7);
    assert_ok(rn_png_write(path, &p, NULL, &err), err);
    rn_pixels_free(&p);
    free(path);
}

/* A folder of n images 00.png, 01.png … */
static char *make_images(int n)
{
    char *folder = scratch_folder();
    for (int i = 0; i < n; i++) {
        char name[16];
        snprintf(name, sizeof name, "%02d.png", i);
        write_image(folder, name, 20, 12, (uint8_t)(5 * i));
    }
    return folder;
}

static bool open_folder(const char *folder, bool skip, int64_t held_out, size_t cache_bytes, rn_data **data, rn_error *err)
{
    const path_params params = {.path = folder};
    rn_data_config c = config_of(set_named("image_folder"), &params, 8, 8);
    c.on_error = skip;
    c.held_out = held_out;
    return rn_data_open_within(&c, cache_bytes, data, err);
}

static void refused_images_stop_a_run_or_are_skipped_and_listed(void **state)
{
    (void)state;
    char *folder = make_images(20), *text = scratch_path(folder, "text.png"), *empty = scratch_path(folder, "empty.jpg");
    scratch_write(text, "no image", 8);
    scratch_write(empty, "", 0);
    rn_data *data = NULL;
    rn_error err = {0};
    assert_false(open_folder(folder, false, 4, 1 << 20, &data, &err));
    assert_int_equal(err.code, RN_EDATA);
    assert_non_null(strstr(err.text, "2 of 22 images"));
    assert_non_null(strstr(err.text, "text.png"));
    assert_non_null(strstr(err.text, "empty.jpg"));
    for (size_t cache = 0; cache <= 1 << 20; cache += 1 << 20) {
        int64_t n;
        assert_ok(open_folder(folder, true, 4, cache, &data, &err), err);
        const rn_data_refused *refused = rn_data_refusals(data, &n);
        assert_int_equal(n, 2);
        assert_string_equal(refused[0].path, "empty.jpg");
        assert_non_null(strstr(refused[0].reason, "is empty"));
        assert_string_equal(refused[1].path, "text.png");
        assert_int_equal(rn_data_count(data, RN_DATA_TRAINING) + rn_data_count(data, RN_DATA_HELD_OUT), 20);
        rn_data_close(data);
    }
    free(text);
    free(empty);
    free(folder);
}

static void a_set_with_nothing_to_read_is_an_error_even_where_images_are_skipped(void **state)
{
    (void)state;
    char *folder = scratch_folder(), *text = scratch_path(folder, "text.png");
    scratch_write(text, "no image", 8);
    rn_data *data = NULL;
    rn_error err = {0};
    assert_false(open_folder(folder, true, 0, 1 << 20, &data, &err));
    assert_int_equal(err.code, RN_EDATA);
    free(text);
    free(folder);
}

/* All images of a part, as bytes. */
static uint8_t *bytes_of(const rn_data *data, rn_data_part part)
{
    const int64_t n = rn_data_count(data, part);
    uint8_t *bytes = malloc((size_t)n * 192 + 1);
    int32_t label;
    rn_error err = {0};
    for (int64_t i = 0; i < n; i++)
        assert_ok(rn_data_read(data, part, i, bytes + 192 * i, &label, &err), err);
    return bytes;
}

static void the_same_images_are_held_out_whatever_is_kept_in_memory(void **state)
{
    (void)state;
    char *folder = make_images(40);
    rn_data *cached = NULL, *uncached = NULL;
    rn_error err = {0};
    assert_ok(open_folder(folder, false, 10, 1 << 20, &cached, &err), err);
    assert_ok(open_folder(folder, false, 10, 0, &uncached, &err), err);
    for (int part = RN_DATA_TRAINING; part <= RN_DATA_HELD_OUT; part++) {
        const int64_t n = rn_data_count(cached, (rn_data_part)part);
        uint8_t *a = bytes_of(cached, (rn_data_part)part), *b = bytes_of(uncached, (rn_data_part)part);
        assert_int_equal(n, part == RN_DATA_TRAINING ? 30 : 10);
        assert_memory_equal(a, b, (size_t)n * 192);
        free(a);
        free(b);
    }
    rn_data_close(cached);
    rn_data_close(uncached);

    /* one image more: of the first 40 those held out stay so, but for the last of them */
    uint8_t *all[2];
    for (int k = 0; k < 2; k++) {
        assert_ok(open_folder(folder, false, 10, 1 << 20, &cached, &err), err);
        all[k] = bytes_of(cached, RN_DATA_HELD_OUT);
        rn_data_close(cached);
        write_image(folder, "one-more.png", 20, 12, 250);
    }
    int kept = 0;
    for (int i = 0; i < 10; i++)
        for (int j = 0; j < 10; j++)
            kept += memcmp(all[0] + 192 * i, all[1] + 192 * j, 192) == 0;
    assert_true(kept >= 9);
    free(all[0]);
    free(all[1]);
    free(folder);
}

static void never_more_than_a_quarter_of_a_small_set_is_held_out(void **state)
{
    (void)state;
    static const int64_t counts[][2] = {{1, 0}, {3, 0}, {4, 1}, {20, 5}};
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
        char *folder = make_images((int)counts[k][0]);
        rn_data *data = NULL;
        rn_error err = {0};
        assert_ok(open_folder(folder, false, 128, 1 << 20, &data, &err), err);
        assert_int_equal(rn_data_count(data, RN_DATA_HELD_OUT), counts[k][1]);
        assert_int_equal(rn_data_count(data, RN_DATA_TRAINING), counts[k][0] - counts[k][1]);
        rn_data_close(data);
        free(folder);
    }
}

static void images_smaller_than_the_resolution_are_enlarged_and_counted(void **state)
{
    (void)state;
    char *folder = make_images(4);
    write_image(folder, "small.png", 7, 100, 9);
    write_image(folder, "tiny.png", 1, 1, 9);
    rn_data *data = NULL;
    rn_error err = {0};
    assert_ok(open_folder(folder, false, 0, 1 << 20, &data, &err), err);
    assert_int_equal(rn_data_enlarged(data), 2);
    rn_data_close(data);
    free(folder);
}

static void fingerprint(const char *folder, int64_t side, int64_t n, uint8_t digest[32])
{
    const path_params params = {.path = folder};
    rn_data_config c = config_of(set_named("image_folder"), &params, side, side);
    c.held_out = 0;
    rn_data *data = NULL;
    rn_error err = {0};
    assert_ok(rn_data_open(&c, &data, &err), err);
    assert_ok(rn_data_fingerprint(data, n, digest, &err), err);
    rn_data_close(data);
}

static void the_fingerprint_changes_with_an_image_and_not_with_the_folder(void **state)
{
    (void)state;
    char *folder = scratch_folder();
    scratch_run(NULL, "mkdir '%s/before'", folder);
    char *before = scratch_path(folder, "before"), *after = scratch_path(folder, "after");
    uint8_t first[32], other[32];
    for (int i = 0; i < 6; i++) {
        const char name[] = {'a', (char)('0' + i), '.', 'p', 'n', 'g', '\0'};
        write_image(before, name, 10, 10, (uint8_t)(9 * i));
    }
    fingerprint(before, 8, 100, first);
    fingerprint(before, 8, 6, other);
    assert_memory_equal(first, other, 32); /* all there are */
    fingerprint(before, 8, 5, other);
    assert_memory_not_equal(first, other, 32);
    fingerprint(before, 16, 100, other);
    assert_memory_not_equal(first, other, 32);
    scratch_run(NULL, "mv '%s' '%s' && touch -d 2001-01-01 '%s'/*", before, after, after);
    fingerprint(after, 8, 100, other);
    assert_memory_equal(first, other, 32);
    scratch_run(NULL, "mv '%s/a3.png' '%s/b3.png'", after, after);
    fingerprint(after, 8, 100, other);
    assert_memory_not_equal(first, other, 32);
    scratch_run(NULL, "mv '%s/b3.png' '%s/a3.png'", after, after);
    write_image(after, "a3.png", 10, 10, 28); /* was 27: the same size in bytes or nearly */
    fingerprint(after, 8, 100, other);
    assert_memory_not_equal(first, other, 32);
    free(before);
    free(after);
    free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_images_stop_a_run_or_are_skipped_and_listed),
        cmocka_unit_test(a_set_with_nothing_to_read_is_an_error_even_where_images_are_skipped),
        cmocka_unit_test(the_same_images_are_held_out_whatever_is_kept_in_memory),
        cmocka_unit_test(never_more_than_a_quarter_of_a_small_set_is_held_out),
        cmocka_unit_test(images_smaller_than_the_resolution_are_enlarged_and_counted),
        cmocka_unit_test(the_fingerprint_changes_with_an_image_and_not_with_the_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
