#ifndef RN_REPORT_SHOW_H
#define RN_REPORT_SHOW_H
/* What `runner show` prints: one run, or what the error grids of an experiment say about its variants. */
#include "store/store.h"

#include <stdio.h>

/* How it went, what differs from the baseline, scores beside floors and the baseline's run of the same seed, the training in a
 * few lines, events, and the error of x̂ by logSNR × scale. Errors: those of the store, RN_EIO of `out`. */
RN_NODISCARD bool rn_show_run(FILE *out, rn_store *store, const rn_row_shown *run, bool json, rn_error *err);

/* The runs of an experiment, the baseline's error grid, and each variant's difference to it, paired by seed.
 * Errors: RN_EUNKNOWN with the nearest names; as above. */
RN_NODISCARD bool rn_show_experiment(FILE *out, rn_store *store, const char *experiment, bool json, rn_error *err);

#endif
