#include "support/component.h"

#include "plugin/catalogue.h"
#include "spec/check.h"

bool component_check(rn_registry *registry, rn_kind kind, const char *yaml, rn_arena *arena, rn_chosen *out, rn_error *err)
{
    const rn_catalogue catalogue = rn_registry_catalogue(registry);
    rn_diagnostics d = {0};
    bool ok = rn_check_component(arena, &catalogue, kind, "spec.yaml", yaml, out, &d);
    if (!ok)
        ok = rn_diagnostics_error(&d, err);
    rn_diagnostics_free(&d);
    return ok;
}
