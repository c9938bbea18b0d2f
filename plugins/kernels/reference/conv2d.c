/* conv2d and its gradients, straight from the definition: a unit is a row of pixels (of taps for the weight's
 * gradient), the innermost loop runs over neighbouring channels. */
#include "real.h"

#include <string.h>

/* First and last + 1 of the taps p for which a pixel i·stride + p − pad lies inside 0 … side − 1. */
static int64_t first_tap(int64_t i, int64_t stride, int64_t pad) { return i * stride < pad ? pad - i * stride : 0; }
static int64_t last_tap(int64_t i, int64_t stride, int64_t pad, int64_t side, int64_t taps)
{
    return least(taps, side + pad - i * stride);
}

static const char *conv2d_plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    work->units = c->out[0].dim[0] * c->out[0].dim[1];
    work->thread_scratch_bytes = (size_t)c->out[0].dim[3] * sizeof(ACC);
    return NULL;
}

/* One pixel of y: for each tap and input channel a multiple of the weight's run of output channels. */
static void conv2d_pixel(const rn_call *c, const REAL *image, const REAL *w, int64_t row, int64_t col, ACC *sum)
{
    const rn_conv2d_attr *a = c->attr;
    const rn_shape x = c->in[0], ws = c->in[1];
    const int64_t in = ws.dim[2], out = ws.dim[3] / a->groups, pitch = rn_pitch(ws);
    for (int64_t p = first_tap(row, a->stride, a->pad_h); p < last_tap(row, a->stride, a->pad_h, x.dim[1], ws.dim[0]); p++)
        for (int64_t q = first_tap(col, a->stride, a->pad_w); q < last_tap(col, a->stride, a->pad_w, x.dim[2], ws.dim[1]); q++) {
            const int64_t i = row * a->stride + p - a->pad_h, j = col * a->stride + q - a->pad_w;
            const REAL *pixel = image + (i * x.dim[2] + j) * rn_pitch(x);
            const REAL *tap = w + (p * ws.dim[1] + q) * in * pitch;
            for (int64_t g = 0; g < a->groups; g++)
                for (int64_t k = 0; k < in; k++)
                    add_multiple(sum + g * out, (ACC)pixel[g * in + k], tap + k * pitch + g * out, out);
        }
}

static void conv2d_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const rn_shape x = c->in[0], y = c->out[0];
    const REAL *b = m->in[2];
    ACC *sum = m->thread_scratch;
    for (int64_t u = begin; u < end; u++) {
        const REAL *image = (const REAL *)m->in[0] + u / y.dim[1] * x.dim[1] * x.dim[2] * rn_pitch(x);
        for (int64_t col = 0; col < y.dim[2]; col++) {
            for (int64_t o = 0; o < y.dim[3]; o++)
                sum[o] = b ? (ACC)b[o] : 0;
            conv2d_pixel(c, image, m->in[1], u % y.dim[1], col, sum);
            REAL *to = (REAL *)m->out[0] + (u * y.dim[2] + col) * y.dim[3];
            for (int64_t o = 0; o < y.dim[3]; o++)
                to[o] = (REAL)sum[o];
        }
    }
}

static const char *dx_plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    work->units = c->out[0].dim[0] * c->out[0].dim[1];
    work->thread_scratch_bytes = (size_t)c->out[0].dim[3] * sizeof(ACC);
    return NULL;
}

/* One pixel of dx: the pixels of dy that saw it, which are those where pixel + pad − tap is a multiple of the
 * stride. `image` is dy's. */
static void dx_pixel(const rn_call *c, const REAL *image, const REAL *w, int64_t row, int64_t col, ACC *sum)
{
    const rn_conv2d_attr *a = &((const rn_conv2d_dx_attr *)c->attr)->conv;
    const rn_shape dy = c->in[0], ws = c->in[1];
    const int64_t in = ws.dim[2], out = ws.dim[3] / a->groups, pitch = rn_pitch(ws);
    for (int64_t p = 0; p < ws.dim[0]; p++)
        for (int64_t q = 0; q < ws.dim[1]; q++) {
            const int64_t i = row + a->pad_h - p, j = col + a->pad_w - q;
            if (i < 0 || j < 0 || i % a->stride || j % a->stride || i / a->stride >= dy.dim[1] || j / a->stride >= dy.dim[2])
                continue;
            const REAL *from = image + (i / a->stride * dy.dim[2] + j / a->stride) * rn_pitch(dy);
            const REAL *tap = w + (p * ws.dim[1] + q) * in * pitch;
            for (int64_t g = 0; g < a->groups; g++)
                for (int64_t k = 0; k < in; k++)
                    sum[g * in + k] += dot(from + g * out, tap + k * pitch + g * out, out);
        }
}

static void dx_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const rn_shape dy = c->in[0], x = c->out[0];
    ACC *sum = m->thread_scratch;
    for (int64_t u = begin; u < end; u++) {
        const REAL *image = (const REAL *)m->in[0] + u / x.dim[1] * dy.dim[1] * dy.dim[2] * rn_pitch(dy);
        for (int64_t col = 0; col < x.dim[2]; col++) {
            memset(sum, 0, (size_t)x.dim[3] * sizeof *sum);
            dx_pixel(c, image, m->in[1], u % x.dim[1], col, sum);
            REAL *to = (REAL *)m->out[0] + (u * x.dim[2] + col) * x.dim[3];
            for (int64_t k = 0; k < x.dim[3]; k++)
                to[k] = (REAL)sum[k];
        }
    }
}

/* A unit is one tap of one input channel of each group: a run of dw over the output channels. */
static const char *dw_plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    work->units = c->out[0].dim[0] * c->out[0].dim[1] * c->out[0].dim[2];
    work->thread_scratch_bytes = (size_t)c->out[0].dim[3] * sizeof(ACC);
    return NULL;
}

static void dw_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const rn_conv2d_attr *a = &((const rn_conv2d_dw_attr *)c->attr)->conv;
    const rn_shape x = c->in[0], dy = c->in[1], w = c->out[0];
    const int64_t in = w.dim[2], out = w.dim[3] / a->groups;
    ACC *sum = m->thread_scratch;
    for (int64_t u = begin; u < end; u++) {
        const int64_t p = u / in / w.dim[1], q = u / in % w.dim[1], k = u % in;
        memset(sum, 0, (size_t)w.dim[3] * sizeof *sum);
        for (int64_t row = 0; row < dy.dim[0] * dy.dim[1]; row++) {
            const int64_t i = row % dy.dim[1] * a->stride + p - a->pad_h;
            if (i < 0 || i >= x.dim[1])
                continue;
            for (int64_t col = 0; col < dy.dim[2]; col++) {
                const int64_t j = col * a->stride + q - a->pad_w;
                if (j < 0 || j >= x.dim[2])
                    continue;
                const REAL *pixel = (const REAL *)m->in[0] + ((row / dy.dim[1] * x.dim[1] + i) * x.dim[2] + j) * rn_pitch(x);
                const REAL *from = (const REAL *)m->in[1] + (row * dy.dim[2] + col) * rn_pitch(dy);
                for (int64_t g = 0; g < a->groups; g++)
                    add_multiple(sum + g * out, (ACC)pixel[g * in + k], from + g * out, out);
            }
        }
        for (int64_t o = 0; o < w.dim[3]; o++)
            ((REAL *)m->out[0])[u * w.dim[3] + o] = (REAL)sum[o];
    }
}

REFERENCE(conv2d, conv2d_plan, conv2d_run);
REFERENCE(conv2d_dx, dx_plan, dx_run);
REFERENCE(conv2d_dw, dw_plan, dw_run);
