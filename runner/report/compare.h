#ifndef RN_REPORT_COMPARE_H
#define RN_REPORT_COMPARE_H
/* The answer of an experiment: variants × metrics × features with mean and spread over seeds, the paired difference
 * to the baseline with its interval and p, what it was measured on, and what a reader has to know beside it. */
#include "store/store.h"

#include <stdio.h>

typedef struct rn_compare_options {
    bool json;
} rn_compare_options;

/* Every measure is shown for every variant, also where there is no score yet, so that no set of features that
 * disagrees can be overlooked. Errors: RN_EUNKNOWN with the nearest names; those of the store; RN_EIO of `out`. */
RN_NODISCARD bool rn_compare_print(FILE *out, rn_store *store, const char *experiment, const rn_compare_options *options,
                                   rn_error *err);

/* What both forms are made of. */
typedef struct rn_comparison {
    const char *database;
    rn_row_listed experiment;
    rn_row_variant *variant;
    rn_row_status *run;
    rn_row_ablation *score; /* ordered by metric, setting, then position */
    size_t n_variants, n_runs, n_scores;
    const char **note; /* lines */
    size_t n_notes;
} rn_comparison;

RN_NODISCARD bool rn_comparison_read(rn_store *store, const char *experiment, rn_arena *arena, rn_comparison *c,
                                     rn_error *err);
void rn_comparison_json(FILE *out, const rn_comparison *c);

#endif
