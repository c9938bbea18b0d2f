#ifndef TESTS_DATA_SETS_H
#define TESTS_DATA_SETS_H
/* The built-in data sets, and configurations for them without a spec. */
#include "support/schema.h"

#include "data/data.h"

/* The data set of that name; fails the test if there is none. */
static inline const rn_dataset *set_named(const char *name)
{
    const rn_component *set = component_in(plugin_of("datasets")->datasets, name);
    if (!set)
        fail_msg("no data set '%s'", name);
    return (const rn_dataset *)set;
}

/* The parameters of the sets that are files; idx has another path behind it. */
typedef struct path_params {
    const char *path, *labels;
} path_params;

/* A configuration with the schema's defaults. */
static inline rn_data_config config_of(const rn_dataset *set, const void *params, int64_t height, int64_t width)
{
    return (rn_data_config){.set = {.what = (const rn_component *)set, .params = params},
                            .resolution = {height, width}, .max_pixels = 1 << 28, .held_out = 128, .workers = 2};
}

#endif
