/* Samples with labels and guidance: the formula by hand, what it costs, what is refused. */
#include "diffusion/guidance.h"
#include "eval/sampling.h"
#include "plugin/catalogue.h"
#include "spec/spec.h"
#include "support/networks.h"
#include "support/scratch.h"
#include "tiny.h"

#include <runner/random.h>

enum { CLASSES = 3, IMAGES = 6, ELEMENTS = 16 * 16 * 3, BATCH = 4 };

typedef struct opened {
    char *folder, *path;
    rn_spec spec;
    const rn_experiment *e;
    rn_trainer t;
} opened;

/* The tiny spec with classes and these sets; false: as err says. */
static bool open_spec(opened *o, const char *a, const char *b, rn_error *err)
{
    const char *const sets[] = {"vary=none", "evaluate.sampler.clip=false", a, b};
    const rn_catalogue catalogue = rn_registry_catalogue(networks_registry());
    rn_diagnostics told = {0};
    *o = (opened){.folder = scratch_folder()};
    o->path = scratch_path(o->folder, "tiny.yaml");
    scratch_write(o->path, TINY_SPEC, strlen(TINY_SPEC));
    const bool ok = rn_spec_read(o->path, sets, 4, &o->spec, &told) && rn_spec_check(&o->spec, &catalogue, &told);
    if (!ok)
        (void)rn_diagnostics_error(&told, err);
    rn_diagnostics_free(&told);
    if (!ok)
        return false;
    o->e = o->spec.variant[0].experiment;
    return rn_trainer_plan(&o->t, networks_registry(), o->e, err);
}

static void close_spec(opened *o)
{
    rn_trainer_free(&o->t);
    rn_spec_free(&o->spec);
    free(o->path), free(o->folder);
}

/* Away from the zeros that new networks begin with, so that labels matter. */
static void shake(opened *o)
{
    float *values = o->t.average.values;
    for (int64_t i = 0; i < o->t.parameters.total; i++)
        values[i] += (float)(0.1 * rn_random_normal((rn_stream){.stream = 9}, (uint64_t)i));
    o->t.average.version++;
}

static bool keep(void *context, const float *images, int64_t first, int64_t n, rn_error *err)
{
    (void)err;
    memcpy((float *)context + first * ELEMENTS, images, (size_t)(n * ELEMENTS) * sizeof *images);
    return true;
}

static void draw(opened *o, float *images)
{
    rn_error err = {0};
    const rn_sampling s = {.sampler = &o->e->evaluate.sampler, .set = rn_trainer_evaluated(&o->t), .n = IMAGES, .seed = 3,
                           .sink = keep, .context = images};
    assert_ok(rn_sample(&o->t, &s, &err), err);
}

/* DDIM by hand, step by step: ε̂ of the label and ε̂ of none, mixed as noise is, where `scale` (of each step) is not 1. */
static void by_hand(opened *o, int64_t steps, const double *scale, float *images)
{
    enum { N = BATCH * ELEMENTS };
    static double z[N], with[N], without[N];
    double logsnr[8];
    rn_curve curve;
    rn_error err = {0};
    assert_ok(rn_sampling_curve(o->e, &curve, &err), err);
    rn_sampling_grid(&curve, steps, 0, logsnr);
    for (int64_t first = 0; first < IMAGES; first += BATCH) {
        int32_t labels[BATCH];
        for (int b = 0; b < BATCH; b++)
            labels[b] = (int32_t)((first + b) % CLASSES);
        for (int64_t i = 0; i < N; i++)
            z[i] = (double)(float)rn_random_normal((rn_stream){.seed = 3, .stream = rn_stream_of("sample noise")},
                                                   (uint64_t)(first * ELEMENTS + i));
        for (int64_t step = 0; step < steps; step++) {
            const double a = rn_alpha(logsnr[step]), s = rn_sigma(logsnr[step]);
            rn_trainer_denoise(&o->t, &o->t.average, z, logsnr[step], labels, with);
            rn_trainer_denoise(&o->t, &o->t.average, z, logsnr[step], NULL, without);
            for (int64_t i = 0; i < N; i++) {
                const double eps_c = (z[i] - a * with[i]) / s, eps_u = (z[i] - a * without[i]) / s;
                const double eps = eps_u + scale[step] * (eps_c - eps_u), x0 = (z[i] - s * eps) / a;
                z[i] = rn_alpha(logsnr[step + 1]) * x0 + rn_sigma(logsnr[step + 1]) * eps;
            }
        }
        for (int64_t i = 0; i < N && first * ELEMENTS + i < IMAGES * ELEMENTS; i++)
            images[first * ELEMENTS + i] = (float)fmin(fmax(z[i], -1), 1);
    }
}

