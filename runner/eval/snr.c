#include "eval/snr.h"

#include "base/parallel.h"

#include <runner/random.h>

#include <math.h>
#include <stdlib.h>

void rn_snr_pool(const double *x, int64_t height, int64_t width, int64_t pool, double *out)
{
    const double share = 1 / (double)(pool * pool);
    for (int64_t y = 0; y < height; y += pool)
        for (int64_t left = 0; left < width; left += pool)
            for (int64_t c = 0; c < 3; c++) {
                double sum = 0;
                for (int64_t i = 0; i < pool; i++)
                    for (int64_t j = 0; j < pool; j++)
                        sum += x[3 * ((y + i) * width + left + j) + c];
                *out++ = sum * share;
            }
}

/* Σ over channels of the variance of n pixels around their mean. */
static double spread(const double *x, int64_t n)
{
    double mean[3] = {0}, square = 0;
    for (int64_t k = 0; k < 3 * n; k++)
        mean[k % 3] += x[k] / (double)n;
    for (int64_t k = 0; k < 3 * n; k++)
        square += (x[k] - mean[k % 3]) * (x[k] - mean[k % 3]);
    return square / (double)n;
}

/* What one image adds: of the signal once, of the noise for each curve; before and after. */
typedef struct sums {
    double signal[2];
    double *noise[2]; /* [curves] */
} sums;

typedef struct job {
    const rn_snr_images *images;
    const double *alpha, *sigma; /* [curves] */
    int64_t n_curves, pool;
    rn_stream stream;
    double *scratch;  /* a share for each thread */
    size_t share;     /* doubles */
    sums *image;      /* [n] */
} job;

/* Σ (z − α·x)², the noise as it is in z. */
static double rest(const double *z, const double *x, double alpha, int64_t n)
{
    double sum = 0;
    for (int64_t k = 0; k < n; k++)
        sum += (z[k] - alpha * x[k]) * (z[k] - alpha * x[k]);
    return sum;
}

static void one_image(const job *j, int64_t i, double *scratch)
{
    const int64_t h = j->images->height, w = j->images->width, n = 3 * h * w, pooled = n / (j->pool * j->pool);
    double *x = scratch, *eps = x + n, *z = eps + n, *small_x = z + n, *small_z = small_x + pooled;
    enum { BLOCK = 256 };
    float block[BLOCK];
    for (int64_t k = 0; k < n; k += BLOCK) {
        const int64_t m = n - k < BLOCK ? n - k : BLOCK;
        rn_random_normals(j->stream, (uint64_t)(i * n + k), (size_t)m, block);
        for (int64_t b = 0; b < m; b++) {
            eps[k + b] = (double)block[b];
            x[k + b] = (double)j->images->pixels[i * n + k + b];
        }
    }
    sums *out = &j->image[i];
    rn_snr_pool(x, h, w, j->pool, small_x);
    out->signal[0] = spread(x, n / 3);
    out->signal[1] = spread(small_x, pooled / 3);
    for (int64_t c = 0; c < j->n_curves; c++) {
        for (int64_t k = 0; k < n; k++)
            z[k] = j->alpha[c] * x[k] + j->sigma[c] * eps[k];
        rn_snr_pool(z, h, w, j->pool, small_z);
        out->noise[0][c] = rest(z, x, j->alpha[c], n);
        out->noise[1][c] = rest(small_z, small_x, j->alpha[c], pooled);
    }
}

static void some_images(void *context, int thread, int64_t begin, int64_t end)
{
    const job *j = context;
    for (int64_t i = begin; i < end; i++)
        one_image(j, i, j->scratch + (size_t)thread * j->share);
}

/* The means of all images, added up in their order. */
static void finish(const job *j, int64_t c, rn_snr_point *p)
{
    const double n = (double)j->images->n, elements = 3 * (double)(j->images->height * j->images->width);
    const double area[2] = {1, (double)(j->pool * j->pool)};
    for (int k = 0; k < 2; k++) {
        double signal = 0, noise = 0;
        for (int64_t i = 0; i < j->images->n; i++) {
            signal += j->image[i].signal[k];
            noise += j->image[i].noise[k][c];
        }
        p->signal_variance[k] = signal / (3 * n);
        p->noise_variance[k] = noise * area[k] / (n * elements);
        p->snr[k] = p->alpha * p->alpha / p->noise_variance[k];
        p->power_snr[k] = p->snr[k] * p->signal_variance[k];
    }
}

bool rn_snr_measure(const rn_curve *curve, int64_t n_curves, double t, const rn_snr_images *images, int64_t pool, uint32_t seed,
                    uint32_t draw, rn_snr_point *point, rn_error *err)
{
    const size_t n = 3 * (size_t)(images->height * images->width), curves = (size_t)n_curves;
    job j = {.images = images, .n_curves = n_curves, .pool = pool, .share = 3 * n + 2 * (n / (size_t)(pool * pool)),
             .stream = {.seed = seed, .stream = rn_stream_of("snr noise"), .draw = draw}};
    double *numbers = malloc((2 * curves + 2 * curves * (size_t)images->n) * sizeof *numbers);
    j.scratch = malloc((size_t)rn_threads() * j.share * sizeof *j.scratch);
    j.image = malloc((size_t)images->n * sizeof *j.image);
    const bool ok = numbers && j.scratch && j.image;
    if (ok) {
        double *alpha = numbers, *sigma = alpha + curves, *noise = sigma + curves;
        for (size_t c = 0; c < curves; c++) {
            const double logsnr = rn_curve_logsnr(&curve[c], t);
            alpha[c] = rn_alpha(logsnr), sigma[c] = rn_sigma(logsnr);
            point[c] = (rn_snr_point){.t = t, .logsnr = logsnr, .alpha = alpha[c]};
        }
        j.alpha = alpha, j.sigma = sigma;
        for (int64_t i = 0; i < images->n; i++, noise += 2 * curves)
            j.image[i].noise[0] = noise, j.image[i].noise[1] = noise + curves;
        rn_parallel(images->n, some_images, &j);
        for (int64_t c = 0; c < n_curves; c++)
            finish(&j, c, &point[c]);
    }
    free(numbers), free(j.scratch), free(j.image);
    return ok || rn_fail(err, RN_EMEMORY, "no memory to noise %" PRId64 " images of %" PRId64 "x%" PRId64 " pixels", images->n,
                         images->width, images->height);
}
