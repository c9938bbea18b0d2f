#include "support/product_cases.h"

enum { TURNED = PRODUCT_TURNED, BIAS = PRODUCT_BIAS };

const product_case product_cases[] = {
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
    {"conv2d",    {1,     35,  40,  33,  3, 1, 1}, 0},
    {"conv2d_dx", {2,     9,   64,  3,   3, 1, 1}, 0},
    {"conv2d_dx", {1,     16,  20,  140, 3, 1, 1}, 3},
    {"conv2d_dx", {3,     12,  70,  100, 1, 1, 0}, 0},
    {"conv2d_dx", {1,     7,   14,  17,  4, 1, 1}, 0},
    {"conv2d_dw", {2,     9,   3,   64,  3, 1, 1}, 0},
    {"conv2d_dw", {2,     16,  40,  33,  3, 1, 1}, 5},
    {"conv2d_dw", {1,     35,  40,  33,  3, 1, 1}, 0},
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
const size_t n_product_cases = sizeof product_cases / sizeof *product_cases;

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

static void open_linear(harness_call *h, const product_case *p, rn_type type)
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
    harness_open_as(h, op_of(p->op), type, &e, p->gap);
}

static void open_matmul(harness_call *h, const product_case *p, rn_type type)
{
    const int64_t *s = p->size;
    rn_matmul_attr attr = {s[4] != 0, s[5] != 0};
    const rn_example e = {.attr = &attr, .in = {attr.ta ? cube(s[0], s[3], s[1]) : cube(s[0], s[1], s[3]),
                                                attr.tb ? cube(s[0], s[2], s[3]) : cube(s[0], s[3], s[2])}};
    harness_open_as(h, op_of(p->op), type, &e, p->gap);
}

static void open_convolution(harness_call *h, const product_case *p, rn_type type)
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
    harness_open_as(h, op_of(p->op), type, &e, p->gap);
}

static void open_attention(harness_call *h, const product_case *p, rn_type type)
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
    harness_open_as(h, op_of(p->op), type, &e, p->gap);
}

void product_case_open(harness_call *h, const product_case *p, rn_type type)
{
    if (strncmp(p->op, "linear", 6) == 0)
        open_linear(h, p, type);
    else if (strncmp(p->op, "conv2d", 6) == 0)
        open_convolution(h, p, type);
    else if (strcmp(p->op, "matmul") == 0)
        open_matmul(h, p, type);
    else
        open_attention(h, p, type);
}

double product_difference(const harness_call *a, const harness_call *b, int output)
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
