/* snake: an activation that keeps a periodic part, y = x + sin²(αx)/α, and a layer that uses it. Source: Ziyin,
 * Hartwig, Ueda 2020 (arXiv:2006.08195), eq. 3. */
#include <math.h>
#include <runner/kernel.h>
#include <runner/layer.h>
#include <runner/plugin.h>

/* --- the ops ---------------------------------------------------------------------------------------- */

typedef struct snake_attr {
    double alpha;
} snake_attr;

static const rn_param snake_params[] = {
    RN_POSITIVE(snake_attr, alpha, NULL, "1", 100, "frequency of the periodic part"),
    RN_PARAMS_END,
};

/* Every input has the shape of x, and so has y; a channel range becomes dense. */
static bool shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    char x[RN_SHAPE_TEXT], dy[RN_SHAPE_TEXT];
    if (c->n_in > 1 && !rn_same_dims(c->in[0], c->in[1]))
        return rn_fail(err, RN_ESHAPE, "dy is %s, x is %s; they must be equal", rn_shape_text(c->in[1], dy),
                       rn_shape_text(c->in[0], x));
    *y = c->in[0];
    y->pitch = 0;
    return true;
}

/* dy/dx = 1 + 2·sin(αx)·cos(αx) = 1 + sin(2αx): an op of its own, since no built-in op has a sine. */
static void gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    const rn_tensor in[] = {c->x[0], dy[0]};
    dx[0] = rn_apply1(g, "snake_grad", c->attr, sizeof(snake_attr), in, 2);
}

/* Five operations and a sine, counted as one, for each element. */
static rn_cost cost(const rn_call *c)
{
    return (rn_cost){.flop = 6 * rn_count(c->out[0]), .bytes = rn_call_bytes(c)};
}

/* For the gradient check: small tensors of any rank, another frequency each time. */
static void example(rn_example *e, rn_stream r, int number)
{
    ((snake_attr *)e->attr)->alpha = 0.5 + 2 * rn_random_uniform(r, 0);
    rn_shape s = {.rank = 1 + number % 4};
    for (int i = 0; i < s.rank; i++)
        s.dim[i] = 1 + (int64_t)rn_random_below(r, (uint64_t)i + 1, 5);
    for (int i = 0; i < e->n_in; i++)
        e->in[i] = s;
}

static const rn_op op_snake = {
    .bytes = sizeof(rn_op), .name = "snake", .doc = "x + sin²(αx)/α",
    .params = snake_params, .params_bytes = sizeof(snake_attr),
    .inputs = {{.name = "x"}}, .n_out = 1, .traits = RN_POINTWISE,
    .shape = shape, .gradient = gradient, .cost = cost, .example = example,
};

static const rn_op op_snake_grad = {
    .bytes = sizeof(rn_op), .name = "snake_grad", .doc = "dy·(1 + sin(2αx)): the gradient of snake",
    .params = snake_params, .params_bytes = sizeof(snake_attr),
    .inputs = {{.name = "x"}, {.name = "dy"}}, .n_out = 1, .traits = RN_POINTWISE,
    .shape = shape, .cost = cost, .example = example,
};

/* --- their kernels ---------------------------------------------------------------------------------- */

/* A unit is a run of channels. Inputs may be channel ranges of wider tensors: hence the pitches. */
static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads; /* units never depend on it */
    work->units = rn_rows(c->out[0]);
    return NULL;
}

