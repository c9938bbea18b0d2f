#ifndef RN_SPEC_SPEC_H
#define RN_SPEC_SPEC_H
/* From the path of a spec to its checked variants. Two steps, since the spec itself names plugins, without whose
 * schemas it cannot be checked.
 *
 * Structural keys, which make variants and are no part of any: base (another spec, merged below this one), vary (axes:
 * path → list of values), variants (named sets of overrides), exclude (combinations left out), baseline (the variant
 * that the others are compared with; the first one where it is silent).
 * Thread safety: one thread per rn_spec. */
#include "spec/check.h"
#include "spec/experiment.h"

typedef struct rn_spec_file { const char *path, *text; } rn_spec_file;

typedef struct rn_variant {
    const char *name; /* from [A-Za-z0-9._=,-], at most 80 bytes */
    rn_experiment experiment;
    char hash[65];          /* SHA-256 of the resolved values less the cosmetic ones */
    const rn_value *values; /* all resolved values, in the order of the schema */
    int64_t n_values;
    const char *differs_text;  /* from the baseline: "task.schedule.shift.from=32"; "" for nothing */
    const char *resolved_text; /* all values, "path: text" a line */
    const char *dropped_text;  /* keys that an override of a type put out of use; "" for none */
} rn_variant;

typedef struct rn_spec {
    rn_arena arena;
    const rn_node *root; /* base < file, without structural keys */
    const rn_node *vary, *variants_node, *exclude, *baseline_node; /* NULL: not given */
    rn_mark vary_mark, variants_mark;
    struct rn_override *set; /* --set on values, applied last */
    int64_t n_set;
    rn_spec_file *files; /* the file, its base, that one's base … */
    int64_t n_files;
    rn_texts plugins;    /* resolved */
    /* after rn_spec_check */
    rn_variant *variants;
    int64_t n_variants, baseline;
    rn_ints seeds;
} rn_spec;

/* A value for a path: one --set, one key of a variant, or one choice of an axis. */
typedef struct rn_override {
    const char *path;
    rn_mark mark; /* of the path */
    const rn_node *value;
    int layer;
} rn_override;

/* Reads the file and its bases, and applies --set options ("path=value", value is YAML). False: the diagnostics
 * say why. *spec is to be closed in any case. */
RN_NODISCARD bool rn_spec_read(const char *path, rn_texts sets, rn_spec **spec, rn_diagnostics *d);

/* Makes and checks all variants. False: the diagnostics say why. */
RN_NODISCARD bool rn_spec_check(rn_spec *spec, const rn_catalogue *catalogue, rn_diagnostics *d);

void rn_spec_close(rn_spec *spec); /* NULL is fine */

#endif
