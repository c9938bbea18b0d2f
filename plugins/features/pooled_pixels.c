/* pooled_pixels: the image itself, averaged to side×side cells. Blind to texture, sees layout and colour. */
#include <runner/features.h>
#include <stdlib.h>

typedef struct { int64_t side; } pooled_pixels;
/* clang-format off */
static const rn_param params[] = {
    RN_INT(pooled_pixels, side, "pixel", "8", 1, 64, "side of the pooled image; 3·side² features"),
    RN_PARAMS_END,
};
/* clang-format on */

typedef struct grid { int64_t side, height, width; } grid;

static bool open_(const void *params_, const rn_features_env *env, void **state, rn_error *err)
{
    const int64_t side = ((const pooled_pixels *)params_)->side;
    if (env->height < side || env->width < side)
        return rn_fail(err, RN_ESHAPE, "pooled_pixels: images of %" PRId64 "×%" PRId64 " pixels have no %" PRId64 "×%" PRId64
                       " cells; lower side", env->height, env->width, side, side);
    grid *g = malloc(sizeof *g);
    if (!g)
        return rn_fail(err, RN_EMEMORY, "pooled_pixels: no memory for %zu bytes", sizeof *g);
    *g = (grid){side, env->height, env->width};
    *state = g;
    return true;
}

static void close_(void *state)
{
    free(state);
}

static int64_t dims(void *state)
{
    const grid *g = state;
    return 3 * g->side * g->side;
}

static bool calibrate(void *state, const float *images, int64_t n, rn_error *err)
{
    (void)state, (void)images, (void)n, (void)err;
    return true;
}

static int64_t calibration_count(void *state)
{
    (void)state;
    return 0;
}

static double *calibration(void *state)
{
    (void)state;
    return NULL;
}

/* Cell i of a side of n pixels: pixels ⌊i·n/side⌋ to ⌊(i + 1)·n/side⌋. */
static void pool(const grid *g, const float *image, double *out)
{
    for (int64_t i = 0; i < g->side; i++)
        for (int64_t j = 0; j < g->side; j++, out += 3) {
            const int64_t top = i * g->height / g->side, bottom = (i + 1) * g->height / g->side;
            const int64_t left = j * g->width / g->side, right = (j + 1) * g->width / g->side;
            double sum[3] = {0};
            for (int64_t y = top; y < bottom; y++)
                for (int64_t x = left; x < right; x++)
                    for (int c = 0; c < 3; c++)
                        sum[c] += (double)image[(y * g->width + x) * 3 + c];
            for (int c = 0; c < 3; c++)
                out[c] = sum[c] / (double)((bottom - top) * (right - left));
        }
}

static void extract(void *state, const float *images, int64_t n, double *out)
{
    const grid *g = state;
    for (int64_t i = 0; i < n; i++)
        pool(g, images + i * g->height * g->width * 3, out + i * dims(state));
}

extern const rn_features features_pooled_pixels;
const rn_features features_pooled_pixels = {
    .bytes = sizeof(rn_features), .name = "pooled_pixels", .doc = "pixels averaged to side×side cells: layout and colour",
    .params = params, .params_bytes = sizeof(pooled_pixels), .is_default = true, .open = open_, .close = close_, .dims = dims,
    .calibrate = calibrate, .calibration_count = calibration_count, .calibration = calibration, .extract = extract,
    .revision = 1,
};
