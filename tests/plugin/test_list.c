/* What `runner plugins` and `runner describe` print. */
#include "plugin/list.h"
#include "plugin/load.h"
#include "support/scratch.h"

static char *printed(bool json, const rn_registry *r)
{
    char *text = NULL;
    size_t bytes;
    FILE *f = open_memstream(&text, &bytes);
    assert_non_null(f);
    assert_true(rn_plugins_print(f, r, json));
    fclose(f);
    return text;
}

static void every_component_of_every_plugin_is_listed(void **state)
{
    (void)state;
    rn_registry *r = rn_registry_open();
    rn_error err;
    assert_ok(rn_plugins_load(r, &(rn_plugin_search){0}, &err), err);
    char *text = printed(false, r), *json = printed(true, r);
    for (int i = 0; i < rn_registry_plugins(r); i++) {
        const rn_loaded *p = rn_registry_plugin(r, i);
        const char *const facts[] = {p->path, p->plugin->name, p->plugin->version, p->plugin->licence};
        for (size_t k = 0; k < 4; k++)
            assert_true(strstr(text, facts[k]) && strstr(json, facts[k]));
        assert_non_null(strstr(json, p->sha256));
    }
    int n = 0;
    for (int k = RN_KIND_NONE + 1; k < RN_KIND_END; k++)
        for (int i = 0; i < rn_registry_count(r, (rn_kind)k); i++, n++) {
            const rn_component *c = rn_registry_at(r, (rn_kind)k, i);
            if (!strstr(text, c->name) || !strstr(json, c->name))
                fail_msg("%s '%s' is not listed", rn_kind_name((rn_kind)k), c->name);
        }
    assert_true(n > 0);
    free(text);
    free(json);
    rn_registry_close(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_component_of_every_plugin_is_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
