#include "eval/error_grid.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* From −7 on a falling error is what learning looks like; below, the image is buried for any network. An error
 * that loses less than 2 % over a step of 2 (SNR × 7.4), while it is still above a tenth of the variance, is flat. */
static const double flat_begins = -7, flat_share = 0.98, flat_above = 0.1;

typedef struct dims {
    int64_t height, width, elements;
} dims;

/* Σ over pooled pixels and channels of (mean of a − b over the window)²; b NULL: of a alone. */
static double pooled_square(const double *a, const float *b, dims d, int64_t s)
{
    double sum = 0;
    for (int64_t y = 0; y < d.height; y += s)
        for (int64_t x = 0; x < d.width; x += s)
            for (int64_t c = 0; c < 3; c++) {
                double mean = 0;
                for (int64_t i = 0; i < s; i++)
                    for (int64_t j = 0; j < s; j++) {
                        const int64_t at = ((y + i) * d.width + x + j) * 3 + c;
                        mean += a[at] - (b ? (double)b[at] : 0);
                    }
                mean /= (double)(s * s);
                sum += mean * mean;
            }
    return sum;
}

static double variance(const float *images, int64_t n, dims d, int64_t s, double *scratch)
{
    double mean[3] = {0}, sum = 0;
    for (int64_t k = 0; k < n * d.elements; k++)
        mean[k % 3] += (double)images[k];
    for (int64_t i = 0; i < n; i++) {
        for (int64_t k = 0; k < d.elements; k++)
            scratch[k] = (double)images[i * d.elements + k] - mean[k % 3] * 3 / (double)(n * d.elements);
        sum += pooled_square(scratch, NULL, d, s);
    }
    return sum * (double)(s * s) / (double)(n * d.elements);
}

static void find_flat(rn_error_grid *g)
{
    const int s = g->scales - 1;
    for (int k = 0; k + 1 < RN_GRID_LOGSNRS; k++) {
        const double here = g->mean_square[s][k], next = g->mean_square[s][k + 1];
        if (g->logsnr[k] < flat_begins || here < flat_above * g->variance[s] || !(next > flat_share * here))
            continue;
        if (g->flat_from == g->flat_to)
            g->flat_from = g->logsnr[k];
        g->flat_to = g->logsnr[k + 1];
    }
}

/* The images of one batch, the last ones repeated where there are too few. */
static int64_t begin_batch(const float *images, int64_t first, int64_t n, int64_t batch, dims d, double logsnr,
                           uint32_t seed, double *z)
{
    const double alpha = rn_alpha(logsnr), sigma = rn_sigma(logsnr);
    const rn_stream stream = {.seed = seed, .stream = rn_stream_of("held out noise")};
    float eps[256];
    for (int64_t b = 0; b < batch; b++) {
        const int64_t image = first + b < n ? first + b : n - 1;
        for (int64_t k = 0; k < d.elements; k += 256) {
            const int64_t m = d.elements - k < 256 ? d.elements - k : 256;
            rn_random_normals(stream, (uint64_t)(image * d.elements + k), (size_t)m, eps);
            for (int64_t i = 0; i < m; i++)
                z[b * d.elements + k + i] = alpha * (double)images[image * d.elements + k + i] + sigma * (double)eps[i];
        }
    }
    return n - first < batch ? n - first : batch;
}

static void choose_scales(rn_error_grid *g, dims d)
{
    const int64_t side = d.height < d.width ? d.height : d.width;
    g->scale[g->scales++] = 1;
    for (int64_t s = 2; g->scales < RN_GRID_SCALES && side / s >= RN_GRID_LEAST_SIDE; s *= 2)
        if (d.height % s == 0 && d.width % s == 0)
            g->scale[g->scales++] = s;
}

/* Adds one image's error at logSNR k to the sums that finish() makes means of. */
static void add_image(rn_error_grid *g, int k, const double *x0, const float *image, dims d)
{
    for (int s = 0; s < g->scales; s++) {
        const double pixels = (double)d.elements / (double)(g->scale[s] * g->scale[s]);
        const double e = pooled_square(x0, image, d, g->scale[s]) / pixels;
        g->mean_square[s][k] += e;
        g->sd[s][k] += e * e;
    }
}

static void finish(rn_error_grid *g, int k)
{
    const double n = (double)g->images;
    for (int s = 0; s < g->scales; s++) {
        const double mean = g->mean_square[s][k] / n, square = g->sd[s][k] / n - mean * mean;
        g->mean_square[s][k] = mean;
        g->sd[s][k] = g->images > 1 ? sqrt(fmax(0, square) * n / (n - 1)) : (double)NAN;
    }
}

bool rn_error_grid_measure(rn_trainer *t, const rn_parameter_set *set, const float *images, int64_t n, uint32_t seed,
                           bool (*stop)(void), rn_error_grid *g, rn_error *err)
{
    const int64_t batch = t->denoise_env.batch;
    dims d = {t->denoise_env.height, t->denoise_env.width, 0};
    d.elements = 3 * d.height * d.width;
    *g = (rn_error_grid){.images = n};
    choose_scales(g, d);
    double *z = calloc((size_t)(2 * batch * d.elements), sizeof *z), *x0 = z + batch * d.elements;
    if (!z)
        return rn_fail(err, RN_EMEMORY, "no memory to measure the error of %" PRId64 " images at once", batch);
    bool ok = true;
    for (int s = 0; s < g->scales; s++)
        g->variance[s] = variance(images, n, d, g->scale[s], z);
    for (int k = 0; ok && k < RN_GRID_LOGSNRS; k++) {
        g->logsnr[k] = RN_GRID_FIRST + RN_GRID_STEP * k;
        for (int64_t first = 0; ok && first < n; first += batch) {
            const int64_t m = begin_batch(images, first, n, batch, d, g->logsnr[k], seed, z);
            rn_trainer_denoise(t, set, z, g->logsnr[k], NULL, x0);
            for (int64_t b = 0; b < m; b++)
                add_image(g, k, x0 + b * d.elements, images + (first + b) * d.elements, d);
            if (stop && stop())
                ok = rn_fail(err, RN_EINTERRUPTED, "stopped while the error by logSNR was measured");
        }
        finish(g, k);
    }
    free(z);
    if (ok)
        find_flat(g);
    return ok;
}
