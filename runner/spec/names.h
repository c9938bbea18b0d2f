#ifndef RN_SPEC_NAMES_H
#define RN_SPEC_NAMES_H
/* Names of variants: folder names and keys of the database, from [A-Za-z0-9._=,-], at most RN_VARIANT_NAME bytes.
 * Thread safety: one thread per arena. */
#include "spec/merge.h"

/* The shortest tail of path i that is the tail of no other: "shift" for task.schedule.shift. */
const char *rn_axis_tail(rn_arena *a, const rn_path *paths, int n, int i);

/* What a name says, before it is cut to what a name may be: "arm,shift.from=32,lr=1e-3". arm may be NULL. */
const char *rn_variant_text(rn_arena *a, const char *arm, const char *const *tails, const rn_node *const *values, int n);

/* The name for that text. Where it is too long, or `hashed`, it ends with 8 digits of the text's hash. */
const char *rn_variant_name(rn_arena *a, const char *text, bool hashed);

/* May this stand as a name that a person gives? */
bool rn_is_name(const char *text);

#endif