/* Of t = 1, ⅔ and ⅓ the cosine has logSNR −15, −1.1 and 1.1. Tolerance: at −15 ε̂ goes through a division by α. */
static void samples_follow_the_formula(void **state)
{
    (void)state;
    static const struct { const char *guidance; double scale[3]; } rows[] = {
        {"evaluate.guidance=none", {1, 1, 1}},
        {"evaluate.guidance={scale: 1}", {1, 1, 1}},
        {"evaluate.guidance={scale: 2.5}", {2.5, 2.5, 2.5}},
        {"evaluate.guidance={scale: 0}", {0, 0, 0}},
        {"evaluate.guidance={scale: 3, interval: {low: -4, high: 0}}", {1, 3, 1}},
        {"evaluate.guidance={scale: 3, interval: {low: 0.4, high: 0.7, of: sigma}}", {1, 1, 3}},
        {"evaluate.guidance={scale: 3, interval: {low: 0.1, high: 1e5, of: sigma}}", {3, 3, 3}},
    };
    static float got[IMAGES * ELEMENTS], want[IMAGES * ELEMENTS], plain[IMAGES * ELEMENTS];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        opened o;
        rn_error err = {0};
        assert_ok(open_spec(&o, "model.classes=3", rows[i].guidance, &err), err);
        assert_ok(rn_trainer_start(&o.t, 0, &err), err);
        shake(&o);
        rn_sampler_config *sampler = (rn_sampler_config *)(uintptr_t)&o.e->evaluate.sampler;
        sampler->steps = 3;
        draw(&o, got);
        by_hand(&o, 3, rows[i].scale, want);
        double most = 0, apart = 0;
        for (int k = 0; k < IMAGES * ELEMENTS; k++) {
            most = fmax(most, fabs((double)got[k] - (double)want[k]));
            apart = fmax(apart, fabs((double)got[k] - (double)plain[k]));
        }
        if (!(most <= 1e-4))
            fail_msg("%s: off by %.1e", rows[i].guidance, most);
        if (i == 0)
            memcpy(plain, got, sizeof got);
        else if (i > 1)
            assert_true(apart > 1e-2); /* and it makes a difference */
        close_spec(&o);
    }
}

/* Each class in turn: image i is that of a batch in which all have its label. */
static void samples_take_all_classes_in_turn(void **state)
{
    (void)state;
    static float even[IMAGES * ELEMENTS], none[IMAGES * ELEMENTS];
    opened o;
    rn_error err = {0};
    assert_ok(open_spec(&o, "model.classes=3", "evaluate.labels=none", &err), err);
    assert_ok(rn_trainer_start(&o.t, 0, &err), err);
    shake(&o);
    draw(&o, none);
    close_spec(&o);
    assert_ok(open_spec(&o, "model.classes=3", "evaluate.labels=even", &err), err);
    assert_ok(rn_trainer_start(&o.t, 0, &err), err);
    shake(&o);
    draw(&o, even);
    close_spec(&o);
    for (int i = 0; i < IMAGES; i++)
        assert_true(memcmp(even + i * ELEMENTS, none + i * ELEMENTS, ELEMENTS * sizeof *even) != 0);
}

/* At t = 1, 5/6, … the cosine has logSNR −15, −2.6, −1.1, 0, 1.1, 2.6: three of them are in the interval. */
static void the_plan_counts_the_calls(void **state)
{
    (void)state;
    static const struct { const char *guidance, *sampler; int64_t calls; } rows[] = {
        {"evaluate.guidance=none", "evaluate.sampler={type: ddim, steps: 6}", 6},
        {"evaluate.guidance={scale: 1}", "evaluate.sampler={type: ddim, steps: 6}", 6},
        {"evaluate.guidance={scale: 1.5}", "evaluate.sampler={type: ddim, steps: 6}", 12},
        {"evaluate.guidance={scale: 1.5, interval: {low: -4, high: 0.1}}", "evaluate.sampler={type: ddim, steps: 6}", 9},
        {"evaluate.guidance={scale: 1.5}", "evaluate.sampler={type: heun, steps: 6}", 24},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        opened o;
        rn_error err = {0};
        char *json, command[1024];
        assert_ok(open_spec(&o, "model.classes=3", rows[i].guidance, &err), err);
        snprintf(command, sizeof command, "cd '%s' && " RUNNER " plan tiny.yaml --json --set vary=none --set model.classes=3 "
                 "--set '%s' --set '%s'", o.folder, rows[i].guidance, rows[i].sampler);
        if (scratch_run(&json, "%s", command))
            fail_msg("%s", json);
        const char *at = strstr(json, "\"calls_per_sample\": ");
        assert_non_null(at);
        const long calls = strtol(at + strlen("\"calls_per_sample\": "), NULL, 10);
        if (calls != rows[i].calls)
            fail_msg("%s, %s: %ld calls, not %" PRId64, rows[i].guidance, rows[i].sampler, calls, rows[i].calls);
        free(json);
        close_spec(&o);
    }
}

static void guidance_without_what_it_needs_is_refused(void **state)
{
    (void)state;
    static const struct { const char *a, *b, *text; } rows[] = {
        {"model.classes=none", "evaluate.guidance={scale: 2}", "the model has no labels to be guided by"},
        {"evaluate={labels: none, guidance: {scale: 2}}", "model.classes=3", "samples without labels cannot be guided"},
        {"model.classes=3", "evaluate.guidance={scale: 2, interval: {low: 2, high: 2}}", "low 2 is not below high 2"},
        {"model.classes=3", "evaluate.guidance={scale: 2, interval: {low: -1, high: 2, of: sigma}}", "a sigma is 0 or more"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        opened o;
        rn_error err = {0};
        if (open_spec(&o, rows[i].a, rows[i].b, &err))
            fail_msg("%s, %s: accepted", rows[i].a, rows[i].b);
        if (!strstr(err.text, rows[i].text) || err.code != RN_ERANGE || err.line == 0)
            fail_msg("code %d, line %d: '%s' does not say '%s'", (int)err.code, err.line, err.text, rows[i].text);
        close_spec(&o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_follow_the_formula),
        cmocka_unit_test(samples_take_all_classes_in_turn),
        cmocka_unit_test(the_plan_counts_the_calls),
        cmocka_unit_test(guidance_without_what_it_needs_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
