/* Good and broken checkpoint files: safetensors/expected.tsv says which is which, and its notes what the good
 * ones hold. */
#include "support/golden.h"

#include <ctype.h>

static rn_error err;

static bool opens(const char *file, rn_safetensors **f)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/safetensors/%s", golden_folder(), file);
    *f = NULL;
    return rn_safetensors_open(path, f, &err);
}

/* The message names the file, and says something after it. */
static void assert_names(const char *file)
{
    const char *at = strstr(err.text, file);
    if (!at || strlen(at) < strlen(file) + 10)
        fail_msg("%s: the message does not name the file and a reason: '%s'", file, err.text);
    assert_true(err.code == RN_EFORMAT || err.code == RN_EIO);
}

static bool same(double a, double b) { return a == b ? signbit(a) == signbit(b) : isnan(a) && isnan(b); }

/* Numbers "1.0, -2.5, NaN" at text are the elements of t, as float32. */
static void assert_values(const char *file, const rn_file_tensor *t, const char *text)
{
    double *v = malloc(sizeof(double) * (size_t)(t->count + 1));
    assert_true(v && rn_file_tensor_double(t, v));
    for (int64_t i = 0; i < t->count; i++) {
        char *end;
        const float want = strtof(text, &end);
        if (end == text || !same(v[i], (double)want))
            fail_msg("%s: element %d of %s is %g, not '%s'", file, (int)i, t->name, v[i], text);
        text = end + (*end == ',');
    }
    free(v);
}

/* Every "name [2,3]" of a note is a tensor of that shape, with "= [..]" after it of those values. */
static int check_shapes(const char *file, const rn_safetensors *f, const char *note)
{
    int found = 0;
    for (const char *at = note; (at = strchr(at, '[')) != NULL; at++) {
        if (at - note < 2 || at[-1] != ' ' || !isalnum((unsigned char)at[-2]))
            continue;
        const char *name = at - 1;
        while (name > note && isalnum((unsigned char)name[-1]))
            name--;
        char text[64];
        snprintf(text, sizeof text, "%.*s", (int)(at - 1 - name), name);
        const rn_file_tensor *t = rn_safetensors_find(f, text);
        if (!t)
            fail_msg("%s: no tensor '%s'", file, text);
        const char *dim = at + 1;
        int rank = 0;
        for (; *dim && *dim != ']'; rank++) {
            char *end;
            const long d = strtol(dim, &end, 10);
            assert_true(rank < t->rank && t->dim[rank] == d);
            dim = end + (*end == ',');
        }
        assert_int_equal(t->rank, rank);
        const char *values = strstr(dim, "= [");
        if (values)
            assert_values(file, t, values + 3);
        found++;
        at = values ? strchr(values, ']') : dim;
    }
    return found;
}

/* "a = second value, b = first": the places of tensors in the data. */
static int check_order(const char *file, const rn_safetensors *f, const char *note)
{
    static const char *const word[] = {"first", "second"};
    int found = 0;
    const void *at[2] = {NULL, NULL};
    for (int i = 0; i < 2; i++) {
        char text[16], name[2] = "";
        snprintf(text, sizeof text, " = %s", word[i]);
        const char *place = strstr(note, text);
        if (!place || place == note)
            continue;
        name[0] = place[-1];
        const rn_file_tensor *t = rn_safetensors_find(f, name);
        if (!t)
            fail_msg("%s: no tensor '%s'", file, name);
        at[i] = t->data;
        found++;
    }
    if (found == 2)
        assert_true((uintptr_t)at[0] < (uintptr_t)at[1]);
    return found;
}

/* "values NaN, inf, …": those of the one tensor. */
static int check_values(const char *file, const rn_safetensors *f, const char *note)
{
    if (strncmp(note, "values ", 7) != 0)
        return 0;
    assert_int_equal(rn_safetensors_count(f), 1);
    assert_values(file, rn_safetensors_at(f, 0), note + 7);
    return 1;
}

static void good_files_load_and_broken_ones_are_refused_by_name_and_reason(void **state)
{
    (void)state;
    const golden_table *t = golden_read("safetensors/expected.tsv");
    int compared = 0, facts = 0;
    for (int row = 0; row < t->rows; row++) {
        const char *file = golden_cell(t, row, "file"), *expect = golden_cell(t, row, "expect");
        const char *note = golden_cell(t, row, "note");
        rn_safetensors *f;
        const bool ok = opens(file, &f);
        if (strcmp(expect, "warn") != 0 && ok != (strcmp(expect, "ok") == 0))
            fail_msg("%s (%s): %s", file, note, ok ? "was taken" : err.text);
        if (!ok)
            assert_names(file);
        else if (strcmp(expect, "ok") == 0)
            facts += check_shapes(file, f, note) + check_order(file, f, note) + check_values(file, f, note);
        rn_safetensors_close(f);
        compared++;
    }
    assert_true(facts > 0);
    golden_report("safetensors/expected.tsv", compared, 0);
}

static void every_prefix_of_a_good_file_is_refused_by_name_and_reason(void **state)
{
    (void)state;
    const golden_table *t = golden_read("safetensors/expected.tsv");
    char folder[] = "/tmp/runner-prefix-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/cut.safetensors", folder);
    int refused = 0;
    for (int row = 0; row < t->rows; row++) {
        if (strcmp(golden_cell(t, row, "expect"), "ok") != 0)
            continue;
        char from[4096], bytes[4096];
        snprintf(from, sizeof from, "%s/safetensors/%s", golden_folder(), golden_cell(t, row, "file"));
        FILE *in = fopen(from, "rb");
        assert_non_null(in);
        const size_t n = fread(bytes, 1, sizeof bytes, in);
        fclose(in);
        for (size_t cut = 0; cut < n; cut++, refused++) {
            FILE *out = fopen(path, "wb");
            assert_non_null(out);
            assert_true(fwrite(bytes, 1, cut, out) == cut && fclose(out) == 0);
            rn_safetensors *f = NULL;
            if (rn_safetensors_open(path, &f, &err))
                fail_msg("%s: its first %zu of %zu bytes were taken", from, cut, n);
            assert_names("cut.safetensors");
        }
    }
    remove(path);
    remove(folder);
    assert_true(refused > 0);
}

int main(void)
{
    if (!golden_folder())
        return TEST_SKIPPED;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_files_load_and_broken_ones_are_refused_by_name_and_reason),
        cmocka_unit_test(every_prefix_of_a_good_file_is_refused_by_name_and_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
