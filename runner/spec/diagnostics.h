#ifndef RN_SPEC_DIAGNOSTICS_H
#define RN_SPEC_DIAGNOSTICS_H
/* All errors of a spec, each with its place, so that one run shows them all. They own what they show: the
 * trees that they came from may be gone.
 * Thread safety: one thread. */
#include "spec/source.h"

#include <stdio.h>

enum { RN_DIAGNOSTICS_SHOWN = 20 };

typedef struct rn_diagnostic {
    const struct rn_diagnostic *next;
    rn_code code;
    const char *place; /* "ablation.yaml:12:16", "--set:7"; "": none */
    const char *file;  /* of the place, "" for none */
    int line, column;  /* as rn_place has them */
    const char *path;  /* "task.schedule.tpye"; "": the whole */
    const char *text;
    const char *quote;       /* the line, NULL for none; control characters are escaped when printed */
    int mark_column, width;  /* of the carets in it, in code points */
    const char *known;       /* "type, shift", NULL for none */
    const char *note;        /* a line below, NULL for none */
} rn_diagnostic;

typedef struct rn_diagnostics {
    rn_arena arena;
    const rn_diagnostic *first;
    rn_diagnostic *last;
    int64_t n; /* all that differ, also those beyond the ones kept */
} rn_diagnostics;

/* What belongs to one error beside its text. known and note may be NULL. */
typedef struct rn_about {
    rn_code code;
    rn_mark mark;
    const char *path, *known, *note;
} rn_about;

/* Adds one, unless the same text stands for the same place and path already (each variant is checked).
 * Returns false. */
bool rn_diagnose(rn_diagnostics *d, rn_about about, const char *format, ...) RN_PRINTF(3, 4);

/* The order of adding follows the schema; this puts them in the order of their places. */
void rn_diagnostics_sort(rn_diagnostics *d);

/* At most RN_DIAGNOSTICS_SHOWN, then "and N more":
 *
 *     ablation_shift.yaml:12:16: task.schedule.tpye: unknown key; did you mean 'type'?
 *       12 |     schedule: {tpye: cosine, shift: {from: 32}}
 *          |                ^~~~  known here: type, shift, logsnr_min, logsnr_max */
void rn_diagnostics_print(FILE *f, const rn_diagnostics *d);

/* The first error as a value: its code makes the exit status. */
bool rn_diagnostics_error(const rn_diagnostics *d, rn_error *err);

void rn_diagnostics_free(rn_diagnostics *d);

/* text for a message: in single quotes, at most 60 code points, control characters escaped. */
const char *rn_shown(rn_arena *a, const char *text);

/* "; did you mean 'x'?", the nearest of the known names, or "" where none is near. */
const char *rn_did_you_mean(rn_arena *a, const char *name, const char *const *known, size_t n);

/* "a, b, c", at most 40 names. */
const char *rn_joined(rn_arena *a, const char *const *names, size_t n);

#endif
