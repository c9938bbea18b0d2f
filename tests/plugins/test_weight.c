/* The loss of a spec by logSNR: matching one schedule's loss to another's, and t over the batch. */
#include "support/component.h"
#include "support/networks.h"

static const rn_task_env env = {.bytes = sizeof env, .batch = 512, .height = 64, .width = 64};

typedef struct arm {
    rn_chosen chosen;
    const rn_task *task;
    rn_curve curve;
} arm;

static arm arm_of(rn_arena *arena, const char *yaml)
{
    arm a;
    rn_error err;
    assert_ok(component_check(networks_registry(), RN_KIND_TASK, yaml, arena, &a.chosen, &err), err);
    a.task = (const rn_task *)a.chosen.what;
    assert_ok(a.task->check(a.chosen.params, &env, &err), err);
    assert_ok(a.task->curve(a.chosen.params, &env, &a.curve, &err), err);
    return a;
}

static double weight(const arm *a, double logsnr)
{
    double w;
    rn_error err;
    assert_ok(a->task->weight(a->chosen.params, &env, logsnr, &w, &err), err);
    return w;
}

static void inputs_of(const arm *a, const char *name, uint32_t step, float *out)
{
    const rn_step s = {.seed = 3, .step = step};
    assert_true(a->task->feed(a->chosen.params, &env, &s, name, out, NULL, env.batch));
}

/* What stands beside the schedule in both arms, and the two schedules. */
static const struct { const char *on, *rest, *own, *other; } pairs[] = {
    {"prediction", "prediction: v", "{type: cosine}", "{shift: {from: 16}}"},
    {"prediction", "prediction: eps", "{type: cosine}", "{type: cosine, shift: {from: 32, ends: kept}}"},
    {"prediction", "prediction: x0", "{type: cosine}", "{shift: {from: 16}}"},
    {"prediction", "prediction: flow", "{type: flow}", "{type: cosine, shift: {from: 32}}"},
    {"eps", "prediction: v", "{shift: {from: 16}}", "{type: cosine}"},
    {"prediction", "weighting: min_snr", "{type: cosine}", "{shift: {low: 16, high: 32}}"},
    {"prediction", "weighting: {type: sigmoid, bias: -2}", "{type: linear}", "{type: cosine, input_scale: 0.25}"},
    {"eps", "weighting: edm", "{type: cosine}", "{type: sigmoid, shift: {from: 32}}"},
};

/* The specs of a pair: the arm that is trained on the other schedule, and its control. */
static void arms_of(rn_arena *arena, size_t i, arm *other, arm *control)
{
    char yaml[512];
    snprintf(yaml, sizeof yaml, "{type: diffusion, %s, schedule: %s, loss: {on: %s}}", pairs[i].rest, pairs[i].other,
             pairs[i].on);
    *other = arm_of(arena, yaml);
    snprintf(yaml, sizeof yaml, "{type: diffusion, %s, schedule: %s, loss: {on: %s, matched_to: %s}}", pairs[i].rest,
             pairs[i].own, pairs[i].on, pairs[i].other);
    *control = arm_of(arena, yaml);
}

/* Tolerance: t is found again from λ, and its last bits are worth up to 1e-16·|dλ/dt| there. */
static void a_matched_arm_counts_errors_as_the_other_does(void **state)
{
    (void)state;
    rn_arena arena = {0};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        arm other, control;
        int compared = 0;
        arms_of(&arena, i, &other, &control);
        for (int k = 0; k < 152; k++) {
            const double l = -18.9 + 0.25 * k; /* never at an end of a curve */
            const bool visited = l < rn_curve_logsnr(&control.curve, 0) && l > rn_curve_logsnr(&control.curve, 1);
            const double want = visited ? weight(&other, l) : 0, got = weight(&control, l);
            if (!(fabs(got - want) <= 1e-9 * want))
                fail_msg("pair %zu at logsnr %g: w = %.12g, not %.12g", i, l, got, want);
            compared += want > 0;
        }
        assert_true(compared > 80);
    }
    rn_arena_free(&arena);
}

