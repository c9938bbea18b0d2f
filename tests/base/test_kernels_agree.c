/* Products at sizes that cross the blocks, panels and parts of fast kernels, which the ops' own small examples do
 * not reach: every kernel against the reference, for any split of its units, on dense tensors and channel ranges.
 *
 * Tolerance of an output, relative to its largest element: 1e-12 for float64 and 2e-5 for float32, which is any
 * order of summation over the few thousand terms here, and no lost digit. */
#include "graph/program.h"
#include "support/kernel_harness.h"

#include <runner/ops.h>

enum { GAP = 3 };

/* --- the cases: each op reads its rows as if they were its examples ---------------------------------- */

typedef struct convolution { int64_t b, h, w, c, o, kh, kw, stride, pad_h, pad_w; } convolution;
static const convolution convolutions[] = {
    {3, 17, 19, 7, 12, 3, 3, 1, 1, 1},    {2, 33, 31, 20, 33, 3, 3, 1, 1, 1}, {2, 40, 12, 64, 48, 1, 1, 1, 0, 0},
    {3, 21, 23, 9, 14, 3, 3, 2, 1, 1},    {2, 24, 36, 5, 16, 4, 4, 4, 0, 0},  {1, 35, 29, 4, 6, 5, 7, 1, 2, 3},
    {2, 30, 30, 11, 5, 1, 1, 2, 0, 0},    {2, 19, 18, 6, 8, 3, 3, 1, 0, 2},   {1, 26, 25, 130, 17, 3, 3, 1, 1, 1},
    {1, 5, 4, 3, 2, 3, 3, 1, 4, 4},       {2, 9, 40, 3, 4, 2, 5, 3, 1, 2},
};
typedef struct product { int64_t b, m, n, k; bool ta, tb, bias; } product;
static const product products[] = {
    {3, 70, 33, 17, false, false, false}, {2, 300, 65, 40, true, false, true}, {2, 129, 31, 64, false, true, false},
    {1, 90, 120, 300, true, true, true},  {1, 1, 700, 130, false, false, true},
};
typedef struct tokens { int64_t b, heads, d, tq, tk; } tokens;
static const tokens attentions[] = {
    {2, 3, 8, 33, 33}, {1, 2, 16, 300, 300}, {1, 1, 24, 70, 1100}, {2, 2, 5, 1, 9}, {1, 1, 64, 128, 2},
};

static rn_shape vector(int64_t n) { return (rn_shape){.rank = 1, .dim = {n}}; }
static rn_shape matrix(int64_t a, int64_t b) { return (rn_shape){.rank = 2, .dim = {a, b}}; }
static rn_shape batch(int64_t a, int64_t b, int64_t c) { return (rn_shape){.rank = 3, .dim = {a, b, c}}; }
static rn_shape map(int64_t a, int64_t b, int64_t c, int64_t d) { return (rn_shape){.rank = 4, .dim = {a, b, c, d}}; }

static rn_conv2d_attr attr_of(convolution k) { return (rn_conv2d_attr){k.stride, k.pad_h, k.pad_w, 1}; }
static rn_shape x_of(convolution k) { return map(k.b, k.h, k.w, k.c); }
static rn_shape w_of(convolution k) { return map(k.kh, k.kw, k.c, k.o); }
static rn_shape dy_of(convolution k)
{
    return map(k.b, (k.h + 2 * k.pad_h - k.kh) / k.stride + 1, (k.w + 2 * k.pad_w - k.kw) / k.stride + 1, k.o);
}

