/* Resizing by separable filters.
 *
 *   out[i] = Σ_j w_ij in[j] / Σ_j w_ij,   w_ij = f((j + ½ − (i + ½)·s)/max(s, 1)),   s = from/to
 *
 * The bytes go through integers as in Pillow: weights have 22 bits after the point, each pass is rounded. */
#include "data/resize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double box(double x) { return x > -0.5 && x <= 0.5 ? 1 : 0; }
static double triangle(double x) { return fabs(x) < 1 ? 1 - fabs(x) : 0; }

static double cubic(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
    return 0;
}

static double sinc(double x) { return x == 0 ? 1 : sin(M_PI * x) / (M_PI * x); }
static double lanczos3(double x) { return fabs(x) < 3 ? sinc(x) * sinc(x / 3) : 0; }

const rn_filter rn_filters[] = {
    {"lanczos", 3, lanczos3, true},
    {"box", 0.5, box, true},
    {"bilinear", 1, triangle, true},
    {"bicubic", 2, cubic, true},
    {"torch_bilinear", 1, triangle, false},
    {0},
};
const rn_filter *const rn_filter_lanczos = &rn_filters[0];

const rn_filter *rn_filter_find(const char *name)
{
    for (const rn_filter *f = rn_filters; f->name; f++)
        if (strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

/* The taps of output pixels [first, first + n): pixel i reads [begin[i], begin[i] + count[i]) with the weights
 * weight[i·stride …]. */
struct taps {
    int64_t n, stride;
    int64_t *begin, *count;
    double *weight;
};

static void taps_free(struct taps *t)
{
    free(t->begin);
    free(t->count);
    free(t->weight);
}

static bool taps_init(struct taps *t, const rn_filter *f, int64_t from, int64_t to, int64_t first, int64_t n)
{
    const double scale = (double)from / (double)to, widen = f->antialias && scale > 1 ? scale : 1;
    const double support = f->support * widen;
    *t = (struct taps){.n = n, .stride = 2 * (int64_t)ceil(support) + 1};
    t->begin = calloc((size_t)n, sizeof *t->begin);
    t->count = calloc((size_t)n, sizeof *t->count);
    t->weight = calloc((size_t)(n * t->stride), sizeof *t->weight);
    if (!t->begin || !t->count || !t->weight)
        return false;
    for (int64_t i = 0; i < n; i++) {
        const double centre = ((double)(first + i) + 0.5) * scale;
        double *w = t->weight + i * t->stride, sum = 0;
        int64_t begin = (int64_t)(centre - support + 0.5), end = (int64_t)(centre + support + 0.5);
        begin = begin < 0 ? 0 : begin;
        end = end > from ? from : end;
        for (int64_t j = begin; j < end; j++)
            sum += w[j - begin] = f->weight(((double)j + 0.5 - centre) / widen);
        for (int64_t j = begin; j < end; j++)
            w[j - begin] /= sum;
        t->begin[i] = begin;
        t->count[i] = end - begin;
    }
    return true;
}

rn_window rn_window_covering(int64_t from_height, int64_t from_width, int64_t height, int64_t width)
{
    rn_window w = {.full_height = height, .full_width = width, .height = height, .width = width};
    /* height/from_height > width/from_width: the height decides */
    if (height * from_width > width * from_height)
        w.full_width = (2 * from_width * height + from_height) / (2 * from_height);
    else
        w.full_height = (2 * from_height * width + from_width) / (2 * from_width);
    w.full_width = w.full_width < width ? width : w.full_width;
    w.full_height = w.full_height < height ? height : w.full_height;
    w.top = (w.full_height - height) / 2;
    w.left = (w.full_width - width) / 2;
    return w;
}

enum { WEIGHT_BITS = 22 }; /* 8 bits of a byte, 2 for overshoot, 32 in all */

static int32_t *fixed_point(const struct taps *t)
{
    int32_t *fixed = calloc((size_t)(t->n * t->stride), sizeof *fixed);
    for (int64_t i = 0; fixed && i < t->n * t->stride; i++)
        fixed[i] = (int32_t)lround(t->weight[i] * (1 << WEIGHT_BITS));
    return fixed;
}

static uint8_t clipped(int32_t sum)
{
    const int32_t level = sum >> WEIGHT_BITS;
    return level < 0 ? 0 : level > 255 ? 255 : (uint8_t)level;
}

/* Along x: rows [begin, end) of the image → [end − begin, n, 3]. */
static void along_x(const rn_pixels *in, int64_t begin, int64_t end, const struct taps *t, const int32_t *fixed,
                    uint8_t *out)
{
    for (int64_t y = begin; y < end; y++)
        for (int64_t x = 0; x < t->n; x++) {
            const uint8_t *p = in->rgb + 3 * (y * in->width + t->begin[x]);
            const int32_t *w = fixed + x * t->stride;
            int32_t r = 1 << (WEIGHT_BITS - 1), g = r, b = r; /* ½, so that >> rounds */
            for (int64_t j = 0; j < t->count[x]; j++, p += 3)
                r += w[j] * p[0], g += w[j] * p[1], b += w[j] * p[2];
            *out++ = clipped(r);
            *out++ = clipped(g);
            *out++ = clipped(b);
        }
}

/* Along y: rows of `bytes` bytes that begin with row `first` → [n, bytes]. */
static void along_y(const uint8_t *in, int64_t first, int64_t bytes, const struct taps *t, const int32_t *fixed,
                    uint8_t *out)
{
    for (int64_t y = 0; y < t->n; y++)
        for (int64_t x = 0; x < bytes; x++) {
            const uint8_t *p = in + (t->begin[y] - first) * bytes + x;
            const int32_t *w = fixed + y * t->stride;
            int32_t sum = 1 << (WEIGHT_BITS - 1);
            for (int64_t j = 0; j < t->count[y]; j++, p += bytes)
                sum += w[j] * *p;
            *out++ = clipped(sum);
        }
}

bool rn_resize(const rn_pixels *in, const rn_filter *filter, rn_window w, uint8_t *out, rn_error *err)
{
    if (w.full_height == in->height && w.full_width == in->width) { /* all filters are the identity then */
        for (int64_t y = 0; y < w.height; y++)
            memcpy(out + 3 * y * w.width, in->rgb + 3 * ((w.top + y) * in->width + w.left), (size_t)(3 * w.width));
        return true;
    }
    struct taps tx = {0}, ty = {0};
    int32_t *fx = NULL, *fy = NULL;
    uint8_t *between = NULL;
    bool ok = taps_init(&tx, filter, in->width, w.full_width, w.left, w.width) &&
              taps_init(&ty, filter, in->height, w.full_height, w.top, w.height) && (fx = fixed_point(&tx)) &&
              (fy = fixed_point(&ty));
    if (ok) {
        const int64_t begin = ty.begin[0], end = ty.begin[ty.n - 1] + ty.count[ty.n - 1];
        between = calloc((size_t)(end - begin), (size_t)(3 * w.width));
        ok = between != NULL;
        if (ok) {
            along_x(in, begin, end, &tx, fx, between);
            along_y(between, begin, 3 * w.width, &ty, fy, out);
        }
    }
    if (!ok)
        rn_fail(err, RN_EMEMORY, "no memory to resize %" PRId64 "×%" PRId64 " pixels to %" PRId64 "×%" PRId64,
                in->height, in->width, w.full_height, w.full_width);
    taps_free(&tx);
    taps_free(&ty);
    free(fx);
    free(fy);
    free(between);
    return ok;
}

bool rn_resize_floats(const float *in, int64_t from_height, int64_t from_width, int64_t channels,
                      const rn_filter *filter, int64_t height, int64_t width, float *out, rn_error *err)
{
    struct taps tx = {0}, ty = {0};
    double *between = malloc((size_t)(from_height * width * channels) * sizeof *between);
    const bool ok = between && taps_init(&tx, filter, from_width, width, 0, width) &&
                    taps_init(&ty, filter, from_height, height, 0, height);
    if (!ok)
        rn_fail(err, RN_EMEMORY, "no memory to resize %" PRId64 "×%" PRId64 " to %" PRId64 "×%" PRId64, from_height,
                from_width, height, width);
    for (int64_t y = 0; ok && y < from_height; y++)
        for (int64_t i = 0; i < width * channels; i++) {
            const int64_t x = i / channels, c = i % channels;
            double sum = 0;
            for (int64_t j = 0; j < tx.count[x]; j++)
                sum += tx.weight[x * tx.stride + j] * (double)in[(y * from_width + tx.begin[x] + j) * channels + c];
            between[y * width * channels + i] = sum;
        }
    for (int64_t y = 0; ok && y < height; y++)
        for (int64_t i = 0; i < width * channels; i++) {
            double sum = 0;
            for (int64_t j = 0; j < ty.count[y]; j++)
                sum += ty.weight[y * ty.stride + j] * between[(ty.begin[y] + j) * width * channels + i];
            out[y * width * channels + i] = (float)sum;
        }
    taps_free(&tx);
    taps_free(&ty);
    free(between);
    return ok;
}
