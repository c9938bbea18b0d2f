/* docs/spec.md and `runner describe spec` against the schemas. */
#include "plugin/describe.h"
#include "plugin/load.h"
#include "spec/experiment.h"
#include "support/scratch.h"

typedef struct pages {
    char *reference, *spec, *json;
} pages;

static int make_pages(void **state)
{
    static pages p;
    rn_registry *r = rn_registry_open();
    rn_error err;
    size_t bytes;
    FILE *f;
    unsetenv("RUNNER_PLUGIN_PATH"); /* the page shows the built-in components alone */
    assert_ok(rn_plugins_load(r, &(rn_plugin_search){0}, &err), err);
    assert_ok(rn_describe_reference(f = open_memstream(&p.reference, &bytes), r, &err), err);
    fclose(f);
    assert_ok(rn_describe_spec(f = open_memstream(&p.spec, &bytes), r, false, &err), err);
    fclose(f);
    assert_ok(rn_describe_spec(f = open_memstream(&p.json, &bytes), r, true, &err), err);
    fclose(f);
    rn_registry_close(r);
    *state = &p;
    return 0;
}

static int free_pages(void **state)
{
    pages *p = *state;
    free(p->reference);
    free(p->spec);
    free(p->json);
    return 0;
}

static void the_page_in_docs_is_what_the_schemas_say(void **state)
{
    const pages *p = *state;
    size_t bytes;
    char *page = (char *)scratch_read(SOURCE_FOLDER "/docs/spec.md", &bytes);
    if (strcmp(page, p->reference) != 0)
        fail_msg("docs/spec.md is not what the schemas say: run cmake --build build --target docs");
    free(page);
}

static int count_rows(const char *text, const rn_param *rows)
{
    int n = 0;
    for (const rn_param *r = rows; r->type != RN_PARAM_END; r++, n++) {
        if (!strstr(text, r->name) || !strstr(text, r->doc))
            fail_msg("'%s' is not described", r->name);
        if (r->fields)
            n += count_rows(text, r->fields);
    }
    return n;
}

static void every_key_of_a_spec_is_described(void **state)
{
    const pages *p = *state;
    assert_true(count_rows(p->spec, rn_maker_params) > 0);
    assert_true(count_rows(p->spec, rn_experiment_params) > 0);
    assert_true(count_rows(p->json, rn_experiment_params) > 0);
    assert_true(p->json[0] == '[' && strcmp(p->json + strlen(p->json) - 2, "]\n") == 0);
}

static void rows_have_the_paths_that_set_takes(void **state)
{
    const pages *p = *state;
    assert_non_null(strstr(p->reference, "| `train.optimizer.lr` |"));
    assert_non_null(strstr(p->reference, "| `levels[].block` |"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_in_docs_is_what_the_schemas_say),
        cmocka_unit_test(every_key_of_a_spec_is_described),
        cmocka_unit_test(rows_have_the_paths_that_set_takes),
    };
    return cmocka_run_group_tests(tests, make_pages, free_pages);
}
