/* group_norm in two passes, all in double: first the means, then the squares of what is left (a mean of the
 * squares less the square of the mean loses all digits where the mean is large). An image is cut into fixed
 * blocks of pixels, so that one image alone keeps several threads busy. */
#include "real.h"

#include <string.h>

enum { MOST_BLOCKS = 16, LEAST_ELEMENTS = 8192, FOLD_CHANNELS = 64 };

typedef struct cut {
    int64_t batch, pixels, channels, groups;
    int64_t width; /* channels of a group */
    int64_t step;  /* pixels of a block */
    int64_t blocks;
} cut;
static cut cut_of(const rn_call *c)
{
    const rn_shape x = c->in[0];
    cut k = {.batch = x.dim[0], .channels = rn_last(x), .groups = ((const rn_group_norm_attr *)c->attr)->groups};
    k.pixels = rn_rows(x) / k.batch;
    k.width = k.channels / k.groups;
    k.blocks = least(MOST_BLOCKS, pieces(k.pixels * k.channels, LEAST_ELEMENTS));
    k.step = pieces(k.pixels, k.blocks);
    k.blocks = pieces(k.pixels, k.step);
    return k;
}
static ACC group_size(cut k) { return (ACC)(k.pixels * k.width); }

/* Scratch: sums and squares [batch, blocks, groups]. */
static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const cut k = cut_of(c);
    work->units = work->more_units[0] = work->more_units[1] = k.batch * k.blocks;
    work->scratch_bytes = (size_t)(2 * k.batch * k.blocks * k.groups) * sizeof(ACC);
    work->thread_scratch_bytes = (size_t)(3 * k.channels) * sizeof(ACC);
    return NULL;
}

/* The total over an image's blocks for each group, spread over the group's channels. */
static void spread(cut k, const ACC *part, int64_t image, ACC *channel)
{
    for (int64_t g = 0; g < k.groups; g++) {
        ACC sum = 0;
        for (int64_t block = 0; block < k.blocks; block++)
            sum += part[(image * k.blocks + block) * k.groups + g];
        for (int64_t j = 0; j < k.width; j++)
            channel[g * k.width + j] = sum / group_size(k);
    }
}
static void gather(cut k, const ACC *channel, ACC *group)
{
    for (int64_t g = 0; g < k.groups; g++) {
        group[g] = 0;
        for (int64_t j = 0; j < k.width; j++)
            group[g] += channel[g * k.width + j];
    }
}

/* channel[j] = 1/√(var + eps)·w, shift[j] = b; the first block of an image writes its mean and rstd. */
static void factors(const rn_call *c, const rn_buffers *m, cut k, int64_t u, const ACC *mean, ACC *channel, ACC *shift)
{
    const ACC eps = ((const rn_group_norm_attr *)c->attr)->eps;
    const REAL *w = m->in[1], *b = m->in[2];
    for (int64_t j = 0; j < k.channels; j++)
        channel[j] = 1 / sqrt(channel[j] + eps);
    if (u % k.blocks == 0)
        for (int64_t g = 0; g < k.groups; g++) {
            ((REAL *)m->out[1])[u / k.blocks * k.groups + g] = (REAL)mean[g * k.width];
            ((REAL *)m->out[2])[u / k.blocks * k.groups + g] = (REAL)channel[g * k.width];
        }
    for (int64_t j = 0; j < k.channels; j++) {
        channel[j] *= w ? (ACC)w[j] : 1;
        shift[j] = b ? (ACC)b[j] : 0;
    }
}

static void add_squares(ACC *sum, const REAL *x, const ACC *mean, int64_t n)
{
    for (int64_t j = 0; j < n; j++)
        sum[j] += ((ACC)x[j] - mean[j]) * ((ACC)x[j] - mean[j]);
}
static void normalise(REAL *y, const REAL *x, const ACC *mean, const ACC *factor, const ACC *shift, int64_t n)
{
    for (int64_t j = 0; j < n; j++)
        y[j] = (REAL)(((ACC)x[j] - mean[j]) * factor[j] + shift[j]);
}

