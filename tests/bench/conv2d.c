/* Times every kernel of conv2d and its gradients on 3×3 windows, in turns with one another and with the machine's peak:
 *
 *     build/tests/bench_conv2d [op [channels in [channels out [side [batch [threads]]]]]]
 *
 * The share of the float32 peak counts the multiply-adds of the definition, whatever a kernel does. */
#include "base/clock.h"
#include "base/parallel.h"
#include "graph/peak.h"
#include "support/kernel_harness.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 15, MAX_KERNELS = 8 };

typedef struct prepared {
    const rn_kernel *kernel;
    rn_work work;
    char *scratch, *own;
    double seconds[ROUNDS];
} prepared;

typedef struct phase_run {
    const harness_call *h;
    const prepared *p;
    int phase;
} phase_run;

static void units(void *context, int thread, int64_t begin, int64_t end)
{
    const phase_run *r = context;
    const rn_buffers m = {.in = (const void *const *)r->h->in_memory, .out = r->h->out_memory, .scratch = r->p->scratch,
                          .thread_scratch = r->p->own + (size_t)thread * r->p->work.thread_scratch_bytes,
                          .step = &r->h->step};
    r->p->kernel->run(&r->h->call, &r->p->work, &m, r->phase, begin, end);
}

static double once(const harness_call *h, const prepared *p)
{
    const double begun = rn_clock();
    for (int phase = 0; phase < RN_MAX_PHASES; phase++) {
        const int64_t n = phase ? p->work.more_units[phase - 1] : p->work.units;
        if (!n)
            break;
        phase_run r = {h, p, phase};
        rn_parallel(n, units, &r);
    }
    return rn_clock() - begun;
}

static char *room(size_t bytes)
{
    char *p = aligned_alloc(64, bytes / 64 * 64 + 64);
    if (!p)
        exit(3);
    return memset(p, 0, bytes / 64 * 64 + 64);
}

/* The least of the rounds: what the machine does when nothing else runs. */
static double least(const double v[ROUNDS])
{
    double least = v[0];
    for (int i = 1; i < ROUNDS; i++)
        least = v[i] < least ? v[i] : least;
    return least;
}

static void measure(const char *name, int64_t in, int64_t out, int64_t side, int64_t batch)
{
    const rn_op *op = (const rn_op *)(const void *)rn_registry_find(harness_registry(), RN_KIND_OP, name);
    const rn_shape x = {.rank = 4, .dim = {batch, side, side, in}}, y = {.rank = 4, .dim = {batch, side, side, out}};
    const rn_shape w = {.rank = 4, .dim = {3, 3, in, out}}, b = {.rank = 1, .dim = {out}};
    const rn_conv2d_attr conv = {1, 1, 1, 1};
    rn_conv2d_attr forward = conv;
    rn_conv2d_dx_attr dx = {conv, side, side};
    rn_conv2d_dw_attr dw = {conv, 3, 3};
    rn_example e = {.attr = &forward, .in = {x, w, b}};
    if (strcmp(name, "conv2d_dx") == 0)
        e = (rn_example){.attr = &dx, .in = {y, w}};
    else if (strcmp(name, "conv2d_dw") == 0)
        e = (rn_example){.attr = &dw, .in = {x, y}};
    harness_call h;
    harness_open_as(&h, op, RN_F32, &e, 0);

    prepared p[MAX_KERNELS];
    double peak[ROUNDS];
    int n, n_kernels = 0;
    const rn_kernel *const *kernels = rn_registry_kernels(harness_registry(), name, "cpu", &n);
    for (int k = 0; k < n && n_kernels < MAX_KERNELS; k++) {
        p[n_kernels] = (prepared){.kernel = kernels[k]};
        if (strcmp(kernels[k]->name, "reference") == 0 || kernels[k]->plan(&h.call, rn_threads(), &p[n_kernels].work))
            continue;
        p[n_kernels].scratch = room(p[n_kernels].work.scratch_bytes);
        p[n_kernels].own = room(p[n_kernels].work.thread_scratch_bytes * (size_t)rn_threads());
        once(&h, &p[n_kernels++]);
    }
    for (int round = 0; round < ROUNDS; round++) {
        peak[round] = 1 / rn_peak_float32(0.004);
        for (int k = 0; k < n_kernels; k++)
            p[k].seconds[round] = once(&h, &p[k]);
    }
    const double flop = 2.0 * 9 * (double)(batch * side * side * in * out), best = 1 / least(peak);
    printf("%-10s %4d → %-4d %3d×%-3d", name, (int)in, (int)out, (int)side, (int)side);
    for (int k = 0; k < n_kernels; k++) {
        const double s = least(p[k].seconds);
        printf("  %s%s %8.3f ms %4.0f %%", p[k].kernel->name, p[k].kernel->cpu & RN_CPU_AVX512F ? " (avx512)" : "", 1e3 * s, 100 * flop / s / best);
        free(p[k].scratch);
        free(p[k].own);
    }
    printf("\n");
    fflush(stdout);
    harness_close(&h);
}

int main(int argc, char **argv)
{
    static const char *const ops[] = {"conv2d", "conv2d_dx", "conv2d_dw"};
    static const struct { int64_t in, out, side; } cases[] = {
        {64, 64, 32}, {64, 64, 64}, {128, 128, 32}, {128, 128, 64}, {256, 256, 16}, {256, 256, 32},
    };
    const int64_t batch = argc > 5 ? atoll(argv[5]) : 16;
    if (argc > 6)
        rn_threads_set(atoi(argv[6]));
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        if (argc > 1 && strcmp(argv[1], ops[i]) != 0)
            continue;
        if (argc > 4)
            measure(ops[i], atoll(argv[2]), atoll(argv[3]), atoll(argv[4]), batch);
        else
            for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
                measure(ops[i], cases[k].in, cases[k].out, cases[k].side, batch);
    }
    return 0;
}
