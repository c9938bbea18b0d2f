/* Feature extractors: against a plain implementation, at sizes that do not divide, from several threads. */
#include "support/schema.h"

#include <pthread.h>
#include <runner/features.h>
#include <runner/random.h>

static const rn_features *find(const char *name)
{
    const rn_features *f = (const rn_features *)component_in(plugin_of("features")->features, name);
    assert_non_null(f);
    return f;
}

static void *open_at(const rn_features *f, int64_t height, int64_t width)
{
    const rn_features_env env = {.bytes = sizeof env, .height = height, .width = width};
    void *state = NULL;
    rn_error err;
    assert_ok(f->open(params_of((const rn_component *)f, "-"), &env, &state, &err), err);
    return state;
}

/* n images [height, width, 3] in −1 … 1, smooth along rows so that levels differ */
static float *images_of(int64_t n, int64_t height, int64_t width, const char *stream)
{
    float *x = malloc((size_t)(n * height * width * 3) * sizeof *x);
    const rn_stream s = {.stream = rn_stream_of(stream)};
    for (int64_t i = 0; i < n * height * width * 3; i++)
        x[i] = (float)(0.7 * (2 * rn_random_uniform(s, (uint64_t)i) - 1) + 0.3 * sin(0.2 * (double)(i / 3 % width) + (double)(i % 3)));
    return x;
}

/* --- a plain implementation of the formula, in double --- */

static int64_t mirrored(int64_t i, int64_t n)
{
    while (n > 1 && (i < 0 || i >= n))
        i = i < 0 ? -i : 2 * (n - 1) - i;
    return n > 1 ? i : 0;
}

static double weight_of(const char *name, int level, uint32_t draw, int64_t index)
{
    char stream[64];
    snprintf(stream, sizeof stream, "%s.%d", name, level);
    return rn_random_normal((rn_stream){.stream = rn_stream_of(stream), .draw = draw}, (uint64_t)index);
}

static double *plain_conv(const char *name, int level, const double *x, int64_t h, int64_t w, int64_t c, int64_t o)
{
    double *y = calloc((size_t)(h * w * o), sizeof *y), *k = malloc((size_t)(9 * c * o) * sizeof *k);
    for (int64_t i = 0; i < 9 * c * o; i++)
        k[i] = (double)(float)(sqrt(2.0 / (double)(9 * c)) * weight_of(name, level, 0, i));
    for (int64_t i = 0; i < h * w * o; i++) {
        const int64_t row = i / o / w, col = i / o % w, out = i % o;
        y[i] = (double)(float)(0.1 * weight_of(name, level, 1, out));
        for (int64_t t = 0; t < 9 * c; t++) {
            const int64_t r = mirrored(row + t / c / 3 - 1, h), q = mirrored(col + t / c % 3 - 1, w);
            y[i] += x[(r * w + q) * c + t % c] * k[t * o + out];
        }
    }
    free(k);
    return y;
}

/* Features of one image with the given calibration. */
static void plain_features(const char *name, const int64_t *width, bool maximum, bool sd, const float *image, int64_t h,
                           int64_t w, const double *calibration, double *out)
{
    int64_t c = 3;
    double *x = malloc((size_t)(h * w * 3) * sizeof *x);
    for (int64_t i = 0; i < h * w * 3; i++)
        x[i] = (double)image[i];
    for (int level = 0; level < 4; level++) {
        const int64_t o = width[level], pixels = h * w;
        double *y = plain_conv(name, level, x, h, w, c, o);
        free(x);
        for (int64_t k = 0; k < o; k++) {
            double sum = 0, squares = 0;
            for (int64_t p = 0; p < pixels; p++) {
                double v = (y[p * o + k] - calibration[k]) / calibration[o + k];
                v = y[p * o + k] = v > 0 ? v : 0.2 * v;
                sum += v;
                squares += v * v;
            }
            out[k] = sum / (double)pixels;
            if (sd)
                out[o + k] = sqrt(squares / (double)pixels - out[k] * out[k]);
        }
        out += sd ? 2 * o : o;
        calibration += 2 * o;
        const bool pool = h > 2 && w > 2;
        const int64_t h2 = pool ? h / 2 : h, w2 = pool ? w / 2 : w;
        x = malloc((size_t)(h2 * w2 * o) * sizeof *x);
        for (int64_t i = 0; i < h2 * w2 * o; i++) {
            const int64_t row = i / o / w2, col = i / o % w2, k = i % o;
            if (!pool) {
                x[i] = y[i];
                continue;
            }
            const double *p = y + (2 * row * w + 2 * col) * o + k;
            const double a = p[0], b = p[o], d = p[w * o], e = p[w * o + o];
            x[i] = maximum ? fmax(fmax(a, b), fmax(d, e)) : (a + b + d + e) / 4;
        }
        free(y);
        h = h2, w = w2, c = o;
    }
    free(x);
}

