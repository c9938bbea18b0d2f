#ifndef RN_PLUGIN_DESCRIBE_H
#define RN_PLUGIN_DESCRIBE_H
/* What `runner describe KIND NAME` prints. */
#include "plugin/registry.h"

#include <stdio.h>

/* Documentation, parameters from the schema and what else the kind has to say; for a kernel set, all of its
 * kernels. As JSON an array, which has one element but for those. Errors: RN_EUNKNOWN with the nearest name of that
 * kind and the places where plugins were looked for. */
RN_NODISCARD bool rn_describe_print(FILE *out, rn_registry *r, rn_kind kind, const char *name, bool json,
                                    rn_error *err);

#endif
