#ifndef TESTS_SUPPORT_COMPONENT_H
#define TESTS_SUPPORT_COMPONENT_H
/* One component out of a small YAML text, by the checker that specs go through. */
#include "base/arena.h"
#include "plugin/registry.h"

/* `{type: uvit, levels: [...]}`, or a bare name. The component lives as long as the arena. On failure *err is the
 * first error, placed in "spec.yaml". */
RN_NODISCARD bool component_check(rn_registry *registry, rn_kind kind, const char *yaml, rn_arena *arena, rn_chosen *out,
                                  rn_error *err);

#endif
