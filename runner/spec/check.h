#ifndef RN_SPEC_CHECK_H
#define RN_SPEC_CHECK_H
/* A located tree against the tables of include/runner/param.h: fills structs, and tells every error of the tree
 * with its place. Defaults are YAML text and take the same way as what a user writes.
 * Thread safety: one thread per checker. */
#include "spec/catalogue.h"
#include "spec/growing.h"
#include "spec/tree.h"

/* One checked value, defaults included. */
typedef struct rn_value {
    const char *path;   /* "task.schedule.shift.from", "model.levels[2].channels", "model.type" */
    const char *text;   /* canonical: 1_000 and 1e3 are "1000" */
    const char *origin; /* "ablation.yaml:12:5", "default", "--set:7" */
    double number;      /* where is_number: also 0 or 1 of a boolean */
    bool is_number, is_none, is_default;
    bool is_text, is_path;    /* what a person wrote as it is: YAML may want quotes around it */
    const char *const *texts; /* [n_texts] of a list of such */
    int64_t n_texts;
    bool cosmetic; /* no part of the hash */
    rn_mark mark;  /* of the origin; no source: default */
} rn_value;

/* A key of a component that an override of its type put out of use. */
typedef struct rn_dropped {
    const char *path, *origin;
    const char *old_type, *new_type;
} rn_dropped;

/* A component that was chosen: where its name stands (or, of a default, the nearest mapping that somebody wrote), and the
 * mapping that holds its keys. */
typedef struct rn_placed {
    const char *path; /* of that mapping */
    rn_mark mark;
    const rn_node *node;
} rn_placed;

/* Zero it, give it its first three members, and use it for one tree; the arena owns all results. */
typedef struct rn_checker {
    rn_arena *arena;
    const rn_catalogue *catalogue;
    rn_diagnostics *diagnostics;
    const char *const *root_keys; /* known at the root beside the table's, NULL-ended; NULL: none */
    rn_growing values;            /* rn_value */
    rn_growing dropped;           /* rn_dropped */
    rn_growing components;        /* rn_placed */
    rn_growing *defaults;         /* parsed default texts; may be shared by the checkers of one arena */
} rn_checker;

/* Fills `out`, the struct that the rows describe. Errors go to the diagnostics; out is then not to be used. */
void rn_check_table(rn_checker *c, const rn_param *rows, const rn_node *node, void *out);

/* Checks a small YAML text against one component (`{type: uvit, levels: [...]}`, or a bare name), or against a
 * table. `name` stands for the file in messages. False: the diagnostics say why. */
RN_NODISCARD bool rn_check_component(rn_arena *a, const rn_catalogue *catalogue, rn_kind kind, const char *name,
                                     const char *yaml, rn_chosen *out, rn_diagnostics *d);
RN_NODISCARD bool rn_check_text(rn_arena *a, const rn_catalogue *catalogue, const rn_param *rows, const char *name,
                                const char *yaml, void *out, rn_diagnostics *d);

#endif
