#ifndef RN_GRAPH_CHECK_GRADIENTS_H
#define RN_GRAPH_CHECK_GRADIENTS_H
/* Every op's gradient rule against central differences, in double at random shapes.
 * Thread safety: one thread. */
#include "graph/graph_internal.h"

typedef struct rn_gradient_check {
    bool has_rule; /* without a rule there is nothing to check */
    int examples;  /* compared */
    double error;  /* largest |rule − difference|, of the largest |difference| of its input */
} rn_gradient_check;

/* Central differences of step 1e-5 in double are good to about 1e-9 of the largest one. */
#define RN_GRADIENT_TOLERANCE 1e-6

/* Checks one op with so many of its examples; the caller compares the error with RN_GRADIENT_TOLERANCE.
 * Errors: RN_EPLUGIN for a rule without a generator of examples; what building and compiling say. */
RN_NODISCARD bool rn_check_gradient(const rn_registry *registry, const rn_op *op, int examples, uint32_t seed,
                                    rn_gradient_check *result, rn_error *err);

#endif
