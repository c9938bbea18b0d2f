#include "train/safetensors.h"
#include "test.h"

#include <runner/random.h>
#include <unistd.h>

static rn_error err;
static char folder[] = "/tmp/runner-safetensors-XXXXXX", path[64], other[64];

static const double f64[] = {1.5, -0.0, (double)INFINITY, 1e-300, 3.14159265358979, 0.1};
static const float f32[] = {1.0f, -2.5f, 3.25f, 1e-7f};
static const uint16_t bf16[] = {0x3f80, 0xc000, 0x7f80}; /* 1, −2, ∞ */
static const double bf16_as_double[] = {1, -2, (double)INFINITY};
static const int32_t i32[] = {INT32_MIN, 7};
static const int64_t i64[] = {-(1ll << 53), 1ll << 53};
static const uint8_t u8[] = {0, 1, 255};

/* Every type that is written, ranks 0 to 3, no elements, and names that need escapes. */
static const rn_file_tensor written[] = {
    {.name = "bytes", .dtype = RN_DTYPE_U8, .rank = 1, .dim = {3}, .data = u8},
    {.name = "down.0.1.conv1.weight", .dtype = RN_DTYPE_F32, .rank = 3, .dim = {1, 2, 2}, .data = f32},
    {.name = "a \"quoted\\\" name\n", .dtype = RN_DTYPE_F64, .rank = 2, .dim = {2, 3}, .data = f64},
    {.name = "größe", .dtype = RN_DTYPE_I64, .rank = 1, .dim = {2}, .data = i64},
    {.name = "half", .dtype = RN_DTYPE_BF16, .rank = 1, .dim = {3}, .data = bf16},
    {.name = "labels", .dtype = RN_DTYPE_I32, .rank = 2, .dim = {2, 1}, .data = i32},
    {.name = "nothing", .dtype = RN_DTYPE_F32, .rank = 2, .dim = {0, 7}, .data = f32},
    {.name = "scalar", .dtype = RN_DTYPE_F32, .rank = 0, .data = f32 + 2},
};
enum { N_WRITTEN = sizeof written / sizeof *written };
static const char *const metadata[] = {"step", "12", "format", "pt", "quote", "\"\\\t", NULL};

static int enter(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/one.safetensors", folder);
    snprintf(other, sizeof other, "%s/two.safetensors", folder);
    return 0;
}

static int leave(void **state)
{
    (void)state;
    remove(path);
    remove(other);
    return remove(folder);
}

static size_t read_bytes(const char *file, uint8_t *bytes, size_t size)
{
    FILE *f = fopen(file, "rb");
    assert_non_null(f);
    const size_t n = fread(bytes, 1, size, f);
    fclose(f);
    assert_true(n > 0 && n < size);
    return n;
}

static void what_was_written_comes_back(void **state)
{
    (void)state;
    assert_ok(rn_safetensors_write(path, written, N_WRITTEN, metadata, &err), err);
    rn_safetensors *f;
    assert_ok(rn_safetensors_open(path, &f, &err), err);
    assert_int_equal(rn_safetensors_count(f), N_WRITTEN);
    for (int i = 0; i < N_WRITTEN; i++) {
        const rn_file_tensor *t = rn_safetensors_find(f, written[i].name);
        assert_non_null(t);
        assert_int_equal(t->dtype, written[i].dtype);
        assert_int_equal(t->rank, written[i].rank);
        int64_t count = 1;
        for (int k = 0; k < t->rank; k++) {
            assert_int_equal(t->dim[k], written[i].dim[k]);
            count *= t->dim[k];
        }
        assert_int_equal(t->count, count);
        assert_memory_equal(t->data, written[i].data, t->bytes);
    }
    for (int i = 1; i < N_WRITTEN; i++)
        assert_true(strcmp(rn_safetensors_at(f, i - 1)->name, rn_safetensors_at(f, i)->name) < 0);
    for (const char *const *m = metadata; *m; m += 2)
        assert_string_equal(rn_safetensors_metadata(f, m[0]), m[1]);
    assert_null(rn_safetensors_metadata(f, "absent"));
    assert_null(rn_safetensors_find(f, "absent"));

    double v[3];
    float w[3];
    assert_true(rn_file_tensor_double(rn_safetensors_find(f, "half"), v));
    assert_true(rn_file_tensor_float(rn_safetensors_find(f, "half"), w));
    for (int i = 0; i < 3; i++)
        assert_true(v[i] == bf16_as_double[i] && (double)w[i] == bf16_as_double[i]);
    assert_true(rn_file_tensor_double(rn_safetensors_find(f, "größe"), v));
    assert_true(v[0] == -0x1p53 && v[1] == 0x1p53);
    rn_safetensors_close(f);
}

static void files_without_tensors_or_metadata_come_back(void **state)
{
    (void)state;
    rn_safetensors *f;
    for (int i = 0; i < 2; i++) {
        assert_ok(rn_safetensors_write(path, NULL, 0, i ? metadata : NULL, &err), err);
        assert_ok(rn_safetensors_open(path, &f, &err), err);
        assert_int_equal(rn_safetensors_count(f), 0);
        assert_int_equal(rn_safetensors_metadata(f, "step") != NULL, i);
        rn_safetensors_close(f);
    }
}

