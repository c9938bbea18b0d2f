/* The data sets on real images. */
#include "data/sets.h"

#include "support/golden.h"
#include "support/scratch.h"

#include "base/file.h"

typedef struct open_set {
    const rn_dataset *set;
    void *state;
    char *path;
} open_set;

/* Opens the set `name` at a path inside the folder; the caller closes it. False where the set says no. */
static bool try_open(open_set *o, const char *name, const char *folder, const char *path, rn_error *err)
{
    const rn_dataset_env env = {.bytes = sizeof env, .height = 32, .width = 32, .max_pixels = 1 << 28};
    *o = (open_set){.set = set_named(name), .path = scratch_path(folder, path)};
    const path_params params = {.path = o->path};
    if (o->set->open(&params, &env, &o->state, err))
        return true;
    free(o->path);
    return false;
}

static void close_set(open_set *o)
{
    o->set->close(o->state);
    free(o->path);
}

/* What the README of the folder and `tar t` say of each. */
static const struct {
    const char *set, *path;
    int64_t count, width, height; /* of the first image; 0: images differ */
    int classes;
    const char *first_class;
} real[] = {
    {"tar", "cifar10/cifar10_test.tar", 5000, 32, 32, 1, "test"},
    {"tar", "clothing256/clothing256_test.tar", 300, 256, 256, 15, NULL},
    {"tar", "flowers224/flowers224_test.tar", 120, 224, 224, 12, NULL},
    {"tar", "hires/kodak24.tar", 24, 0, 0, 0, NULL},
    {"cifar10", "cifar10/test_batch.bin", 5000, 32, 32, 10, "airplane"},
    {"cifar10", "cifar10", 5000, 32, 32, 10, "airplane"},
    {"idx", "mnist/t10k-images-idx3-ubyte.gz", 10000, 28, 28, 10, "0"},
    {"image_folder", "odd/good/png", 35, 0, 0, 0, NULL},
};

static void every_real_set_opens_with_the_stated_count_size_and_classes(void **state)
{
    for (size_t k = 0; k < sizeof real / sizeof *real; k++) {
        open_set o;
        rn_error err = {0};
        assert_ok(try_open(&o, real[k].set, *state, real[k].path, &err), err);
        if (o.set->count(o.state) != real[k].count)
            fail_msg("%s: %d images", real[k].path, (int)o.set->count(o.state));
        const char *const *classes = o.set->classes(o.state);
        int n = 0;
        while (classes && classes[n])
            n++;
        assert_int_equal(n, real[k].classes);
        if (real[k].first_class)
            assert_string_equal(classes[0], real[k].first_class);
        const char *before = "";
        for (int64_t i = 0; i < real[k].count; i++) {
            rn_dataset_item item = {0};
            o.set->item(o.state, i, &item);
            assert_true(strcmp(before, item.path) < 0); /* sorted */
            assert_true(item.label < n && (n == 0 ? item.label == -1 : item.label >= 0));
            before = item.path;
        }
        rn_pixels p = {0};
        rn_image_info info = {0};
        uint8_t digest[2][32];
        assert_ok(o.set->read(o.state, real[k].count - 1, &p, &err), err);
        assert_ok(o.set->probe_item(o.state, real[k].count - 1, &info, &err), err);
        assert_ok(o.set->digest(o.state, 0, digest[0], &err), err);
        assert_ok(o.set->digest(o.state, 1, digest[1], &err), err);
        assert_memory_not_equal(digest[0], digest[1], 32);
        assert_true(info.width == p.width && info.height == p.height);
        assert_true(real[k].width == 0 || (p.width == real[k].width && p.height == real[k].height));
        rn_pixels_free(&p);
        close_set(&o);
    }
}

static int compare_digests(const void *a, const void *b)
{
    return memcmp(a, b, 32);
}

/* The binary batch was made with libjpeg-turbo's defaults from the very files of the archive, in the archive's order;
 * ours is sorted by path, so the two are compared as sets of images. */
