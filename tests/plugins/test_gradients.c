/* Every gradient rule of every loaded op against central differences, in double, on the op's own examples. */
#include "graph/check_gradients.h"
#include "support/kernel_harness.h"

enum { EXAMPLES = 24 };

static void every_gradient_rule_matches_central_differences(void **state)
{
    (void)state;
    const rn_registry *r = harness_registry();
    int rules = 0;
    for (int i = 0; i < rn_registry_count(r, RN_KIND_OP); i++) {
        const rn_op *op = (const rn_op *)(const void *)rn_registry_at(r, RN_KIND_OP, i);
        rn_gradient_check check;
        rn_error err = {0};
        assert_ok(rn_check_gradient(r, op, EXAMPLES, 1, &check, &err), err);
        if (!check.has_rule)
            continue;
        if (!(check.error <= RN_GRADIENT_TOLERANCE))
            fail_msg("%s: the gradient rule is off by %.1e", op->name, check.error);
        rules++;
    }
    assert_true(rules > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_gradient_rule_matches_central_differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
