#ifndef RN_CLI_SPECS_H
#define RN_CLI_SPECS_H
/* From the path of a spec to its checked variants, for every verb that takes one: reads it, loads the plugins that
 * it names, checks it, and prints what is wrong. */
#include "cli/cli.h"
#include "spec/spec.h"

/* 0, or the exit status. The spec is to be freed by rn_spec_free in any case. */
int rn_cli_spec(rn_cli *cli, const char *path, rn_spec *spec);

/* As rn_cli_error, with the line of the spec where the error has a place in one; v: the variant that it is about, NULL: it
 * is not known which. */
int rn_cli_spec_error(const rn_spec *spec, const rn_variant *v, const rn_error *err);

/* What only building shows: that every variant's networks fit their images. All errors are told, each with its
 * variant. Returns the exit status of the last. */
int rn_cli_networks(rn_cli *cli, const rn_spec *spec);

/* Texts about a variant, in the arena; "" for nothing to say. What differs from the baseline: "shift.from=32 (16)". */
const char *rn_variant_differs(rn_arena *a, const rn_variant *v);
const char *rn_variant_dropped(rn_arena *a, const rn_variant *v);
/* All values, "path: text" a line. */
const char *rn_variant_resolved(rn_arena *a, const rn_variant *v);

#endif
