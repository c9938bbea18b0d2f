#ifndef RN_GRAPH_CHECK_KERNELS_H
#define RN_GRAPH_CHECK_KERNELS_H
/* A kernel against the reference of its op, on the op's own examples: so that whoever has another processor than those who
 * wrote a kernel can see that it is right there.
 * Thread safety: one thread. */
#include "graph/program.h"

typedef struct rn_kernel_check {
    int compared;        /* calls that the kernel took and that were compared; 0: none, and `refusal` says why */
    double error;        /* largest difference, of the largest value of its output or of 1 */
    bool right;          /* every difference was within rn_kernel_tolerance() */
    const char *refusal; /* the last one, or why there is nothing to compare with: a constant text */
} rn_kernel_check;

/* What orders of summation may differ by on the examples, of the largest value of an output: float32 2e-5, float64 1e-12;
 * bfloat16 1e-2, since a product may round its operands to 8 bits. */
double rn_kernel_tolerance(rn_type type);

/* Compares on `examples` examples as they are and `larger` others made larger (blocked kernels refuse the small ones; they may
 * take the reference a second), dense and as channel ranges; for RN_BF16 with all, then some of the inputs and outputs in
 * bfloat16. type: RN_F32, RN_F64 or RN_BF16, one that the kernel serves. On the calling thread.
 * Errors: the shape rule's where the op refuses its own example, RN_EPLUGIN where the reference does, RN_EMEMORY. */
RN_NODISCARD bool rn_check_kernel(const rn_registry *registry, const rn_op *op, const rn_kernel *kernel, rn_type type,
                                  int examples, int larger, rn_kernel_check *result, rn_error *err);

#endif
