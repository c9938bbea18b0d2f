#ifndef RN_SPEC_ALLOWED_H
#define RN_SPEC_ALLOWED_H
/* What a row of a schema allows, in words: the same in errors, in `runner describe` and in the reference.
 * Thread safety: one thread per arena. */
#include "base/arena.h"
#include "spec/catalogue.h"

/* "a whole number from 1 to 8", "true or false", "one of ema, raw", "…, or none". */
const char *rn_allowed(rn_arena *a, const rn_catalogue *catalogue, const rn_param *row);

/* Is v in the row's range? Never for NaN. */
bool rn_in_range(const rn_param *row, double v);

#endif
