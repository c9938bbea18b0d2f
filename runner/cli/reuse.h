#ifndef RN_CLI_REUSE_H
#define RN_CLI_REUSE_H
/* Variants that differ in `evaluate:` alone are one training: the first run trains, the others take its weights.
 * Thread safety: one thread. */
#include "cli/session.h"

/* Fills the weights of a started trainer from a finished run of the same training and seed, if the database has one and its
 * files are as it wrote them; records from where. *taken: whether it did. Scores on the way (evaluate.every) need the
 * training itself: then nothing is taken. Errors: the database's, RN_EMEMORY. */
RN_NODISCARD bool rn_reuse_weights(rn_session *s, const rn_variant *v, uint32_t seed, int64_t run, rn_trainer *t, bool *taken,
                                   rn_error *err);

#endif
