/* Which name was meant. */
#include "base/nearest.h"
#include "test.h"

static void edits_count_a_swap_of_neighbours_once(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        size_t edits;
    } rows[] = {
        {"", "", 0},         {"", "abc", 3},       {"type", "tpye", 1}, {"kitten", "sitting", 3},
        {"steps", "step", 1}, {"batch", "match", 1}, {"ca", "abc", 3}, /* of whole alignments, 2 */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(rn_edits(rows[i].a, rows[i].b), rows[i].edits);
        assert_int_equal(rn_edits(rows[i].b, rows[i].a), rows[i].edits);
    }
}

static void the_nearest_is_near(void **state)
{
    (void)state;
    static const char *const known[] = {"type", "shift", "logsnr_min", "logsnr_max", "lr"};
    static const struct {
        const char *name, *nearest;
    } rows[] = {
        {"tpye", "type"}, {"typ", "type"}, {"shfit", "shift"}, {"logsnr_mx", "logsnr_max"}, {"lt", "lr"},
        {"completely", NULL}, {"", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *found = rn_nearest(rows[i].name, known, 5);
        if (rows[i].nearest)
            assert_string_equal(found, rows[i].nearest);
        else
            assert_null(found);
    }
}

static void long_names_are_far_from_all_but_themselves(void **state)
{
    (void)state;
    char a[201], b[201];
    memset(a, 'a', 200), memset(b, 'a', 200);
    a[200] = b[200] = '\0';
    assert_int_equal(rn_edits(a, b), 0);
    b[0] = 'b';
    assert_int_equal(rn_edits(a, b), 200);
    assert_null(rn_nearest(a, (const char *const[]){b}, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edits_count_a_swap_of_neighbours_once),
        cmocka_unit_test(the_nearest_is_near),
        cmocka_unit_test(long_names_are_far_from_all_but_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