static void our_jpeg_reader_gives_the_bytes_of_the_binary_batch(void **state)
{
    open_set tar, bin;
    rn_error err = {0};
    assert_ok(try_open(&tar, "tar", *state, "cifar10/cifar10_test.tar", &err), err);
    assert_ok(try_open(&bin, "cifar10", *state, "cifar10/test_batch.bin", &err), err);
    enum { N = 5000, BYTES = 3 * 32 * 32 };
    uint8_t(*digest)[32] = malloc(2 * N * sizeof *digest);
    for (int64_t i = 0; i < N; i++)
        for (int which = 0; which < 2; which++) {
            const open_set *o = which ? &bin : &tar;
            rn_pixels p = {0};
            assert_ok(o->set->read(o->state, i, &p, &err), err);
            assert_int_equal(p.width * p.height * 3, BYTES);
            rn_sha256_of(p.rgb, BYTES, digest[which * N + i]);
            rn_pixels_free(&p);
        }
    qsort(digest, N, sizeof *digest, compare_digests);
    qsort(digest + N, N, sizeof *digest, compare_digests);
    for (int i = 0; i < N; i++)
        assert_memory_equal(digest[i], digest[N + i], 32);
    free(digest);
    close_set(&tar);
    close_set(&bin);
}

/* A file of n bytes with the given beginning, the rest zero. */
static void write_file(const char *folder, const char *name, const void *head, size_t head_bytes, size_t n)
{
    char *path = scratch_path(folder, name);
    uint8_t *data = calloc(n + 1, 1);
    memcpy(data, head, head_bytes);
    scratch_write(path, data, n);
    free(data);
    free(path);
}

/* The smallest PNG: 1×1, grey. */
static const uint8_t tiny_png[] = {
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00, 0x00,
    0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x00, 0x00, 0x00, 0x00, 0x3a, 0x7e, 0x9b, 0x55, 0x00, 0x00, 0x00,
    0x0a, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0xf8, 0x0f, 0x00, 0x01, 0x01, 0x01, 0x00, 0xb1, 0x38, 0xf6,
    0x14, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
};

static void write_png(const char *folder, const char *name)
{
    write_file(folder, name, tiny_png, sizeof tiny_png, sizeof tiny_png);
}

static void a_folder_lists_images_by_ending_and_labels_them_by_the_first_folder(void **state)
{
    (void)state;
    char *folder = scratch_folder();
    scratch_run(NULL, "cd '%s' && mkdir -p a-b a/deep/er b .git x.png && ln -s . a/loop && ln -s .. a/deep/up && "
                      "ln -s nowhere b/broken.png && mkfifo b/pipe.jpg", folder);
    static const char *const files[] = {"a-b/1.png", "a/2.PNG", "a/deep/er/3.JpEg", "b/4.png", "5.jpg", "x.png/6.png",
                                        "b/notes.txt", ".git/7.png", "b/.8.png", "b/png", "b/9.png.bak"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        write_png(folder, files[i]);
    static const struct {
        const char *path;
        int64_t label; /* classes sorted by name: a, a-b, b, x.png */
        bool readable;
    } want[] = {{"5.jpg", -1, true}, {"a-b/1.png", 1, true}, {"a/2.PNG", 0, true}, {"a/deep/er/3.JpEg", 0, true},
                {"b/4.png", 2, true}, {"b/broken.png", 2, false}, {"b/pipe.jpg", 2, false}, {"x.png/6.png", 3, true}};
    open_set o;
    rn_error err = {0};
    assert_ok(try_open(&o, "image_folder", folder, ".", &err), err);
    assert_int_equal(o.set->count(o.state), sizeof want / sizeof *want);
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        rn_dataset_item item = {0};
        rn_pixels p = {0};
        o.set->item(o.state, (int64_t)i, &item);
        assert_string_equal(item.path, want[i].path);
        assert_int_equal(item.label, want[i].label);
        const bool ok = o.set->read(o.state, (int64_t)i, &p, &err);
        if (ok != want[i].readable)
            fail_msg("%s: %s", want[i].path, ok ? "is read" : err.text);
        if (ok)
            assert_true(p.width == 1 && p.height == 1);
        rn_pixels_free(&p);
    }
    close_set(&o);
    free(folder);
}

