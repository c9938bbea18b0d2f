#include "plugin/catalogue.h"

static const rn_component *find(void *registry, rn_kind kind, const char *name)
{
    return rn_registry_find(registry, kind, name);
}

static int count(void *registry, rn_kind kind)
{
    return rn_registry_count(registry, kind);
}

static const rn_component *at(void *registry, rn_kind kind, int i)
{
    return rn_registry_at(registry, kind, i);
}

rn_catalogue rn_registry_catalogue(rn_registry *r)
{
    return (rn_catalogue){
        .context = r, .find = find, .count = count, .at = at, .kind_name = rn_kind_name,
        .searched = rn_registry_searched_list(r), .n_searched = rn_registry_searched(r),
    };
}
