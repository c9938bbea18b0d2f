#ifndef RN_SPEC_VARIANTS_H
#define RN_SPEC_VARIANTS_H
/* variants × the product of the axes of vary, less what is excluded: names, trees, checked values, hashes, and what
 * differs from the baseline. */
#include "spec/spec.h"

enum { RN_MAX_VARIANTS = 10000, RN_VARIANT_NAME = 80 };

/* Keys at the root of a spec that are not in the table of values, NULL-ended. */
extern const char *const rn_structural_keys[];

/* Fills spec->variants, n_variants, baseline, seeds. False: no memory, or the diagnostics say why. */
bool rn_variants_make(rn_spec *spec, const rn_catalogue *catalogue, rn_diagnostics *d);

#endif
