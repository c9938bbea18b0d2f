/* Names of variants: short, unambiguous, and fit for folders and keys. */
#include "test.h"

#include "spec/names.h"
#include "spec/spec.h"
#include "support/toys.h"

static const rn_node *parse(rn_arena *a, const char *text, rn_diagnostics *d)
{
    rn_source *s = rn_arena_alloc(a, sizeof *s);
    *s = (rn_source){.kind = RN_SOURCE_SET, .name = "--set", .folder = "", .text = text, .bytes = strlen(text)};
    return rn_tree_parse(a, s, 0, false, d);
}

static void a_tail_is_as_short_as_it_is_unambiguous(void **state)
{
    (void)state;
    static const struct { const char *paths[4], *tails[4]; } rows[] = {
        {{"task.schedule.shift"}, {"shift"}},
        {{"task.schedule.shift", "train.steps"}, {"shift", "steps"}},
        {{"task.loss.scales", "model.scales"}, {"loss.scales", "model.scales"}},
        {{"a.x", "b.a.x"}, {"a.x", "b.a.x"}},
        {{"model.levels[0].blocks", "model.levels[1].blocks"}, {"levels.0.blocks", "levels.1.blocks"}},
        {{"model.levels[2].blocks"}, {"blocks"}},
        {{"seedless[3]"}, {"seedless.3"}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rn_arena a = {0};
        rn_diagnostics d = {0};
        rn_path paths[4];
        int n = 0;
        for (; n < 4 && rows[i].paths[n]; n++)
            assert_true(rn_path_parse(&a, rows[i].paths[n], (rn_mark){0}, &paths[n], &d));
        for (int k = 0; k < n; k++)
            assert_string_equal(rn_axis_tail(&a, paths, n, k), rows[i].tails[k]);
        rn_diagnostics_free(&d);
        rn_arena_free(&a);
    }
}

static void values_stand_in_names_as_they_are_written(void **state)
{
    (void)state;
    static const struct { const char *arm, *tail, *value, *name; } rows[] = {
        {NULL, "shift", "none", "shift=none"},
        {NULL, "shift", "{from: 32}", "shift.from=32"},
        {NULL, "shift", "{low: 32, high: 64}", "shift.low=32,shift.high=64"},
        {"arm", "lr", "1e-3", "arm,lr=1e-3"},
        {NULL, "lr", "1e+3", "lr=1e_3"},
        {NULL, "scales", "[1, 2, 4]", "scales=1-2-4"},
        {NULL, "scales", "[]", "scales=empty"},
        {NULL, "levels", "[{block: res}, {block: attn}]", "levels=block.res-block.attn"},
        {NULL, "path", "data/my flowers", "path=data_my_flowers"},
        {NULL, "path", "bl\xc3\xbcten", "path=bl_ten"},
        {NULL, "label", "'a,b=c'", "label=a_b_c"},
        {NULL, "label", "''", "label=empty"},
        {NULL, "label", "", "label=none"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        rn_arena a = {0};
        rn_diagnostics d = {0};
        const rn_node *value = parse(&a, rows[i].value, &d);
        assert_non_null(value);
        const char *text = rn_variant_text(&a, rows[i].arm, &rows[i].tail, &value, 1);
        assert_string_equal(rn_variant_name(&a, text, false), rows[i].name);
        rn_diagnostics_free(&d);
        rn_arena_free(&a);
    }
}

static void long_names_are_cut_and_told_apart_by_a_hash(void **state)
{
    (void)state;
    rn_arena a = {0};
    char text[200], name[3][RN_VARIANT_NAME + 1];
    memset(text, 'x', sizeof text);
    for (int i = 0; i < 3; i++) {
        text[i == 2 ? 80 : 150] = '\0';
        text[0] = (char)('a' + i % 2);
        const char *made = rn_variant_name(&a, text, false);
        assert_true(strlen(made) <= RN_VARIANT_NAME);
        assert_true(rn_is_name(made));
        strcpy(name[i], made);
    }
    assert_string_not_equal(name[0], name[1]);
    assert_int_equal(name[0][71], '-');
    assert_int_equal(name[2][79], 'x'); /* 80 bytes are whole */
    rn_arena_free(&a);
}

static void names_that_people_give_are_fit_for_folders(void **state)
{
    (void)state;
    static const struct { const char *text; bool is_name; } rows[] = {
        {"a", true}, {"shift=none,lr=1e-3", true}, {"A.b_c-9", true}, {"", false}, {".", false}, {"..", false},
        {".hidden", false}, {"-x", false}, {"a/b", false}, {"a b", false}, {"\xc3\xa4", false}, {"a\n", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(rn_is_name(rows[i].text), rows[i].is_name);
    char text[90];
    memset(text, 'x', sizeof text);
    text[80] = '\0';
    assert_true(rn_is_name(text));
    text[80] = 'x';
    text[81] = '\0';
    assert_false(rn_is_name(text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tail_is_as_short_as_it_is_unambiguous),
        cmocka_unit_test(values_stand_in_names_as_they_are_written),
        cmocka_unit_test(long_names_are_cut_and_told_apart_by_a_hash),
        cmocka_unit_test(names_that_people_give_are_fit_for_folders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
