#ifndef RN_PLUGIN_LIST_H
#define RN_PLUGIN_LIST_H
/* What `runner plugins` prints. */
#include "plugin/registry.h"

#include <stdio.h>

/* Each plugin with file, version, licence and what it offers by kind; or a JSON array of the same, in which the
 * file's SHA-256 and each component's documentation stand too. False where writing failed. */
bool rn_plugins_print(FILE *out, const rn_registry *r, bool json);

#endif