static void conv2d(rn_example *e, rn_stream r, int i)
{
    (void)r;
    *(rn_conv2d_attr *)e->attr = attr_of(convolutions[i]);
    e->in[0] = x_of(convolutions[i]), e->in[1] = w_of(convolutions[i]);
    e->in[2] = i % 3 ? vector(convolutions[i].o) : (rn_shape){0};
}
static void conv2d_dx(rn_example *e, rn_stream r, int i)
{
    (void)r;
    *(rn_conv2d_dx_attr *)e->attr = (rn_conv2d_dx_attr){attr_of(convolutions[i]), convolutions[i].h, convolutions[i].w};
    e->in[0] = dy_of(convolutions[i]), e->in[1] = w_of(convolutions[i]);
}
static void conv2d_dw(rn_example *e, rn_stream r, int i)
{
    (void)r;
    *(rn_conv2d_dw_attr *)e->attr = (rn_conv2d_dw_attr){attr_of(convolutions[i]), convolutions[i].kh, convolutions[i].kw};
    e->in[0] = x_of(convolutions[i]), e->in[1] = dy_of(convolutions[i]);
}
static void linear(rn_example *e, rn_stream r, int i)
{
    (void)r;
    const product p = products[i];
    ((rn_linear_attr *)e->attr)->transposed = p.tb;
    e->in[0] = batch(p.b, p.m, p.k), e->in[1] = p.tb ? matrix(p.n, p.k) : matrix(p.k, p.n);
    e->in[2] = p.bias ? vector(p.n) : (rn_shape){0};
}
static void linear_dw(rn_example *e, rn_stream r, int i)
{
    (void)r;
    const product p = products[i];
    e->in[0] = batch(p.b, 4 * p.m, p.k), e->in[1] = batch(p.b, 4 * p.m, p.n);
}
static void matmul(rn_example *e, rn_stream r, int i)
{
    (void)r;
    const product p = products[i];
    *(rn_matmul_attr *)e->attr = (rn_matmul_attr){p.ta, p.tb};
    e->in[0] = p.ta ? batch(p.b, p.k, p.m) : batch(p.b, p.m, p.k);
    e->in[1] = p.tb ? batch(p.b, p.n, p.k) : batch(p.b, p.k, p.n);
}
static void attention(rn_example *e, rn_stream r, int i)
{
    (void)r;
    const tokens t = attentions[i];
    ((rn_attention_attr *)e->attr)->heads = t.heads;
    e->in[0] = batch(t.b, t.tq, t.heads * t.d);
    e->in[1] = e->in[2] = batch(t.b, t.tk, t.heads * t.d);
}
static void attention_grad(rn_example *e, rn_stream r, int i)
{
    attention(e, r, i);
    const tokens t = attentions[i];
    e->in[3] = e->in[5] = e->in[0];
    e->in[4] = batch(t.b, t.heads, t.tq);
}

#define ROWS(table) (int)(sizeof(table) / sizeof *(table))
static const struct {
    const char *op;
    void (*example)(rn_example *e, rn_stream r, int number);
    int n;
} cases[] = {
    {"conv2d", conv2d, ROWS(convolutions)},       {"conv2d_dx", conv2d_dx, ROWS(convolutions)},
    {"conv2d_dw", conv2d_dw, ROWS(convolutions)}, {"linear", linear, ROWS(products)},
    {"linear_dw", linear_dw, ROWS(products)},     {"matmul", matmul, ROWS(products)},
    {"attention", attention, ROWS(attentions)},   {"attention_grad", attention_grad, ROWS(attentions)},
};

/* --- comparing --------------------------------------------------------------------------------------- */

static void expect_near(const harness_call *got, const harness_call *want, double tolerance, const char *kernel)
{
    for (int j = 0; j < want->call.n_out; j++) {
        double error = 0, largest = 0;
        for (int64_t i = 0; i < rn_count(want->out[j]); i++) {
            const double w = harness_output(want, j, i), d = fabs(harness_output(got, j, i) - w);
            error = d > error || isnan(d) ? d : error;
            largest = fmax(largest, fabs(w));
        }
        char text[RN_SHAPE_TEXT];
        if (!(error <= tolerance * largest))
            fail_msg("%s, kernel %s, first input %s: output %d differs by %.1e of %.1e", want->call.op->name, kernel,
                     rn_shape_text(want->in[0], text), j, error, largest);
    }
}

/* The outputs become channel ranges, too. */
static void widen_outputs(harness_call *h)
{
    for (int j = 0; j < h->call.n_out; j++) {
        if (h->out[j].rank < 2)
            continue;
        h->out[j].pitch = rn_last(h->out[j]) + GAP;
        free(h->out_memory[j]);
        h->out_memory[j] = malloc((size_t)(rn_rows(h->out[j]) * rn_pitch(h->out[j])) * rn_type_bytes(h->out[j].type));
        assert_non_null(h->out_memory[j]);
    }
}