/* Phases: sums; squares of what is left without the mean; y. */
static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work;
    const cut k = cut_of(c);
    const int64_t pitch = rn_pitch(c->in[0]);
    ACC *sums = m->scratch, *squares = sums + k.batch * k.blocks * k.groups;
    ACC *mean = m->thread_scratch, *channel = mean + k.channels, *shift = channel + k.channels;
    for (int64_t u = begin; u < end; u++) {
        const int64_t image = u / k.blocks, first = u % k.blocks * k.step, last = least(first + k.step, k.pixels);
        const REAL *x = (const REAL *)m->in[0] + image * k.pixels * pitch;
        REAL *y = (REAL *)m->out[0] + image * k.pixels * k.channels;
        memset(channel, 0, (size_t)k.channels * sizeof *channel);
        if (phase == 0) {
            for (int64_t p = first; p < last; p++)
                add_multiple(channel, 1, x + p * pitch, k.channels);
            gather(k, channel, sums + u * k.groups);
            continue;
        }
        spread(k, sums, image, mean);
        if (phase == 1) {
            for (int64_t p = first; p < last; p++)
                add_squares(channel, x + p * pitch, mean, k.channels);
            gather(k, channel, squares + u * k.groups);
            continue;
        }
        spread(k, squares, image, channel);
        factors(c, m, k, u, mean, channel, shift);
        for (int64_t p = first; p < last; p++)
            normalise(y + p * k.channels, x + p * pitch, mean, channel, shift, k.channels);
    }
}

/* Phases: sums of dy and dy·x̂ by block and channel; the same by image, and of w·dy by group; dx; dw and db.
 * Scratch: by block [batch, blocks, 2, channels], by image [batch, 2, channels], by group [batch, 2, groups]. */
static const char *grad_plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const cut k = cut_of(c);
    work->units = work->more_units[1] = k.batch * k.blocks;
    work->more_units[0] = k.batch;
    work->more_units[2] = pieces(k.channels, FOLD_CHANNELS);
    work->scratch_bytes = (size_t)(2 * k.batch * ((k.blocks + 1) * k.channels + k.groups)) * sizeof(ACC);
    work->thread_scratch_bytes = (size_t)(5 * k.channels) * sizeof(ACC);
    return NULL;
}

/* An image's mean and rstd, spread over channels. */
static void statistics(const rn_call *c, cut k, const rn_buffers *m, int64_t image, ACC *mean, ACC *rstd)
{
    for (int64_t j = 0; j < k.channels; j++) {
        mean[j] = (ACC)((const REAL *)m->in[2])[image * rn_pitch(c->in[2]) + j / k.width];
        rstd[j] = (ACC)((const REAL *)m->in[3])[image * rn_pitch(c->in[3]) + j / k.width];
    }
}

static void sum_block(const rn_call *c, const rn_buffers *m, cut k, int64_t u, ACC *by_block)
{
    const int64_t image = u / k.blocks, first = u % k.blocks * k.step, last = least(first + k.step, k.pixels);
    const REAL *x = (const REAL *)m->in[0] + image * k.pixels * rn_pitch(c->in[0]);
    const REAL *dy = (const REAL *)m->in[4] + image * k.pixels * rn_pitch(c->in[4]);
    ACC *mean = m->thread_scratch, *rstd = mean + k.channels;
    ACC *sum = by_block + u * 2 * k.channels, *along = sum + k.channels;
    statistics(c, k, m, image, mean, rstd);
    memset(sum, 0, (size_t)(2 * k.channels) * sizeof *sum);
    for (int64_t p = first; p < last; p++) {
        const REAL *xp = x + p * rn_pitch(c->in[0]), *dp = dy + p * rn_pitch(c->in[4]);
        for (int64_t j = 0; j < k.channels; j++) {
            sum[j] += (ACC)dp[j];
            along[j] += (ACC)dp[j] * (((ACC)xp[j] - mean[j]) * rstd[j]);
        }
    }
}

