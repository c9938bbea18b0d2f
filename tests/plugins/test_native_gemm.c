/* The products of `native` at sizes that the ops' own examples do not reach: more rows than a block has, more columns than a
 * panel, sums longer than a block of k, each with rests. */
#include "graph/program.h" /* rn_cpu_features */
#include "support/kernel_harness.h"

/* Shapes of inputs; the meaning of size[] is the op's: see open_case(). */
typedef struct product_case {
    const char *op;
    int64_t size[7];
    int64_t gap; /* > 0: inputs are channel ranges */
} product_case;

enum { TURNED = 1, BIAS = 2 };

static const product_case cases[] = {
    /*             rows   in   out  TURNED, BIAS   gap */
    {"linear",    {1,     1,   1,   BIAS},         0},
    {"linear",    {1,     700, 33,  TURNED},       0},
    {"linear",    {13,    1,   40,  0},            3},
    {"linear",    {40,    50,  3,   BIAS},         0},
    {"linear",    {56,    17,  64,  BIAS},         0},
    {"linear",    {57,    17,  64,  BIAS},         0},
    {"linear",    {16,    400, 96,  TURNED},       7},
    {"linear",    {24,    385, 31,  BIAS},         1},
    {"linear",    {300,   3,   65,  BIAS},         0},
    {"linear",    {300,   384, 16,  TURNED},       0},
    {"linear",    {511,   385, 17,  TURNED | BIAS}, 5},
    {"linear",    {600,   800, 100, BIAS},         0},
    {"linear",    {1000,  31,  200, 0},            2},
    {"linear",    {2000,  5,   3,   TURNED | BIAS}, 0},
    {"linear_dw", {1,     3,   20},                0},
    {"linear_dw", {30,    1,   40},                0},
    {"linear_dw", {385,   15,  33},                4},
    {"linear_dw", {777,   70,  20},                0},
    {"linear_dw", {900,   530, 260},               0},
    {"linear_dw", {5000,  29,  3},                 0},
    {"linear_dw", {2000,  16,  64},                3},
    /*             batch  m    n    k    TURNED: a  b */
    {"matmul",    {3,     1,   1,   1,   0, 0},    0},
    {"matmul",    {2,     40,  33,  385, 1, 0},    0},
    {"matmul",    {2,     300, 20,  17,  0, 1},    3},
    {"matmul",    {1,     31,  65,  400, 1, 1},    1},
    /*             batch  side C    O    kernel stride pad */
    {"conv2d",    {2,     9,   3,   64,  3, 1, 1}, 0},
    {"conv2d",    {1,     16,  130, 20,  3, 1, 1}, 0},
    {"conv2d",    {2,     16,  3,   48,  4, 4, 0}, 0},
    {"conv2d",    {2,     11,  5,   33,  3, 2, 1}, 4},
    {"conv2d",    {3,     12,  70,  100, 1, 1, 0}, 2},
    {"conv2d",    {1,     6,   2,   17,  5, 1, 4}, 0},
    {"conv2d_dx", {2,     9,   64,  3,   3, 1, 1}, 0},
    {"conv2d_dx", {1,     16,  20,  140, 3, 1, 1}, 3},
    {"conv2d_dx", {3,     12,  70,  100, 1, 1, 0}, 0},
    {"conv2d_dx", {1,     7,   14,  17,  4, 1, 1}, 0},
    {"conv2d_dw", {2,     9,   3,   64,  3, 1, 1}, 0},
    {"conv2d_dw", {2,     16,  40,  33,  3, 1, 1}, 5},
    {"conv2d_dw", {2,     16,  3,   48,  4, 4, 0}, 0},
    {"conv2d_dw", {3,     21,  70,  100, 1, 1, 0}, 0},
    /*             batch  Tq   Tk   heads D */
    {"attention", {1,     1,   1,   1,   1},       0},
    {"attention", {2,     40,  50,  2,   33},      0},
    {"attention", {1,     300, 390, 2,   64},      5},
    {"attention", {1,     15,  800, 1,   96},      0},
    {"attention_grad", {1, 1,  1,   1,   1},       0},
    {"attention_grad", {2, 40, 50,  2,   33},      0},
    {"attention_grad", {1, 300, 390, 2,  64},      5},
    {"attention_grad", {1, 15, 800, 1,   96},      0},
};

