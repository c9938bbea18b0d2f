/* random_conv, random_conv_max: a small convolutional network with fixed random weights, as a stand-in for
 * trained features. For each of four levels
 *
 *     h = leaky((conv3×3(x) − mean)/sd)          reflect padding; leaky ReLU, 0.2
 *     features: the mean of h over the map, and for random_conv_max its standard deviation, too
 *     x = 2×2 pool of h                          mean or maximum; none where a side is 2 or less
 *
 * Weights are N(0, 2/fan-in), biases N(0, 0.1²), both by Philox from seed 0 and the stream "<name>.<level>";
 * mean and sd of each channel come from the first reference images. In comparisons random_conv sees layout and
 * colour, random_conv_max noise, blur and contrast: each is blind where the other sees, so both are defaults.
 *
 * A pixel's channels lie side by side, eight to a vector: the inner loop of the convolution is eight output channels
 * times four neighbouring pixels, whose 4·8 sums fill half of the registers of AVX2. */
#include <math.h>
#include <runner/features.h>
#include <runner/kernel.h> /* RN_TARGET */
#include <runner/random.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEVELS = 4, LANES = 8, PIXELS = 4, MOST_CHANNELS = 64, CALIBRATION_IMAGES = 256, REVISION = 1 };

/* gcc and clang lower this to the registers there are */
typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));

typedef struct variant {
    const char *name;
    int64_t width[LEVELS]; /* output channels, multiples of LANES, at most MOST_CHANNELS */
    bool maximum, sd;      /* the pool; also the standard deviation of each channel */
} variant;

static const variant averaged = {"random_conv", {16, 32, 48, 64}, false, false};
static const variant maximal = {"random_conv_max", {8, 16, 32, 64}, true, true};

typedef void convolve_row(const float *x, int64_t pitch, int64_t c_in, const float *w, const float *bias, float *y,
                          int64_t width, int64_t c_out);

typedef struct level {
    int64_t height, width, c_in, c_out; /* of the convolution */
    bool pool;                          /* after it */
    float *w, *bias;                    /* [c_out/LANES][3, 3, c_in][LANES], [c_out] */
    double *mean, *sd;                  /* [c_out], inside calibration */
} level;

typedef struct extractor {
    const variant *what;
    level level[LEVELS];
    int64_t dims, channels; /* channels of all levels together */
    double *calibration;    /* [channels, 2]: for each level its means, then its standard deviations */
    convolve_row *convolve;
} extractor;

/* One row of outputs. x: three padded input rows, `pitch` floats apart, [width + 2, c_in] each. The last block of
 * pixels may reach beyond the row: it reads what comes next, and writes where the next row (or slack) is. */
static inline __attribute__((always_inline)) void convolve_any(const float *x, int64_t pitch, int64_t c_in, const float *w,
                                                               const float *bias, float *y, int64_t width, int64_t c_out)
{
    for (int64_t o = 0; o < c_out; o += LANES, w += 9 * c_in * LANES)
        for (int64_t col = 0; col < width; col += PIXELS) {
            lanes b, s0, s1, s2, s3;
            memcpy(&b, bias + o, sizeof b);
            s0 = s1 = s2 = s3 = b;
            const float *k = w;
            for (int64_t row = 0; row < 3; row++) {
                const float *at = x + row * pitch + col * c_in;
                for (int64_t i = 0; i < 3 * c_in; i++, k += LANES) {
                    lanes v;
                    memcpy(&v, k, sizeof v);
                    s0 += at[i] * v;
                    s1 += at[i + c_in] * v;
                    s2 += at[i + 2 * c_in] * v;
                    s3 += at[i + 3 * c_in] * v;
                }
            }
            float *to = y + col * c_out + o;
            memcpy(to, &s0, sizeof s0);
            memcpy(to + c_out, &s1, sizeof s1);
            memcpy(to + 2 * c_out, &s2, sizeof s2);
            memcpy(to + 3 * c_out, &s3, sizeof s3);
        }
}

static void convolve_plain(const float *x, int64_t pitch, int64_t c_in, const float *w, const float *bias, float *y,
                           int64_t width, int64_t c_out)
{
    convolve_any(x, pitch, c_in, w, bias, y, width, c_out);
}

