#include "support/schema.h"

#include "support/golden.h"

#include <dlfcn.h>

/* Structs that were made stay until the program ends, reachable from here. */
static struct made {
    struct made *before;
    max_align_t values[];
} *made;

const rn_plugin *plugin_of(const char *folder)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/lib/runner/%s.so", BUILD_FOLDER, folder);
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!object)
        fail_msg("%s", dlerror());
    const rn_plugin *p = dlsym(object, "rn_plugin_export");
    assert_non_null(p);
    return p;
}

const rn_component *component_in(const void *descriptors, const char *name)
{
    for (const rn_component *const *c = descriptors; c && *c; c++)
        if (!strcmp((*c)->name, name))
            return *c;
    return NULL;
}

static int64_t choice_of(const rn_param *row, const char *text)
{
    for (int64_t i = 0; row->choices[i]; i++)
        if (!strcmp(row->choices[i], text))
            return i;
    fail_msg("%s: no choice '%s'", row->name, text);
    return -1;
}

void *params_of(const rn_component *c, const char *values)
{
    if (!c->params)
        return NULL;
    struct made *m = calloc(1, sizeof *m + c->params_bytes);
    assert_non_null(m);
    m->before = made;
    made = m;
    char *s = (char *)m->values, text[256];
    for (const rn_param *row = c->params; row->type != RN_PARAM_END; row++) {
        if (!golden_text(values, row->name, text, sizeof text)) {
            if (!row->def)
                fail_msg("%s.%s is required", c->name, row->name);
            snprintf(text, sizeof text, "%s", row->def);
        }
        const bool none = !strcmp(text, "none") && (row->flags & RN_NULLABLE);
        switch (row->type) {
        case RN_PARAM_REAL: *(double *)(void *)(s + row->offset) = none ? 0 : strtod(text, NULL); break;
        case RN_PARAM_INT: *(int64_t *)(void *)(s + row->offset) = none ? 0 : strtoll(text, NULL, 10); break;
        case RN_PARAM_BOOL: *(bool *)(s + row->offset) = !strcmp(text, "true") || !strcmp(text, "1"); break;
        case RN_PARAM_CHOICE: *(int64_t *)(void *)(s + row->offset) = none ? 0 : choice_of(row, text); break;
        default: fail_msg("%s.%s: a type that no test has needed", c->name, row->name);
        }
    }
    return s;
}
