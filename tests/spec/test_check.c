/* Trees against schemas: what is read into the structs, and what is told about what does not fit. */
#include "test.h"

#include "spec/check.h"
#include "support/toys.h"

typedef struct checked {
    rn_arena arena;
    rn_diagnostics told;
    rn_chosen chosen;
    bool ok;
} checked;

static void check(checked *c, rn_kind kind, const char *yaml)
{
    *c = (checked){0};
    c->ok = rn_check_component(&c->arena, &toy_catalogue, kind, "toy.yaml", yaml, &c->chosen, &c->told);
}

static void close_checked(checked *c)
{
    rn_arena_free(&c->arena);
    rn_diagnostics_free(&c->told);
}

static void assert_right(const checked *c)
{
    if (!c->ok)
        fail_msg("%s: %s: %s", c->told.first ? c->told.first->place : "", c->told.first ? c->told.first->path : "",
                 c->told.first ? c->told.first->text : "no memory");
}

static void a_component_of_nested_parts_fills_its_structs(void **state)
{
    (void)state;
    checked c;
    check(&c, RN_KIND_MODEL, "{type: net, width: 1e2, stem: {type: attn, channels: 8}, levels: [{block: res, channels: 16, "
                             "dropout: .5, repeat: 2}, {block: attn, channels: 32}]}");
    assert_right(&c);
    const toy_net *n = c.chosen.params;
    assert_string_equal(c.chosen.what->name, "net");
    assert_int_equal(n->width, 100);
    assert_string_equal(n->stem.what->name, "attn");
    assert_null(n->weights);
    assert_int_equal(n->levels.n, 2);
    const toy_level *l = n->levels.v;
    assert_int_equal(l[0].repeat, 2);
    assert_string_equal(l[0].block.what->name, "res");
    assert_int_equal(((const toy_res *)l[0].block.params)->channels, 16);
    assert_true(((const toy_res *)l[0].block.params)->dropout > 0.4);
    assert_int_equal(l[1].repeat, 1);
    assert_string_equal(l[1].block.what->name, "attn");
    assert_int_equal(l[1].block.place.line, 1);
    assert_int_equal(l[1].block.place.column, 127);
    close_checked(&c);
}

static void all_sorts_of_values_are_read(void **state)
{
    (void)state;
    checked c;
    check(&c, RN_KIND_TASK, "{type: diffuse, schedule: {type: linear, shift: {from: 32, ends: kept}}, loss: {scales: [1, 2], "
                            "weights: [1, 0.5], words: [a, \"3\"], pooled: true}, rate: 2, crop: [3, 4], label: 'none'}");
    assert_right(&c);
    const toy_task *t = c.chosen.params;
    assert_string_equal(t->schedule.curve.what->name, "linear");
    assert_int_equal(t->schedule.shift->from, 32);
    assert_int_equal(t->schedule.shift->ends, 1);
    assert_int_equal(t->loss.scales.n, 2);
    assert_int_equal(t->loss.scales.v[1], 2);
    assert_int_equal(t->loss.weights.word, -1);
    assert_int_equal(t->loss.weights.n, 2);
    assert_string_equal(t->loss.words.v[1], "3");
    assert_true(t->loss.pooled);
    assert_int_equal(t->crop.height, 3);
    assert_int_equal(t->crop.width, 4);
    assert_string_equal(t->label, "none"); /* quoted: the word itself */
    close_checked(&c);
}

static void a_bare_name_stands_for_a_component_with_its_defaults(void **state)
{
    (void)state;
    static const char *const texts[] = {"diffuse", "{type: diffuse}", "{type: diffuse, schedule: cosine}",
                                        "{type: diffuse, schedule: {}}", "{type: diffuse, schedule: {shift: none}}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        checked c;
        check(&c, RN_KIND_TASK, texts[i]);
        assert_right(&c);
        const toy_task *t = c.chosen.params;
        assert_string_equal(t->schedule.curve.what->name, "cosine"); /* the one that is_default */
        assert_null(t->schedule.shift);
        assert_int_equal(t->loss.scales.n, 1);
        assert_int_equal(t->loss.weights.word, 0);
        assert_int_equal(t->crop.width, 4);
        close_checked(&c);
    }
}