/* Big-endian head of an IDX file. */
#define BE(v) (uint8_t)((v) >> 24), (uint8_t)((v) >> 16), (uint8_t)((v) >> 8), (uint8_t)(v)

static void what_is_no_such_set_is_refused_with_its_name_and_a_reason(void **state)
{
    (void)state;
    char *folder = scratch_folder();
    const uint8_t idx[] = {BE(0x803), BE(2), BE(3), BE(5)}, lie[] = {BE(0x803), BE(0xffffffffu), BE(3), BE(5)};
    const uint8_t flat[] = {BE(0x803), BE(2), BE(0), BE(5)}, labels[] = {BE(0x801), BE(3)}, cifar[] = {3, 200};
    const uint8_t gzip[] = {0x1f, 0x8b, 8, 0}, wide[] = {BE(0x803), BE(1), BE(0xffffffffu), BE(0xffffffffu)};
    scratch_run(NULL, "mkdir '%s/void'", folder);
    write_file(folder, "short", idx, sizeof idx, 45);
    write_file(folder, "long", idx, sizeof idx, 47);
    write_file(folder, "lie", lie, sizeof lie, 46);
    write_file(folder, "wide", wide, sizeof wide, 46);
    write_file(folder, "flat", flat, sizeof flat, 16);
    write_file(folder, "few-images", idx, sizeof idx, 46);
    write_file(folder, "few-labels", labels, sizeof labels, 11);
    write_file(folder, "cut.gz", gzip, sizeof gzip, sizeof gzip);
    write_file(folder, "empty", idx, 0, 0);
    write_file(folder, "odd.bin", cifar, 0, 3000);
    write_file(folder, "label.bin", cifar + 1, 1, 3073);
    write_file(folder, "text.tar", "no archive", 10, 2000);
    static const struct {
        const char *set, *path;
        rn_code code;
        const char *says;
    } wrong[] = {
        {"image_folder", "void", RN_EDATA, "no .png"}, {"image_folder", "short", RN_EIO, "is a file"},
        {"image_folder", "absent", RN_EIO, "No such file"},
        {"tar", "text.tar", RN_EFORMAT, "no tar archive"}, {"tar", "cut.gz", RN_EFORMAT, "gzip"},
        {"tar", "empty", RN_EFORMAT, "empty"}, {"tar", "void", RN_EIO, "image_folder"}, {"tar", "absent", RN_EIO, "No such file"},
        {"cifar10", "odd.bin", RN_EFORMAT, "3073"}, {"cifar10", "empty", RN_EFORMAT, "3073"},
        {"cifar10", "label.bin", RN_EFORMAT, "label 200"}, {"cifar10", "absent", RN_EIO, "No such file"},
        {"cifar10", "void", RN_EDATA, "no .bin"},
        {"idx", "short", RN_EFORMAT, "29 bytes"}, {"idx", "long", RN_EFORMAT, "31 bytes"},
        {"idx", "lie", RN_EFORMAT, "4294967295 images"}, {"idx", "wide", RN_EDATA, "max_pixels"},
        {"idx", "flat", RN_EFORMAT, "5×0"}, {"idx", "few-images", RN_EFORMAT, "few-labels"},
        {"idx", "cut.gz", RN_EFORMAT, "could not read"}, {"idx", "empty", RN_EFORMAT, "no IDX"},
        {"idx", "absent", RN_EIO, "No such file"}, {"idx", "void", RN_EIO, "no regular file"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        open_set o;
        rn_error err = {0};
        if (try_open(&o, wrong[i].set, folder, wrong[i].path, &err))
            fail_msg("%s opens %s", wrong[i].set, wrong[i].path);
        if (err.code != wrong[i].code || !strstr(err.text, wrong[i].says))
            fail_msg("%s on %s: code %d, '%s'", wrong[i].set, wrong[i].path, err.code, err.text);
        const char *name = strstr(wrong[i].says, "few") ? "few-labels" : wrong[i].path;
        assert_non_null(strstr(err.text, name));
    }
    free(folder);
}

/* Every prefix is refused; a damaged byte gives another picture or another header, or is refused. */
static void cut_and_damaged_idx_files_do_no_harm(void **state)
{
    (void)state;
    char *folder = scratch_folder(), *plain = scratch_path(folder, "p-images-idx3");
    const uint8_t head[] = {BE(0x803), BE(6), BE(9), BE(7)};
    write_file(folder, "p-images-idx3", head, sizeof head, 16 + 6 * 9 * 7);
    assert_int_equal(scratch_run(NULL, "gzip -k -n '%s'", plain), 0);
    const char *const names[] = {"p-images-idx3", "p-images-idx3.gz"};
    int opened = 0, refused = 0;
    for (size_t k = 0; k < 2; k++) {
        size_t bytes;
        char *path = scratch_path(folder, names[k]);
        uint8_t *file = scratch_read(path, &bytes);
        open_set o;
        rn_error err = {0};
        assert_ok(try_open(&o, "idx", folder, names[k], &err), err);
        close_set(&o);
        for (size_t n = 0; n < bytes; n++) {
            scratch_write(path, file, n);
            if (try_open(&o, "idx", folder, names[k], &err))
                fail_msg("%s: the first %zu of %zu bytes are read", names[k], n, bytes);
        }
        for (size_t at = 0; at < bytes; at++) {
            file[at] ^= 0x55;
            scratch_write(path, file, bytes);
            file[at] ^= 0x55;
            if (!try_open(&o, "idx", folder, names[k], &err)) {
                refused++;
                continue;
            }
            rn_pixels p = {0};
            assert_ok(o.set->read(o.state, o.set->count(o.state) - 1, &p, &err), err);
            rn_pixels_free(&p);
            close_set(&o);
            opened++;
        }
        free(file);
        free(path);
    }
    assert_true(opened > 0 && refused > 0);
    free(plain);
    free(folder);
}

/* `runner data PATH` asks all sets; the highest answer opens. */
static void a_path_is_recognised_by_what_it_is(void **state)
{
    static const struct {
        const char *path, *set;
    } paths[] = {
        {"cifar10/cifar10_test.tar", "tar"}, {"cifar10/test_batch.bin", "cifar10"}, {"cifar10", "cifar10"},
        {"mnist/t10k-images-idx3-ubyte.gz", "idx"}, {"odd/good", "image_folder"}, {"odd/bad/text.png", NULL}, {"absent", NULL},
    };
    const rn_dataset *const *sets = plugin_of("datasets")->datasets;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        char *path = scratch_path(*state, paths[i].path);
        const char *best = NULL;
        int most = 0;
        for (const rn_dataset *const *s = sets; *s; s++) {
            const int answer = (*s)->probe ? (*s)->probe(path) : 0;
            best = answer > most ? (*s)->name : best;
            most = answer > most ? answer : most;
        }
        if (paths[i].set ? !best || strcmp(best, paths[i].set) != 0 : best != NULL)
            fail_msg("%s is taken for %s", path, best ? best : "nothing");
        free(path);
    }
}

int main(void)
{
    const char *folder = golden_data_folder();
    void *state = (void *)(uintptr_t)folder;
    const struct CMUnitTest made_here[] = {
        cmocka_unit_test(a_folder_lists_images_by_ending_and_labels_them_by_the_first_folder),
        cmocka_unit_test(what_is_no_such_set_is_refused_with_its_name_and_a_reason),
        cmocka_unit_test(cut_and_damaged_idx_files_do_no_harm),
    };
    const struct CMUnitTest on_real_images[] = {
        cmocka_unit_test_prestate(every_real_set_opens_with_the_stated_count_size_and_classes, state),
        cmocka_unit_test_prestate(our_jpeg_reader_gives_the_bytes_of_the_binary_batch, state),
        cmocka_unit_test_prestate(a_path_is_recognised_by_what_it_is, state),
    };
    int failed = cmocka_run_group_tests(made_here, NULL, NULL);
    if (folder)
        failed += cmocka_run_group_tests(on_real_images, NULL, NULL);
    else
        print_message("skipped: the folder of images is absent; RUNNER_DATA names it\n");
    return failed;
}