/* The same operations in the same order, without fused multiply-add: the same bytes on every machine. */
RN_TARGET("avx2")
static void convolve_avx2(const float *x, int64_t pitch, int64_t c_in, const float *w, const float *bias, float *y,
                          int64_t width, int64_t c_out)
{
    convolve_any(x, pitch, c_in, w, bias, y, width, c_out);
}

static convolve_row *convolve_for_this_machine(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx2") ? convolve_avx2 : convolve_plain;
#else
    (void)convolve_avx2;
    return convolve_plain;
#endif
}

/* −1 → 1, n → n − 2: the edge is not repeated. A side of 1 has nothing else to give. */
static int64_t reflect(int64_t i, int64_t n)
{
    return n == 1 ? 0 : i < 0 ? -i : i >= n ? 2 * n - 2 - i : i;
}

static size_t padded_floats(const level *l)
{
    return (size_t)((l->height + 2) * (l->width + 2 + PIXELS) * l->c_in);
}

static size_t map_floats(const level *l)
{
    return (size_t)((l->height * l->width + PIXELS) * l->c_out);
}

static void pad(const level *l, const float *x, float *padded)
{
    const int64_t pitch = (l->width + 2) * l->c_in;
    const size_t pixel = (size_t)l->c_in * sizeof(float);
    for (int64_t row = -1; row <= l->height; row++) {
        const float *from = x + reflect(row, l->height) * l->width * l->c_in;
        float *to = padded + (row + 1) * pitch;
        memcpy(to, from + reflect(-1, l->width) * l->c_in, pixel);
        memcpy(to + l->c_in, from, (size_t)l->width * pixel);
        memcpy(to + pitch - l->c_in, from + reflect(l->width, l->width) * l->c_in, pixel);
    }
}

/* y = conv3×3(x) + bias, [height, width, c_out] */
static void convolve(const extractor *e, const level *l, const float *x, float *padded, float *y)
{
    const int64_t pitch = (l->width + 2) * l->c_in;
    pad(l, x, padded);
    for (int64_t row = 0; row < l->height; row++)
        e->convolve(padded + row * pitch, pitch, l->c_in, l->w, l->bias, y + row * l->width * l->c_out, l->width, l->c_out);
}

/* Standardises and bends y in place; sum and squares of each channel over the map. */
static void activate(const level *l, float *y, double *sum, double *squares)
{
    float scale[MOST_CHANNELS], offset[MOST_CHANNELS];
    double a[MOST_CHANNELS] = {0}, b[MOST_CHANNELS] = {0};
    for (int64_t c = 0; c < l->c_out; c++) {
        scale[c] = (float)(1 / l->sd[c]);
        offset[c] = (float)(-l->mean[c] / l->sd[c]);
    }
    for (int64_t pixel = 0; pixel < l->height * l->width; pixel++, y += l->c_out)
        for (int64_t c = 0; c < l->c_out; c++) {
            const float h = y[c] * scale[c] + offset[c];
            y[c] = h > 0 ? h : 0.2f * h;
            a[c] += (double)y[c];
            b[c] += (double)y[c] * (double)y[c];
        }
    memcpy(sum, a, (size_t)l->c_out * sizeof *a);
    memcpy(squares, b, (size_t)l->c_out * sizeof *b);
}

/* An odd last row or column is left out. In place: what is written lies before what is still to be read. */
static void pool(const level *l, bool maximum, float *y)
{
    const int64_t row = l->width * l->c_out;
    float *to = y;
    for (int64_t i = 0; i + 1 < l->height; i += 2)
        for (int64_t j = 0; j + 1 < l->width; j += 2) {
            const float *p = y + i * row + j * l->c_out, *q = p + l->c_out;
            for (int64_t c = 0; c < l->c_out; c++) {
                const float up = maximum ? fmaxf(p[c], q[c]) : p[c] + q[c];
                const float down = maximum ? fmaxf(p[c + row], q[c + row]) : p[c + row] + q[c + row];
                *to++ = maximum ? fmaxf(up, down) : 0.25f * (up + down);
            }
        }
}

typedef struct scratch { float *padded, *a, *b; } scratch;

