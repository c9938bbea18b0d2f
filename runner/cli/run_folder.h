#ifndef RN_CLI_RUN_FOLDER_H
#define RN_CLI_RUN_FOLDER_H
/* The folder of a run: made when it begins, found by path or by name when it has ended. */
#include "cli/cli.h"
#include "spec/spec.h"

enum { RN_RUN_FOLDER_PATH = 3072 };

/* out/experiment/variant/seed<k>, or seed<k>.<8 digits of the hash> where the former belongs to another hash, so that nothing is
 * overwritten; with an empty samples/ and the spec. Errors: RN_EIO. */
RN_NODISCARD bool rn_run_folder_make(const char *out, const rn_variant *v, uint32_t seed, char folder[RN_RUN_FOLDER_PATH],
                                     rn_error *err);

typedef struct rn_run_name {
    const char *experiment, *variant;
    int64_t seed;
} rn_run_name;

/* The last three parts of a path as a name: "tiny/base/0", "tiny/base/seed0", "results/tiny/base/seed0.0123abcd/". Texts are in
 * the arena. False: fewer parts, or the last is no seed (or there is no memory). */
bool rn_run_name_read(rn_arena *a, const char *path, rn_run_name *name);

typedef struct rn_run_folder {
    const char *folder;  /* holds spec.yaml and the weights */
    const char *weights; /* the file of weights that was named, NULL: none was */
    const char *spec;    /* path of spec.yaml */
} rn_run_folder;

/* run: a run's folder; a file of weights in one; or a name, whose run that counts is looked up in the database (--db). Texts
 * are in the cli's arena.
 * Errors: RN_EUNKNOWN with what there is, RN_EIO for a folder without spec.yaml, those of the database. */
RN_NODISCARD bool rn_run_folder_find(rn_cli *cli, const char *run, rn_run_folder *found, rn_error *err);

#endif
