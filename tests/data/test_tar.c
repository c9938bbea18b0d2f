/* Archives: every dialect that tar writes, and every way in which one can be damaged. */
#include "data/sets.h"

#include "support/scratch.h"

#include <runner/random.h>

enum { FOLDER_NAME = 120, FILE_NAME = 200 }; /* of the file whose name no ustar header can hold */

/* A folder "in" with files that are called like images (they are none), links, and a name that is too long. */
static char *make_folder(void)
{
    char *folder = scratch_folder(), long_folder[FOLDER_NAME + 1] = "", long_file[FILE_NAME + 1] = "";
    memset(long_folder, 'l', FOLDER_NAME);
    memset(long_file, 'n', FILE_NAME);
    const int status = scratch_run(NULL, "cd '%s' && mkdir -p in/a in/b in/%s && echo one >in/a/1.png && echo two >in/a/2.jpg && "
                                         "echo three >in/b/3.JPEG && echo text >in/b/notes.txt && echo long >in/%s/%s.png && "
                                         "ln in/a/1.png in/b/hard.png && ln -s 1.png in/a/soft.png",
                                   folder, long_folder, long_folder, long_file);
    assert_int_equal(status, 0);
    return folder;
}

static bool open_tar(const char *path, void **state, rn_error *err)
{
    const path_params params = {.path = path};
    const rn_dataset_env env = {.bytes = sizeof env, .height = 32, .width = 32, .max_pixels = 1 << 20};
    return set_named("tar")->open(&params, &env, state, err);
}

static const char *const dialects[] = {
    "--format=gnu", "--format=pax", "--format=posix --pax-option=globexthdr.comment=x", "--format=gnu --blocking-factor=1",
};

static void long_names_of_gnu_and_pax_are_read(void **state)
{
    (void)state;
    const rn_dataset *set = set_named("tar");
    char *folder = make_folder(), *path = scratch_path(folder, "t.tar");
    for (size_t k = 0; k < sizeof dialects / sizeof *dialects; k++) {
        void *s = NULL;
        rn_error err = {0};
        assert_int_equal(scratch_run(NULL, "cd '%s/in' && tar %s -cf '%s' .", folder, dialects[k], path), 0);
        assert_ok(open_tar(path, &s, &err), err);
        if (set->count(s) != 4) /* of two hard links one is stored, whichever comes first; links are no images */
            fail_msg("%s: %d images", dialects[k], (int)set->count(s));
        bool has_long = false;
        for (int64_t i = 0; i < set->count(s); i++) {
            rn_dataset_item item = {0};
            set->item(s, i, &item);
            assert_true(item.path[0] != '.' && item.path[0] != '/');
            has_long = has_long || strlen(item.path) == FOLDER_NAME + 1 + FILE_NAME + 4;
        }
        if (!has_long)
            fail_msg("%s: the long name is not there", dialects[k]);
        set->close(s);
    }
    free(path);
    free(folder);
}

static void prefixes_of_ustar_headers_are_read(void **state)
{
    (void)state;
    const rn_dataset *set = set_named("tar");
    char *folder = scratch_folder(), *path = scratch_path(folder, "t.tar");
    assert_int_equal(scratch_run(NULL, "cd '%s' && d=$(printf 'd%%.0s' $(seq 90)) && mkdir -p in/$d && echo x >in/$d/abcdefghijklmnop.png && "
                                       "tar --format=ustar -cf t.tar -C in $d", folder), 0);
    void *s = NULL;
    rn_error err = {0};
    rn_dataset_item item = {0};
    assert_ok(open_tar(path, &s, &err), err);
    assert_int_equal(set->count(s), 1);
    set->item(s, 0, &item);
    assert_int_equal(strlen(item.path), 90 + 1 + 20);
    set->close(s);
    free(path);
    free(folder);
}

static void of_two_members_with_one_name_the_later_counts(void **state)
{
    (void)state;
    const rn_dataset *set = set_named("tar");
    char *folder = scratch_folder(), *path = scratch_path(folder, "t.tar");
    assert_int_equal(scratch_run(NULL, "cd '%s' && echo first >a.png && tar -cf t.tar a.png && echo the second >a.png && "
                                       "tar -rf t.tar a.png", folder), 0);
    void *s = NULL;
    rn_error err = {0};
    rn_dataset_item item = {0};
    assert_ok(open_tar(path, &s, &err), err);
    assert_int_equal(set->count(s), 1);
    set->item(s, 0, &item);
    assert_int_equal(item.file_bytes, strlen("the second\n"));
    set->close(s);
    free(path);
    free(folder);
}

/* Every cut that loses a byte of a member or the end mark is refused with the archive's name. */
static void every_prefix_is_refused_up_to_the_end_mark(void **state)
{
    (void)state;
    char *folder = make_folder(), *path = scratch_path(folder, "t.tar"), *cut = scratch_path(folder, "cut.tar");
    for (size_t k = 0; k < 2; k++) {
        assert_int_equal(scratch_run(NULL, "cd '%s/in' && tar %s --blocking-factor=1 -cf '%s' .", folder, dialects[k], path), 0);
        size_t bytes;
        uint8_t *file = scratch_read(path, &bytes);
        for (size_t n = 0; n < bytes - 1024; n += n % 512 == 0 || n % 512 == 511 ? 1 : 85) {
            void *s = NULL;
            rn_error err = {0};
            scratch_write(cut, file, n);
            if (open_tar(cut, &s, &err))
                fail_msg("%s: the first %zu of %zu bytes are an archive", dialects[k], n, bytes);
            assert_non_null(strstr(err.text, "cut.tar"));
        }
        free(file);
    }
    free(cut);
    free(path);
    free(folder);
}

/* Damaged headers are refused or give other names, sizes and offsets, all inside the file. */
static void damaged_headers_do_no_harm(void **state)
{
    (void)state;
    const rn_dataset *set = set_named("tar");
    char *folder = make_folder(), *path = scratch_path(folder, "t.tar"), *bad = scratch_path(folder, "bad.tar");
    int opened = 0, refused = 0;
    for (size_t k = 0; k < 2; k++) {
        assert_int_equal(scratch_run(NULL, "cd '%s/in' && tar %s --blocking-factor=1 -cf '%s' .", folder, dialects[k], path), 0);
        size_t bytes;
        uint8_t *file = scratch_read(path, &bytes);
        for (uint64_t i = 0; i < 300; i++) {
            const rn_stream r = {(uint32_t)k, rn_stream_of("tar"), 0, 0};
            const size_t at = (size_t)rn_random_below(r, 2 * i, bytes);
            const uint8_t before = file[at];
            void *s = NULL;
            rn_error err = {0};
            file[at] = (uint8_t)rn_random_word(r, 5000 + i);
            scratch_write(bad, file, bytes);
            file[at] = before;
            if (!open_tar(bad, &s, &err)) {
                refused++;
                continue;
            }
            opened++;
            for (int64_t j = 0; j < set->count(s); j++) {
                rn_pixels p = {0};
                assert_false(set->read(s, j, &p, &err)); /* there is no image in it */
            }
            set->close(s);
        }
        free(file);
    }
    print_message("one damaged byte: %d archives read, %d refused\n", opened, refused);
    assert_true(opened > 0 && refused > 0);
    free(bad);
    free(path);
    free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_names_of_gnu_and_pax_are_read),
        cmocka_unit_test(prefixes_of_ustar_headers_are_read),
        cmocka_unit_test(of_two_members_with_one_name_the_later_counts),
        cmocka_unit_test(every_prefix_is_refused_up_to_the_end_mark),
        cmocka_unit_test(damaged_headers_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
