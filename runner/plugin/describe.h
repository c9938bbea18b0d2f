#ifndef RN_PLUGIN_DESCRIBE_H
#define RN_PLUGIN_DESCRIBE_H
/* What `runner describe` prints: one component, the keys of a spec, or all of it as Markdown. */
#include "base/arena.h"
#include "plugin/registry.h"
#include "spec/catalogue.h"

#include <stdio.h>

/* Documentation, parameters from the schema and what else the kind has to say; for a kernel set, all of its
 * kernels. As JSON an array, which has one element but for those. Errors: RN_EUNKNOWN with the nearest name of that
 * kind and the places where plugins were looked for. */
RN_NODISCARD bool rn_describe_print(FILE *out, rn_registry *r, rn_kind kind, const char *name, bool json,
                                    rn_error *err);

/* The keys of a spec, those that make variants first. Errors: RN_EIO. */
RN_NODISCARD bool rn_describe_spec(FILE *out, rn_registry *r, bool json, rn_error *err);

/* docs/spec.md: the keys of a spec and the parameters of every component that a spec can name. Paths of files and
 * versions are left out, so the same plugins give the same text everywhere. Errors: RN_EIO. */
RN_NODISCARD bool rn_describe_reference(FILE *out, rn_registry *r, rn_error *err);

/* The default as YAML; of a component that is not named, what its kind takes. NULL: the value is required. */
const char *rn_default_text(rn_arena *a, const rn_catalogue *catalogue, const rn_param *row);

#endif
