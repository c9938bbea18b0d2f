/* resize.tsv: our resizing against Pillow's and PyTorch's. */
#include "support/golden.h"

#include "data/resize.h"

typedef struct resize_case {
    const char *name;
    const rn_filter *filter;
    double size[2], target[2];
    int64_t n; /* values of the result */
} resize_case;

/* False where the table asks for a filter that is not there. */
static bool read_case(const golden_table *t, int row, resize_case *c)
{
    char text[64];
    *c = (resize_case){.name = golden_cell(t, row, "case"), .filter = rn_filter_find(golden_cell(t, row, "filter"))};
    snprintf(text, sizeof text, "v=%s", golden_cell(t, row, "from_h_w"));
    assert_int_equal(golden_list(text, "v", c->size, 2), 2);
    snprintf(text, sizeof text, "v=%s", golden_cell(t, row, "to_h_w"));
    assert_int_equal(golden_list(text, "v", c->target, 2), 2);
    c->n = 3 * (int64_t)c->target[0] * (int64_t)c->target[1];
    return c->filter != NULL;
}

static double *tensor(const char *name, const char *which, int64_t n)
{
    const rn_file_tensor *info = NULL;
    double *v = golden_tensor(golden_tensors("resize.safetensors"), name, which, &info);
    if (!v)
        fail_msg("no tensor %s/%s", name, which);
    assert_int_equal(info->count, n);
    return v;
}

static double worst(const double *want, const double *got, int64_t n)
{
    double most = 0;
    for (int64_t i = 0; i < n; i++)
        most = fabs(want[i] - got[i]) > most || isnan(got[i]) ? fabs(want[i] - got[i]) : most;
    return most;
}

/* Tolerance: the table's, in levels: the reference was rounded to float32. */
static void floats_agree_with_the_reference(void **state)
{
    const golden_table *t = *state;
    int compared = 0, not_built = 0;
    for (int row = 0; row < t->rows; row++) {
        resize_case c;
        if (!read_case(t, row, &c)) {
            not_built++;
            continue;
        }
        const int64_t h = (int64_t)c.size[0], w = (int64_t)c.size[1];
        double *x = tensor(c.name, "x", 3 * h * w), *want = tensor(c.name, "y_float", c.n);
        float *in = malloc((size_t)(3 * h * w) * sizeof *in), *out = malloc((size_t)c.n * sizeof *out);
        double *got = malloc((size_t)c.n * sizeof *got);
        rn_error err = {0};
        for (int64_t i = 0; i < 3 * h * w; i++)
            in[i] = (float)x[i];
        assert_ok(rn_resize_floats(in, h, w, 3, c.filter, (int64_t)c.target[0], (int64_t)c.target[1], out, &err), err);
        for (int64_t i = 0; i < c.n; i++)
            got[i] = (double)out[i];
        const double error = worst(want, got, c.n), tolerance = golden_number(t, row, "tolerance_float");
        if (!(error <= tolerance))
            fail_msg("%s: %.4f levels, tolerance %.4f", c.name, error, tolerance);
        compared++;
        free(x), free(want), free(in), free(out), free(got);
    }
    golden_report("resize.tsv, floats", compared, not_built);
}

/* Tolerance: one level, for we round as Pillow does. Without bytes in the table there is nothing to compare. */
static void bytes_agree_with_pillow_within_a_level(void **state)
{
    const golden_table *t = *state;
    int compared = 0, not_built = 0;
    for (int row = 0; row < t->rows; row++) {
        resize_case c;
        if (!read_case(t, row, &c)) {
            not_built++;
            continue;
        }
        if (strcmp(golden_cell(t, row, "tolerance_u8"), "-") == 0)
            continue;
        const int64_t h = (int64_t)c.size[0], w = (int64_t)c.size[1];
        double *x = tensor(c.name, "x", 3 * h * w), *want = tensor(c.name, "y_u8", c.n);
        double *got = malloc((size_t)c.n * sizeof *got);
        uint8_t *out = malloc((size_t)c.n);
        rn_pixels in = {0};
        rn_error err = {0};
        const rn_window all = {.full_height = (int64_t)c.target[0], .full_width = (int64_t)c.target[1],
                               .height = (int64_t)c.target[0], .width = (int64_t)c.target[1]};
        assert_ok(rn_pixels_alloc(&in, w, h, &err), err);
        for (int64_t i = 0; i < 3 * h * w; i++)
            in.rgb[i] = (uint8_t)x[i];
        assert_ok(rn_resize(&in, c.filter, all, out, &err), err);
        for (int64_t i = 0; i < c.n; i++)
            got[i] = out[i];
        const double error = worst(want, got, c.n);
        if (!(error <= 1))
            fail_msg("%s: %.0f levels", c.name, error);
        compared++;
        rn_pixels_free(&in);
        free(x), free(want), free(got), free(out);
    }
    golden_report("resize.tsv, bytes", compared, not_built);
}

int main(void)
{
    if (!golden_folder()) {
        print_message("skipped: the folder of reference numbers is absent; RUNNER_GOLDEN names it\n");
        return TEST_SKIPPED;
    }
    void *state = (void *)(uintptr_t)golden_read("resize.tsv");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(floats_agree_with_the_reference, state),
        cmocka_unit_test_prestate(bytes_agree_with_pillow_within_a_level, state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