static void fold_image(const rn_buffers *m, cut k, int64_t image, const ACC *by_block, ACC *by_image, ACC *by_group)
{
    const REAL *w = m->in[1];
    ACC *sum = by_image + image * 2 * k.channels, *group = by_group + image * 2 * k.groups;
    memset(sum, 0, (size_t)(2 * k.channels) * sizeof *sum);
    memset(group, 0, (size_t)(2 * k.groups) * sizeof *group);
    for (int64_t block = 0; block < k.blocks; block++)
        for (int64_t j = 0; j < 2 * k.channels; j++)
            sum[j] += by_block[(image * k.blocks + block) * 2 * k.channels + j];
    for (int64_t j = 0; j < 2 * k.channels; j++) {
        const int64_t channel = j % k.channels;
        group[j / k.channels * k.groups + channel / k.width] += sum[j] * (w ? (ACC)w[channel] : 1) / group_size(k);
    }
}

/* dx = rstd·(u − mean(u) − x̂·mean(u·x̂)), u = w·dy */
static void dx_block(const rn_call *c, const rn_buffers *m, cut k, int64_t u, const ACC *by_group)
{
    const int64_t image = u / k.blocks, first = u % k.blocks * k.step, last = least(first + k.step, k.pixels);
    const REAL *x = (const REAL *)m->in[0] + image * k.pixels * rn_pitch(c->in[0]), *w = m->in[1];
    const REAL *dy = (const REAL *)m->in[4] + image * k.pixels * rn_pitch(c->in[4]);
    REAL *dx = (REAL *)m->out[0] + image * k.pixels * k.channels;
    ACC *mean = m->thread_scratch, *rstd = mean + k.channels, *factor = rstd + k.channels;
    ACC *flat = factor + k.channels, *along = flat + k.channels;
    statistics(c, k, m, image, mean, rstd);
    for (int64_t j = 0; j < k.channels; j++) {
        factor[j] = w ? (ACC)w[j] : 1;
        flat[j] = by_group[image * 2 * k.groups + j / k.width];
        along[j] = by_group[(image * 2 + 1) * k.groups + j / k.width];
    }
    for (int64_t p = first; p < last; p++) {
        const REAL *xp = x + p * rn_pitch(c->in[0]), *dp = dy + p * rn_pitch(c->in[4]);
        for (int64_t j = 0; j < k.channels; j++)
            dx[p * k.channels + j] = (REAL)(rstd[j] * (factor[j] * (ACC)dp[j] - flat[j] -
                                                       ((ACC)xp[j] - mean[j]) * rstd[j] * along[j]));
    }
}

static void grad_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work;
    const cut k = cut_of(c);
    ACC *by_block = m->scratch, *by_image = by_block + 2 * k.batch * k.blocks * k.channels;
    ACC *by_group = by_image + 2 * k.batch * k.channels;
    if (phase == 3) {
        for (int64_t j = begin * FOLD_CHANNELS; j < least(end * FOLD_CHANNELS, k.channels); j++) {
            ACC dw = 0, db = 0;
            for (int64_t image = 0; image < k.batch; image++) {
                db += by_image[image * 2 * k.channels + j];
                dw += by_image[(image * 2 + 1) * k.channels + j];
            }
            ((REAL *)m->out[1])[j] = (REAL)dw;
            ((REAL *)m->out[2])[j] = (REAL)db;
        }
        return;
    }
    for (int64_t u = begin; u < end; u++)
        if (phase == 0)
            sum_block(c, m, k, u, by_block);
        else if (phase == 1)
            fold_image(m, k, u, by_block, by_image, by_group);
        else
            dx_block(c, m, k, u, by_group);
}

REFERENCE(group_norm, plan, run);
REFERENCE(group_norm_grad, grad_plan, grad_run);
