/* What `runner describe` prints. */
#include "plugin/describe.h"
#include "plugin/load.h"
#include "support/scratch.h"

static char *described(rn_registry *r, rn_kind kind, const char *name, bool json)
{
    char *text = NULL;
    size_t bytes;
    rn_error err;
    FILE *f = open_memstream(&text, &bytes);
    assert_non_null(f);
    assert_ok(rn_describe_print(f, r, kind, name, json, &err), err);
    fclose(f);
    return text;
}

static rn_registry *loaded(void)
{
    rn_registry *r = rn_registry_open();
    rn_error err;
    assert_ok(rn_plugins_load(r, &(rn_plugin_search){0}, &err), err);
    return r;
}

static void every_component_is_described_with_all_its_parameters(void **state)
{
    (void)state;
    rn_registry *r = loaded();
    int parameters = 0;
    for (int k = RN_KIND_NONE + 1; k < RN_KIND_END; k++)
        for (int i = 0; i < rn_registry_count(r, (rn_kind)k); i++) {
            const rn_component *c = rn_registry_at(r, (rn_kind)k, i);
            char *text = described(r, (rn_kind)k, c->name, false), *json = described(r, (rn_kind)k, c->name, true);
            assert_true(strstr(text, c->doc) && strstr(text, rn_registry_owner(r, (rn_kind)k, i)->path));
            assert_true(json[0] == '[' && strcmp(json + strlen(json) - 2, "]\n") == 0);
            for (const rn_param *p = c->params; p && p->type != RN_PARAM_END; p++, parameters++)
                if (!strstr(text, p->name) || !strstr(text, p->doc) || !strstr(json, p->name))
                    fail_msg("%s '%s': '%s' is not described", rn_kind_name((rn_kind)k), c->name, p->name);
            free(text);
            free(json);
        }
    assert_true(parameters > 0);
    rn_registry_close(r);
}

typedef struct level {
    rn_list levels;
    rn_chosen device;
    double weight;
} level;
static const rn_param level_params[] = {
    RN_LIST(level, levels, level, level_params, "[]", "levels within"),
    RN_COMPONENT(level, device, RN_KIND_DEVICE, "", "where it lives"),
    RN_POSITIVE(level, weight, "kilogram", NULL, 8, "how heavy"),
    RN_PARAMS_END,
};
static rn_tensor build(rn_graph *g, const void *params, const rn_layer_in *in)
{
    (void)g, (void)params;
    return in->x;
}
static const rn_layer nested = {.bytes = sizeof(rn_layer), .name = "nested", .doc = "levels", .params = level_params,
                                .params_bytes = sizeof(level), .build = build};
static const rn_plugin plugin = {.abi = RN_ABI, .bytes = sizeof(rn_plugin), .name = "p", .version = "1", .licence = "MIT",
                                 .layers = (const rn_layer *const[]){&nested, NULL}};

static void a_schema_that_contains_itself_ends_and_defaults_are_named(void **state)
{
    (void)state;
    rn_registry *r = loaded();
    rn_error err;
    assert_ok(rn_registry_add(r, &plugin, "/p.so", &err), err);
    char *text = described(r, RN_KIND_LAYER, "nested", false), *json = described(r, RN_KIND_LAYER, "nested", true);
    assert_non_null(strstr(text, "default cpu")); /* the one that is taken */
    assert_non_null(strstr(text, "in kilogram; required"));
    assert_non_null(strstr(json, "\"required\": true"));
    free(text);
    free(json);
    rn_registry_close(r);
}

static void an_unknown_name_is_answered_with_the_nearest(void **state)
{
    (void)state;
    rn_registry *r = loaded();
    rn_error err;
    char *text = NULL;
    size_t bytes;
    FILE *f = open_memstream(&text, &bytes);
    assert_false(rn_describe_print(f, r, RN_KIND_DEVICE, "cpv", false, &err));
    fclose(f);
    assert_int_equal(bytes, 0);
    free(text);
    assert_int_equal(err.code, RN_EUNKNOWN);
    assert_non_null(strstr(err.text, "device 'cpv'; did you mean 'cpu'?"));
    assert_non_null(strstr(err.text, "looked in: "));
    rn_registry_close(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_component_is_described_with_all_its_parameters),
        cmocka_unit_test(a_schema_that_contains_itself_ends_and_defaults_are_named),
        cmocka_unit_test(an_unknown_name_is_answered_with_the_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
