/* Products and convolutions by each set of kernels, in turns: GFLOP/s in the best of some rounds, for the shapes of
 * networks with 64 to 1024 channels; those of bfloat16 behind a ':'. The packing of weights by pack() is left out; it happens
 * once a step.
 *     bench_products [THREADS [OP [PART OF A SHAPE]]], as in: bench_products 1 conv2d 64-\>64 */
#include "base/clock.h"
#include "base/parallel.h"
#include "graph/program.h"
#include "support/kernel_harness.h"

enum { ROUNDS = 7, MOST_KERNELS = 12 };

typedef struct shape_of_product { int64_t batch, side, in, out, kernel, stride; } shape_of_product;
static const shape_of_product shapes[] = {
    {16, 32, 64, 64, 3, 1}, {16, 32, 3, 64, 3, 1},   {16, 32, 64, 3, 3, 1},    {16, 32, 128, 64, 3, 1}, {16, 16, 128, 128, 3, 1},
    {16, 16, 256, 256, 3, 1}, {16, 8, 256, 256, 3, 1}, {16, 64, 32, 32, 3, 1}, {16, 32, 128, 64, 1, 1}, {16, 16, 128, 256, 1, 1},
    {16, 32, 64, 128, 3, 2}, {16, 16, 256, 256, 1, 1}, {16, 16, 256, 1024, 1, 1}, {16, 16, 1024, 256, 1, 1}, {16, 8, 512, 1536, 1, 1},
    {16, 1, 256, 512, 1, 1},
};

typedef struct contender {
    const rn_kernel *kernel;
    harness_call *h;
    rn_work work;
    void *packed[RN_MAX_IN], *scratch, *own;
    size_t own_bytes;
    double best;
} contender;

typedef struct phase_of { contender *c; int phase; } phase_of;

static void *room(size_t bytes)
{
    void *p = aligned_alloc(64, (bytes + 64) / 64 * 64);
    assert_non_null(p);
    return memset(p, 0, (bytes + 64) / 64 * 64);
}

static bool begin(contender *c, harness_call *h, const rn_kernel *kernel)
{
    *c = (contender){.kernel = kernel, .h = h, .best = INFINITY};
    if ((kernel->cpu & rn_cpu_features()) != kernel->cpu || kernel->plan(&h->call, rn_threads(), &c->work))
        return false;
    for (int i = 0; i < h->call.n_in; i++)
        if (c->work.packed_bytes[i]) {
            c->packed[i] = room(c->work.packed_bytes[i]);
            kernel->pack(&h->call, &c->work, i, h->in_memory[i], c->packed[i]);
        }
    c->scratch = room(c->work.scratch_bytes);
    c->own_bytes = (c->work.thread_scratch_bytes + 63) / 64 * 64;
    c->own = room(c->own_bytes * (size_t)rn_threads());
    return true;
}

static void end(contender *c)
{
    if (c->kernel->forget)
        c->kernel->forget(&c->work);
    for (int i = 0; i < RN_MAX_IN; i++)
        free(c->packed[i]);
    free(c->scratch);
    free(c->own);
}

static void units(void *context, int thread, int64_t first, int64_t last)
{
    const phase_of *p = context;
    const rn_buffers m = {.in = (const void *const *)p->c->h->in_memory, .out = p->c->h->out_memory, .scratch = p->c->scratch,
                          .thread_scratch = (char *)p->c->own + (size_t)thread * p->c->own_bytes,
                          .packed = (const void *const *)p->c->packed, .step = &p->c->h->step};
    p->c->kernel->run(&p->c->h->call, &p->c->work, &m, p->phase, first, last);
}

static void once(contender *c)
{
    const double begun = rn_clock();
    for (int phase = 0; phase < RN_MAX_PHASES; phase++) {
        const int64_t n = phase ? c->work.more_units[phase - 1] : c->work.units;
        if (!n)
            break;
        rn_parallel(n, units, &(phase_of){c, phase});
    }
    const double s = rn_clock() - begun;
    c->best = s < c->best ? s : c->best;
}

static void compare(const char *name, const rn_example *example, const char *text, const char *part)
{
    if (part && !strstr(text, part))
        return;
    const rn_op *op = (const rn_op *)(const void *)rn_registry_find(harness_registry(), RN_KIND_OP, name);
    int n, in = 0;
    const rn_kernel *const *kernels = rn_registry_kernels(harness_registry(), name, "cpu", &n);
    harness_call wide, narrow;
    contender c[MOST_KERNELS];
    harness_open_as(&wide, op, RN_F32, example, 0);
    harness_open_as(&narrow, op, RN_BF16, example, 0);
    for (int k = 0; k < n && in < MOST_KERNELS; k++)
        if (kernels[k]->type != RN_F64 && strcmp(kernels[k]->name, "reference") != 0)
            in += begin(&c[in], kernels[k]->type == RN_BF16 ? &narrow : &wide, kernels[k]);
    for (int round = 0; round < ROUNDS; round++)
        for (int k = 0; k < in; k++)
            once(&c[k]);
    printf("%-10s %-26s", name, text);
    for (int k = 0; k < in; k++) {
        printf("  %s%s %6.1f", c[k].kernel->type == RN_BF16 ? ":" : "", c[k].kernel->name,
               (double)op->cost(&wide.call).product_flop / c[k].best * 1e-9);
        end(&c[k]);
    }
    printf("\n");
    harness_close(&wide);
    harness_close(&narrow);
}

