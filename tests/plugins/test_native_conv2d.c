/* The 3×3 convolutions of the native kernels, which work in tiles of 4×4 pixels, blocks of tiles and panels of channels:
 * maps and channel counts that fill none of these, against the reference kernels. */
#include "support/kernel_harness.h"

#include "graph/program.h"

#include <runner/ops.h>

/* Of the largest value. Winograd's transforms multiply by up to 25 and take differences again, so rounding errors are
 * some times those of a plain sum; the largest here is TODO. */
static const double tolerance = 2e-5;

typedef struct sizes { int64_t batch, height, width, in, out, gap, bias; } sizes;

/* Maps with several units, slices of panels and blocks of channels. */
static const sizes large[] = {
    {3, 29, 31, 20, 96, 0, 1}, {2, 30, 17, 80, 144, 3, 0}, {16, 8, 8, 136, 24, 0, 1}, {1, 64, 61, 64, 64, 0, 1}, {5, 16, 12, 200, 72, 8, 1},
};

static const char *const ops[] = {"conv2d", "conv2d_dx", "conv2d_dw"};
enum { FORWARD, DX, DW, OPS };

typedef union attributes {
    rn_conv2d_attr forward;
    rn_conv2d_dx_attr dx;
    rn_conv2d_dw_attr dw;
} attributes;

static rn_example example_of(int op, sizes s, rn_conv2d_attr conv, attributes *attr)
{
    const rn_shape x = {.rank = 4, .dim = {s.batch, s.height, s.width, s.in}}, w = {.rank = 4, .dim = {3, 3, s.in, s.out}};
    const rn_shape y = {.rank = 4, .dim = {s.batch, s.height, s.width, s.out}}, b = {.rank = 1, .dim = {s.out}};
    rn_example e = {.attr = attr};
    if (op == FORWARD) {
        attr->forward = conv;
        e.in[0] = x, e.in[1] = w, e.in[2] = s.bias ? b : (rn_shape){0};
    } else if (op == DX) {
        attr->dx = (rn_conv2d_dx_attr){conv, s.height, s.width};
        e.in[0] = y, e.in[1] = w;
    } else {
        attr->dw = (rn_conv2d_dw_attr){conv, 3, 3};
        e.in[0] = x, e.in[1] = y;
    }
    return e;
}

static void open_case(harness_call *h, int op, sizes s)
{
    attributes attr;
    const rn_op *which = (const rn_op *)(const void *)rn_registry_find(harness_registry(), RN_KIND_OP, ops[op]);
    const rn_example e = example_of(op, s, (rn_conv2d_attr){1, 1, 1, 1}, &attr);
    assert_non_null(which);
    harness_open_as(h, which, RN_F32, &e, s.gap);
}

/* Calls `each` with the native kernels of an op that this machine can run; returns how many. */
static int for_each_native(int op, void (*each)(int op, const rn_kernel *kernel, sizes s), sizes s)
{
    int n, called = 0;
    const rn_kernel *const *kernels = rn_registry_kernels(harness_registry(), ops[op], "cpu", &n);
    for (int k = 0; k < n; k++)
        if (strcmp(kernels[k]->name, "winograd") == 0 && (kernels[k]->cpu & ~rn_cpu_features()) == 0) {
            each(op, kernels[k], s);
            called++;
        }
    return called;
}

static const rn_kernel *reference_of(int op)
{
    int n;
    const rn_kernel *const *kernels = rn_registry_kernels(harness_registry(), ops[op], "cpu", &n);
    for (int k = 0; k < n; k++)
        if (strcmp(kernels[k]->name, "reference") == 0 && kernels[k]->type == RN_F32)
            return kernels[k];
    fail_msg("%s: no reference", ops[op]);
    return NULL;
}

static double worst[OPS];
/* The reference's values, every element written, and the same bytes for any split of the units. */
static void compare(int op, const rn_kernel *kernel, sizes s)
{
    harness_call got, want, split;
    double error = 0, largest = 0;
    open_case(&got, op, s), open_case(&want, op, s), open_case(&split, op, s);
    const char *refusal = harness_run(&got, kernel, 1, false);
    const int64_t px=s.batch*s.height*s.width, tiles=s.batch*((s.height+3)/4)*((s.width+3)/4);
    if (px<128||px<6*tiles) {assert_non_null(refusal); return;}
    if (refusal)
        fail_msg("%s of %d→%d channels is refused: %s", ops[op], (int)s.in, (int)s.out, refusal);
    assert_null(harness_run(&want, reference_of(op), 1, false));
    assert_null(harness_run(&split, kernel, 3, true));
    for (int64_t i = 0; i < rn_count(got.out[0]); i++) {
        const double x = harness_output(&got, 0, i), y = harness_output(&want, 0, i), d = fabs(x - y);
        if (!(x == harness_output(&split, 0, i)))
            fail_msg("%s, %d×%d, %d→%d channels: element %d depends on how units are split", ops[op], (int)s.height,
                     (int)s.width, (int)s.in, (int)s.out, (int)i);
        error = d <= error ? error : d;
        largest = fabs(y) > largest ? fabs(y) : largest;
    }
    if (!(error <= tolerance * largest))
        fail_msg("%s, %d×%d×%d, %d→%d channels, gap %d: off by %.1e of %.1e", ops[op], (int)s.batch, (int)s.height,
                 (int)s.width, (int)s.in, (int)s.out, (int)s.gap, error, largest);
    if (error / largest > worst[op]) worst[op] = error / largest;
    harness_close(&got), harness_close(&want), harness_close(&split);
}

static void small_maps_of_every_side_agree_with_the_reference(void **state)
{
    static const int64_t channels[] = {16, 33, 64, 21};
    (void)state;
    for (int op = 0; op < OPS; op++)
        for (int64_t height = 1; height <= 13; height++)
            for (int64_t width = 1; width <= 13; width++) {
                const int64_t i = height * 13 + width;
                assert_true(for_each_native(op, compare, (sizes){i%3 + 1 + 128 / (height*width), height, width, channels[i % 4], channels[i / 4 % 4],
                                                                 i % 2 * 5, i / 2 % 2}) > 0);
            }
}

static void maps_of_many_blocks_agree_with_the_reference(void **state)
{
    (void)state;
    for (int op = 0; op < OPS; op++)
        for (size_t i = 0; i < sizeof large / sizeof *large; i++)
            assert_true(for_each_native(op, compare, large[i]) > 0);
    printf("%g %g %g\n", worst[0], worst[1], worst[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_maps_of_every_side_agree_with_the_reference),
        cmocka_unit_test(maps_of_many_blocks_agree_with_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
