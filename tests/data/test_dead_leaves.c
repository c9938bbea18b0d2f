#include "data/sets.h"

typedef struct {
    int64_t count, seed;
} dead_leaves;

static const dead_leaves defaults = {.count = 64, .seed = 0};

/* Image `index` at side×side; freed by the caller. */
static rn_pixels draw(const dead_leaves *params, int64_t side, int64_t index)
{
    const rn_dataset *set = set_named("dead_leaves");
    const rn_dataset_env env = {.bytes = sizeof env, .height = side, .width = side, .max_pixels = 1 << 28};
    void *state = NULL;
    rn_pixels p = {0};
    rn_error err = {0};
    assert_ok(set->open(params, &env, &state, &err), err);
    assert_ok(set->read(state, index, &p, &err), err);
    set->close(state);
    assert_int_equal(p.width, side);
    assert_int_equal(p.height, side);
    return p;
}

/* Largest difference, in levels, between the mean of s×s pixels of `fine` and a pixel of `coarse`. */
static double pooled_difference(const rn_pixels *fine, const rn_pixels *coarse)
{
    const int64_t s = fine->width / coarse->width;
    double worst = 0;
    for (int64_t y = 0; y < coarse->height; y++)
        for (int64_t x = 0; x < coarse->width; x++)
            for (int c = 0; c < 3; c++) {
                double sum = 0;
                for (int64_t i = 0; i < s; i++)
                    for (int64_t j = 0; j < s; j++)
                        sum += fine->rgb[3 * ((y * s + i) * fine->width + x * s + j) + c];
                const double d = fabs(sum / (double)(s * s) - coarse->rgb[3 * (y * coarse->width + x) + c]);
                worst = d > worst ? d : worst;
            }
    return worst;
}

/* Both are averages of one drawing, each rounded to half a level. */
static void up_to_128_pixels_pooling_gives_the_coarser_image_within_a_level(void **state)
{
    (void)state;
    static const int64_t sides[][2] = {{128, 64}, {128, 32}, {64, 16}, {32, 4}, {96, 48}, {100, 20}};
    for (size_t k = 0; k < sizeof sides / sizeof *sides; k++)
        for (int64_t i = 0; i < 4; i++) {
            rn_pixels fine = draw(&defaults, sides[k][0], i), coarse = draw(&defaults, sides[k][1], i);
            const double d = pooled_difference(&fine, &coarse);
            if (!(d <= 1))
                fail_msg("image %d, %d to %d pixels: %.3f levels", (int)i, (int)sides[k][0], (int)sides[k][1], d);
            rn_pixels_free(&fine);
            rn_pixels_free(&coarse);
        }
}

/* Above 128 pixels the discs' edges are drawn finer, so only their pixels differ: on average by little. */
static void above_128_pixels_it_is_the_same_scene(void **state)
{
    (void)state;
    rn_pixels fine = draw(&defaults, 512, 3), coarse = draw(&defaults, 64, 3), other = draw(&defaults, 64, 4);
    double same = 0, different = 0;
    for (int64_t y = 0; y < 64; y++)
        for (int64_t x = 0; x < 64; x++) {
            double sum = 0;
            for (int64_t i = 0; i < 64; i++)
                sum += fine.rgb[3 * ((8 * y + i / 8) * 512 + 8 * x + i % 8)];
            same += fabs(sum / 64 - coarse.rgb[3 * (64 * y + x)]) / 4096;
            different += fabs(sum / 64 - other.rgb[3 * (64 * y + x)]) / 4096;
        }
    if (!(same < 1.5 && different > 20))
        fail_msg("mean difference %.2f levels from the same scene, %.2f from another", same, different);
    rn_pixels_free(&fine);
    rn_pixels_free(&coarse);
    rn_pixels_free(&other);
}

static void an_image_depends_on_seed_and_index_alone(void **state)
{
    (void)state;
    const dead_leaves more = {.count = 5000, .seed = 0}, reseeded = {.count = 64, .seed = 1};
    rn_pixels a = draw(&defaults, 32, 7), b = draw(&more, 32, 7), c = draw(&reseeded, 32, 7), d = draw(&defaults, 32, 8);
    const size_t n = 3 * 32 * 32;
    assert_memory_equal(a.rgb, b.rgb, n);
    assert_memory_not_equal(a.rgb, c.rgb, n);
    assert_memory_not_equal(a.rgb, d.rgb, n);
    rn_pixels_free(&a);
    rn_pixels_free(&b);
    rn_pixels_free(&c);
    rn_pixels_free(&d);
}

