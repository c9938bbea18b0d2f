/* Philox 4×32-10 against published and computed answers. */
#include "support/golden.h"

#include <runner/random.h>

static void read_words(const char *text, uint32_t *word, int n)
{
    for (int i = 0; i < n; i++) {
        char *end;
        word[i] = (uint32_t)strtoul(text, &end, 16);
        assert_true(end != text);
        text = end;
    }
}

static void every_block_matches_the_table(void **state)
{
    (void)state;
    const golden_table *t = golden_read("philox.tsv");
    for (int row = 0; row < t->rows; row++) {
        uint32_t counter[4], key[2], want[4], got[4];
        read_words(golden_cell(t, row, "counter"), counter, 4);
        read_words(golden_cell(t, row, "key"), key, 2);
        read_words(golden_cell(t, row, "output"), want, 4);
        rn_philox(counter, key, got);
        if (memcmp(got, want, sizeof got) != 0)
            fail_msg("counter %s, key %s: %08x %08x %08x %08x", golden_cell(t, row, "counter"),
                     golden_cell(t, row, "key"), got[0], got[1], got[2], got[3]);
    }
    golden_report("philox.tsv", t->rows, 0);
}

int main(void)
{
    if (!golden_folder())
        return TEST_SKIPPED;
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_block_matches_the_table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