static rn_shape shape(int rank, int64_t a, int64_t b, int64_t c, int64_t d)
{
    return (rn_shape){.rank = rank, .dim = {a, b, c, d}};
}

static void convolutions(shape_of_product s, const char *only, const char *part)
{
    char text[80];
    const int64_t out = (s.side + 2 * (s.kernel / 2) - s.kernel) / s.stride + 1;
    const rn_shape x = shape(4, s.batch, s.side, s.side, s.in), y = shape(4, s.batch, out, out, s.out);
    const rn_shape w = shape(4, s.kernel, s.kernel, s.in, s.out);
    rn_conv2d_attr a = {s.stride, s.kernel / 2, s.kernel / 2, 1};
    rn_conv2d_dx_attr dx = {a, s.side, s.side};
    rn_conv2d_dw_attr dw = {a, s.kernel, s.kernel};
    snprintf(text, sizeof text, "%dx%d/%d %dx%d %d->%d", (int)s.kernel, (int)s.kernel, (int)s.stride, (int)s.side, (int)s.side,
             (int)s.in, (int)s.out);
    if (!only || strcmp(only, "conv2d") == 0)
        compare("conv2d", &(rn_example){.attr = &a, .in = {x, w, shape(1, s.out, 0, 0, 0)}}, text, part);
    if (!only || strcmp(only, "conv2d_dx") == 0)
        compare("conv2d_dx", &(rn_example){.attr = &dx, .in = {y, w}}, text, part);
    if (!only || strcmp(only, "conv2d_dw") == 0)
        compare("conv2d_dw", &(rn_example){.attr = &dw, .in = {x, y}}, text, part);
}

static void linears(shape_of_product s, const char *only, const char *part)
{
    char text[80];
    const rn_shape x = shape(2, s.batch * s.side * s.side, s.in, 0, 0), y = shape(2, x.dim[0], s.out, 0, 0);
    rn_linear_attr forward = {false}, back = {true};
    snprintf(text, sizeof text, "%dx%d->%d", (int)x.dim[0], (int)s.in, (int)s.out);
    if (!only || strcmp(only, "linear") == 0) {
        compare("linear", &(rn_example){.attr = &forward, .in = {x, shape(2, s.in, s.out, 0, 0), shape(1, s.out, 0, 0, 0)}}, text, part);
        compare("linear", &(rn_example){.attr = &back, .in = {x, shape(2, s.out, s.in, 0, 0)}}, strcat(text, " turned"), part);
        *strchr(text, ' ') = '\0';
    }
    if (!only || strcmp(only, "linear_dw") == 0)
        compare("linear_dw", &(rn_example){.in = {x, y}}, text, part);
}

/* Heads of 64 channels. */
static void attentions(int64_t tokens, int64_t heads, const char *only, const char *part)
{
    char text[80];
    rn_attention_attr a = {heads};
    const rn_shape x = shape(3, 16, tokens, 64 * heads, 0);
    snprintf(text, sizeof text, "16x%d tokens, %d heads", (int)tokens, (int)heads);
    if (!only || strcmp(only, "attention") == 0)
        compare("attention", &(rn_example){.attr = &a, .in = {x, x, x}}, text, part);
    if (!only || strcmp(only, "attention_grad") == 0)
        compare("attention_grad", &(rn_example){.attr = &a, .in = {x, x, x, x, shape(3, 16, heads, tokens, 0), x}, .low[4] = 5,
                                                .high[4] = 6}, text, part);
}

int main(int argc, char **argv)
{
    const char *only = argc > 2 ? argv[2] : NULL, *part = argc > 3 ? argv[3] : NULL;
    rn_threads_set(argc > 1 ? atoi(argv[1]) : 1);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        convolutions(shapes[i], only, part);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (shapes[i].kernel == 1)
            linears(shapes[i], only, part);
    attentions(256, 4, only, part);
    attentions(64, 8, only, part);
    for (int t = 0; t < 4 && (!only || strcmp(only, "matmul") == 0); t++) {
        rn_matmul_attr a = {t & 1, t & 2};
        char text[80];
        snprintf(text, sizeof text, "64 of 256x256x64%s%s", a.ta ? " ta" : "", a.tb ? " tb" : "");
        compare("matmul", &(rn_example){.attr = &a, .in = {a.ta ? shape(3, 64, 64, 256, 0) : shape(3, 64, 256, 64, 0),
                                                             a.tb ? shape(3, 64, 256, 64, 0) : shape(3, 64, 64, 256, 0)}}, text, part);
    }
    return 0;
}
