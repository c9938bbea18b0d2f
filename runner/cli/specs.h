#ifndef RN_CLI_SPECS_H
#define RN_CLI_SPECS_H
/* From the path of a spec to its checked variants, for every verb that takes one: reads it, loads the plugins that
 * it names, checks it, and prints what is wrong. */
#include "cli/cli.h"
#include "spec/spec.h"

/* 0, or the exit status; *spec is then NULL, otherwise closed by rn_spec_close. */
int rn_cli_spec(rn_cli *cli, const char *path, rn_spec **spec);

#endif
