/* train.budget: how long a run trains, in what it costs. */
#include "support/scratch.h"
#include "tiny.h"

/* A number of the first variant that `runner plan` tells of. */
static double planned(const char *folder, const char *budget, const char *more, const char *name)
{
    char command[256];
    snprintf(command, sizeof command, "plan tiny.yaml --json --set vary=none --set 'train.budget=%s' %s", budget, more);
    char *json = tiny_runner(folder, 0, command);
    const double value = scratch_number(json, name);
    free(json);
    return value;
}

static void a_budget_is_as_many_steps_as_use_it_up(void **state)
{
    (void)state;
    char *folder = tiny_folder(), text[64];
    assert_int_equal(planned(folder, "40 images", "", "steps"), 10); /* of 4 */
    assert_int_equal(planned(folder, "41 images", "", "steps"), 11);
    assert_int_equal(planned(folder, "7 steps", "", "steps"), 7);
    /* three passes for each forward one: what `flop_per_image` counts, times the batch */
    const double step = planned(folder, "7 steps", "", "flop_per_step"), image = planned(folder, "7 steps", "", "flop_per_image");
    assert_true(fabs(step - 3 * 4 * image) < 1e-9 * step && step > 0);
    snprintf(text, sizeof text, "%.17g FLOP", 5 * step);
    assert_int_equal(planned(folder, text, "", "steps"), 5);
    snprintf(text, sizeof text, "%.17g FLOP", 5.01 * step);
    assert_int_equal(planned(folder, text, "", "steps"), 6);
    /* a dearer arm gets fewer steps for the same FLOP */
    assert_int_equal(planned(folder, text, "--set train.batch=8", "steps"), 3);
    assert_true(fabs(planned(folder, text, "", "train_flop") - 6 * step) < 1e-9 * step);
    free(folder);
}

static void the_later_of_steps_and_budget_counts_and_both_are_an_error(void **state)
{
    (void)state;
    static const struct { const char *command; int status; const char *says; } rows[] = {
        {"plan tiny.yaml --set train.steps=none", 2, "train.steps: missing: steps or budget"},
        {"plan tiny.yaml --set 'train={steps: 3, budget: 3 s}'", 2, "train.budget: budget stands beside steps"},
        {"plan tiny.yaml --set train.budget=300", 2, "train.budget: '300' has no unit; allowed: a number above 0"},
        {"plan tiny.yaml --set 'train.budget=3 mins'", 2, "did you mean 'min'?"},
        {"plan tiny.yaml --set 'train.budget=0 s'", 2, "is out of range"},
        {"plan tiny.yaml --set 'train.budget=1e29 FLOP'", 2, "at most 1000000000 are allowed"},
        {"validate tiny.yaml --set 'train.budget=1e29 FLOP'", 2, "--set:14: "},
        {"plan tiny.yaml --set 'train.budget=3 steps' --set train.steps=9", 0, " 9 "},
        {"plan tiny.yaml --set 'train.budget=3 min'", 0, "180 s"},
        {"validate later.yaml", 0, ""},
        {"plan later.yaml --json", 0, "\"steps\": 2,"},
    };
    char *folder = tiny_folder(), *later = scratch_path(folder, "later.yaml");
    const char text[] = "base: tiny.yaml\nname: later\nvary: {train.budget: [2 steps, 8 images, 1e6 FLOP]}\n";
    scratch_write(later, text, strlen(text));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *out = tiny_runner(folder, rows[i].status, rows[i].command);
        if (!strstr(out, rows[i].says))
            fail_msg("runner %s: %s", rows[i].command, out);
        free(out);
    }
    free(later), free(folder);
}

/* The hash is that of the value, not of its spelling. */
static void spelling_is_no_part_of_the_hash(void **state)
{
    static const char *const same[][2] = {{"10 min", "600s"}, {"2 PFLOP", "2e15 FLOP"}, {"64k images", "64000 images"}};
    (void)state;
    char *folder = tiny_folder();
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        char command[2][160], *out[2];
        for (int k = 0; k < 2; k++) {
            snprintf(command[k], sizeof command[k], "plan tiny.yaml --json --set 'train.budget=%s' | grep hash", same[i][k]);
            out[k] = tiny_runner(folder, 0, command[k]);
        }
        assert_string_equal(out[0], out[1]);
        free(out[0]), free(out[1]);
    }
    free(folder);
}

static void a_run_ends_with_its_budget(void **state)
{
    (void)state;
    char *folder = tiny_folder();
    free(tiny_runner(folder, 0, "tiny.yaml --quiet --set 'seeds=[0]' --set vary=none --set 'train.budget=20 images' "
                           "--set train.optimizer.decay=cosine --set train.log_every=1 --set train.optimizer.warmup=0"));
    char *row = tiny_query(folder, "select status, step, total_steps, images from run");
    assert_string_equal(row, "done|5|5|20\n");
    free(row);
    /* half a cosine over the five steps: the rate of the last is ½(1 + cos(4π/5)) of the first */
    row = tiny_query(folder, "select round(max(value) filter (where step = 5) / max(value) filter (where step = 1), 6) from curve "
                        "where name = 'train/lr'");
    char want[32];
    snprintf(want, sizeof want, "%.6g\n", round(0.5 * (1 + cos(0.8 * M_PI)) * 1e6) / 1e6);
    assert_string_equal(row, want);
    free(row), free(folder);
}

/* Time: the first step beyond it is the last; how many there are is not known before, and evaluation is not counted. */
static void a_budget_of_time_ends_with_the_first_step_beyond(void **state)
{
    (void)state;
    char *folder = tiny_folder();
    free(tiny_runner(folder, 0, "tiny.yaml --quiet --set 'seeds=[0]' --set vary=none --set 'train.budget=0.5 s' --set evaluate.every=20 "
                           "--set train.optimizer.decay=cosine --set train.log_every=1"));
    char *row = tiny_query(folder, "select status, step > 0, total_steps is null, images = 4 * step, "
                              "(select count(*) from error_grid where run_id = run.id) > 0 from run");
    assert_string_equal(row, "done|1|1|1|1\n");
    free(row);
    /* the rate has come down: the pace of the steps before tells how many there will be */
    row = tiny_query(folder, "select (select value from curve where name = 'train/lr' order by step desc limit 1) < 0.5 * max(value) "
                        "from curve where name = 'train/lr'");
    assert_string_equal(row, "1\n");
    free(row);
    char *plan = tiny_runner(folder, 0, "plan tiny.yaml --json --set vary=none --set 'train.budget=0.5 s'");
    assert_non_null(strstr(plan, "\"budget\": \"0.5 s\""));
    assert_non_null(strstr(plan, "\"steps\": null"));
    free(plan), free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_budget_is_as_many_steps_as_use_it_up),
        cmocka_unit_test(the_later_of_steps_and_budget_counts_and_both_are_an_error),
        cmocka_unit_test(spelling_is_no_part_of_the_hash),
        cmocka_unit_test(a_run_ends_with_its_budget),
        cmocka_unit_test(a_budget_of_time_ends_with_the_first_step_beyond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
