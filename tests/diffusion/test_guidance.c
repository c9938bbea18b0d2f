/* Guidance: the interval, and whole trajectories with two exact denoisers. */
#include "diffusion/guidance.h"
#include "support/denoiser.h"
#include "support/schema.h"

static void an_interval_has_its_ends(void **state)
{
    (void)state;
    const rn_guidance_interval logsnr = {-2, 3, RN_GUIDANCE_LOGSNR}, sigma = {exp(-1.5), exp(1), RN_GUIDANCE_SIGMA};
    const rn_guidance everywhere = {2, NULL}, some = {2, &logsnr}, same = {2, &sigma}, none = {1, &logsnr};
    static const struct { double at; bool inside; } rows[] = {
        {-2.0001, false}, {-2, true}, {0, true}, {3, true}, {3.0001, false}, {-40, false}, {40, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(rn_guidance_at(&some, rows[i].at), rows[i].inside);
        if (rows[i].at != -2 && rows[i].at != 3) /* of a sigma the ends round */
            assert_int_equal(rn_guidance_at(&same, rows[i].at), rows[i].inside);
        assert_true(rn_guidance_at(&everywhere, rows[i].at));
        assert_false(rn_guidance_at(&none, rows[i].at));
        assert_false(rn_guidance_at(NULL, rows[i].at));
    }
}

/* sigma 0 as lower end: no end towards the image. */
static void a_sigma_of_nothing_is_no_end(void **state)
{
    (void)state;
    const rn_guidance_interval sigma = {0, 1, RN_GUIDANCE_SIGMA};
    const rn_guidance g = {2, &sigma};
    assert_true(rn_guidance_at(&g, 0) && rn_guidance_at(&g, 1000));
    assert_false(rn_guidance_at(&g, -1e-9));
}

/* The two denoisers of a guided run of samplers.tsv. */
typedef struct pair {
    denoiser with, without; /* the same data; guidance 1 everywhere, and 0 */
    rn_guidance guidance;
    rn_guidance_interval interval;
    double *other;
    const char *name;
    const double *states;
    int64_t n;
} pair;

static bool denoise(void *context, int64_t step, const double *z, double logsnr, double *x0, rn_error *err)
{
    pair *p = context;
    if (!denoiser_denoise(&p->with, step, z, logsnr, x0, err))
        return false;
    if (!rn_guidance_at(&p->guidance, logsnr))
        return true;
    if (!denoiser_denoise(&p->without, step, z, logsnr, p->other, err))
        return false;
    rn_guidance_mix(p->guidance.scale, p->other, x0, p->n);
    return true;
}

/* Tolerance: 1e-9 of the largest element, as the table asks. */
static bool after(void *context, int64_t step, const double *z, rn_error *err)
{
    (void)err;
    const pair *p = context;
    const double error = golden_error(z, p->states + (step + 1) * p->n, p->n);
    if (!(error <= 1e-9))
        fail_msg("%s: the state after step %d is off by %.1e", p->name, (int)step, error);
    return true;
}

static void compare_row(const golden_table *t, int row, const rn_sampler *sampler)
{
    const rn_safetensors *file = golden_tensors("samplers.safetensors");
    const char *data = golden_cell(t, row, "data"), *keys = golden_cell(t, row, "sampler");
    pair p = {.with = golden_denoiser(data, golden_cell(t, row, "sizes"), keys), .name = golden_cell(t, row, "run")};
    p.guidance.scale = p.with.guidance;
    if (isfinite(p.with.interval_low)) {
        p.interval = (rn_guidance_interval){p.with.interval_low, p.with.interval_high, RN_GUIDANCE_LOGSNR};
        p.guidance.interval = &p.interval;
    }
    p.with.interval_low = (double)-INFINITY, p.with.interval_high = (double)INFINITY, p.with.guidance = 1;
    p.without = p.with, p.without.guidance = 0;
    double *logsnr = golden_tensor(file, p.name, "logsnr", NULL), *states = golden_tensor(file, p.name, "states", NULL);
    double *z = golden_tensor(file, data, "z", NULL);
    p.n = p.with.rows * p.with.dim, p.states = states;
    double *x0 = calloc((size_t)p.n, sizeof(double));
    p.other = calloc((size_t)p.n, sizeof(double));
    double *scratch = calloc((size_t)(p.n * sampler->scratch_arrays), sizeof(double));
    rn_sampler_run run = {.bytes = sizeof run, .logsnr = logsnr, .steps = golden_int(keys, "steps", 0), .n = p.n, .z = z,
                          .x0 = x0, .scratch = scratch, .context = &p, .denoise = denoise, .after = after};
    rn_error err;
    assert_ok(sampler->sample(params_of((const rn_component *)sampler, keys), &run, &err), err);
    free(logsnr), free(states), free(z), free(x0), free(p.other), free(scratch);
    denoiser_free(&p.with);
}

static void guided_trajectories_are_those_of_the_table(void **state)
{
    (void)state;
    if (!golden_folder())
        skip();
    const golden_table *t = golden_read("samplers.tsv");
    const rn_sampler *ddim = (const rn_sampler *)component_in(plugin_of("samplers")->samplers, "ddim");
    int compared = 0;
    assert_non_null(ddim);
    for (int row = 0; row < t->rows; row++) {
        char kind[64], guidance[64];
        const char *keys = golden_cell(t, row, "sampler");
        assert_true(golden_text(keys, "kind", kind, sizeof kind));
        if (strcmp(kind, "ddim") != 0 || !golden_text(keys, "guidance", guidance, sizeof guidance))
            continue;
        compare_row(t, row, ddim);
        compared++;
    }
    assert_true(compared > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_interval_has_its_ends),
        cmocka_unit_test(a_sigma_of_nothing_is_no_end),
        cmocka_unit_test(guided_trajectories_are_those_of_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
