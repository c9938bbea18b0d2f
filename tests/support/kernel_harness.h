#ifndef TESTS_SUPPORT_KERNEL_HARNESS_H
#define TESTS_SUPPORT_KERNEL_HARNESS_H
/* Kernels called without a graph: an op on random inputs, its units split as the test says. */
#include "plugin/registry.h"
#include "test.h"

/* All plugins of the build; opened once, never closed. */
const rn_registry *harness_registry(void);

/* One call of an op: shapes, attributes, memory. Inputs are random, in float32 or float64; RN_BF16: as in a float32 graph after
 * narrowing, what the op lets be narrow in bfloat16. */
typedef struct harness_call {
    rn_call call;
    rn_example example;
    rn_shape in[RN_MAX_IN], out[RN_MAX_OUT];
    void *in_memory[RN_MAX_IN], *out_memory[RN_MAX_OUT]; /* as large as pitch · rows */
    bool computed; /* no input is a parameter: nothing is packed */
    rn_step step;
} harness_call;

/* Example `number` of an op. `gap` > 0: floating inputs are channel ranges, so many elements apart; their values are
 * those of gap 0. Fails the test where the op's own shape rule refuses its example. */
void harness_open(harness_call *h, const rn_op *op, rn_type type, int number, int64_t gap);
/* The same for an example of the test's own: `attr` and in[] as the op's generator would fill them; attr is copied. */
void harness_open_as(harness_call *h, const rn_op *op, rn_type type, const rn_example *example, int64_t gap);
/* RN_BF16 where of those that may be narrow only the ones in the two masks (op.h, narrow_in) are. */
void harness_open_mixed(harness_call *h, const rn_op *op, int number, unsigned narrow_in, unsigned narrow_out);
/* The call `other` in float32, with its values, dense. */
void harness_open_like(harness_call *h, const harness_call *other);
void harness_close(harness_call *h);

/* Runs a kernel with the units of each phase cut into so many pieces, the last piece first where `backwards`; outputs
 * are filled with not-a-number before. Returns the kernel's reason where it refuses, else NULL. */
const char *harness_run(harness_call *h, const rn_kernel *kernel, int pieces, bool backwards);

/* An element of an input or output as double, counted by the order of its axes. */
double harness_input(const harness_call *h, int i, int64_t element);
double harness_output(const harness_call *h, int j, int64_t element);

#endif
