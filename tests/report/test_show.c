/* What is shown of a run and of an experiment is what the database has, and says where a variant's error differs. */
#include "test.h"
#include "report/show.h"

#include <unistd.h>

static char folder[] = "/tmp/runner-show-XXXXXX";

enum { BINS = 3 };

/* Two variants, whose errors differ by a share that depends on the scale: the variant is 10 % better in what is averaged over
 * 8×8, 20 % worse at full size, with a spread of half a per cent over seeds. */
static double error_of(int variant, int seed, int scale, int bin)
{
    const double base = 0.3 / (1 + bin) / scale, share = scale == 8 ? -0.10 : 0.20;
    return base * (1 + 0.02 * seed) * (variant ? 1 + share + 0.005 * (seed - 1) : 1);
}

static rn_store *make(int seeds, rn_error *err)
{
    static rn_row_variant v[] = {{.name = "shift=none", .is_baseline = true}, {.name = "shift.from=8", .differs = "shift.from=8"}};
    static int number;
    char path[128];
    rn_store *s;
    v[0].hash = v[1].hash = "00";
    snprintf(path, sizeof path, "%s/%d.db", folder, number++);
    rn_row_experiment e = {.name = "ablation", .question = "does it help?", .variant = v, .n_variants = 2};
    assert_ok(rn_store_open(path, RN_STORE_WRITE, &s, err), *err);
    assert_ok(rn_store_experiment(s, &e, err), *err);
    for (int seed = 0; seed < seeds; seed++)
        for (int i = 0; i < 2; i++) {
            int64_t run;
            rn_claim claim;
            const rn_row_run row = {.variant = v[i].id, .seed = seed, .hash = "00", .total_steps = 80, .out_dir = "x"};
            assert_ok(rn_store_run_begin(s, &row, &claim, &run, err), *err);
            const rn_row_parameter p[] = {{"train.steps", "80", "a.yaml:1:1", 80},
                                          {i ? "task.schedule.shift.from" : "task.schedule.shift", i ? "8" : "none", "a.yaml:2:1", (double)NAN},
                                          {"train.batch", i ? "16" : "8", "default", 8}};
            assert_ok(rn_store_parameters(s, run, p, 3, err), *err);
            for (int step = 10; step <= 80; step += 10)
                assert_ok(rn_store_metrics(s, run, step, 1, (const char *const[]){"train/loss"}, (const double[]){10.0 / step}, err), *err);
            const rn_row_score score = {.run = run, .step = 80, .metric = "distance", .better = "min", .features = "conv",
                                        .value = 10 - 2 * i, .low = (double)NAN, .high = (double)NAN, .floor = 0.5, .n = 256,
                                        .dims = 64, .seconds = (double)NAN};
            assert_ok(rn_store_score(s, &score, err), *err);
            rn_row_error grid[2 * BINS];
            for (int k = 0; k < 2 * BINS; k++)
                grid[k] = (rn_row_error){k < BINS ? 1 : 8, k % BINS, -1 + 2 * (k % BINS), 0, 32,
                                         error_of(i, seed, k < BINS ? 1 : 8, k % BINS), 0.1};
            assert_ok(rn_store_error_grid(s, run, "x0", 80, grid, 2 * BINS, err), *err);
            if (i == 1)
                assert_ok(rn_store_event(s, run, "warning", "flat", 80, "the error does not fall", err), *err);
            const rn_row_finish end = {.status = RN_RUN_DONE, .seconds = 2, .flop = 3e12, .steps = 80, .images = 1280};
            assert_ok(rn_store_run_finish(s, run, &end, err), *err);
        }
    return s;
}

static void has_all(const char *text, const char *const *words)
{
    for (; *words; words++)
        if (!strstr(text, *words))
            fail_msg("no '%s' in\n%s", *words, text);
}

static char *show_run(rn_store *s, const char *variant, int64_t seed)
{
    rn_error err;
    rn_arena a = {0};
    rn_row_shown *row;
    size_t n, bytes;
    char *text = NULL;
    const rn_shown_query q = {.experiment = "ablation", .variant = variant, .seed = seed};
    assert_ok(rn_store_shown_runs(s, &q, &a, &row, &n, &err), err);
    assert_int_equal(n, 1);
    FILE *out = open_memstream(&text, &bytes);
    assert_ok(rn_show_run(out, s, &row[0], false, &err), err);
    fclose(out);
    rn_arena_free(&a);
    return text;
}

