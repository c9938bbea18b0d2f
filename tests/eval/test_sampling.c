/* What sampling does around a sampler: thresholds of the estimate, the way between two noises. */
#include "eval/sampling.h"
#include "eval/threshold.h"
#include "support/schema.h"
#include "test.h"

#include <runner/random.h>
#include <stdlib.h>

static void normals(const char *stream, double scale, int64_t n, double *out)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = scale * rn_random_normal((rn_stream){.stream = rn_stream_of(stream)}, (uint64_t)i);
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* By sorting, at sizes with and without a middle element, ties and images within the range. */
static void dynamic_thresholding_agrees_with_sorting(void **state)
{
    enum { MOST = 257 };
    (void)state;
    double x[MOST], sorted[MOST], got[MOST], work[MOST];
    for (int64_t n = 1; n <= MOST; n += n < 8 ? 1 : 83)
        for (int percent = 5; percent <= 100; percent += 5)
            for (int kind = 0; kind < 3; kind++) {
                const double q = percent / 100.0;
                normals("x", kind == 2 ? 0.1 : 2, n, x);
                for (int64_t i = 0; i < n && kind == 1; i++)
                    x[i] = round(x[i]);
                for (int64_t i = 0; i < n; i++)
                    sorted[i] = fabs(got[i] = x[i]);
                qsort(sorted, (size_t)n, sizeof *sorted, by_size);
                const double at = q * (double)(n - 1);
                const int64_t k = (int64_t)at, next = k + 1 < n ? k + 1 : k;
                const double s = fmax(1, sorted[k] + (at - (double)k) * (sorted[next] - sorted[k]));
                rn_dynamic_threshold(got, n, q, work);
                for (int64_t i = 0; i < n; i++) {
                    assert_true(fabs(got[i] - fmin(fmax(x[i], -s), s) / s) < 1e-15);
                    assert_true(fabs(got[i]) <= 1);
                }
            }
}

/* A network that has diverged gives no black image: it is told of, where samples are handed over. */
static void what_is_no_number_stays_so(void **state)
{
    enum { N = 5 };
    (void)state;
    for (int at = 0; at < N; at++) {
        double x[N] = {0.5, -2, 3, 0, 1}, y[N], work[N];
        x[at] = (double)NAN;
        memcpy(y, x, sizeof y);
        rn_dynamic_threshold(x, N, 0.9, work);
        rn_clip(y, N);
        for (int i = 0; i < N; i++)
            assert_true(isnan(x[i]) == (i == at) && isnan(y[i]) == (i == at));
    }
}

static void clipping_touches_only_what_is_outside(void **state)
{
    (void)state;
    double x[] = {-3, -1, -0.5, 0, 0.999, 1, 1.001};
    const double want[] = {-1, -1, -0.5, 0, 0.999, 1, 1};
    rn_clip(x, 7);
    for (int i = 0; i < 7; i++)
        assert_true(x[i] == want[i]);
}

/* Ends, angle and norm: each step turns by the same angle, in the plane of the two. */
static void slerp_turns_evenly_from_one_noise_to_the_other(void **state)
{
    enum { N = 300, PARTS = 8 };
    (void)state;
    double a[N], b[N], z[PARTS + 1][N];
    normals("a", 1, N, a);
    normals("b", 1, N, b);
    double aa = 0, ab = 0, bb = 0;
    for (int i = 0; i < N; i++)
        aa += a[i] * a[i], bb += b[i] * b[i];
    for (int i = 0; i < N; i++)
        b[i] *= sqrt(aa / bb); /* so that the norm stays exactly */
    for (int i = 0; i < N; i++)
        ab += a[i] * b[i];
    for (int k = 0; k <= PARTS; k++)
        rn_slerp(a, b, N, (double)k / PARTS, z[k]);
    for (int k = 0; k <= PARTS; k++) {
        double norm = 0, along = 0;
        for (int i = 0; i < N; i++)
            norm += z[k][i] * z[k][i], along += a[i] * z[k][i];
        assert_true(fabs(norm / aa - 1) < 1e-12);
        assert_true(fabs(along / aa - cos(acos(ab / aa) * k / PARTS)) < 1e-12);
    }
    for (int i = 0; i < N; i++)
        assert_true(fabs(z[0][i] - a[i]) < 1e-14 && fabs(z[PARTS][i] - b[i]) < 1e-13);
}

static void slerp_between_parallel_vectors_is_a_straight_line(void **state)
{
    (void)state;
    double a[] = {1, 2, -2}, b[] = {2, 4, -4}, none[] = {0, 0, 0}, z[3];
    rn_slerp(a, b, 3, 0.5, z);
    for (int i = 0; i < 3; i++)
        assert_true(fabs(z[i] - 1.5 * a[i]) < 1e-12);
    rn_slerp(a, none, 3, 0.25, z);
    for (int i = 0; i < 3; i++)
        assert_true(fabs(z[i] - 0.75 * a[i]) < 1e-12);
}

/* Both ends are those of the curve; in between steps are even in t, or in logSNR: as the spec says, else as the sampler. */
static void steps_are_even_in_what_the_spec_or_the_sampler_says(void **state)
{
    enum { STEPS = 6 };
    static const struct { int64_t spacing; const char *sampler; bool even_in_logsnr; } rows[] = {
        {0, "ddim", false}, {0, "ddpm", false}, {0, "heun", true}, {0, "dpmpp_2m", true},
        {1, "heun", false}, {2, "ddim", true},
    };
    (void)state;
    const rn_component *cosine = component_in(plugin_of("schedules")->schedules, "cosine");
    const rn_schedule_choice choice = {.curve = {.what = cosine, .params = params_of(cosine, "-")}};
    rn_curve curve;
    rn_error err;
    assert_ok(rn_curve_make(&choice, 64, &curve, &err), err);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const rn_sampler_config config = {.rule = {.what = component_in(plugin_of("samplers")->samplers, rows[i].sampler)},
                                          .steps = STEPS, .spacing = rows[i].spacing};
        double logsnr[STEPS + 1];
        rn_sampling_grid(&curve, &config, logsnr);
        for (int k = 0; k <= STEPS; k++) {
            const double even = -15 + 30.0 * k / STEPS, in_t = rn_curve_logsnr(&curve, 1 - (double)k / STEPS);
            assert_true(fabs(logsnr[k] - (rows[i].even_in_logsnr ? even : in_t)) < 1e-9);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dynamic_thresholding_agrees_with_sorting),
        cmocka_unit_test(steps_are_even_in_what_the_spec_or_the_sampler_says),
        cmocka_unit_test(what_is_no_number_stays_so),
        cmocka_unit_test(clipping_touches_only_what_is_outside),
        cmocka_unit_test(slerp_turns_evenly_from_one_noise_to_the_other),
        cmocka_unit_test(slerp_between_parallel_vectors_is_a_straight_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