enum { SIDE = 128, HIGH = 32, IMAGES = 32 };

/* Grey values less their mean, under a window that falls to 0 at the ends (Hann), so that the jump from one end of the
 * image to the other is no edge. */
static void windowed_grey(const rn_pixels *p, double v[SIDE][SIDE])
{
    double mean = 0;
    for (int i = 0; i < SIDE * SIDE; i++) {
        v[i / SIDE][i % SIDE] = (p->rgb[3 * i] + p->rgb[3 * i + 1] + p->rgb[3 * i + 2]) / 3.0;
        mean += v[i / SIDE][i % SIDE] / (SIDE * SIDE);
    }
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            v[y][x] = (v[y][x] - mean) * (1 - cos(2 * M_PI * (y + 0.5) / SIDE)) * (1 - cos(2 * M_PI * (x + 0.5) / SIDE));
}

/* Adds |Fourier transform|² at (j, k), 0 ≤ k ≤ HIGH, |j| ≤ HIGH, to the ring of frequency round(√(j² + k²)). */
static void add_rings(double v[SIDE][SIDE], double power[HIGH + 1], double count[HIGH + 1])
{
    static double re[SIDE][HIGH + 1], im[SIDE][HIGH + 1]; /* rows transformed */
    for (int y = 0; y < SIDE; y++)
        for (int k = 0; k <= HIGH; k++) {
            re[y][k] = im[y][k] = 0;
            for (int x = 0; x < SIDE; x++) {
                re[y][k] += v[y][x] * cos(2 * M_PI * (k * x % SIDE) / SIDE);
                im[y][k] -= v[y][x] * sin(2 * M_PI * (k * x % SIDE) / SIDE);
            }
        }
    for (int j = -HIGH; j <= HIGH; j++)
        for (int k = 0; k <= HIGH; k++) {
            const int ring = (int)(sqrt(j * j + k * k) + 0.5);
            double a = 0, b = 0;
            for (int y = 0; y < SIDE && ring <= HIGH; y++) {
                const double c = cos(2 * M_PI * j * y / SIDE), s = -sin(2 * M_PI * j * y / SIDE);
                a += re[y][k] * c - im[y][k] * s;
                b += re[y][k] * s + im[y][k] * c;
            }
            if (ring <= HIGH) {
                power[ring] += a * a + b * b;
                count[ring]++;
            }
        }
}

/* The power of photographs falls as about f^−2 (in the plane, ring by ring); discs with sharp edges fall faster than
 * that where most of them are large, f^−3 in the limit. Asserted is a range that other scenes stay in (± 0.1), far from
 * that of noise, 0. */
static void its_power_spectrum_is_a_power_law(void **state)
{
    (void)state;
    static double v[SIDE][SIDE];
    double power[HIGH + 1] = {0}, count[HIGH + 1] = {0};
    for (int64_t i = 0; i < IMAGES; i++) {
        rn_pixels p = draw(&defaults, SIDE, i);
        windowed_grey(&p, v);
        add_rings(v, power, count);
        rn_pixels_free(&p);
    }
    double n = 0, sx = 0, sy = 0, sxx = 0, sxy = 0, syy = 0; /* least squares of log power on log frequency */
    for (int f = 3; f <= HIGH; f++) {
        const double x = log(f), y = log(power[f] / count[f]);
        n++, sx += x, sy += y, sxx += x * x, sxy += x * y, syy += y * y;
    }
    const double slope = (n * sxy - sx * sy) / (n * sxx - sx * sx);
    const double r = (n * sxy - sx * sy) / sqrt((n * sxx - sx * sx) * (n * syy - sy * sy));
    print_message("slope of the power spectrum, 3 to 32 cycles: %.2f (correlation of the logarithms %.4f)\n", slope, r);
    assert_true(slope > -3.0 && slope < -1.8);
    assert_true(r < -0.98);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(up_to_128_pixels_pooling_gives_the_coarser_image_within_a_level),
        cmocka_unit_test(above_128_pixels_it_is_the_same_scene),
        cmocka_unit_test(an_image_depends_on_seed_and_index_alone),
        cmocka_unit_test(its_power_spectrum_is_a_power_law),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
