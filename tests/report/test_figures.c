/* Figures: letters that can be told apart, pictures where they belong, plots that are XML. */
#include "test.h"
#include "report/canvas.h"
#include "report/plot.h"
#include "report/snr_sheet.h"
#include "support/schema.h"
#include "support/scratch.h"

static void every_printable_letter_has_a_form_of_its_own(void **state)
{
    (void)state;
    int known = 0;
    uint64_t form[127] = {0};
    for (int c = '!'; c <= '~'; c++)
        for (int k = 0; k < RN_GLYPH_HEIGHT * RN_GLYPH_WIDTH; k++)
            form[c] |= (uint64_t)rn_glyph_dot((char)c, k / RN_GLYPH_WIDTH, k % RN_GLYPH_WIDTH) << k;
    uint64_t unknown = 0;
    for (int k = 0; k < RN_GLYPH_HEIGHT * RN_GLYPH_WIDTH; k++)
        unknown |= (uint64_t)rn_glyph_dot('\x01', k / RN_GLYPH_WIDTH, k % RN_GLYPH_WIDTH) << k;
    assert_true(unknown != 0);
    for (int c = '!'; c <= '~'; c++) {
        if (form[c] == 0)
            fail_msg("'%c' is empty", c);
        if (form[c] == unknown)
            continue;
        known++;
        for (int d = '!'; d < c; d++)
            if (form[d] == form[c])
                fail_msg("'%c' looks like '%c'", c, d);
    }
    for (const char *c = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,:;+-=/()[]%<>_^*"; *c; c++)
        if (form[(int)*c] == unknown)
            fail_msg("'%c' is not drawn", *c);
    assert_true(known >= 80);
    for (int k = 0; k < RN_GLYPH_HEIGHT * RN_GLYPH_WIDTH; k++)
        assert_false(rn_glyph_dot(' ', k / RN_GLYPH_WIDTH, k % RN_GLYPH_WIDTH));
    assert_false(rn_glyph_dot('A', -1, 0));
    assert_false(rn_glyph_dot('A', 0, RN_GLYPH_WIDTH));
}

static int red(const rn_pixels *c, int64_t x, int64_t y) { return c->rgb[3 * (y * c->width + x)]; }

static void pictures_and_letters_stand_where_they_belong(void **state)
{
    (void)state;
    rn_pixels c = {0};
    rn_error err;
    const uint8_t rgb[] = {10, 10, 10, 20, 20, 20};
    assert_ok(rn_canvas_make(&c, 40, 30, &err), err);
    rn_canvas_picture(&c, 5, 6, rgb, 2, 1, 3);
    for (int64_t y = 0; y < c.height; y++)
        for (int64_t x = 0; x < c.width; x++) {
            const bool in = y >= 6 && y < 9 && x >= 5 && x < 11;
            assert_int_equal(red(&c, x, y), in ? x < 8 ? 10 : 20 : 255);
        }
    /* beyond the edges nothing is written */
    rn_canvas_picture(&c, 38, -1, rgb, 2, 1, 4);
    rn_canvas_text(&c, -7, 25, "WWWWWWWWWW", 2, (rn_colour){0, 0, 0});
    rn_canvas_fill(&c, -5, -5, 6, 6, (rn_colour){7, 7, 7});
    assert_int_equal(red(&c, 0, 0), 7);
    assert_int_equal(red(&c, 1, 1), 255);
    rn_pixels_free(&c);

    /* "I" has its stem in the middle column of dots */
    assert_ok(rn_canvas_make(&c, 20, 20, &err), err);
    rn_canvas_text(&c, 1, 1, "I", 2, (rn_colour){0, 0, 0});
    assert_int_equal(red(&c, 1 + 4, 1 + 6), 0);
    assert_int_equal(red(&c, 1 + 0, 1 + 6), 255);
    rn_pixels_free(&c);
    assert_int_equal(rn_canvas_text_width("ab", 2), (2 * (RN_GLYPH_WIDTH + 1) - 1) * 2);
    assert_int_equal(rn_canvas_text_width("", 2), 0);
}

static char *plot_text(const rn_plot *plot)
{
    rn_error err;
    size_t bytes;
    char *folder = scratch_folder(), *path = scratch_path(folder, "plot.svg");
    assert_ok(rn_plot_write(path, plot, &err), err);
    char *text = (char *)scratch_read(path, &bytes);
    free(path), free(folder);
    return text;
}

static int occurrences(const char *text, const char *word)
{
    int n = 0;
    for (; (text = strstr(text, word)); text += strlen(word))
        n++;
    return n;
}

static void a_plot_has_axes_lines_and_one_legend(void **state)
{
    (void)state;
    const double x[] = {0, 0.5, 1}, y[] = {HUGE_VAL, 0, -5}, z[] = {1, 2, 3};
    const rn_plot_line lines[] = {{"a<b & \"c\"", x, y, 3, false}, {"target", x, z, 3, true}};
    const rn_plot_panel panels[] = {{"left", lines, 2}, {"right", lines, 1}};
    const rn_plot plot = {"title", "t", "log SNR", 0, 1, 0.5, -10, 10, 5, panels, 2};
    char *text = plot_text(&plot);
    assert_int_equal(occurrences(text, "a&lt;b &amp; &quot;c&quot;"), 1); /* in both panels, once in the legend */
    assert_int_equal(occurrences(text, ">target<"), 1);
    assert_int_equal(occurrences(text, ">log SNR<"), 1);
    assert_int_equal(occurrences(text, ">t<"), 2);
    assert_int_equal(occurrences(text, "clip-path=\"url(#panel0)\""), 2);
    assert_int_equal(occurrences(text, "clip-path=\"url(#panel1)\""), 1);
    assert_null(strstr(text, "inf"));
    assert_null(strstr(text, "nan"));
    assert_non_null(strstr(text, ">\xE2\x88\x92" "10<")); /* a minus sign, not a hyphen */
    assert_true(strstr(text, "#BBBBBB") < strstr(text, "#0072B2")); /* what is compared with lies below */
    char *out = NULL, *folder = scratch_folder(), *path = scratch_path(folder, "plot.svg");
    scratch_write(path, text, strlen(text));
    if (scratch_run(NULL, "command -v xmllint >/dev/null") == 0 && scratch_run(&out, "xmllint --noout '%s' 2>&1", path))
        fail_msg("%s", out);
    free(out), free(path), free(folder), free(text);
}

static void a_sheet_has_a_row_for_each_schedule(void **state)
{
    (void)state;
    enum { SIDE = 32 };
    static float image[3 * SIDE * SIDE];
    const rn_component *cosine = component_in(plugin_of("schedules")->schedules, "cosine");
    const rn_curve plain = {.base = (const rn_schedule *)cosine, .params = params_of(cosine, "")};
    rn_curve curve[2] = {plain, plain};
    curve[1].at_data = curve[1].at_noise = rn_logsnr_shift(0, 8, 32);
    const char *const label[] = {"plain", "a long name,with commas,that is broken into lines of the margin"};
    const double t[] = {0, 0.5, 1};
    int64_t width[3], height[3];
    char *folder = scratch_folder(), *path = scratch_path(folder, "sheet.png");
    uint8_t *bytes[2];
    size_t size[2];
    for (int i = 0; i < 3; i++) { /* one row, two rows, the same again */
        rn_error err;
        const rn_snr_sheet s = {.name = "test", .image = image, .height = SIDE, .width = SIDE, .pool = 4, .t = t, .n_t = 3,
                                .curve = curve, .label = label, .n_curves = i ? 2 : 1, .plain = plain, .plain_label = "cosine",
                                .seed = 3};
        assert_ok(rn_snr_sheet_write(path, &s, NULL, &width[i], &height[i], &err), err);
        if (i)
            bytes[i - 1] = scratch_read(path, &size[i - 1]);
    }
    assert_int_equal(width[0], width[1]);
    assert_true(height[1] > height[0] + 100);
    assert_int_equal(size[0], size[1]); /* the same figure is the same bytes */
    assert_memory_equal(bytes[0], bytes[1], size[0]);
    free(bytes[0]), free(bytes[1]), free(path), free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_printable_letter_has_a_form_of_its_own),
        cmocka_unit_test(pictures_and_letters_stand_where_they_belong),
        cmocka_unit_test(a_plot_has_axes_lines_and_one_legend),
        cmocka_unit_test(a_sheet_has_a_row_for_each_schedule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
