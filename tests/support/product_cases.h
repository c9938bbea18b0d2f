#ifndef TESTS_SUPPORT_PRODUCT_CASES_H
#define TESTS_SUPPORT_PRODUCT_CASES_H
/* Products at sizes that the ops' own examples do not reach: more rows than a block has, more columns than a panel, sums
 * longer than a block of k, each with rests. */
#include "support/kernel_harness.h"

enum { PRODUCT_TURNED = 1, PRODUCT_BIAS = 2 }; /* of linear */

/* Shapes of inputs; the meaning of size[] is the op's: see the table. */
typedef struct product_case {
    const char *op;
    int64_t size[7];
    int64_t gap; /* > 0: inputs are channel ranges */
} product_case;

extern const product_case product_cases[];
extern const size_t n_product_cases;

/* RN_F32, or RN_BF16 as in kernel_harness.h. */
void product_case_open(harness_call *h, const product_case *p, rn_type type);

/* Largest difference of an output, as a share of its largest value; infinite where one is not written. */
double product_difference(const harness_call *a, const harness_call *b, int output);

#endif
