#ifndef RN_EVAL_THRESHOLD_H
#define RN_EVAL_THRESHOLD_H
/* Keeping the estimate of an image in the range of images while it is sampled.
 * Thread safety: pure. */
#include <stdint.h>

/* x[i] to −1 … 1; not-a-number stays. */
void rn_clip(double *x, int64_t n);

/* Dynamic thresholding of one image: s = max(1, the quantile of |x|, linear between order statistics); x to −s … s,
 * divided by s. Unlike clipping it leaves differences between bright pixels, at the price of contrast.
 * quantile: 0 … 1; n > 0; work: [n], overwritten. Not-a-number stays what it is, and s is then of no meaning.
 * Source: Saharia et al. 2022 (arXiv:2205.11487), section 2.3. */
void rn_dynamic_threshold(double *x, int64_t n, double quantile, double *work);

#endif
