#ifndef RN_CLI_SESSION_H
#define RN_CLI_SESSION_H
/* What `runner run` holds while it goes through its runs: the spec, the store, and what several runs share (the
 * data set, the reference's features). */
#include "cli/cli.h"
#include "cli/progress.h"
#include "data/data.h"
#include "eval/scores.h"
#include "spec/spec.h"
#include "store/store.h"
#include "train/trainer.h"
#include "tune/tuner.h"

typedef struct rn_session {
    rn_cli *cli;
    const rn_spec *spec;
    const char *out;     /* folder of results */
    const char *command; /* as typed, for the record */
    rn_store *store;
    rn_row_experiment experiment;
    rn_progress progress;
    rn_tuner *tuner; /* NULL: kernels by rank */
    /* shared by runs whose `data:` (and `evaluate:`) say the same */
    rn_data *data, *reference;
    rn_scorer *scorer;
    const char *data_key, *scorer_key;
    int64_t runs, run; /* how many there are, and which one this is, from 1 */
} rn_session;

/* The data set of a variant, opened unless the last run had the same. */
RN_NODISCARD bool rn_session_data(rn_session *s, const rn_variant *v, rn_error *err);
/* Its scorer; after rn_session_data. */
RN_NODISCARD bool rn_session_scorer(rn_session *s, const rn_variant *v, rn_error *err);
void rn_session_close(rn_session *s);

/* Trains and evaluates one run, or skips it where it is done. A run that fails on its own account is recorded and
 * is no error here: *failed says so. Errors: the environment's, and RN_EINTERRUPTED. */
RN_NODISCARD bool rn_session_run(rn_session *s, int64_t variant, uint32_t seed, bool *failed, rn_error *err);

/* Memory that a run of this variant takes beside the trainer's: batches, samples, feature vectors. */
size_t rn_session_bytes(const rn_experiment *e);

#endif