/* Tolerance: float32 sums of up to 432 terms, over four levels. */
static void random_convolutions_are_what_the_formula_says(void **state)
{
    (void)state;
    static const struct { const char *name; int64_t width[4]; bool maximum, sd; } variants[] = {
        {"random_conv", {16, 32, 48, 64}, false, false}, {"random_conv_max", {8, 16, 32, 64}, true, true}};
    static const int64_t sizes[][2] = {{16, 16}, {32, 32}, {24, 40}, {17, 23}, {4, 4}, {5, 7}};
    for (size_t v = 0; v < 2; v++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            const int64_t h = sizes[i][0], w = sizes[i][1];
            const rn_features *f = find(variants[v].name);
            void *e = open_at(f, h, w);
            float *images = images_of(6, h, w, "features");
            rn_error err;
            assert_ok(f->calibrate(e, images, 5, &err), err);
            const int64_t dims = f->dims(e);
            double *got = malloc((size_t)dims * sizeof *got), *want = malloc((size_t)dims * sizeof *want);
            f->extract(e, images + 5 * h * w * 3, 1, got);
            plain_features(variants[v].name, variants[v].width, variants[v].maximum, variants[v].sd,
                           images + 5 * h * w * 3, h, w, f->calibration(e), want);
            for (int64_t k = 0; k < dims; k++)
                if (!(fabs(got[k] - want[k]) <= 2e-5))
                    fail_msg("%s, %d×%d, feature %d: %.8f, not %.8f", f->name, (int)h, (int)w, (int)k, got[k], want[k]);
            free(got), free(want), free(images);
            f->close(e);
        }
}

static void widths_and_dimensions_are_as_documented(void **state)
{
    (void)state;
    static const struct { const char *name; int64_t dims; } rows[] = {
        {"random_conv", 160}, {"random_conv_max", 240}, {"pooled_pixels", 192}};
    for (size_t i = 0; i < 3; i++) {
        void *e = open_at(find(rows[i].name), 64, 64);
        assert_int_equal(find(rows[i].name)->dims(e), rows[i].dims);
        assert_true(find(rows[i].name)->is_default);
        find(rows[i].name)->close(e);
    }
}

static void calibration_can_be_stored_and_put_back(void **state)
{
    (void)state;
    const rn_features *f = find("random_conv_max");
    float *images = images_of(8, 20, 20, "calibration");
    void *a = open_at(f, 20, 20), *b = open_at(f, 20, 20);
    rn_error err;
    assert_ok(f->calibrate(a, images, 8, &err), err);
    const int64_t n = f->calibration_count(a), dims = f->dims(a);
    assert_true(n > 0);
    memcpy(f->calibration(b), f->calibration(a), (size_t)n * sizeof(double));
    double *x = malloc((size_t)(8 * dims) * sizeof *x), *y = malloc((size_t)(8 * dims) * sizeof *y);
    f->extract(a, images, 8, x);
    f->extract(b, images, 8, y);
    assert_memory_equal(x, y, (size_t)(8 * dims) * sizeof *x);
    free(x), free(y), free(images);
    f->close(a), f->close(b);
}

