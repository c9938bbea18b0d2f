#ifndef TESTS_SUPPORT_SCHEMA_H
#define TESTS_SUPPORT_SCHEMA_H
/* Components for tests of their formulas: a built plugin opened by the name of its folder, and parameter structs
 * filled from a schema, without a spec. */
#include "test.h"

#include <runner/plugin.h>

/* The export of <build>/lib/runner/<folder>.so; fails the test where it cannot be opened. Never closed. */
const rn_plugin *plugin_of(const char *folder);

/* The component of that name in a NULL-ended array of descriptors; NULL: there is none. */
const rn_component *component_in(const void *descriptors, const char *name);

/* The struct of a component (it stays until the program ends): defaults, replaced by "key=value;key=value" where a key
 * is one of the schema's. Numbers, booleans and choices. NULL for a component without parameters. */
void *params_of(const rn_component *c, const char *values);

#endif
