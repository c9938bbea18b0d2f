/* The comparison shows what is in the database, and says what a reader has to know beside it. */
#include "test.h"
#include "report/compare.h"
#include "report/table.h"

#include <unistd.h>

static char folder[] = "/tmp/runner-compare-XXXXXX";

/* An experiment of two variants with so many seeds, one of which may fail; value(variant, seed) on two sets. */
static rn_store *make(int seeds, int64_t n, bool one_fails, rn_error *err)
{
    static rn_row_variant v[] = {{.name = "shift=none", .is_baseline = true}, {.name = "shift.from=32"}};
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
            const bool fails = one_fails && i == 1 && seed == seeds - 1;
            const rn_row_run row = {.variant = v[i].id, .seed = seed, .hash = "00", .total_steps = 10};
            assert_ok(rn_store_run_begin(s, &row, &claim, &run, err), *err);
            for (int f = 0; f < 2 && !fails; f++) {
                const rn_row_score score = {.run = run, .step = 10, .metric = "distance", .better = "min",
                                            .features = f ? "pooled" : "conv", .value = (f ? 5 : 10) - 2 * i + 0.1 * seed * (1 + i),
                                            .low = (double)NAN, .high = (double)NAN, .floor = 0.5, .n = n, .dims = 64,
                                            .note = n < 64 ? "few vectors" : NULL, .seconds = (double)NAN};
                assert_ok(rn_store_score(s, &score, err), *err);
            }
            const rn_row_finish end = {.status = fails ? RN_RUN_FAILED : RN_RUN_DONE, .error = fails ? "loss is not finite" : NULL,
                                       .seconds = 1, .flop = (double)NAN, .steps = fails ? 4 : 10};
            assert_ok(rn_store_run_finish(s, run, &end, err), *err);
        }
    return s;
}

static char *print(rn_store *s, bool json)
{
    rn_error err;
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    assert_ok(rn_compare_print(out, s, "ablation", &(rn_compare_options){json}, &err), err);
    fclose(out);
    return text;
}

static void the_table_says_what_there_is_to_say(void **state)
{
    (void)state;
    static const struct {
        int seeds;
        int64_t n;
        bool one_fails;
        const char *has[8], *lacks;
    } rows[] = {
        {3, 256, false, {"distance on conv: lower is better, N = 256, 64 dimensions, floor 0.5", "distance on pooled",
                         "baseline", "10.1 ± 0.1", "-1.9", "-19 %", "[-2.15, -1.65]", "0.00092"}, "note:"},
        {1, 256, false, {"one seed: no interval", "-2 ", "10"}, "±\n"},
        {2, 256, false, {"t = 12.7"}, "one seed"},
        {3, 32, false, {"note: distance on conv: few vectors", "note: distance on pooled: few vectors"}, "bias"},
        {3, 256, true, {"not in the table: shift.from=32, seed 2: failed at step 4 of 10: loss is not finite", "5 runs done, 1 not"},
         "one seed"},
        {0, 256, false, {"no finished run has a score yet"}, "baseline"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rn_error err;
        rn_store *s = make(rows[i].seeds, rows[i].n, rows[i].one_fails, &err);
        char *text = print(s, false);
        for (int j = 0; j < 8 && rows[i].has[j]; j++)
            if (!strstr(text, rows[i].has[j]))
                fail_msg("row %zu: no '%s' in\n%s", i, rows[i].has[j], text);
        if (strstr(text, rows[i].lacks))
            fail_msg("row %zu: '%s' in\n%s", i, rows[i].lacks, text);
        free(text);
        rn_store_close(s);
    }
}

static void json_has_the_same_numbers(void **state)
{
    (void)state;
    rn_error err;
    rn_store *s = make(3, 256, true, &err);
    char *text = print(s, true);
    static const char *const has[] = {"{\n  \"name\": \"ablation\"", "\"is_baseline\": true", "\"n_pairs\": 2",
                                      "\"name\": \"shift.from=32/seed2\"", "\"note\": null", "\"floor\": 0.5"};
    for (size_t i = 0; i < sizeof has / sizeof *has; i++)
        if (!strstr(text, has[i]))
            fail_msg("no '%s' in\n%s", has[i], text);
    assert_null(strstr(text, ": nan"));
    free(text);
    rn_store_close(s);
}

static void an_unknown_experiment_is_answered_with_the_nearest(void **state)
{
    (void)state;
    rn_error err;
    rn_store *s = make(1, 8, false, &err);
    assert_false(rn_compare_print(stdout, s, "ablatoin", &(rn_compare_options){false}, &err));
    assert_int_equal(err.code, RN_EUNKNOWN);
    assert_non_null(strstr(err.text, "nearest: 'ablation'"));
    rn_store_close(s);
}

static void widths_are_those_of_the_screen(void **state)
{
    (void)state;
    static const struct { const char *text; size_t width; } rows[] = {
        {"", 0}, {"abc", 3}, {"±", 1}, {"x̂", 1}, {"−0.5 %", 6}, {"日本", 4}, {"\xff\xfe", 2}, {"a\xe2\x82", 3}, {"😀", 2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(rn_text_width(rows[i].text), rows[i].width);
}

static void columns_stand_below_each_other(void **state)
{
    (void)state;
    rn_arena arena = {0};
    rn_table t;
    char *text = NULL;
    size_t n;
    rn_table_init(&t, &arena, "lr", (const char *const[]){"name", "λ"});
    rn_table_cell(&t, "a\nb");
    rn_table_cell(&t, "%d", 10);
    rn_table_cell(&t, "x̂");
    rn_table_end_row(&t);
    rn_table_section(&t, "a section that is longer than its table");
    rn_table_cell(&t, "longer");
    rn_table_cell(&t, "±1");
    FILE *out = open_memstream(&text, &n);
    rn_table_print(&t, out);
    fclose(out);
    assert_string_equal(text, "name     λ\na b     10\nx̂\na section that is longer than its table\nlonger  ±1\n");
    free(text);
    rn_arena_free(&arena);
}

static int remove_folder(void **state)
{
    char command[96];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_says_what_there_is_to_say),
        cmocka_unit_test(json_has_the_same_numbers),
        cmocka_unit_test(an_unknown_experiment_is_answered_with_the_nearest),
        cmocka_unit_test(widths_are_those_of_the_screen),
        cmocka_unit_test(columns_stand_below_each_other),
    };
    if (!mkdtemp(folder))
        return 1;
    return cmocka_run_group_tests(tests, NULL, remove_folder);
}