/* The same from what training is fed: with p = 1/|dλ/dt|, p·W at the λ of a batch. Tolerance: inputs are float. */
static void what_is_fed_to_training_has_that_product(void **state)
{
    (void)state;
    static float logsnr[512], fed[512], eps_out[512];
    rn_arena arena = {0};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        arm other, control;
        arms_of(&arena, i, &other, &control);
        inputs_of(&control, "logsnr", 1, logsnr);
        inputs_of(&control, "weight", 1, fed);
        inputs_of(&control, "eps_out", 1, eps_out);
        const bool on_eps = strcmp(pairs[i].on, "eps") == 0;
        for (int b = 0; b < env.batch; b++) {
            const double l = (double)logsnr[b], slope = rn_curve_slope(&control.curve, rn_curve_t(&control.curve, l));
            const double on = on_eps ? 1 : (double)eps_out[b] * (double)eps_out[b]; /* W is written on ε */
            const double got = 2 * (double)fed[b] / on / -slope, want = weight(&other, l);
            if (!(fabs(got - want) <= 2e-5 * want) && fabs(l) < 12) /* beyond, a float's last digit of λ is seen */
                fail_msg("pair %zu at logsnr %g: 2·p·W = %.9g, not %.9g", i, l, got, want);
        }
    }
    rn_arena_free(&arena);
}

/* Cosine and its shift by d: |dλ/dt| is as cosh(λ/2) and cosh((λ − d)/2). */
static void matching_a_cosine_to_its_shift_has_a_closed_form(void **state)
{
    (void)state;
    static float logsnr[512], fed[512];
    rn_arena arena = {0};
    const double d = 2 * log(16.0 / 64);
    const arm a = arm_of(&arena, "{type: diffusion, loss: {matched_to: {shift: {from: 16}}}}");
    inputs_of(&a, "logsnr", 0, logsnr);
    inputs_of(&a, "weight", 0, fed);
    for (int b = 0; b < env.batch; b++) {
        const double l = (double)logsnr[b], want = l > 15 + d ? 0 : cosh(l / 2) / cosh((l - d) / 2);
        if (!(fabs((double)fed[b] - want) <= 2e-6 * want) && fabs(l) < 12)
            fail_msg("logsnr %g: %.9g, not %.9g", l, (double)fed[b], want);
    }
    rn_arena_free(&arena);
}

/* A flow loss counts as e^(−λ/2) on the straight path, v on the cosine alike (Kingma, Gao 2023, table 1). */
static void two_known_losses_have_their_known_weights(void **state)
{
    (void)state;
    rn_arena arena = {0};
    const arm flow = arm_of(&arena, "{type: diffusion, schedule: flow, prediction: flow}");
    const arm v = arm_of(&arena, "{type: diffusion, schedule: {type: cosine, bounds: none}, prediction: v}");
    for (int k = -36; k <= 36; k++) {
        const double l = 0.5 * k;
        assert_true(fabs(weight(&flow, l) * exp(l / 2) - 1) < 1e-9);
        assert_true(fabs(weight(&v, l) * exp(l / 2) * M_PI / 2 - 1) < 1e-9);
    }
    rn_arena_free(&arena);
}

/* Image b of a batch of n has its t in ((b)/n, (b + 1)/n), and over the steps it goes everywhere in there. */
static void stratified_t_has_one_image_in_each_part(void **state)
{
    (void)state;
    static float logsnr[512];
    rn_arena arena = {0};
    const arm a = arm_of(&arena, "{type: diffusion, schedule: flow, t: stratified}");
    double sum = 0;
    for (uint32_t step = 0; step < 64; step++) {
        inputs_of(&a, "logsnr", step, logsnr);
        for (int b = 0; b < env.batch; b++) {
            const double inside = rn_curve_t(&a.curve, (double)logsnr[b]) * (double)env.batch - b;
            if (!(inside > -0.01 && inside < 1.01)) /* a float's last digit of λ */
                fail_msg("step %u, image %d: %g of its part", (unsigned)step, b, inside);
            sum += inside;
        }
    }
    assert_true(fabs(sum / (64 * 512) - 0.5) < 5 * sqrt(1.0 / 12 / (64 * 512)));
    rn_arena_free(&arena);
}

static void what_cannot_be_matched_is_refused(void **state)
{
    (void)state;
    rn_arena arena = {0};
    rn_chosen task;
    rn_error err;
    assert_ok(component_check(networks_registry(), RN_KIND_TASK, "{type: diffusion, loss: {matched_to: {shift: {low: 8}}}}",
                              &arena, &task, &err), err);
    assert_false(((const rn_task *)task.what)->check(task.params, &env, &err));
    assert_int_equal(err.code, RN_EMISSING);
    assert_non_null(strstr(err.text, "loss.matched_to: shift: low without high"));
    rn_arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_matched_arm_counts_errors_as_the_other_does),
        cmocka_unit_test(what_is_fed_to_training_has_that_product),
        cmocka_unit_test(matching_a_cosine_to_its_shift_has_a_closed_form),
        cmocka_unit_test(two_known_losses_have_their_known_weights),
        cmocka_unit_test(stratified_t_has_one_image_in_each_part),
        cmocka_unit_test(what_cannot_be_matched_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