static void the_order_of_tensors_changes_no_byte_and_data_are_aligned(void **state)
{
    (void)state;
    rn_file_tensor turned[N_WRITTEN];
    for (int i = 0; i < N_WRITTEN; i++)
        turned[i] = written[N_WRITTEN - 1 - i];
    assert_ok(rn_safetensors_write(path, written, N_WRITTEN, metadata, &err), err);
    assert_ok(rn_safetensors_write(other, turned, N_WRITTEN, metadata, &err), err);
    uint8_t a[4096], b[4096];
    const size_t n = read_bytes(path, a, sizeof a);
    assert_int_equal(n, read_bytes(other, b, sizeof b));
    assert_memory_equal(a, b, n);
    rn_safetensors *f;
    assert_ok(rn_safetensors_open(path, &f, &err), err);
    for (int i = 0; i < N_WRITTEN; i++) {
        const rn_file_tensor *t = rn_safetensors_at(f, i);
        if (t->count)
            assert_int_equal((uintptr_t)t->data % (t->bytes / (size_t)t->count), 0);
    }
    rn_safetensors_close(f);
}

static void impossible_tensors_are_not_written(void **state)
{
    (void)state;
    const rn_file_tensor one = {.name = "w", .dtype = RN_DTYPE_F32, .rank = 1, .dim = {1}, .data = f32};
    const struct {
        rn_file_tensor tensor[2];
        rn_code code;
    } cases[] = {
        {{one, one}, RN_EDUPLICATE},
        {{one, {.name = "__metadata__", .dtype = RN_DTYPE_F32, .rank = 1, .dim = {1}, .data = f32}}, RN_EFORMAT},
        {{one, {.name = "\xff", .dtype = RN_DTYPE_F32, .rank = 1, .dim = {1}, .data = f32}}, RN_EFORMAT},
        {{one, {.name = "x", .dtype = RN_DTYPE_OTHER, .rank = 1, .dim = {1}, .data = f32}}, RN_EINTERNAL},
        {{one, {.name = "x", .dtype = RN_DTYPE_F32, .rank = 2, .dim = {INT64_MAX, 3}, .data = f32}}, RN_EINTERNAL},
    };
    remove(path);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_false(rn_safetensors_write(path, cases[i].tensor, 2, NULL, &err));
        assert_int_equal(err.code, cases[i].code);
        assert_non_null(strstr(err.text, path));
        assert_int_equal(access(path, F_OK), -1);
    }
}

/* Opens bytes as a file and reads all that it offers; returns whether it opened. */
static bool try_bytes(const uint8_t *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_true(fwrite(bytes, 1, n, f) == n && fclose(f) == 0);
    rn_safetensors *file;
    if (!rn_safetensors_open(path, &file, &err)) {
        assert_int_equal(err.code, RN_EFORMAT);
        assert_non_null(strstr(err.text, path));
        assert_true(strlen(err.text) > strlen(path) + 10);
        return false;
    }
    for (int64_t i = 0; i < rn_safetensors_count(file); i++) {
        const rn_file_tensor *t = rn_safetensors_at(file, i);
        double *v = malloc(sizeof(double) * (size_t)(t->count + 1));
        assert_non_null(v);
        assert_true(rn_file_tensor_double(t, v) || t->dtype == RN_DTYPE_OTHER);
        assert_ptr_equal(rn_safetensors_find(file, t->name), t);
        free(v);
    }
    rn_safetensors_close(file);
    return true;
}

static void every_prefix_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[4096];
    assert_ok(rn_safetensors_write(path, written, N_WRITTEN, metadata, &err), err);
    const size_t n = read_bytes(path, bytes, sizeof bytes);
    for (size_t cut = 0; cut < n; cut++)
        if (try_bytes(bytes, cut))
            fail_msg("the first %zu of %zu bytes were taken", cut, n);
    assert_true(try_bytes(bytes, n));
}

/* One to four bytes changed: in the header mostly to characters of JSON, which reach further than noise. */
static void damaged_bytes_are_refused_or_read_but_never_crash(void **state)
{
    (void)state;
    static const char likely[] = "{}[]\",:\\u0019-.e \t";
    uint8_t good[4096], bytes[4096];
    assert_ok(rn_safetensors_write(path, written, N_WRITTEN, metadata, &err), err);
    const size_t n = read_bytes(path, good, sizeof good);
    const rn_stream r = {.seed = 1, .stream = rn_stream_of("damage")};
    uint64_t draw = 0;
    int refused = 0;
    for (int round = 0; round < 2000; round++) {
        memcpy(bytes, good, n);
        for (uint64_t left = 1 + rn_random_below(r, draw++, 4); left > 0; left--) {
            const size_t at = (size_t)rn_random_below(r, draw++, n);
            const uint32_t word = rn_random_word(r, draw++);
            bytes[at] = word & 0x300 ? (uint8_t)likely[word % (sizeof likely - 1)] : (uint8_t)word;
        }
        refused += !try_bytes(bytes, n);
    }
    assert_true(refused > 1000);
}

static void files_that_cannot_be_read_say_so(void **state)
{
    (void)state;
    rn_safetensors *f = NULL;
    assert_false(rn_safetensors_open("/nowhere/model.safetensors", &f, &err));
    assert_int_equal(err.code, RN_EIO);
    assert_non_null(strstr(err.text, "/nowhere/model.safetensors"));
    assert_false(rn_safetensors_open(folder, &f, &err));
    assert_int_equal(err.code, RN_EIO);
    assert_null(f);
    rn_safetensors_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_comes_back),
        cmocka_unit_test(files_without_tensors_or_metadata_come_back),
        cmocka_unit_test(the_order_of_tensors_changes_no_byte_and_data_are_aligned),
        cmocka_unit_test(impossible_tensors_are_not_written),
        cmocka_unit_test(every_prefix_is_refused),
        cmocka_unit_test(damaged_bytes_are_refused_or_read_but_never_crash),
        cmocka_unit_test(files_that_cannot_be_read_say_so),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