static rn_shape matrix(int64_t rows, int64_t columns) { return (rn_shape){.rank = 2, .dim = {rows, columns}}; }
static rn_shape cube(int64_t a, int64_t b, int64_t c) { return (rn_shape){.rank = 3, .dim = {a, b, c}}; }
static rn_shape map(int64_t batch, int64_t side, int64_t channels)
{
    return (rn_shape){.rank = 4, .dim = {batch, side, side, channels}};
}

static const rn_op *op_of(const char *name)
{
    return (const rn_op *)(const void *)rn_registry_find(harness_registry(), RN_KIND_OP, name);
}

static void open_linear(harness_call *h, const product_case *p)
{
    const int64_t *s = p->size;
    rn_linear_attr attr = {(s[3] & TURNED) != 0};
    rn_example e = {.attr = &attr, .in = {matrix(s[0], s[1])}};
    if (strcmp(p->op, "linear_dw") == 0)
        e.in[1] = matrix(s[0], s[2]);
    else
        e.in[1] = attr.transposed ? matrix(s[2], s[1]) : matrix(s[1], s[2]);
    if (s[3] & BIAS)
        e.in[2] = (rn_shape){.rank = 1, .dim = {s[2]}};
    harness_open_as(h, op_of(p->op), RN_F32, &e, p->gap);
}

static void open_matmul(harness_call *h, const product_case *p)
{
    const int64_t *s = p->size;
    rn_matmul_attr attr = {s[4] != 0, s[5] != 0};
    const rn_example e = {.attr = &attr, .in = {attr.ta ? cube(s[0], s[3], s[1]) : cube(s[0], s[1], s[3]),
                                                attr.tb ? cube(s[0], s[2], s[3]) : cube(s[0], s[3], s[2])}};
    harness_open_as(h, op_of(p->op), RN_F32, &e, p->gap);
}

static void open_convolution(harness_call *h, const product_case *p)
{
    const int64_t *s = p->size, out = (s[1] + 2 * s[6] - s[4]) / s[5] + 1;
    const rn_conv2d_attr attr = {.stride = s[5], .pad_h = s[6], .pad_w = s[6], .groups = 1};
    rn_conv2d_dx_attr dx = {attr, s[1], s[1]};
    rn_conv2d_dw_attr dw = {attr, s[4], s[4]};
    const rn_shape x = map(s[0], s[1], s[2]), y = map(s[0], out, s[3]);
    const rn_shape w = {.rank = 4, .dim = {s[4], s[4], s[2], s[3]}}, bias = {.rank = 1, .dim = {s[3]}};
    rn_conv2d_attr forward = attr;
    rn_example e = {.attr = &forward, .in = {x, w, bias}};
    if (strcmp(p->op, "conv2d_dx") == 0)
        e = (rn_example){.attr = &dx, .in = {y, w}};
    else if (strcmp(p->op, "conv2d_dw") == 0)
        e = (rn_example){.attr = &dw, .in = {x, y}};
    harness_open_as(h, op_of(p->op), RN_F32, &e, p->gap);
}

static void open_attention(harness_call *h, const product_case *p)
{
    const int64_t *s = p->size;
    rn_attention_attr attr = {s[3]};
    const rn_shape q = cube(s[0], s[1], s[3] * s[4]), k = cube(s[0], s[2], s[3] * s[4]);
    rn_example e = {.attr = &attr, .in = {q, k, k}};
    if (strcmp(p->op, "attention_grad") == 0) {
        e.in[3] = e.in[5] = q;
        e.in[4] = cube(s[0], s[3], s[1]);
        e.low[4] = 3, e.high[4] = 5; /* about what the logarithm of a sum over the tokens is */
    }
    harness_open_as(h, op_of(p->op), RN_F32, &e, p->gap);
}

