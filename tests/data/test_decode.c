#include "data/sets.h"

#include "data/pixels.h"

#include "support/golden.h"
#include "support/scratch.h"

#include <runner/random.h>

static const int64_t MAX_PIXELS = 1 << 28;

/* Rows of odd/expected.tsv. */
typedef struct expectation {
    char path[256], expect[16], format[16];
    int64_t width, height;
    double mean[3], tolerance;
    bool has_mean;
} expectation;

static expectation *expectations(const char *folder, int *n)
{
    size_t bytes;
    char *path = scratch_path(folder, "odd/expected.tsv"), *text = (char *)scratch_read(path, &bytes), *rest = text;
    expectation *rows = NULL;
    *n = 0;
    for (char *line; (line = strsep(&rest, "\n"));) {
        char *cell[10];
        int cells = 0;
        if (!*line || *line == '#')
            continue;
        while (cells < 10 && line)
            cell[cells++] = strsep(&line, "\t");
        assert_int_equal(cells, 10);
        rows = realloc(rows, (size_t)(*n + 1) * sizeof *rows);
        expectation *e = &rows[(*n)++];
        *e = (expectation){.width = atoll(cell[3]), .height = atoll(cell[4]), .tolerance = atof(cell[8]),
                           .has_mean = strcmp(cell[5], "-") != 0};
        snprintf(e->path, sizeof e->path, "%s", cell[0]);
        snprintf(e->expect, sizeof e->expect, "%s", cell[1]);
        snprintf(e->format, sizeof e->format, "%s", cell[2]);
        for (int c = 0; c < 3; c++)
            e->mean[c] = atof(cell[5 + c]);
    }
    free(text);
    free(path);
    return rows;
}

static uint8_t *read_odd(const char *folder, const char *name, size_t *bytes)
{
    char *odd = scratch_path(folder, "odd"), *path = scratch_path(odd, name);
    uint8_t *file = scratch_read(path, bytes);
    free(odd);
    free(path);
    return file;
}

static void check_pixels(const expectation *e, const rn_pixels *p)
{
    if (p->width != e->width || p->height != e->height)
        fail_msg("%s: %dx%d pixels", e->path, (int)p->width, (int)p->height);
    for (int c = 0; c < 3; c++) {
        double mean = 0;
        for (int64_t i = 0; i < p->width * p->height; i++)
            mean += p->rgb[3 * i + c] / (double)(p->width * p->height);
        if (!(fabs(mean - e->mean[c]) <= e->tolerance))
            fail_msg("%s: mean %.2f of channel %d instead of %.2f", e->path, mean, c, e->mean[c]);
    }
}

static void every_odd_file_is_read_or_refused_as_the_table_says(void **state)
{
    const char *folder = *state;
    int n, read = 0, refused = 0;
    expectation *rows = expectations(folder, &n);
    for (int i = 0; i < n; i++) {
        const expectation *e = &rows[i];
        size_t bytes;
        uint8_t *file = read_odd(folder, e->path, &bytes);
        rn_pixels p = {0};
        rn_image_info info = {0};
        rn_error err = {0}, probe_err = {0};
        const bool ok = rn_image_decode(file, bytes, e->path, MAX_PIXELS, &p, &err);
        const bool probed = rn_image_probe(file, bytes, e->path, &info, &probe_err);
        if (strcmp(e->expect, "ok") == 0 && !ok)
            fail_msg("%s is refused: %s", e->path, err.text);
        if (strcmp(e->expect, "fail") == 0 && ok)
            fail_msg("%s is read", e->path);
        if (ok && e->has_mean) {
            check_pixels(e, &p);
            assert_true(probed);
            assert_string_equal(info.format, e->format);
            assert_int_equal(info.width, e->width);
            assert_int_equal(info.height, e->height);
        }
        if (!ok && !strstr(err.text, e->path))
            fail_msg("the reason does not name %s: %s", e->path, err.text);
        ok ? read++ : refused++;
        rn_pixels_free(&p);
        free(file);
    }
    print_message("odd: %d read, %d refused\n", read, refused);
    assert_true(read > 0 && refused > 0);
    free(rows);
}

static void pngsuite_is_read_but_for_what_is_broken_on_purpose(void **state)
{
    char *path = scratch_path(*state, "odd/pngsuite.tar");
    const path_params params = {.path = path};
    const rn_dataset *set = set_named("tar");
    const rn_dataset_env env = {.bytes = sizeof env, .height = 32, .width = 32, .max_pixels = MAX_PIXELS};
    void *s = NULL;
    rn_error err = {0};
    int broken = 0, good = 0;
    assert_ok(set->open(&params, &env, &s, &err), err);
    for (int64_t i = 0; i < set->count(s); i++) {
        rn_dataset_item item = {0};
        rn_pixels p = {0};
        set->item(s, i, &item);
        const char *slash = strrchr(item.path, '/'), *name = slash ? slash + 1 : item.path;
        const bool ok = set->read(s, i, &p, &err);
        if (ok != (name[0] != 'x'))
            fail_msg("%s: %s", name, ok ? "is read" : err.text);
        ok ? good++ : broken++;
        rn_pixels_free(&p);
    }
    print_message("PngSuite: %d read, %d refused\n", good, broken);
    assert_true(good > 100 && broken > 5);
    set->close(s);
    free(path);
}