static bool scratch_init(const extractor *e, scratch *s)
{
    size_t padded = 0, map = 0;
    for (int i = 0; i < LEVELS; i++) {
        padded = padded_floats(&e->level[i]) > padded ? padded_floats(&e->level[i]) : padded;
        map = map_floats(&e->level[i]) > map ? map_floats(&e->level[i]) : map;
    }
    *s = (scratch){calloc(padded, sizeof(float)), calloc(map, sizeof(float)), calloc(map, sizeof(float))};
    return s->padded && s->a && s->b;
}

static void scratch_free(scratch *s)
{
    free(s->padded), free(s->a), free(s->b);
}

/* Runs an image up to and with the convolution of level `last`; returns that map. With out: the features of all
 * levels before `last`, and of `last` itself, whose map is then standardised. */
static float *forward(const extractor *e, const float *image, int last, scratch *s, double *out)
{
    const float *x = image;
    for (int i = 0;; i++) {
        const level *l = &e->level[i];
        float *y = x == s->a ? s->b : s->a;
        convolve(e, l, x, s->padded, y);
        if (i == last && !out)
            return y;
        double sum[MOST_CHANNELS], squares[MOST_CHANNELS];
        const double n = (double)(l->height * l->width);
        activate(l, y, sum, squares);
        for (int64_t c = 0; out && c < l->c_out; c++) {
            const double mean = sum[c] / n;
            out[c] = mean;
            if (e->what->sd)
                out[l->c_out + c] = sqrt(fmax(0, squares[c] / n - mean * mean));
        }
        if (i == last)
            return y;
        if (out)
            out += l->c_out * (e->what->sd ? 2 : 1);
        if (l->pool)
            pool(l, e->what->maximum, y);
        x = y;
    }
}

static void close_(void *state)
{
    extractor *e = state;
    if (!e)
        return;
    for (int i = 0; i < LEVELS; i++)
        free(e->level[i].w), free(e->level[i].bias);
    free(e->calibration);
    free(e);
}

/* Numbers are drawn in the order [3, 3, c_in, c_out], whatever the order in memory. */
static bool level_init(level *l, const variant *what, int i)
{
    char name[64];
    snprintf(name, sizeof name, "%s.%d", what->name, i);
    const rn_stream weights = {.stream = rn_stream_of(name)}, biases = {.stream = rn_stream_of(name), .draw = 1};
    const int64_t taps = 9 * l->c_in;
    l->w = malloc((size_t)(taps * l->c_out) * sizeof(float));
    l->bias = malloc((size_t)l->c_out * sizeof(float));
    if (!l->w || !l->bias)
        return false;
    for (int64_t t = 0; t < taps; t++)
        for (int64_t o = 0; o < l->c_out; o++)
            l->w[(o / LANES * taps + t) * LANES + o % LANES] =
                (float)(sqrt(2.0 / (double)taps) * rn_random_normal(weights, (uint64_t)(t * l->c_out + o)));
    for (int64_t o = 0; o < l->c_out; o++)
        l->bias[o] = (float)(0.1 * rn_random_normal(biases, (uint64_t)o));
    return true;
}

static bool open_variant(const variant *what, const rn_features_env *env, void **state, rn_error *err)
{
    if (env->height < 4 || env->width < 4)
        return rn_fail(err, RN_ESHAPE, "%s: images of %" PRId64 "×%" PRId64 " pixels; at least 4×4 are needed",
                       what->name, env->height, env->width);
    extractor *e = calloc(1, sizeof *e);
    if (!e)
        return rn_fail(err, RN_EMEMORY, "%s: no memory for %zu bytes", what->name, sizeof *e);
    e->what = what;
    e->convolve = convolve_for_this_machine();
    for (int i = 0; i < LEVELS; i++)
        e->channels += what->width[i];
    e->dims = e->channels * (what->sd ? 2 : 1);
    e->calibration = calloc((size_t)(2 * e->channels), sizeof(double));
    bool ok = e->calibration != NULL;
    int64_t height = env->height, width = env->width, c_in = 3;
    double *at = e->calibration;
    for (int i = 0; i < LEVELS && ok; i++) {
        level *l = &e->level[i];
        *l = (level){.height = height, .width = width, .c_in = c_in, .c_out = what->width[i],
                     .pool = height > 2 && width > 2, .mean = at, .sd = at + what->width[i]};
        ok = level_init(l, what, i);
        for (int64_t c = 0; c < l->c_out; c++)
            l->sd[c] = 1;
        at += 2 * l->c_out;
        if (l->pool)
            height /= 2, width /= 2;
        c_in = l->c_out;
    }
    if (!ok) {
        close_(e);
        return rn_fail(err, RN_EMEMORY, "%s: no memory for the weights", what->name);
    }
    *state = e;
    return true;
}