static void calibration_is_the_mean_and_spread_of_the_first_convolution(void **state)
{
    (void)state;
    enum { N = 3, H = 12, W = 10, C = 16 };
    const rn_features *f = find("random_conv");
    float *images = images_of(N, H, W, "spread");
    void *e = open_at(f, H, W);
    rn_error err;
    assert_ok(f->calibrate(e, images, N, &err), err);
    double sum[C] = {0}, squares[C] = {0}, x[H * W * 3];
    for (int i = 0; i < N; i++) {
        for (int k = 0; k < H * W * 3; k++)
            x[k] = (double)images[i * H * W * 3 + k];
        double *y = plain_conv("random_conv", 0, x, H, W, 3, C);
        for (int k = 0; k < H * W * C; k++) {
            sum[k % C] += y[k];
            squares[k % C] += y[k] * y[k];
        }
        free(y);
    }
    for (int c = 0; c < C; c++) {
        const double n = N * H * W, mean = sum[c] / n, sd = sqrt(squares[c] / n - mean * mean);
        assert_true(fabs(f->calibration(e)[c] - mean) < 1e-6);
        assert_true(fabs(f->calibration(e)[C + c] - sd) < 1e-6);
    }
    free(images);
    f->close(e);
}

typedef struct part {
    const rn_features *f;
    void *state;
    const float *images;
    int64_t n;
    double *out;
} part;

static void *extract_part(void *context)
{
    const part *p = context;
    p->f->extract(p->state, p->images, p->n, p->out);
    return NULL;
}

static void threads_and_splits_change_no_byte(void **state)
{
    (void)state;
    static const char *const names[] = {"random_conv", "random_conv_max", "pooled_pixels"};
    enum { N = 8, SIDE = 24, THREADS = 4 };
    float *images = images_of(N, SIDE, SIDE, "threads");
    for (size_t k = 0; k < 3; k++) {
        const rn_features *f = find(names[k]);
        void *e = open_at(f, SIDE, SIDE);
        rn_error err;
        assert_ok(f->calibrate(e, images, N, &err), err);
        const int64_t dims = f->dims(e);
        double *whole = malloc((size_t)(N * dims) * sizeof *whole), *parts = malloc((size_t)(N * dims) * sizeof *parts);
        f->extract(e, images, N, whole);
        pthread_t thread[THREADS];
        part p[THREADS];
        for (int i = 0; i < THREADS; i++) {
            const int64_t first = i * N / THREADS;
            p[i] = (part){f, e, images + first * SIDE * SIDE * 3, N / THREADS, parts + first * dims};
            assert_int_equal(pthread_create(&thread[i], NULL, extract_part, &p[i]), 0);
        }
        for (int i = 0; i < THREADS; i++)
            pthread_join(thread[i], NULL);
        assert_memory_equal(whole, parts, (size_t)(N * dims) * sizeof *whole);
        free(whole), free(parts);
        f->close(e);
    }
    free(images);
}

static void pooled_pixels_keep_the_mean(void **state)
{
    (void)state;
    const rn_features *f = find("pooled_pixels");
    void *e = open_at(f, 64, 32);
    float *image = images_of(1, 64, 32, "pooled");
    double out[192], mean = 0, want = 0;
    f->extract(e, image, 1, out);
    for (int i = 0; i < 192; i++)
        mean += out[i] / 192;
    for (int i = 0; i < 64 * 32 * 3; i++)
        want += (double)image[i] / (64 * 32 * 3);
    assert_true(fabs(mean - want) < 1e-12);
    assert_true(out[0] != out[3]);
    free(image);
    f->close(e);
}

static void images_too_small_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"random_conv", "random_conv_max", "pooled_pixels"};
    for (size_t i = 0; i < 3; i++) {
        const rn_features_env env = {.bytes = sizeof env, .height = 3, .width = 64};
        void *e = NULL;
        rn_error err = {0};
        assert_false(find(names[i])->open(params_of((const rn_component *)find(names[i]), "-"), &env, &e, &err));
        assert_int_equal(err.code, RN_ESHAPE);
        assert_null(e);
        assert_non_null(strstr(err.text, "3×64"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_convolutions_are_what_the_formula_says),
        cmocka_unit_test(widths_and_dimensions_are_as_documented),
        cmocka_unit_test(calibration_is_the_mean_and_spread_of_the_first_convolution),
        cmocka_unit_test(calibration_can_be_stored_and_put_back),
        cmocka_unit_test(threads_and_splits_change_no_byte),
        cmocka_unit_test(pooled_pixels_keep_the_mean),
        cmocka_unit_test(images_too_small_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