/* kind, text → place of the first error, its path, words that it must hold and what is known there. */
static const struct { rn_kind kind; const char *yaml; int line, column; const char *path, *words, *known; } wrong[] = {
    {RN_KIND_TASK, "{type: diffuse, rat: 2}", 1, 17, "rat", "unknown key; did you mean 'rate'?", "type, schedule, loss, rate"},
    {RN_KIND_TASK, "{type: diffuse,\n schedule: {tpye: cosine}}", 2, 13, "schedule.tpye", "did you mean 'type'?", "type, shift, low"},
    {RN_KIND_TASK, "{type: diffuse, zzzzzz: 2}", 1, 17, "zzzzzz", "unknown key", "type"},
    {RN_KIND_TASK, "{type: diffuse, loss.scales: [2]}", 1, 17, "loss.scales", "paths with dots are for vary", NULL},
    {RN_KIND_TASK, "{type: diffusse}", 1, 8, "type", "offers the task 'diffusse'; did you mean 'diffuse'?", "diffuse"},
    {RN_KIND_TASK, "diffusse", 1, 1, "", "offers the task 'diffusse'", "diffuse"},
    {RN_KIND_TASK, "{type: diffuse, schedule: cosin}", 1, 27, "schedule", "the schedule 'cosin'; did you mean 'cosine'?", "cosine, linear"},
    {RN_KIND_TASK, "{type: [diffuse]}", 1, 8, "type", "a list is no name", NULL},
    {RN_KIND_TASK, "[diffuse]", 1, 1, "", "a list is no mapping", NULL},
    {RN_KIND_TASK, "{rate: 2}", 1, 1, "type", "missing", NULL},
    {RN_KIND_TASK, "{type: diffuse, rate: 0}", 1, 23, "rate", "'0' is out of range; allowed: a number above 0 and at most 10", NULL},
    {RN_KIND_TASK, "{type: diffuse, rate: nan}", 1, 23, "rate", "'nan' is out of range", NULL},
    {RN_KIND_TASK, "{type: diffuse, rate: inf}", 1, 23, "rate", "'inf' is out of range", NULL},
    {RN_KIND_TASK, "{type: diffuse, rate: fast}", 1, 23, "rate", "'fast' is no number", NULL},
    {RN_KIND_TASK, "{type: diffuse, rate: \"2\"}", 1, 23, "rate", "the quoted text '2' is no number", NULL},
    {RN_KIND_TASK, "{type: diffuse, rate: }", 1, 23, "rate", "the value is empty", NULL},
    {RN_KIND_TASK, "{type: diffuse, rate: none}", 1, 23, "rate", "none is not allowed here", NULL},
    {RN_KIND_TASK, "{type: diffuse, rate: {a: 1}}", 1, 23, "rate", "a mapping is no number", NULL},
    {RN_KIND_TASK, "{type: diffuse, schedule: }", 1, 27, "schedule", "the value is empty", NULL},
    {RN_KIND_TASK, "{type: diffuse, schedule: {shift: {}}}", 1, 35, "schedule.shift.from", "missing: a whole number from 1 to 8192", NULL},
    {RN_KIND_TASK, "{type: diffuse, schedule: {shift: 32}}", 1, 35, "schedule.shift", "'32' is no mapping", NULL},
    {RN_KIND_TASK, "{type: diffuse, schedule: {shift: {from: 3.5}}}", 1, 42, "schedule.shift.from", "'3.5' is no whole number", NULL},
    {RN_KIND_TASK, "{type: diffuse, schedule: {shift: {from: 1, ends: kpet}}}", 1, 51, "schedule.shift.ends", "did you mean 'kept'?", "moved, kept"},
    {RN_KIND_TASK, "{type: diffuse, loss: {pooled: yes}}", 1, 32, "loss.pooled", "'yes' is no boolean; allowed: true or false", NULL},
    {RN_KIND_TASK, "{type: diffuse, loss: {scales: 2}}", 1, 32, "loss.scales", "'2' is no list: write [2]", NULL},
    {RN_KIND_TASK, "{type: diffuse, loss: {scales: [1, 65]}}", 1, 36, "loss.scales[1]", "'65' is out of range", NULL},
    {RN_KIND_TASK, "{type: diffuse, loss: {weights: papr}}", 1, 33, "loss.weights", "did you mean 'paper'?", "paper, equal"},
    {RN_KIND_TASK, "{type: diffuse, loss: {weights: [1, -1]}}", 1, 37, "loss.weights[1]", "'-1' is out of range", NULL},
    {RN_KIND_TASK, "{type: diffuse, loss: {words: [[a]]}}", 1, 32, "loss.words[0]", "a list is no text", NULL},
    {RN_KIND_TASK, "{type: diffuse, crop: [1, 2, 3]}", 1, 23, "crop", "of another length than two", NULL},
    {RN_KIND_TASK, "{type: diffuse, crop: [1, 99]}", 1, 27, "crop[1]", "'99' is out of range", NULL},
    {RN_KIND_TASK, "{type: diffuse, label: none}", 1, 24, "label", "none is not allowed here", NULL},
    {RN_KIND_MODEL, "{type: net, levels: [{block: res, channels: 8}, {block: res, channels: 3}]}", 1, 72, "levels[1].channels", "'3' is out of range", NULL},
    {RN_KIND_MODEL, "{type: net, levels: [{block: res}]}", 1, 22, "levels[0].channels", "missing", NULL},
    {RN_KIND_MODEL, "{type: net, levels: [{channels: 8}]}", 1, 22, "levels[0].block", "missing", NULL},
    {RN_KIND_MODEL, "{type: net, levels: [{block: res, channels: 8, heads: 2}]}", 1, 48, "levels[0].heads", "unknown key", "repeat, block, channels, dropout"},
    {RN_KIND_MODEL, "{type: net, levels: {block: res}}", 1, 21, "levels", "a mapping is no list", NULL},
    {RN_KIND_MODEL, "{type: net, stem: ress}", 1, 19, "stem", "did you mean 'res'?", "attn, res"},
    {RN_KIND_MODEL, "{type: net, width: 99999999999999999999}", 1, 20, "width", "out of range", NULL},
    {RN_KIND_DATASET, "folder", 1, 1, "path", "missing: a path", NULL},
    {RN_KIND_DATASET, "{type: folder, path: ''}", 1, 22, "path", "is no path", NULL},
};

