/* The pooling law, measured: the noise variance falls by s², so α²/σ² grows by s²; the power SNR grows by less. */
#include "test.h"
#include "base/parallel.h"
#include "eval/snr.h"
#include "support/schema.h"

#include <runner/random.h>

enum { SIDE = 32, IMAGES = 24, ELEMENTS = 3 * SIDE * SIDE };

static rn_curve cosine_curve(double from, double to)
{
    const rn_component *c = component_in(plugin_of("schedules")->schedules, "cosine");
    const double moved = rn_logsnr_shift(0, from, to);
    return (rn_curve){.base = (const rn_schedule *)c, .params = params_of(c, ""), .at_data = moved, .at_noise = moved};
}

/* A slope, whose variance pooling keeps, and a chequerboard of amplitude `detail`, of which it leaves nothing. */
static float *some_images(double detail)
{
    float *x = malloc(IMAGES * ELEMENTS * sizeof *x);
    assert_non_null(x);
    for (int k = 0; k < IMAGES * ELEMENTS; k++) {
        const int column = k / 3 % SIDE, row = k / 3 / SIDE % SIDE;
        x[k] = (float)(0.5 * (2.0 * column / (SIDE - 1) - 1) + ((row + column) % 2 ? detail : -detail));
    }
    return x;
}

static void pooling_is_the_mean_over_windows(void **state)
{
    (void)state;
    double x[ELEMENTS], out[ELEMENTS / 16];
    for (int k = 0; k < ELEMENTS; k++)
        x[k] = k % 3 + 10.0 * (k / 3 % SIDE / 4) + 100.0 * (k / 3 / SIDE / 4) + (k / 3 % 2 ? 0.25 : -0.25);
    rn_snr_pool(x, SIDE, SIDE, 4, out);
    for (int k = 0; k < ELEMENTS / 16; k++)
        assert_true(fabs(out[k] - (k % 3 + 10.0 * (k / 3 % (SIDE / 4)) + 100.0 * (k / 3 / (SIDE / 4)))) < 1e-12);
}

/* Tolerance: five standard errors of a variance of n normal numbers, √(2/n), of the n that are left. */
static void the_noise_variance_falls_by_the_area_of_the_window(void **state)
{
    (void)state;
    const rn_curve curves[] = {cosine_curve(1, 1), cosine_curve(8, 32)};
    float *x = some_images(0.25);
    const rn_snr_images images = {x, IMAGES, SIDE, SIDE};
    int compared = 0;
    for (int64_t s = 2; s <= 8; s *= 2)
        for (int k = 0; k <= 10; k++, compared++) {
            rn_error err;
            rn_snr_point p[2];
            assert_ok(rn_snr_measure(curves, 2, k / 10.0, &images, s, 7, (uint32_t)k, p, &err), err);
            const double n = IMAGES * ELEMENTS, area = (double)(s * s);
            for (int c = 0; c < 2; c++) {
                const double sigma2 = rn_sigma(p[c].logsnr) * rn_sigma(p[c].logsnr);
                assert_true(fabs(p[c].logsnr - rn_curve_logsnr(&curves[c], k / 10.0)) < 1e-12);
                assert_true(fabs(p[c].noise_variance[0] / sigma2 - 1) < 5 * sqrt(2 / n));
                assert_true(fabs(p[c].noise_variance[1] * area / sigma2 - 1) < 5 * sqrt(2 * area / n));
                assert_true(fabs(p[c].snr[1] / p[c].snr[0] / area - 1) < 5 * sqrt(2 * area / n) + 5 * sqrt(2 / n));
                assert_true(fabs(p[c].snr[0] / exp(p[c].logsnr) - 1) < 5 * sqrt(2 / n) + 1e-9);
            }
        }
    assert_int_equal(compared, 33);
    free(x);
}

/* The chequerboard has variance detail², the slope 1/12·(1 + …); what is left of the sum is the slope's share of it. */
static void the_power_snr_gains_less_by_the_variance_that_is_lost(void **state)
{
    (void)state;
    const rn_curve curve = cosine_curve(1, 1);
    double gain[2], left[2];
    for (int detailed = 0; detailed < 2; detailed++) {
        rn_error err;
        rn_snr_point p;
        float *x = some_images(detailed ? 0.5 : 0);
        const rn_snr_images images = {x, IMAGES, SIDE, SIDE};
        assert_ok(rn_snr_measure(&curve, 1, 0.5, &images, 2, 7, 0, &p, &err), err);
        gain[detailed] = p.power_snr[1] / p.power_snr[0];
        left[detailed] = p.signal_variance[1] / p.signal_variance[0];
        assert_true(fabs(gain[detailed] / (p.snr[1] / p.snr[0] * left[detailed]) - 1) < 1e-12);
        const double slope = p.signal_variance[0] - (detailed ? 0.25 : 0), expected = 0.25 / 3 * (SIDE + 1.0) / (SIDE - 1);
        assert_true(fabs(slope - expected) < 1e-6);
        free(x);
    }
    assert_true(left[0] > 0.99 && left[0] < 1); /* a slope keeps all but the steps inside of its windows */
    assert_true(left[1] > 0.2 && left[1] < 0.3);
    assert_true(gain[1] < 1.3 && gain[0] > 3.8);
}

static void threads_change_no_byte(void **state)
{
    (void)state;
    const rn_curve curve = cosine_curve(8, 32);
    float *x = some_images(0.25);
    const rn_snr_images images = {x, IMAGES, SIDE, SIDE};
    rn_snr_point p[3];
    for (int threads = 1; threads <= 3; threads++) {
        rn_error err;
        rn_threads_set(threads);
        memset(&p[threads - 1], 0, sizeof *p);
        assert_ok(rn_snr_measure(&curve, 1, 0.3, &images, 4, 1, 2, &p[threads - 1], &err), err);
    }
    assert_memory_equal(&p[0], &p[1], sizeof *p);
    assert_memory_equal(&p[0], &p[2], sizeof *p);
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pooling_is_the_mean_over_windows),
        cmocka_unit_test(the_noise_variance_falls_by_the_area_of_the_window),
        cmocka_unit_test(the_power_snr_gains_less_by_the_variance_that_is_lost),
        cmocka_unit_test(threads_change_no_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
