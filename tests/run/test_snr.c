/* `runner snr`, `schedule` and `show` as a user sees them. */
#include "support/scratch.h"
#include "tiny.h"

#include <unistd.h>

static void assert_query(const char *folder, const char *sql, const char *want)
{
    char *got = tiny_query(folder, sql);
    if (strcmp(got, want) != 0)
        fail_msg("%s: %s", sql, got);
    free(got);
}

/* 24 images of 16×16, averaged over 2×2: 4608 numbers are left, whose variance is known to √(2/4608) = 2 %. */
static void the_measured_gain_is_the_predicted_one(void **state)
{
    (void)state;
    char *folder = tiny_folder();
    free(tiny_runner(folder, 0, "snr tiny.yaml"));
    assert_query(folder, "select count(*), min(predicted), max(predicted), max(abs(snr_gain / predicted - 1)) < 0.1, "
                         "max(power_snr_gain / snr_gain) < 1, min(power_snr_gain / snr_gain) > 0.2 from snr_gain", "22|4.0|4.0|1|1|1\n");
    /* aligned: where the shift is from the reference, pooled logSNR is that of the schedule without it */
    assert_query(folder, "select variant, round(max(abs(logsnr_pooled - logsnr_reference)), 9) from snr_gain group by 1 order by 1",
                 "shift.from=8|0.0\nshift=none|1.386294361\n");
    assert_query(folder, "select count(*) from run", "0\n"); /* nothing is trained */
    assert_query(folder, "select path from snr_sheet", "tiny/snr_16x16_to_8.png\n");
    char *sheet = scratch_path(folder, "results/tiny/snr_16x16_to_8.png");
    assert_int_equal(access(sheet, R_OK), 0);
    free(sheet);
    /* the same again replaces it; other images stand beside it */
    free(tiny_runner(folder, 0, "snr tiny.yaml"));
    assert_query(folder, "select count(*) from snr_measurement", "1\n");
    free(tiny_runner(folder, 0, "snr tiny.yaml --set data.resolution=32"));
    assert_query(folder, "select count(*) from snr_measurement", "2\n");
    free(folder);
}

static void variants_with_other_images_have_a_figure_of_their_own(void **state)
{
    (void)state;
    char *folder = tiny_folder();
    free(tiny_runner(folder, 0, "snr tiny.yaml --set 'vary={data.resolution: [16, 32], task.schedule.shift: [none, {from: 8}]}'"));
    assert_query(folder, "select path from snr_sheet order by 1", "tiny/snr_16x16_to_8.png\ntiny/snr_32x32_to_8.png\n");
    assert_query(folder, "select height, count(*), min(predicted) from snr_gain group by 1", "16|22|4.0\n32|22|16.0\n");
    free(folder);
    /* of the same size, too; but whether images are flipped in training changes none of them */
    folder = tiny_folder();
    free(tiny_runner(folder, 0, "snr tiny.yaml --set 'vary={data.count: [20, 24], data.flip: [true, false]}' --set task.schedule.shift.from=8"));
    assert_query(folder, "select count(*), count(distinct data_hash) from snr_measurement", "2|2\n");
    assert_query(folder, "select count(distinct path), sum(path = 'tiny/snr_16x16_to_8.png') from snr_sheet", "2|1\n");
    assert_query(folder, "select distinct n from (select count(distinct variant) as n from snr group by measurement_id)", "2\n");
    free(folder);
}

static void what_cannot_be_pooled_is_told(void **state)
{
    (void)state;
    char *folder = tiny_folder();
    char *text = tiny_runner(folder, 2, "snr tiny.yaml --set 'vary={task.schedule.shift: [{from: 7}]}'");
    assert_non_null(strstr(text, "images of 16x16 pixels cannot be averaged to 7 pixels in whole windows"));
    free(text);
    /* without any shift: half and a quarter */
    free(tiny_runner(folder, 0, "snr tiny.yaml --set vary=none"));
    assert_query(folder, "select distinct reference_px from snr_gain order by 1", "4\n8\n");
    free(folder);
}

