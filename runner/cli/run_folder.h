#ifndef RN_CLI_RUN_FOLDER_H
#define RN_CLI_RUN_FOLDER_H
/* Finding what a run left: its folder, by path or by name. */
#include "cli/cli.h"

typedef struct rn_run_folder {
    const char *folder;  /* holds spec.yaml and the weights */
    const char *weights; /* the file of weights that was named, NULL: none was */
    const char *spec;    /* path of spec.yaml */
} rn_run_folder;

/* run: a run's folder; a file of weights in one; or experiment/variant/seed ("seed0" or "0"), whose run that counts is
 * looked up in the database (--db). Texts are in the cli's arena.
 * Errors: RN_EUNKNOWN with what there is, RN_EIO for a folder without spec.yaml, those of the database. */
RN_NODISCARD bool rn_run_folder_find(rn_cli *cli, const char *run, rn_run_folder *found, rn_error *err);

#endif
