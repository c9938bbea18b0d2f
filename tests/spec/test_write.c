/* A variant written as a spec of its own and read again is the same variant. */
#include "plugin/catalogue.h"
#include "spec/write.h"
#include "support/networks.h"
#include "support/scratch.h"
#include "support/toys.h"

#include <glob.h>

static void read_spec(const char *path, const rn_catalogue *catalogue, rn_spec *spec)
{
    rn_diagnostics d = {0};
    if (!rn_spec_read(path, NULL, 0, spec, &d) || !rn_spec_check(spec, catalogue, &d)) {
        size_t bytes;
        char *written = (char *)scratch_read(path, &bytes);
        rn_diagnostics_print(stderr, &d);
        fail_msg("%s cannot be read:\n%s", path, written);
    }
    rn_diagnostics_free(&d);
}

/* Every value has its text again, every name and hash is as before; paths, that are written whole, end as they did. */
static void compare(const rn_variant *a, const rn_variant *b, bool relative)
{
    assert_string_equal(a->name, b->name);
    for (int64_t i = 0; i < a->n_values; i++) {
        const rn_value *x = &a->value[i], *y = rn_variant_value(b, x->path);
        if (!y) {
            fail_msg("%s: '%s' is gone", a->name, x->path);
            return;
        }
        const size_t n = strlen(x->text), m = strlen(y->text);
        if (strcmp(x->path, "seeds") == 0)
            assert_string_equal(y->text, "[7]");
        else if (x->is_path ? m < n || (x->is_text && strcmp(y->text + m - n, x->text) != 0) : strcmp(x->text, y->text) != 0)
            fail_msg("%s: '%s' is '%s', not '%s'", a->name, x->path, y->text, x->text);
        assert_int_equal(x->is_none, y->is_none);
    }
    assert_int_equal(a->n_values, b->n_values);
    if (!relative)
        assert_string_equal(a->hash, b->hash);
}

static int written_and_read(const char *path, const rn_catalogue *catalogue)
{
    char *folder = scratch_folder(), *copy = scratch_path(folder, "spec.yaml");
    rn_spec spec, again;
    read_spec(path, catalogue, &spec);
    for (int64_t i = 0; i < spec.n_variants; i++) {
        bool relative = false;
        for (int64_t k = 0; k < spec.variant[i].n_values; k++)
            relative |= spec.variant[i].value[k].is_path && spec.variant[i].value[k].text[0] != '/';
        FILE *f = fopen(copy, "w");
        assert_non_null(f);
        rn_variant_write(f, &spec.variant[i], 7);
        assert_int_equal(fclose(f), 0);
        read_spec(copy, catalogue, &again);
        assert_int_equal(again.n_variants, 1);
        compare(&spec.variant[i], &again.variant[0], relative);
        rn_spec_free(&again);
    }
    const int n = (int)spec.n_variants;
    rn_spec_free(&spec);
    free(copy), free(folder);
    return n;
}

static void every_experiment_of_the_project_comes_back(void **state)
{
    static const char *const patterns[] = {"/experiments/*.yaml", "/experiments/*/*.yaml"};
    (void)state;
    const rn_catalogue catalogue = rn_registry_catalogue(networks_registry());
    int variants = 0;
    for (size_t k = 0; k < sizeof patterns / sizeof *patterns; k++) {
        char pattern[1024];
        glob_t found;
        snprintf(pattern, sizeof pattern, "%s%s", SOURCE_FOLDER, patterns[k]);
        assert_int_equal(glob(pattern, 0, NULL, &found), 0);
        for (size_t i = 0; i < found.gl_pathc; i++)
            variants += written_and_read(found.gl_pathv[i], &catalogue);
        globfree(&found);
    }
    assert_true(variants > 10);
}

/* Texts that YAML would read as something else, lists of them, sizes, words that are a list's, names with signs. */
static void odd_texts_come_back_as_they_were(void **state)
{
    static const char *const rests[] = {
        "task: {type: diffuse, label: 'a: \"b\" # c, {d} [e] \\ ü'}\n",
        "task: {type: diffuse, label: 'none'}\n",
        "task: {type: diffuse, label: '12'}\n",
        "task: {type: diffuse, label: ' two\n\n  lines '}\n",
        "task: {type: diffuse, loss: {words: ['a, b', \"c'd\", '#', 'true']}}\n",
        "task: {type: diffuse, loss: {words: []}}\n",
        "task: {type: diffuse, crop: [3, 5], rate: 1e-7}\n",
        "task: {type: diffuse, schedule: {shift: {from: 8}}}\n",
        "question: \"why: not?\\t\\x07\"\n",
        "plugins: [a b.so, './c,d.so']\n",
        "vary: {task.rate: [1, .5], task.schedule.shift: [none, {from: 8}]}\n",
    };
    (void)state;
    char *folder = scratch_folder(), *path = scratch_path(folder, "toy.yaml"), text[8192];
    for (size_t i = 0; i < sizeof rests / sizeof *rests; i++) {
        char plain[4096] = ""; /* the toy spec without what the row says */
        const size_t key = strcspn(rests[i], ":") + 1;
        for (const char *line = toy_spec; *line; line += strcspn(line, "\n") + 1)
            if (strncmp(line, rests[i], key) != 0)
                snprintf(plain + strlen(plain), sizeof plain - strlen(plain), "%.*s\n", (int)strcspn(line, "\n"), line);
        snprintf(text, sizeof text, "%s%s", plain, rests[i]);
        scratch_write(path, text, strlen(text));
        assert_true(written_and_read(path, &toy_catalogue) > 0);
    }
    free(path), free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_experiment_of_the_project_comes_back),
        cmocka_unit_test(odd_texts_come_back_as_they_were),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