static void the_schedule_shows_what_is_left_after_pooling(void **state)
{
    (void)state;
    char *folder = tiny_folder();
    char *text = tiny_runner(folder, 0, "schedule tiny.yaml --plot curves.svg");
    static const char *const words[] = {"logSNR after averaging to 8 pixels", "+1.386", "0: aligned", "2x2"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strstr(text, words[i]))
            fail_msg("no '%s' in %s", words[i], text);
    free(text);
    char *plot = scratch_path(folder, "curves.svg");
    size_t bytes;
    char *svg = (char *)scratch_read(plot, &bytes);
    assert_non_null(strstr(svg, ">shift.from=8</text>"));
    assert_non_null(strstr(svg, "after averaging to 8 pixels"));
    free(svg), free(plot);
    text = tiny_runner(folder, 0, "schedule tiny.yaml --set 'vary={task.schedule.shift: [none, {low: 4, high: 8}]}'");
    assert_non_null(strstr(text, "-1.386 to +0.000")); /* between its two sizes at 8: aligned at one end alone */
    free(text);
    free(tiny_runner(folder, 3, "schedule tiny.yaml --plot nowhere/curves.svg"));
    free(folder);
}

static void a_run_can_be_named_in_three_ways(void **state)
{
    static const struct { const char *command; int status; const char *says; } rows[] = {
        {"show results/tiny/shift.from=8/seed1", 0, "tiny / shift.from=8 / seed 1\n"},
        {"show results/tiny/shift.from=8/seed1/", 0, "tiny / shift.from=8 / seed 1\n"},
        {"show tiny/shift.from=8/1", 0, "tiny / shift.from=8 / seed 1\n"},
        {"show tiny/shift=none/seed0", 0, "tiny / shift=none / seed 0 (baseline)\n"},
        {"show tiny", 0, "shift.from=8: error in % more or less than the baseline's (x: times), mean of 2 seeds"},
        {"show tyni", 2, "nearest: 'tiny'"},
        {"show tiny/", 0, "shift.from=8: error in %"},
        {"show elsewhere/tiny/shift=none/seed0.0123abcd/", 0, "tiny / shift=none / seed 0 (baseline)\n"},
        {"show tiny/shift.from=8", 2, "names no run"},
        {"show tiny/shift.from=8/seed", 2, "names no run"},
        {"show /shift.from=8/1", 2, "names no run"},
        {"show tiny/shift.from=8/7", 2, "has no run shift.from=8/7; it has: "},
        {"show tiny --db nowhere.db", 3, "nowhere.db"},
    };
    (void)state;
    char *folder = tiny_folder();
    free(tiny_runner(folder, 0, "tiny.yaml --quiet --set data.held_out=6"));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *text = tiny_runner(folder, rows[i].status, rows[i].command);
        if (!strstr(text, rows[i].says))
            fail_msg("runner %s: no '%s' in %s", rows[i].command, rows[i].says, text);
        free(text);
    }
    /* from another folder the path leads to its database */
    char *text;
    assert_int_equal(scratch_run(&text, "cd / && " RUNNER " show '%s/results/tiny/shift=none/seed1'", folder), 0);
    assert_non_null(strstr(text, "tiny / shift=none / seed 1"));
    free(text);
    /* the view says the same in SQL: a variant against itself is 1 everywhere */
    assert_query(folder, "select count(*) > 0, min(ratio), max(ratio), max(n_seeds) from error_comparison where variant = 'shift=none'",
                 "1|1.0|1.0|2\n");
    free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_measured_gain_is_the_predicted_one),
        cmocka_unit_test(variants_with_other_images_have_a_figure_of_their_own),
        cmocka_unit_test(what_cannot_be_pooled_is_told),
        cmocka_unit_test(the_schedule_shows_what_is_left_after_pooling),
        cmocka_unit_test(a_run_can_be_named_in_three_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
