#ifndef RN_SPEC_SPEC_H
#define RN_SPEC_SPEC_H
/* A spec: one YAML file (with its bases and the command line's --set) → the list of variants, each with all its
 * values checked. Order of values: default < base < file < variant < vary < --set.
 *
 *     rn_spec spec;
 *     rn_diagnostics told = {0};
 *     if (!rn_spec_read("ablation.yaml", sets, n_sets, &spec, &told)) …       reads; names the plugins it wants
 *     …load spec.plugins, make a catalogue…
 *     if (!rn_spec_check(&spec, &catalogue, &told)) rn_diagnostics_print(stderr, &told);
 *     …
 *     rn_spec_free(&spec);
 *
 * Thread safety: one thread while reading and checking, then constant. */
#include "spec/check.h"
#include "spec/experiment.h"
#include "spec/merge.h"

enum { RN_VARIANTS = 10000, RN_VARIANT_NAME = 80, RN_BASES = 32 };

/* How a value of a variant differs from the baseline's; NULL: the value is not there. */
typedef struct rn_difference { const char *path, *text, *baseline; } rn_difference;

typedef struct rn_variant {
    const char *name; /* [A-Za-z0-9._=,-]{1,80}: a folder and a key */
    const rn_experiment *experiment;
    char hash[65]; /* SHA-256 of all values but the cosmetic ones, hexadecimal */
    char training_hash[65]; /* the same without `evaluate`: variants of one training have one */
    const rn_value *value; /* in the order of the schema */
    int64_t n_values;
    const rn_difference *difference; /* to the baseline, in the order of paths */
    int64_t n_differences;
    const rn_dropped *dropped; /* keys that an override of a type put out of use */
    int64_t n_dropped;
    const rn_placed *component; /* in the order of the schema */
    int64_t n_components;
    rn_mark mark; /* where it is named or varied; the spec itself if it is the only one */
} rn_variant;

/* A file as it was read. */
typedef struct rn_spec_file { const char *path, *text; } rn_spec_file;

/* A --set option. */
typedef struct rn_set { rn_path path; const rn_node *value; } rn_set;

typedef struct rn_spec {
    rn_arena arena; /* owns all of it */
    const char *path, *text; /* of the file, as given and as read */
    rn_texts plugins;        /* folders and files, resolved */

    /* after rn_spec_check: */
    const char *name, *question; /* question: NULL for none */
    rn_ints seeds;
    const rn_variant *variant;
    int64_t n_variants, baseline;

    /* between the two */
    const rn_node *root; /* base and file, without the keys that make variants */
    const rn_node *vary, *variants, *exclude; /* NULL: not given */
    const rn_node *baseline_name;
    const rn_set *set;
    int64_t n_sets;
    bool axes_set; /* --set changed vary or variants, so an exclude may fit none */
    rn_merger merger;

    const rn_spec_file *files; /* path and text, its base, that one's base … */
    int64_t n_files;
} rn_spec;

/* Reads the file, its bases and `sets` ("path=value" each, borrowed until rn_spec_free). False: nothing can be
 * made of them, and the diagnostics say why. True with diagnostics (a key twice …): check as well, so that all
 * errors are shown together. */
RN_NODISCARD bool rn_spec_read(const char *path, const char *const *sets, int n_sets, rn_spec *spec, rn_diagnostics *d);

/* Makes the variants. False if there is any diagnostic, those of rn_spec_read included. */
RN_NODISCARD bool rn_spec_check(rn_spec *spec, const rn_catalogue *catalogue, rn_diagnostics *d);

void rn_spec_free(rn_spec *spec);

/* The value of a variant at a path, NULL for none. */
const rn_value *rn_variant_value(const rn_variant *v, const char *path);

#endif