static void what_does_not_fit_is_told_with_place_path_and_what_is_allowed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        checked c;
        check(&c, wrong[i].kind, wrong[i].yaml);
        const rn_diagnostic *e = c.told.first;
        if (c.ok || !e)
            fail_msg("%s: accepted", wrong[i].yaml);
        else if (c.told.n != 1 || e->line != wrong[i].line || e->column != wrong[i].column ||
                 strcmp(e->path, wrong[i].path) != 0 || !strstr(e->text, wrong[i].words) ||
                 (wrong[i].known && (!e->known || !strstr(e->known, wrong[i].known))))
            fail_msg("%s: told %" PRId64 ", first %d:%d: %s: %s (known: %s)", wrong[i].yaml, c.told.n, e->line, e->column,
                     e->path, e->text, e->known ? e->known : "");
        close_checked(&c);
    }
}

static void a_component_that_nobody_offers_says_where_plugins_were_looked_for(void **state)
{
    (void)state;
    checked c;
    check(&c, RN_KIND_MODEL, "{type: unet, its: own, keys: 3}"); /* whose keys nobody can judge */
    assert_int_equal(c.told.n, 1);
    assert_int_equal(c.told.first->code, RN_EUNKNOWN);
    assert_string_equal(c.told.first->note, "looked for plugins in: ./toys, /usr/lib/toys");
    close_checked(&c);
}

static void all_errors_are_told_in_one_go(void **state)
{
    (void)state;
    checked c;
    check(&c, RN_KIND_TASK, "{type: diffuse, rate: -1, crop: x, loss: {pooled: 1, scale: [1]}, schedule: {shift: {form: 3}}}");
    rn_diagnostics_sort(&c.told);
    static const struct { int column; const char *path; } all[] = {
        {23, "rate"}, {33, "crop"}, {51, "loss.pooled"}, {54, "loss.scale"}, {85, "schedule.shift.from"},
        {86, "schedule.shift.form"},
    };
    assert_int_equal(c.told.n, sizeof all / sizeof *all);
    const rn_diagnostic *e = c.told.first;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++, e = e->next) {
        assert_int_equal(e->column, all[i].column);
        assert_string_equal(e->path, all[i].path);
    }
    close_checked(&c);
}

static void a_path_is_resolved_from_the_folder_of_what_says_it(void **state)
{
    (void)state;
    rn_arena a = {0};
    static const struct { const char *folder, *path, *resolved; } paths[] = {
        {"", "data/x", "data/x"},       {"exp", "data/x", "exp/data/x"}, {"exp", "../data/./x/", "exp/../data/x"},
        {"exp", "/abs//x", "/abs/x"},   {"/a/b", "c", "/a/b/c"},         {"", ".", "."},
        {"", "./x", "x"},               {"exp", ".", "exp"},             {"", "/", "/"},
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        const rn_source s = {.folder = paths[i].folder, .text = "", .name = ""};
        assert_string_equal(rn_source_resolve(&a, &s, paths[i].path), paths[i].resolved);
    }
    rn_arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_component_of_nested_parts_fills_its_structs),
        cmocka_unit_test(all_sorts_of_values_are_read),
        cmocka_unit_test(a_bare_name_stands_for_a_component_with_its_defaults),
        cmocka_unit_test(what_does_not_fit_is_told_with_place_path_and_what_is_allowed),
        cmocka_unit_test(a_component_that_nobody_offers_says_where_plugins_were_looked_for),
        cmocka_unit_test(all_errors_are_told_in_one_go),
        cmocka_unit_test(a_path_is_resolved_from_the_folder_of_what_says_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
