/* conv2d_dx. With stride 1 it is itself a convolution of dy,
 *
 *     dx[y, x, c] = Σ w[kh−1−p, kw−1−q, c, o] · dy[y + p − (kh−1−pad_h), x + q − (kw−1−pad_w), o],
 *
 * with a weight [kh·kw·O, C] that phase 0 turns round in shared scratch. Other strides go the other way: the
 * product dy·wᵀ gives for each window what its pixels get, and is added to them; there a unit is an image. */
#include "gather.h"

/* Windows over dy, one for each pixel of dx (stride 1). */
static windows windows_over_dy(const rn_call *c)
{
    const rn_conv2d_dx_attr *a = c->attr;
    const rn_shape dy = c->in[0], w = c->in[1];
    return (windows){.type = dy.type, .batch = dy.dim[0], .height = dy.dim[1], .width = dy.dim[2],
                     .channels = dy.dim[3], .pitch = rn_pitch(dy), .kh = w.dim[0], .kw = w.dim[1], .stride = 1,
                     .pad_h = w.dim[0] - 1 - a->conv.pad_h, .pad_w = w.dim[1] - 1 - a->conv.pad_w,
                     .out_h = a->height, .out_w = a->width};
}

/* Windows over dx, one for each pixel of dy: those of the convolution itself. */
static windows windows_over_dx(const rn_call *c)
{
    const rn_conv2d_dx_attr *a = c->attr;
    const rn_shape dy = c->in[0], w = c->in[1], dx = c->out[0];
    return (windows){.type = dy.type, .batch = dx.dim[0], .height = a->height, .width = a->width, .channels = dx.dim[3],
                     .pitch = rn_pitch(dx), .kh = w.dim[0], .kw = w.dim[1], .stride = a->conv.stride,
                     .pad_h = a->conv.pad_h, .pad_w = a->conv.pad_w, .out_h = dy.dim[1], .out_w = dy.dim[2]};
}

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const char *why = blas_refusal(c);
    const rn_conv2d_attr *a = &((const rn_conv2d_dx_attr *)c->attr)->conv;
    if (why)
        return why;
    if (a->groups != 1)
        return "one group only";
    if (a->stride != 1) {
        const windows g = windows_over_dx(c);
        work->units = g.batch;
        work->thread_scratch_bytes = (size_t)(blas_unit_rows(g.out_h * g.out_w, windows_bytes(&g)) * windows_bytes(&g));
        return NULL;
    }
    const windows g = windows_over_dy(c);
    const int64_t block = blas_unit_rows(windows_count(&g), windows_bytes(&g)), units = (windows_count(&g) + block - 1) / block;
    if (windows_are_pixels(&g)) {
        work->units = units;
        return NULL;
    }
    work->units = g.kh * g.kw;
    work->more_units[0] = units;
    work->scratch_bytes = (size_t)rn_bytes(c->in[1]);
    work->thread_scratch_bytes = (size_t)(block * windows_bytes(&g));
    return NULL;
}

#define TURN(real)                                                                                 \
    do {                                                                                           \
        const real *restrict f = from;                                                             \
        real *restrict t = to;                                                                     \
        for (int64_t o = 0; o < out; o++)                                                          \
            for (int64_t i = 0; i < in; i++)                                                       \
                t[o * in + i] = f[i * pitch + o];                                                    \
    } while (0)

/* Tap (p, q) of w, [C, O], as tap (kh−1−p, kw−1−q) of scratch, [O, C]. */
static void turn_taps(const rn_call *c, const rn_buffers *m, int64_t begin, int64_t end)
{
    const rn_shape w = c->in[1];
    const int64_t taps = w.dim[0] * w.dim[1], in = w.dim[2], out = w.dim[3], pitch = rn_pitch(w);
    for (int64_t tap = begin; tap < end; tap++) {
        const void *from = blas_in(m->in[1], w.type, tap * in * pitch);
        void *to = blas_at(m->scratch, w.type, (taps - 1 - tap) * in * out);
        if (w.type == RN_F32)
            TURN(float);
        else
            TURN(double);
    }
}

static void gather_products(const rn_call *c, const rn_buffers *m, int64_t begin, int64_t end)
{
    const rn_shape dx = c->out[0];
    const windows g = windows_over_dy(c);
    const int64_t total = windows_count(&g), block = blas_unit_rows(total, windows_bytes(&g)), k = windows_row(&g);
    const int64_t last = blas_least(end * block, total), channels = rn_last(dx);
    for (int64_t n = begin * block; n < last; n += block) {
        const int64_t count = blas_least(block, total - n);
        blas_matrix panel = {blas_in(m->in[0], g.type, n * g.pitch), g.pitch, false};
        blas_matrix w = {m->in[1], rn_pitch(c->in[1]), true};
        if (!windows_are_pixels(&g)) {
            windows_gather(&g, m->in[0], m->thread_scratch, n, n + count);
            panel = (blas_matrix){m->thread_scratch, k, false};
            w = (blas_matrix){m->scratch, channels, false};
        }
        blas_product(g.type, count, channels, k, 1, panel, w, 0, blas_at(m->out[0], g.type, n * rn_pitch(dx)),
                     rn_pitch(dx));
    }
}

#define ZERO(real)                                                                                 \
    for (int64_t i = 0; i < g->channels; i++)                                                      \
    ((real *)to)[i] = 0

static void zero_image(const windows *g, void *map, int64_t image)
{
    for (int64_t pixel = image * g->height * g->width; pixel < (image + 1) * g->height * g->width; pixel++) {
        void *to = blas_at(map, g->type, pixel * g->pitch);
        if (g->type == RN_F32)
            ZERO(float);
        else
            ZERO(double);
    }
}

static void scatter_products(const rn_call *c, const rn_buffers *m, int64_t begin, int64_t end)
{
    const rn_shape dy = c->in[0];
    const windows g = windows_over_dx(c);
    const int64_t each = g.out_h * g.out_w, block = blas_unit_rows(each, windows_bytes(&g)), k = windows_row(&g);
    for (int64_t image = begin; image < end; image++) {
        zero_image(&g, m->out[0], image);
        for (int64_t n = image * each; n < (image + 1) * each; n += block) {
            const int64_t count = blas_least(block, (image + 1) * each - n);
            blas_product(g.type, count, k, rn_last(dy), 1,
                         (blas_matrix){blas_in(m->in[0], g.type, n * rn_pitch(dy)), rn_pitch(dy), false},
                         (blas_matrix){m->in[1], rn_pitch(c->in[1]), true}, 0, m->thread_scratch, k);
            windows_scatter(&g, m->thread_scratch, m->out[0], n, n + count);
        }
    }
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    if (((const rn_conv2d_dx_attr *)c->attr)->conv.stride != 1)
        scatter_products(c, m, begin, end);
    else if (phase == 0 && work->more_units[0])
        turn_taps(c, m, begin, end);
    else
        gather_products(c, m, begin, end);
}

const rn_kernel openblas_conv2d_dx = {
    .bytes = sizeof(rn_kernel), .name = "openblas", .doc = "gathered panels of dy; strides above 1: products added up",
    .op = "conv2d_dx", .device = "cpu", .rank = 10, .plan = plan, .run = run,
};
