#ifndef RN_CLI_TUNING_H
#define RN_CLI_TUNING_H
/* The tuner of a verb: where its file is, and what it tells the user. */
#include "cli/cli.h"
#include "cli/progress.h"
#include "tune/tuner.h"

/* The folder of what can be made again: RUNNER_CACHE_DIR, else runner/ in XDG_CACHE_HOME or ~/.cache. RUNNER_CACHE_DIR=off:
 * there is none, and *tuner is NULL (but with --choices): kernels are then taken by rank. time: kernels that are not known
 * are timed. progress (borrowed): gets notes and the bar. Errors: what --choices names cannot be read. */
RN_NODISCARD bool rn_tuning_open(rn_cli *cli, rn_progress *progress, bool time, rn_tuner **tuner, rn_error *err);

/* NULL for NULL. explain: as in rn_chooser. */
const rn_chooser *rn_tuning_chooser(rn_tuner *tuner, bool explain);

/* A line on what was timed since the last one, if anything was. */
void rn_tuning_tell(rn_tuner *tuner, rn_progress *progress);

#endif