static void the_limit_of_pixels_holds_before_anything_is_decoded(void **state)
{
    int n;
    expectation *rows = expectations(*state, &n);
    for (int i = 0; i < n; i++) {
        const expectation *e = &rows[i];
        if (strcmp(e->expect, "ok") != 0)
            continue;
        size_t bytes;
        uint8_t *file = read_odd(*state, e->path, &bytes);
        rn_pixels p = {0};
        rn_error err = {0};
        assert_ok(rn_image_decode(file, bytes, e->path, e->width * e->height, &p, &err), err);
        rn_pixels_free(&p);
        assert_false(rn_image_decode(file, bytes, e->path, e->width * e->height - 1, &p, &err));
        assert_int_equal(err.code, RN_ELIMIT);
        assert_null(p.rgb);
        free(file);
    }
    free(rows);
}

/* Cut and damaged files are read or refused, but nothing else happens (the sanitizers look on). Half of a file is
 * never enough. */
static void cut_and_damaged_files_do_no_harm(void **state)
{
    int n, decoded = 0, refused = 0;
    expectation *rows = expectations(*state, &n);
    for (int i = 0; i < n; i++) {
        const expectation *e = &rows[i];
        size_t bytes;
        uint8_t *file = read_odd(*state, e->path, &bytes);
        if (strcmp(e->expect, "ok") != 0 || bytes > 6000) {
            free(file);
            continue;
        }
        for (size_t cut = 0; cut < bytes; cut += 1 + bytes / 97) {
            uint8_t *part = malloc(cut + 1); /* its own block, so that reading beyond it is seen */
            memcpy(part, file, cut);
            rn_pixels p = {0};
            rn_error err = {0};
            const bool ok = rn_image_decode(part, cut, e->path, MAX_PIXELS, &p, &err);
            if (ok && cut < bytes / 2)
                fail_msg("%s: the first %zu of %zu bytes are read", e->path, cut, bytes);
            rn_pixels_free(&p);
            free(part);
        }
        for (uint64_t k = 0; k < 60; k++) {
            const rn_stream s = {1, rn_stream_of(e->path), 0, 0};
            const size_t at = (size_t)rn_random_below(s, 2 * k, bytes);
            const uint8_t before = file[at];
            file[at] = (uint8_t)rn_random_word(s, 1000 + k);
            rn_pixels p = {0};
            rn_error err = {0};
            rn_image_decode(file, bytes, e->path, 1 << 20, &p, &err) ? decoded++ : refused++;
            rn_pixels_free(&p);
            file[at] = before;
        }
        free(file);
    }
    print_message("one damaged byte: %d read, %d refused\n", decoded, refused);
    assert_true(refused > 0);
    free(rows);
}

/* Bytes with 0, 127.5 and 255 between them, and the way back for every byte. */
static void bytes_survive_the_way_to_floats_and_back(void **state)
{
    (void)state;
    uint8_t bytes[256], back[256];
    float x[256];
    for (int i = 0; i < 256; i++)
        bytes[i] = (uint8_t)i;
    rn_pixels_to_floats(bytes, 256, x);
    assert_true(x[0] == -1 && x[255] == 1);
    rn_pixels_from_floats(x, 256, back);
    assert_memory_equal(bytes, back, 256);
    const float beyond[] = {-3, 7, NAN, INFINITY, -INFINITY};
    const uint8_t want[] = {0, 255, 0, 255, 0};
    rn_pixels_from_floats(beyond, 5, back);
    assert_memory_equal(back, want, 5);
}

int main(void)
{
    const char *folder = golden_data_folder();
    void *state = (void *)(uintptr_t)folder;
    if (!folder) {
        print_message("skipped: the folder of images is absent; RUNNER_DATA names it\n");
        return TEST_SKIPPED;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(every_odd_file_is_read_or_refused_as_the_table_says, state),
        cmocka_unit_test_prestate(pngsuite_is_read_but_for_what_is_broken_on_purpose, state),
        cmocka_unit_test_prestate(the_limit_of_pixels_holds_before_anything_is_decoded, state),
        cmocka_unit_test_prestate(cut_and_damaged_files_do_no_harm, state),
        cmocka_unit_test(bytes_survive_the_way_to_floats_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
