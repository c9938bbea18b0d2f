#ifndef TESTS_RUN_TINY_H
#define TESTS_RUN_TINY_H
#include "support/scratch.h"

/* The smallest spec that trains, samples, scores and stores: a second a run. */

#define TINY_SPEC                                                                                  \
    "version: 1\n"                                                                                 \
    "name: tiny\n"                                                                                 \
    "data: {type: dead_leaves, count: 24, held_out: 4, resolution: 16, flip: true}\n"              \
    "model:\n"                                                                                     \
    "  type: uvit\n"                                                                               \
    "  levels:\n"                                                                                  \
    "    - {channels: 8, block: resnet, blocks: 1, dropout: 0.1}\n"                                \
    "    - {channels: 16, block: transformer, blocks: 1, heads: 2, dropout: 0.1}\n"                \
    "train: {steps: 6, batch: 4, optimizer: {lr: 1e-3, warmup: 2}, log_every: 2}\n"                \
    "evaluate: {samples: 6, batch: 4, sheet: 4, sampler: {type: ddim, steps: 2}}\n"                \
    "seeds: [0, 1]\n"                                                                              \
    "vary: {task.schedule.shift: [none, {from: 8}]}\n"

#define RUNNER "'" BUILD_FOLDER "/runner'"

/* A scratch folder with the spec as tiny.yaml (malloc, the caller's). */
static inline char *tiny_folder(void)
{
    char *folder = scratch_folder(), *spec = scratch_path(folder, "tiny.yaml");
    scratch_write(spec, TINY_SPEC, strlen(TINY_SPEC));
    free(spec);
    return folder;
}

/* Output of `runner <command>` in the folder (malloc, the caller's); fails the test on another status. */
static inline char *tiny_runner(const char *folder, int want, const char *command)
{
    char *text;
    const int status = scratch_run(&text, "cd '%s' && " RUNNER " %s 2>&1", folder, command);
    if (status != want)
        fail_msg("runner %s: exit status %d: %s", command, status, text);
    return text;
}

/* What the database of the results in that folder answers (malloc, the caller's). */
static inline char *tiny_query(const char *folder, const char *sql)
{
    char *text;
    if (scratch_run(&text, "sqlite3 '%s/results/results.db' \"%s\"", folder, sql))
        fail_msg("%s", text);
    return text;
}

#endif
