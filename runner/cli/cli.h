#ifndef RN_CLI_CLI_H
#define RN_CLI_CLI_H
/* The command line: options, verbs, exit status. This room alone prints and sees all others. */
#include "plugin/registry.h"
#include "spec/diagnostics.h"

#include <stdio.h>

/* What the options say, for every verb. */
typedef struct rn_cli {
    rn_arena arena;
    const char *program;
    const char *out, *db;        /* --out, --db; NULL: not given */
    rn_texts sets;               /* each --set */
    rn_texts plugin_dirs;        /* each --plugin-dir */
    rn_texts arguments;          /* what is no option */
    int threads;                 /* 0: not given */
    int steps;                   /* --steps; 0: not given */
    const char *mode, *compare;  /* --mode, --compare; NULL: not given */
    const char *choices;         /* --choices; NULL: not given */
    const char *plot;            /* --plot; NULL: not given */
    const char *sampler, *weights; /* --sampler, --weights; NULL: not given */
    int64_t count, seed, to_seed; /* --count, 0: not given; --seed, --to-seed, −1: not given */
    bool json, kernels, quiet, serve;
    rn_registry *registry;       /* loaded by rn_cli_load_plugins */
} rn_cli;

/* A verb: its options are those of its table row. Returns the exit status. */
typedef struct rn_verb {
    const char *name, *arguments, *doc;
    const char *const *options; /* names, NULL-ended */
    int least, most;            /* arguments */
    int (*run)(rn_cli *cli);
    const char *more;           /* paragraphs of its --help */
} rn_verb;

extern const rn_verb rn_verbs[]; /* ends with a row without a name */

int rn_cli_main(int argc, char **argv);

/* Loads the plugins: those of the spec (may be empty), --plugin-dir, RUNNER_PLUGIN_PATH, the built-in folder. */
RN_NODISCARD bool rn_cli_load_plugins(rn_cli *cli, rn_texts of_spec, rn_error *err);

/* Prints an error on stderr and makes the exit status from its code: 0 done, 1 a run failed, 2 command line or
 * spec, 3 environment, 130 or 143 stopped by a signal. */
int rn_cli_error(const rn_error *err);
int rn_exit_status(rn_code code);

#endif