static char *show_experiment(rn_store *s)
{
    rn_error err;
    size_t bytes;
    char *text = NULL;
    FILE *out = open_memstream(&text, &bytes);
    assert_ok(rn_show_experiment(out, s, "ablation", false, &err), err);
    fclose(out);
    return text;
}

static void a_run_is_shown_beside_its_baseline(void **state)
{
    (void)state;
    rn_error err;
    rn_store *s = make(2, &err);
    char *text = show_run(s, "shift.from=8", 1);
    has_all(text, (const char *const[]){"ablation / shift.from=8 / seed 1\n", "done, step 80 of 80", "1280 images, 3 TFLOP of training, 2.0 s",
                                        "task.schedule.shift.from  8     -", "task.schedule.shift       -     none",
                                        "train.batch               16    8", "distance  conv          8    0.5        10          -2  256",
                                        "to 80", "warning (flat) at step 80: the error does not fall", "averaged 8x8  ",
                                        "lower error:  averaged 8x8 at logSNR -1 to +3 (10 to 10 %)",
                                        "higher error: full size at logSNR -1 to +3 (20 to 20 %)", NULL});
    assert_null(strstr(text, "train.steps")); /* equal in both */
    free(text);
    text = show_run(s, "shift=none", 0);
    has_all(text, (const char *const[]){"seed 0 (baseline)", "mean square error of x0 on 32 held-out images", NULL});
    assert_null(strstr(text, "lower error"));
    assert_null(strstr(text, "events"));
    free(text);
    rn_store_close(s);
}

static void an_experiment_says_where_a_variant_is_better_and_where_worse(void **state)
{
    (void)state;
    static const struct { int seeds; const char *has[6], *lacks; } rows[] = {
        {3, {"-10.0*", "+20.0*", "mean of 3 seeds", "lower error:  averaged 8x8 at logSNR -1 to +3", "higher error: full size",
             "of 6 cells about 1 would do so by chance"}, "no cell differs"},
        {1, {"-10.5 ", "mean of 1 seed", "lower error:  averaged 8x8"}, "*"},
        {0, {"no finished run of the baseline has an error grid yet"}, "lower error"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rn_error err;
        rn_store *s = make(rows[i].seeds, &err);
        char *text = show_experiment(s);
        const char *words[7] = {0};
        for (int k = 0; k < 6; k++)
            words[k] = rows[i].has[k];
        has_all(text, words);
        if (strstr(text, rows[i].lacks))
            fail_msg("'%s' in\n%s", rows[i].lacks, text);
        free(text);
        rn_store_close(s);
    }
}

/* An arm that is hopeless somewhere: per cent would be a row of digits. */
static void what_is_ten_times_as_large_is_told_in_times(void **state)
{
    (void)state;
    rn_error err;
    rn_store *s = make(3, &err);
    rn_row_error grid = {1, 2, 3, 0, 32, 0, 0.1};
    for (int seed = 0; seed < 3; seed++) { /* runs 2, 4, 6 are the variant's */
        grid.mean = 33 * error_of(0, seed, 1, 2);
        assert_ok(rn_store_error_grid(s, 2 + 2 * seed, "x0", 80, &grid, 1, &err), err);
    }
    char *text = show_experiment(s);
    has_all(text, (const char *const[]){" x33*", "full size at logSNR -1 to +3 (up to 33 times)", NULL});
    free(text);
    rn_store_close(s);
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    return system(command); /* NOLINT(cert-env33-c) */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_is_shown_beside_its_baseline),
        cmocka_unit_test(an_experiment_says_where_a_variant_is_better_and_where_worse),
        cmocka_unit_test(what_is_ten_times_as_large_is_told_in_times),
    };
    if (!mkdtemp(folder))
        return 1;
    return cmocka_run_group_tests(tests, NULL, remove_folder);
}