static bool open_averaged(const void *params, const rn_features_env *env, void **state, rn_error *err)
{
    (void)params;
    return open_variant(&averaged, env, state, err);
}

static bool open_maximal(const void *params, const rn_features_env *env, void **state, rn_error *err)
{
    (void)params;
    return open_variant(&maximal, env, state, err);
}

static int64_t dims(void *state)
{
    return ((extractor *)state)->dims;
}

/* Mean and standard deviation of each channel after the convolution, level by level, since each level sees the
 * standardised one before it. A channel that never moves keeps sd 1. */
static bool calibrate(void *state, const float *images, int64_t n, rn_error *err)
{
    extractor *e = state;
    const int64_t image_floats = e->level[0].height * e->level[0].width * 3;
    if (n < 1)
        return rn_fail(err, RN_EDATA, "%s: no reference image to standardise with", e->what->name);
    scratch s;
    if (!scratch_init(e, &s)) {
        scratch_free(&s);
        return rn_fail(err, RN_EMEMORY, "%s: no memory for the maps of an image", e->what->name);
    }
    for (int i = 0; i < LEVELS; i++) {
        const level *l = &e->level[i];
        double sum[MOST_CHANNELS] = {0}, squares[MOST_CHANNELS] = {0};
        const int64_t pixels = l->height * l->width;
        for (int64_t k = 0; k < n; k++) {
            const float *y = forward(e, images + k * image_floats, i, &s, NULL);
            for (int64_t p = 0; p < pixels; p++, y += l->c_out)
                for (int64_t c = 0; c < l->c_out; c++) {
                    sum[c] += (double)y[c];
                    squares[c] += (double)y[c] * (double)y[c];
                }
        }
        for (int64_t c = 0; c < l->c_out; c++) {
            const double count = (double)(n * pixels), mean = sum[c] / count;
            const double sd = sqrt(fmax(0, squares[c] / count - mean * mean));
            l->mean[c] = mean;
            l->sd[c] = sd > 1e-6 ? sd : 1;
        }
    }
    scratch_free(&s);
    return true;
}

static int64_t calibration_count(void *state)
{
    return 2 * ((extractor *)state)->channels;
}

static double *calibration(void *state)
{
    return ((extractor *)state)->calibration;
}

/* Where there is no memory for the maps, the features are NaN, which every metric refuses. */
static void extract(void *state, const float *images, int64_t n, double *out)
{
    const extractor *e = state;
    const int64_t image_floats = e->level[0].height * e->level[0].width * 3;
    scratch s;
    if (scratch_init(e, &s))
        for (int64_t i = 0; i < n; i++)
            forward(e, images + i * image_floats, LEVELS - 1, &s, out + i * e->dims);
    else
        for (int64_t i = 0; i < n * e->dims; i++)
            out[i] = (double)NAN;
    scratch_free(&s);
}

extern const rn_features features_random_conv, features_random_conv_max;

const rn_features features_random_conv = {
    .bytes = sizeof(rn_features), .name = "random_conv", .doc = "random convolutions, mean of each of four levels: layout and colour",
    .is_default = true, .calibration_images = CALIBRATION_IMAGES, .open = open_averaged, .close = close_, .dims = dims,
    .calibrate = calibrate, .calibration_count = calibration_count, .calibration = calibration, .extract = extract,
    .revision = REVISION,
};

const rn_features features_random_conv_max = {
    .bytes = sizeof(rn_features), .name = "random_conv_max",
    .doc = "random convolutions with max pooling, mean and standard deviation of each level: noise, blur, contrast",
    .is_default = true, .calibration_images = CALIBRATION_IMAGES, .open = open_maximal, .close = close_, .dims = dims,
    .calibrate = calibrate, .calibration_count = calibration_count, .calibration = calibration, .extract = extract,
    .revision = REVISION,
};
