#ifndef RN_CLI_VERBS_H
#define RN_CLI_VERBS_H
/* The verbs, one file each: runner/cli/verb_<name>.c. */
#include "cli/cli.h"

int rn_verb_run(rn_cli *cli);
int rn_verb_plan(rn_cli *cli);
int rn_verb_validate(rn_cli *cli);
int rn_verb_schedule(rn_cli *cli);
int rn_verb_snr(rn_cli *cli);
int rn_verb_show(rn_cli *cli);
int rn_verb_compare(rn_cli *cli);
int rn_verb_data(rn_cli *cli);
int rn_verb_plugins(rn_cli *cli);
int rn_verb_describe(rn_cli *cli);
int rn_verb_check(rn_cli *cli);
int rn_verb_bench(rn_cli *cli);
int rn_verb_weighting(rn_cli *cli);
int rn_verb_sample(rn_cli *cli);
int rn_verb_interpolate(rn_cli *cli);

#endif