/* Between the channels everything is as the harness left it: bytes of 0xff. */
static void expect_gaps_untouched(const harness_call *h, const char *kernel)
{
    for (int j = 0; j < h->call.n_out; j++)
        for (int64_t r = 0; r < rn_rows(h->out[j]); r++)
            for (int64_t i = rn_last(h->out[j]); i < rn_pitch(h->out[j]); i++)
                if (((const uint8_t *)h->out_memory[j])[(size_t)(r * rn_pitch(h->out[j]) + i) *
                                                        rn_type_bytes(h->out[j].type)] != 0xff)
                    fail_msg("%s, kernel %s: wrote between the channels of output %d", h->call.op->name, kernel, j);
}

/* bit 0: inputs are channel ranges; bit 1: outputs are. Returns whether the kernel took it. */
static bool compare(const rn_op *op, const rn_kernel *kernel, rn_type type, int number, int ways, const harness_call *want)
{
    static const int threads[] = {1, 2, 3, 5};
    harness_call one, more;
    harness_open(&one, op, type, number, ways & 1 ? GAP : 0);
    harness_open(&more, op, type, number, ways & 1 ? GAP : 0);
    if (ways & 2)
        widen_outputs(&one), widen_outputs(&more);
    const bool taken = !harness_run(&one, kernel, 1, false);
    if (taken) {
        expect_near(&one, want, type == RN_F64 ? 1e-12 : 2e-5, kernel->name);
        expect_gaps_untouched(&one, kernel->name);
        for (int t = 1; t < ROWS(threads); t++) {
            assert_null(harness_run(&more, kernel, threads[t], true));
            for (int j = 0; j < op->n_out; j++)
                if (memcmp(one.out_memory[j], more.out_memory[j],
                           (size_t)(rn_rows(one.out[j]) * rn_pitch(one.out[j])) * rn_type_bytes(type)) != 0)
                    fail_msg("%s, kernel %s: %d threads give other bytes than one", op->name, kernel->name, threads[t]);
        }
    }
    harness_close(&one);
    harness_close(&more);
    return taken;
}

static bool is_reference(const rn_kernel *k, rn_type type)
{
    return strcmp(k->name, "reference") == 0 && (k->type == type || k->type == RN_NO_TYPE);
}

/* All kernels of one op and type; returns how many comparisons were made. */
static int check(const rn_op *op, int rows, rn_type type)
{
    int n, compared = 0;
    const rn_kernel *const *kernels = rn_registry_kernels(harness_registry(), op->name, "cpu", &n);
    for (int number = 0; number < rows; number++) {
        harness_call want;
        harness_open(&want, op, type, number, 0);
        for (int k = 0; k < n; k++)
            if (is_reference(kernels[k], type))
                assert_null(harness_run(&want, kernels[k], 1, false));
        for (int k = 0; k < n; k++) {
            const bool serves = kernels[k]->type == type || kernels[k]->type == RN_NO_TYPE;
            if (!serves || is_reference(kernels[k], type) || (kernels[k]->cpu & rn_cpu_features()) != kernels[k]->cpu)
                continue;
            for (int ways = 0; ways < 4; ways++)
                compared += compare(op, kernels[k], type, number, ways, &want);
        }
        harness_close(&want);
    }
    return compared;
}

static void large_products_agree_with_the_reference_for_any_number_of_threads(void **state)
{
    (void)state;
    for (int i = 0; i < ROWS(cases); i++) {
        const rn_component *found = rn_registry_find(harness_registry(), RN_KIND_OP, cases[i].op);
        if (!found)
            fail_msg("no plugin offers the op '%s'", cases[i].op);
        rn_op op = *(const rn_op *)(const void *)found;
        op.example = cases[i].example;
        const int compared = check(&op, cases[i].n, RN_F32) + check(&op, cases[i].n, RN_F64);
        printf("%s: %d comparisons\n", op.name, compared);
        assert_true(compared > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_products_agree_with_the_reference_for_any_number_of_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