static void open_case(harness_call *h, const product_case *p)
{
    if (strncmp(p->op, "linear", 6) == 0)
        open_linear(h, p);
    else if (strncmp(p->op, "conv2d", 6) == 0)
        open_convolution(h, p);
    else if (strcmp(p->op, "matmul") == 0)
        open_matmul(h, p);
    else
        open_attention(h, p);
}

/* Kernel number `i` of those named `name` that this machine runs in float32; NULL: there are no more. */
static const rn_kernel *kernel_of(const char *op, const char *name, int i)
{
    int n;
    const rn_kernel *const *all = rn_registry_kernels(harness_registry(), op, "cpu", &n);
    for (int k = 0; k < n; k++)
        if (strcmp(all[k]->name, name) == 0 && (all[k]->type == RN_F32 || all[k]->type == RN_NO_TYPE) &&
            (all[k]->cpu & rn_cpu_features()) == all[k]->cpu && i-- == 0)
            return all[k];
    return NULL;
}

/* Largest difference of an output, as a share of its largest value; infinite where one is not written. */
static double difference(const harness_call *a, const harness_call *b, int output)
{
    double error = 0, largest = 1e-30;
    for (int64_t i = 0; i < rn_count(a->out[output]); i++) {
        const double x = harness_output(a, output, i), y = harness_output(b, output, i);
        if (isnan(x) || isnan(y))
            return INFINITY;
        error = fmax(error, fabs(x - y)), largest = fmax(largest, fabs(y));
    }
    return error / largest;
}

/* Sums of up to 5000 products in float32 in another order. Winograd's transforms, which take some of these convolutions,
 * lose a digit more. */
static const double tolerance = 4e-5;

/* Compares each kernel of the set with the reference; returns how many accepted. */
static int compare(const product_case *p)
{
    harness_call want, got;
    const rn_kernel *kernel;
    int compared = 0;
    open_case(&want, p);
    open_case(&got, p);
    assert_null(harness_run(&want, kernel_of(p->op, "reference", 0), 1, false));
    for (int k = 0; (kernel = kernel_of(p->op, "native", k)); k++) {
        if (harness_run(&got, kernel, 3, true))
            continue;
        for (int j = 0; j < got.call.n_out; j++) {
            const double error = difference(&got, &want, j);
            if (!(error <= tolerance))
                fail_msg("%s of %d, %d, %d, %d, kernel %d: output %d differs by %.1e", p->op, (int)p->size[0], (int)p->size[1],
                         (int)p->size[2], (int)p->size[3], k, j, error);
        }
        compared++;
    }
    harness_close(&want);
    harness_close(&got);
    return compared;
}

static void awkward_sizes_give_what_the_reference_gives(void **state)
{
    (void)state;
    int compared = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        compared += compare(&cases[i]);
    assert_true(compared > 0);
}

/* Bytes of a row must not depend on the rows beside it, or a step would depend on how a batch is cut. */
static void a_row_of_a_product_depends_on_no_other_row(void **state)
{
    (void)state;
    const product_case many = {"linear", {200, 500, 70, BIAS}, 0}, less = {"linear", {90, 500, 70, BIAS}, 0};
    harness_call a, b;
    const rn_kernel *kernel;
    open_case(&a, &many);
    open_case(&b, &less);
    for (int i = 0; i < 3; i++) /* the weight and the bias of the one for both; the rows are the same from the first on */
        memcpy(b.in_memory[i], a.in_memory[i], (size_t)rn_bytes(b.in[i]));
    for (int k = 0; (kernel = kernel_of("linear", "native", k)); k++) {
        assert_null(harness_run(&a, kernel, 2, false));
        assert_null(harness_run(&b, kernel, 1, false));
        assert_memory_equal(a.out_memory[0], b.out_memory[0], (size_t)rn_bytes(b.out[0]));
    }
    harness_close(&a);
    harness_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(awkward_sizes_give_what_the_reference_gives),
        cmocka_unit_test(a_row_of_a_product_depends_on_no_other_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
