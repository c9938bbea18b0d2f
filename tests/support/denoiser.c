#include "support/denoiser.h"

#include <runner/schedule.h>

static double *tensor(const char *data, const char *name)
{
    return golden_tensor(golden_tensors("samplers.safetensors"), data, name, NULL);
}

denoiser golden_denoiser(const char *data, const char *sizes, const char *sampler)
{
    denoiser d = {.dim = golden_int(sizes, "dim", 0), .rows = golden_int(sizes, "batch", 0),
                  .components = golden_int(sizes, "components", 0),
                  .weight = tensor(data, "weight"), .mean = tensor(data, "mean"), .std = tensor(data, "std"),
                  .guidance = golden_real(sampler, "guidance", 1), .interval_low = (double)-INFINITY, .interval_high = (double)INFINITY,
                  .clip = golden_real(sampler, "clip", 0), .noise = tensor(data, "noise")};
    double interval[2];
    char text[64];
    if (golden_list(sampler, "interval", interval, 2) == 2)
        d.interval_low = interval[0], d.interval_high = interval[1];
    if (golden_text(sampler, "guidance", text, sizeof text))
        d.cond_mean = tensor(data, "cond_mean"), d.cond_std = tensor(data, "cond_std");
    assert_true(d.components <= DENOISER_COMPONENTS && d.mean && d.std);
    return d;
}

void denoiser_free(denoiser *d)
{
    free(d->weight), free(d->mean), free(d->std), free(d->cond_mean), free(d->cond_std), free(d->noise);
    *d = (denoiser){0};
}

int golden_run_of(const char *data)
{
    const golden_table *runs = golden_read("samplers.tsv");
    for (int row = 0; row < runs->rows; row++)
        if (!strcmp(golden_cell(runs, row, "data"), data))
            return row;
    fail_msg("no run of the data '%s'", data);
    return 0;
}

const char *golden_sampler_keys(const char *keys)
{
    static char text[512];
    char value[8];
    const bool said = golden_text(keys, "lower_order_final", value, sizeof value);
    snprintf(text, sizeof text, "%s%s", keys, said ? "" : ";lower_order_final=0");
    return text;
}

static void gaussian(const double *mean, const double *std, int64_t dim, const double *z, double a, double s, double *x0)
{
    for (int64_t i = 0; i < dim; i++) {
        const double v = std[i] * std[i];
        x0[i] = mean[i] + a * v / (a * a * v + s * s) * (z[i] - a * mean[i]);
    }
}

static void mixture(const denoiser *d, const double *z, double a, double s, double *x0)
{
    double log_r[DENOISER_COMPONENTS], largest = (double)-INFINITY, sum = 0;
    for (int64_t k = 0; k < d->components; k++) {
        const double *mean = d->mean + k * d->dim, v = a * a * d->std[k] * d->std[k] + s * s;
        double square = 0;
        for (int64_t i = 0; i < d->dim; i++)
            square += (z[i] - a * mean[i]) * (z[i] - a * mean[i]);
        log_r[k] = log(d->weight[k]) - square / (2 * v) - (double)d->dim / 2 * log(v);
        largest = fmax(largest, log_r[k]);
    }
    for (int64_t k = 0; k < d->components; k++)
        sum += exp(log_r[k] - largest);
    memset(x0, 0, (size_t)d->dim * sizeof *x0);
    for (int64_t k = 0; k < d->components; k++) {
        const double *mean = d->mean + k * d->dim, r = exp(log_r[k] - largest) / sum;
        const double v = d->std[k] * d->std[k], gain = a * v / (a * a * v + s * s);
        for (int64_t i = 0; i < d->dim; i++)
            x0[i] += r * (mean[i] + gain * (z[i] - a * mean[i]));
    }
}

/* ε̂ is linear in x̂ with the same z, so mixing the two x̂ mixes the two ε̂. */
static void guide(const denoiser *d, const double *z, double logsnr, double a, double s, double *x0)
{
    const bool inside = logsnr >= d->interval_low && logsnr <= d->interval_high;
    const double w = inside ? d->guidance : 1;
    double c[256];
    assert_true(d->dim <= 256);
    gaussian(d->cond_mean, d->cond_std, d->dim, z, a, s, c);
    for (int64_t i = 0; i < d->dim; i++)
        x0[i] += w * (c[i] - x0[i]);
}

bool denoiser_denoise(void *context, int64_t step, const double *z, double logsnr, double *x0, rn_error *err)
{
    (void)step, (void)err;
    const denoiser *d = context;
    const double a = rn_alpha(logsnr), s = rn_sigma(logsnr);
    for (int64_t row = 0; row < d->rows; row++, z += d->dim, x0 += d->dim) {
        if (d->components)
            mixture(d, z, a, s, x0);
        else
            gaussian(d->mean, d->std, d->dim, z, a, s, x0);
        if (d->cond_mean)
            guide(d, z, logsnr, a, s, x0);
        for (int64_t i = 0; d->clip > 0 && i < d->dim; i++)
            x0[i] = fmin(fmax(x0[i], -d->clip), d->clip);
    }
    return true;
}

void denoiser_noise(void *context, int64_t step, double *xi)
{
    const denoiser *d = context;
    memcpy(xi, d->noise + step * d->rows * d->dim, (size_t)(d->rows * d->dim) * sizeof *xi);
}
