#ifndef TESTS_DATA_SETS_H
#define TESTS_DATA_SETS_H
/* The built-in data sets, fetched from their shared object as the runner does it, and what tests of data share. */
#include "test.h"

#include "data/data.h"

#include <runner/dataset.h>
#include <runner/plugin.h>

#include <dlfcn.h>

/* The data set of that name; fails the test if there is none. */
static inline const rn_dataset *set_named(const char *name)
{
    void *object = dlopen(BUILD_FOLDER "/lib/runner/datasets.so", RTLD_NOW | RTLD_LOCAL);
    if (!object)
        fail_msg("%s", dlerror());
    const rn_plugin *plugin = dlsym(object, "rn_plugin_export");
    assert_non_null(plugin);
    for (const rn_dataset *const *set = plugin->datasets; *set; set++)
        if (strcmp((*set)->name, name) == 0)
            return *set;
    fail_msg("no data set '%s'", name);
    return NULL;
}

/* A configuration with the schema's defaults. */
static inline rn_data_config config_of(const rn_dataset *set, const void *params, int64_t height, int64_t width)
{
    return (rn_data_config){.set = {.what = (const rn_component *)set, .params = params},
                            .resolution = {height, width}, .max_pixels = 1 << 28, .held_out = 128, .workers = 2};
}

#endif