#define KERNELS(real, sine, type_)                                                                                     \
    static void run_snake_##real(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, \
                                 int64_t end)                                                                          \
    {                                                                                                                  \
        (void)work, (void)phase;                                                                                       \
        const real alpha = (real)((const snake_attr *)c->attr)->alpha;                                                 \
        const int64_t channels = rn_last(c->in[0]);                                                                    \
        for (int64_t row = begin; row < end; row++) {                                                                  \
            const real *x = (const real *)m->in[0] + row * rn_pitch(c->in[0]);                                         \
            real *y = (real *)m->out[0] + row * rn_pitch(c->out[0]);                                                   \
            for (int64_t i = 0; i < channels; i++) {                                                                   \
                const real s = sine(alpha * x[i]);                                                                     \
                y[i] = x[i] + s * s / alpha;                                                                           \
            }                                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    static void run_snake_grad_##real(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase,           \
                                      int64_t begin, int64_t end)                                                      \
    {                                                                                                                  \
        (void)work, (void)phase;                                                                                       \
        const real alpha = (real)((const snake_attr *)c->attr)->alpha;                                                 \
        const int64_t channels = rn_last(c->in[0]);                                                                    \
        for (int64_t row = begin; row < end; row++) {                                                                  \
            const real *x = (const real *)m->in[0] + row * rn_pitch(c->in[0]);                                         \
            const real *dy = (const real *)m->in[1] + row * rn_pitch(c->in[1]);                                        \
            real *dx = (real *)m->out[0] + row * rn_pitch(c->out[0]);                                                  \
            for (int64_t i = 0; i < channels; i++)                                                                     \
                dx[i] = dy[i] * (1 + sine(2 * alpha * x[i]));                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    static const rn_kernel kernel_snake_##real = {                                                                     \
        .bytes = sizeof(rn_kernel), .name = "snake", .doc = "plain C", .op = "snake", .device = "cpu",                 \
        .rank = RN_RANK_REFERENCE, .type = type_, .plan = plan, .run = run_snake_##real,                               \
    };                                                                                                                 \
    static const rn_kernel kernel_snake_grad_##real = {                                                                \
        .bytes = sizeof(rn_kernel), .name = "snake", .doc = "plain C", .op = "snake_grad", .device = "cpu",            \
        .rank = RN_RANK_REFERENCE, .type = type_, .plan = plan, .run = run_snake_grad_##real,                          \
    };

KERNELS(float, sinf, RN_F32)
KERNELS(double, sin, RN_F64)

/* --- the layer -------------------------------------------------------------------------------------- */

typedef struct snake_block {
    int64_t channels;
    double alpha, norm_eps;
} snake_block;

/* clang-format off */
static const rn_param block_params[] = {
    /*          struct       field     unit       default min    max    documentation */
    RN_INT     (snake_block, channels, "channel", NULL,   1,     65536, "width of the output"),
    RN_POSITIVE(snake_block, alpha,    NULL,      "1",           100,   "frequency of both activations"),
    RN_REAL    (snake_block, norm_eps, NULL,      "1e-5", 1e-12, 1,     "added to the variance"),
    RN_PARAMS_END,
};
/* clang-format on */

static rn_tensor snake(rn_graph *g, rn_tensor x, double alpha)
{
    const snake_attr attr = {alpha};
    return rn_apply1(g, "snake", &attr, sizeof attr, &x, 1);
}

/*  h = conv1(snake(norm1(x)))
 *  h = h·(1 + s) + o                 (s, o) = halves of film(cond); without cond no film
 *  y = conv2(snake(h)) + x           or + short(x) where the width changes
 *  x [B, H, W, C], cond [B, E] → y [B, H, W, channels] */
static rn_tensor build(rn_graph *g, const void *params, const rn_layer_in *in)
{
    const snake_block *p = params;
    const int64_t c = p->channels;
    rn_tensor x = in->x, h = rn_group_norm(g, "norm1", x, (rn_norm_options){.eps = p->norm_eps});
    h = rn_conv2d(g, "conv1", snake(g, h, p->alpha), (rn_conv2d_options){.channels = c, .kernel = 3});
    if (in->cond) {
        const rn_tensor film = rn_linear(g, "film", in->cond, (rn_linear_options){.channels = 2 * c});
        h = rn_film(g, h, rn_channel_range(g, film, 0, c), rn_channel_range(g, film, c, 2 * c));
    }
    h = rn_conv2d(g, "conv2", snake(g, h, p->alpha),
                  (rn_conv2d_options){.channels = c, .kernel = 3, .init = RN_INIT_ZERO});
    if (rn_channels(g, x) != c)
        x = rn_conv2d(g, "short", x, (rn_conv2d_options){.channels = c, .kernel = 1});
    return rn_add(g, h, x);
}

static const rn_layer layer_snake_block = {
    .bytes = sizeof(rn_layer), .name = "snake_block", .doc = "two convolutions with a skip and periodic activations",
    .params = block_params, .params_bytes = sizeof(snake_block), .build = build,
};

/* --- the one exported symbol ------------------------------------------------------------------------ */

RN_PLUGIN(.name = "snake", .version = "1.0.0", .licence = "MIT",
          .ops = (const rn_op *const[]){&op_snake, &op_snake_grad, NULL},
          .kernels = (const rn_kernel *const[]){&kernel_snake_float, &kernel_snake_double, &kernel_snake_grad_float,
                                                &kernel_snake_grad_double, NULL},
          .layers = (const rn_layer *const[]){&layer_snake_block, NULL});
