/* The set winograd: 3×3 convolutions that work in tiles of 4×4 pixels, blocks of tiles and panels of channels:
 * maps and numbers of channels that fill none of these, against the reference kernels. */
#include "base/worse.h"
#include "graph/program.h"
#include "support/kernel_harness.h"

#include <runner/ops.h>

/* Of the largest value. The transforms cost some digits: the most seen here is 3.1e-6, in sums of up to 1800 products, where
 * gathered windows and a plain product are off by 1.3e-6. */
static const double tolerance = 1e-5;

enum { FORWARD, DX, DW, OPS };
static const char *const ops[OPS] = {"conv2d", "conv2d_dx", "conv2d_dw"};
static const rn_conv2d_attr three_by_three = {.stride = 1, .pad_h = 1, .pad_w = 1, .groups = 1};

/* gap: elements between the runs of channels */
typedef struct sizes { int64_t batch, height, width, in, out, gap, bias; } sizes;

typedef union attributes {
    rn_conv2d_attr forward;
    rn_conv2d_dx_attr dx;
    rn_conv2d_dw_attr dw;
} attributes;

static const rn_op *op_of(int op) { return (const rn_op *)(const void *)rn_registry_find(harness_registry(), RN_KIND_OP, ops[op]); }

static void open_call(harness_call *h, int op, sizes s, rn_conv2d_attr conv, int64_t kernel)
{
    const int64_t height = (s.height + 2 * conv.pad_h - kernel) / conv.stride + 1;
    const int64_t width = (s.width + 2 * conv.pad_w - kernel) / conv.stride + 1;
    const rn_shape x = {.rank = 4, .dim = {s.batch, s.height, s.width, s.in}};
    const rn_shape w = {.rank = 4, .dim = {kernel, kernel, s.in / conv.groups, s.out}};
    const rn_shape y = {.rank = 4, .dim = {s.batch, height, width, s.out}}, b = {.rank = 1, .dim = {s.out}};
    attributes a = {.forward = conv};
    rn_example e = {.attr = &a, .in = {x, w, s.bias ? b : (rn_shape){0}}};
    if (op == DX) {
        a.dx = (rn_conv2d_dx_attr){conv, s.height, s.width};
        e = (rn_example){.attr = &a, .in = {y, w}};
    } else if (op == DW) {
        a.dw = (rn_conv2d_dw_attr){conv, kernel, kernel};
        e = (rn_example){.attr = &a, .in = {x, y}};
    }
    harness_open_as(h, op_of(op), RN_F32, &e, s.gap);
}

/* Number `*k` and later of an op's kernels of a set that this machine can run; NULL after the last. */
static const rn_kernel *next_kernel(int op, const char *set, int *k)
{
    int n;
    const rn_kernel *const *kernels = rn_registry_kernels(harness_registry(), ops[op], "cpu", &n);
    for (; *k < n; ++*k) {
        const rn_kernel *kernel = kernels[*k];
        if (strcmp(kernel->name, set) == 0 && kernel->type == RN_F32 && (kernel->cpu & ~rn_cpu_features()) == 0)
            return kernels[(*k)++];
    }
    return NULL;
}

static void compare(const harness_call *got, const harness_call *want, double allowed, sizes s, const char *what)
{
    double error = 0, largest = 0;
    for (int64_t i = 0; i < rn_count(want->out[0]); i++) {
        const double y = harness_output(want, 0, i), d = fabs(harness_output(got, 0, i) - y);
        error = rn_worse(error, d);
        largest = fabs(y) > largest ? fabs(y) : largest;
    }
    if (!(error <= allowed * largest))
        fail_msg("%s, %dx%dx%d, %d to %d channels, gap %d: off by %.1e of %.1e from %s", want->call.op->name, (int)s.batch,
                 (int)s.height, (int)s.width, (int)s.in, (int)s.out, (int)s.gap, error, largest, what);
}

/* All three ops with the kernels of each instruction set: the reference's values, and the same bytes however units are split. */
static void check(sizes s)
{
    for (int op = 0; op < OPS; op++) {
        harness_call want, got, split;
        int k = 0;
        open_call(&want, op, s, three_by_three, 3);
        open_call(&got, op, s, three_by_three, 3);
        open_call(&split, op, s, three_by_three, 3);
        assert_null(harness_run(&want, next_kernel(op, "reference", &k), 1, false));
        const rn_kernel *kernel = next_kernel(op, "winograd", (k = 0, &k));
        assert_non_null(kernel);
        for (; kernel; kernel = next_kernel(op, "winograd", &k)) {
            const char *refusal = harness_run(&got, kernel, 1, false);
            if (refusal)
                fail_msg("%s, %dx%dx%d, %d to %d channels: %s", ops[op], (int)s.batch, (int)s.height, (int)s.width, (int)s.in,
                         (int)s.out, refusal);
            compare(&got, &want, tolerance, s, "the reference");
            assert_null(harness_run(&split, kernel, 3, true));
            compare(&split, &got, 0, s, "itself in one piece");
        }
        harness_close(&want), harness_close(&got), harness_close(&split);
    }
}

/* Does a tile of the map have enough pixels in it, in the mean, to be worth 36 products? */
static bool fills_tiles(int64_t height, int64_t width)
{
    return height * width >= 6 * ((height + 3) / 4) * ((width + 3) / 4);
}

static void maps_of_every_side_up_to_13_agree_with_the_reference(void **state)
{
    static const int64_t channels[] = {5, 16, 33, 64};
    (void)state;
    int checked = 0;
    for (int64_t height = 1; height <= 13; height++)
        for (int64_t width = 1; width <= 13; width++)
            if (fills_tiles(height, width)) {
                const int64_t i = checked++, batch = 1 + i % 2 + 127 / (height * width);
                check((sizes){batch, height, width, channels[i % 4], channels[i / 4 % 4], i % 3 * 5, i / 2 % 2});
            }
    assert_true(checked > 100);
}

static void maps_of_many_blocks_agree_with_the_reference(void **state)
{
    static const sizes cases[] = {
        {3, 29, 31, 20, 96, 0, 1}, {2, 30, 17, 80, 144, 3, 0}, {16, 8, 8, 136, 24, 0, 1}, {1, 64, 61, 64, 64, 0, 1},
        {5, 16, 12, 200, 72, 8, 1}, {1, 80, 80, 3, 37, 0, 1}, {2, 48, 48, 18, 3, 1, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(cases[i]);
}

static void what_would_not_pay_or_is_no_3x3_is_refused(void **state)
{
    static const struct { sizes s; rn_conv2d_attr conv; int64_t kernel; const char *why; } cases[] = {
        {{1, 16, 16, 16, 16, 0, 0}, {1, 2, 2, 1}, 5, "windows of 3×3 only"},
        {{1, 16, 16, 16, 16, 0, 0}, {2, 1, 1, 1}, 3, "stride 1 and padding 1 only"},
        {{1, 16, 16, 16, 16, 0, 0}, {1, 0, 1, 1}, 3, "stride 1 and padding 1 only"},
        {{1, 16, 16, 16, 16, 0, 0}, {1, 1, 1, 2}, 3, "one group only"},
        {{1, 16, 16, 2, 16, 0, 0}, {1, 1, 1, 1}, 3, "three channels at least: with fewer, transforms cost more than they save"},
        {{1, 16, 16, 16, 2, 0, 0}, {1, 1, 1, 1}, 3, "three channels at least: with fewer, transforms cost more than they save"},
        {{1, 8, 8, 16, 16, 0, 0}, {1, 1, 1, 1}, 3, "128 pixels at least: with fewer, transforms cost more than they save"},
        {{1, 1, 256, 16, 16, 0, 0}, {1, 1, 1, 1}, 3, "most of each tile of 4×4 pixels would lie outside the map"},
    };
    (void)state;
    for (int op = 0; op < OPS; op++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            harness_call h;
            int k = 0;
            open_call(&h, op, cases[i].s, cases[i].conv, cases[i].kernel);
            const char *why = harness_run(&h, next_kernel(op, "winograd", &k), 1, false);
            assert_non_null(why);
            assert_string_equal(why, cases[i].why);
            harness_close(&h);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_of_every_side_up_to_13_agree_with_the_reference),
        cmocka_unit_test(maps_of_many_blocks_agree_with_the_reference),
        cmocka_unit_test(what_would_not_pay_or_is_no_3x3_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
