/* Whole specs: bases, overrides, variants, and the places of what is wrong in any of them. */
#include "test.h"

#include "spec/spec.h"
#include "support/scratch.h"
#include "support/toys.h"

#include <unistd.h>

enum { SETS = 8 };

/* Files of one scratch folder, which is the current one, so that messages name them as they are called here. */
typedef struct bench {
    rn_spec spec;
    rn_diagnostics told;
    bool ok;
} bench;

static int enter_folder(void **state)
{
    char *folder = scratch_folder();
    assert_int_equal(chdir(folder), 0);
    *state = folder;
    return 0;
}

static int leave_folder(void **state)
{
    assert_int_equal(chdir("/"), 0);
    free(*state);
    return 0;
}

/* A file that is truncated and rewritten is flushed to the disk by some file systems, a new one is not. */
static void write_text(const char *path, const char *text)
{
    remove(path);
    scratch_write(path, text, strlen(text));
}

static void load(bench *b, const char *path, const char *const *sets)
{
    int n = 0;
    while (sets && sets[n])
        n++;
    *b = (bench){0};
    if (rn_spec_read(path, sets, n, &b->spec, &b->told))
        b->ok = rn_spec_check(&b->spec, &toy_catalogue, &b->told);
}

static void load_text(bench *b, const char *text, const char *const *sets)
{
    write_text("s.yaml", text);
    load(b, "s.yaml", sets);
}

static void unload(bench *b)
{
    rn_spec_free(&b->spec);
    rn_diagnostics_free(&b->told);
}

static void assert_right(const bench *b)
{
    if (!b->ok)
        fail_msg("%s: %s: %s", b->told.first ? b->told.first->place : "", b->told.first ? b->told.first->path : "",
                 b->told.first ? b->told.first->text : "no memory");
}

static const char *text_at(const bench *b, int64_t variant, const char *path)
{
    const rn_value *v = rn_variant_value(&b->spec.variant[variant], path);
    return v ? v->text : "(none)";
}

static const char *origin_at(const bench *b, int64_t variant, const char *path)
{
    const rn_value *v = rn_variant_value(&b->spec.variant[variant], path);
    return v ? v->origin : "(none)";
}

#define HEAD "version: 1\nname: toy\ndata: {resolution: 8}\ntrain: {steps: 10}\n"

/* ---- what is read ---- */

static void a_spec_without_variants_has_one_named_base(void **state)
{
    (void)state;
    bench b;
    load_text(&b, toy_spec, NULL);
    assert_right(&b);
    assert_int_equal(b.spec.n_variants, 1);
    assert_string_equal(b.spec.variant[0].name, "base");
    assert_string_equal(b.spec.name, "toy");
    assert_null(b.spec.question);
    assert_int_equal(b.spec.seeds.n, 3);
    const rn_experiment *x = b.spec.variant[0].experiment;
    assert_string_equal(x->model.what->name, "net");
    assert_string_equal(x->task.what->name, "diffuse");
    assert_string_equal(x->data.set.what->name, "leaves");
    assert_int_equal(x->evaluate.features.n, 2); /* all that say so of themselves */
    assert_int_equal(x->evaluate.metrics.n, 1);
    assert_null(x->evaluate.reference.what);
    assert_int_equal(x->train.steps, 10);
    assert_string_equal(origin_at(&b, 0, "train.steps"), "s.yaml:5:16");
    assert_string_equal(origin_at(&b, 0, "train.batch"), "default");
    assert_string_equal(b.spec.text, toy_spec);
    unload(&b);
}

static void each_layer_outweighs_the_ones_before(void **state)
{
    (void)state;
    write_text("ground.yaml", "version: 1\nname: ground\ndata: {resolution: 8, flip: true, held_out: 1}\n"
                              "train: {steps: 1, batch: 1, log_every: 1}\nseeds: [7, 8]\nmodel: {type: net, width: 1}\n");
    write_text("base.yaml", "base: ground.yaml\nname: base\ndata: {held_out: 2}\ntrain: {batch: 2, log_every: 2}\n");
    bench b;
    static const char *const sets[] = {"model.width=6", "train.ema=none", NULL};
    write_text("s.yaml", "base: base.yaml\nname: file\ntrain: {log_every: 3}\n"
                         "variants: {a: {}, b: {train.steps: 4, data: {flip: false}, model.width: 4}}\n"
                         "vary: {model.width: [5, 55], data.held_out: [5]}\nbaseline: 'b,width=5,held_out=5'\n");
    load(&b, "s.yaml", NULL);
    assert_right(&b);
    static const struct { int64_t variant; const char *path, *text, *origin; } values[] = {
        {0, "name", "file", "s.yaml:2:7"},          {0, "train.log_every", "3", "s.yaml:3:20"},
        {0, "train.batch", "2", "base.yaml:4:16"},  {0, "train.steps", "1", "ground.yaml:4:16"},
        {0, "data.flip", "true", "ground.yaml:3:29"}, {0, "seeds", "[7, 8]", "ground.yaml:5:8"},
        {0, "train.ema", "0.999", "default"},       {2, "train.steps", "4", "s.yaml:4:36"},
        {2, "data.flip", "false", "s.yaml:4:52"},   {3, "model.width", "55", "s.yaml:5:25"},
        {3, "data.held_out", "5", "s.yaml:5:46"},   {0, "model.type", "net", "ground.yaml:6:15"},
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        assert_string_equal(text_at(&b, values[i].variant, values[i].path), values[i].text);
        assert_string_equal(origin_at(&b, values[i].variant, values[i].path), values[i].origin);
    }
    assert_int_equal(b.spec.n_variants, 4);
    assert_int_equal(b.spec.baseline, 2);
    static const char *const files[] = {"s.yaml", "base.yaml", "ground.yaml"};
    assert_int_equal(b.spec.n_files, 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(b.spec.files[i].path, files[i]);
    unload(&b);
    load(&b, "s.yaml", (const char *const[]){"vary.model.width=[9]", "train.ema=none", "baseline=a,width=9,held_out=5", NULL});
    assert_right(&b);
    assert_int_equal(b.spec.n_variants, 2);
    assert_string_equal(text_at(&b, 0, "model.width"), "9");
    assert_string_equal(text_at(&b, 0, "train.ema"), "none");
    assert_string_equal(origin_at(&b, 0, "train.ema"), "--set #2:11");
    unload(&b);
    load(&b, "s.yaml", sets); /* makes the variants of the axis equal */
    assert_false(b.ok);
    assert_non_null(strstr(b.told.first->text, "has the same values as"));
    unload(&b);
}

static void overrides_reach_into_lists_bare_names_and_absent_mappings(void **state)
{
    (void)state;
    bench b;
    load_text(&b, HEAD "model: {type: net, levels: [{block: res, channels: 8}, {block: res, channels: 16}]}\n"
                       "task: diffuse\n",
              (const char *const[]){"model.levels[1].channels=32", "model.levels.0.repeat=3", "task.schedule.shift.from=4",
                                    "task.schedule.type=linear", "seeds=[5]", "evaluate.metrics=[kid]", NULL});
    assert_right(&b);
    assert_string_equal(text_at(&b, 0, "model.levels[1].channels"), "32");
    assert_string_equal(text_at(&b, 0, "model.levels[0].channels"), "8");
    assert_string_equal(text_at(&b, 0, "model.levels[0].repeat"), "3");
    assert_string_equal(text_at(&b, 0, "task.type"), "diffuse");
    assert_string_equal(text_at(&b, 0, "task.schedule.type"), "linear");
    assert_string_equal(text_at(&b, 0, "task.schedule.shift.from"), "4");
    assert_string_equal(text_at(&b, 0, "evaluate.metrics[0].type"), "kid");
    assert_string_equal(origin_at(&b, 0, "model.levels[1].channels"), "--set #1:26");
    assert_int_equal(b.spec.seeds.v[0], 5);
    unload(&b);
    load_text(&b, HEAD "model: net\ntask: {type: diffuse, schedule: linear}\n"
                       "variants: {plain: {}, moved: {task.schedule.shift: {from: 32}}}\n", NULL);
    assert_right(&b);
    assert_string_equal(text_at(&b, 1, "task.schedule.type"), "linear");
    assert_string_equal(text_at(&b, 1, "task.schedule.shift.from"), "32");
    unload(&b);
}

static void a_path_replaces_its_node_and_a_nested_mapping_is_merged(void **state)
{
    (void)state;
    bench b;
    load_text(&b, HEAD "model: net\ntask: {type: diffuse, schedule: {shift: {from: 16, ends: kept}}}\n"
                       "variants: {a: {}, path: {task.schedule.shift: {from: 32}}, nested: {task: {schedule: {shift: {from: 32}}}}}\n",
              NULL);
    assert_right(&b);
    assert_string_equal(text_at(&b, 0, "task.schedule.shift.ends"), "kept");
    assert_string_equal(text_at(&b, 1, "task.schedule.shift.ends"), "moved");
    assert_string_equal(text_at(&b, 2, "task.schedule.shift.ends"), "kept");
    assert_int_equal(b.spec.variant[1].n_differences, 2);
    assert_int_equal(b.spec.variant[2].n_differences, 1);
    assert_string_equal(b.spec.variant[2].difference[0].path, "task.schedule.shift.from");
    assert_string_equal(b.spec.variant[2].difference[0].baseline, "16");
    unload(&b);
}

static void paths_are_resolved_where_they_are_written(void **state)
{
    (void)state;
    assert_int_equal(system("mkdir -p below"), 0);
    write_text("below/base.yaml", "version: 1\nname: x\nmodel: {type: net, weights: w/b}\ntrain: {steps: 1}\n"
                                  "data: {type: folder, path: images, resolution: 8}\nplugins: [mine, /theirs/x.so]\n");
    write_text("s.yaml", "base: below/base.yaml\nmodel: {weights: w/s}\n");
    bench b;
    load(&b, "s.yaml", NULL);
    assert_right(&b);
    assert_string_equal(text_at(&b, 0, "data.path"), "below/images");
    assert_string_equal(text_at(&b, 0, "model.weights"), "w/s");
    assert_int_equal(b.spec.plugins.n, 2);
    assert_string_equal(b.spec.plugins.v[0], "below/mine");
    assert_string_equal(b.spec.plugins.v[1], "/theirs/x.so");
    unload(&b);
    load(&b, "s.yaml", (const char *const[]){"data.path=images", "plugins=[other]", NULL});
    assert_right(&b);
    assert_string_equal(text_at(&b, 0, "data.path"), "images");
    assert_string_equal(b.spec.plugins.v[0], "other");
    unload(&b);
}

static void an_override_of_a_type_drops_what_the_new_one_lacks(void **state)
{
    (void)state;
    bench b;
    load_text(&b, HEAD "model: {type: net, width: 32, levels: [{block: res, channels: 8, dropout: 0.1}]}\n"
                       "variants: {net: {}, plain: {model.type: plain}, attention: {model.levels.0.block: attn}}\n", NULL);
    assert_right(&b);
    assert_int_equal(b.spec.variant[0].n_dropped, 0);
    assert_int_equal(b.spec.variant[1].n_dropped, 1);
    const rn_dropped *d = b.spec.variant[1].dropped;
    assert_string_equal(d->path, "model.levels");
    assert_string_equal(d->old_type, "net");
    assert_string_equal(d->new_type, "plain");
    assert_string_equal(text_at(&b, 1, "model.width"), "32"); /* both have it */
    assert_int_equal(b.spec.variant[2].n_dropped, 1);
    assert_string_equal(b.spec.variant[2].dropped->path, "model.levels[0].dropout");
    unload(&b);
    /* the default component's own keys, too */
    static const char leaves[] = "version: 1\nname: toy\nmodel: net\ntrain: {steps: 1}\ndata: {resolution: 8, count: 5}\n";
    load_text(&b, leaves, (const char *const[]){"data.type=folder", "data.path=x", NULL});
    assert_right(&b);
    assert_string_equal(b.spec.variant[0].dropped->path, "data.count");
    unload(&b);
    /* but not what was set for the new one, nor what neither has */
    load_text(&b, leaves, (const char *const[]){"data.type=folder", "data.path=x", "data.count=3", NULL});
    assert_false(b.ok);
    assert_string_equal(b.told.first->place, "--set #3:6");
    unload(&b);
    load_text(&b, HEAD "model: {type: net, wdth: 3}\n", (const char *const[]){"model.type=plain", NULL});
    assert_false(b.ok);
    assert_string_equal(b.told.first->place, "s.yaml:5:20");
    unload(&b);
}

static void variants_are_the_product_of_sets_and_axes_less_exclusions(void **state)
{
    (void)state;
    bench b;
    load_text(&b, HEAD "model: net\nvariants: {a: {}, b: {train.batch: 4}}\n"
                       "vary:\n  model.width: [1, 2]\n  task.schedule.shift: [none, {from: 32}]\n"
                       "exclude:\n  - {model.width: 2.0, train.batch: 4}\n  - {model.width: 1, task.schedule.shift: {from: 0x20}}\n",
              NULL);
    assert_right(&b);
    static const char *const names[] = {"a,width=1,shift=none", "a,width=2,shift=none", "a,width=2,shift.from=32",
                                        "b,width=1,shift=none"};
    assert_int_equal(b.spec.n_variants, sizeof names / sizeof *names);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_string_equal(b.spec.variant[i].name, names[i]);
    unload(&b);
}

/* ---- hashes ---- */

static void hash_of(const char *text, const char *const *sets, char hash[65])
{
    bench b;
    load_text(&b, text, sets);
    assert_right(&b);
    memcpy(hash, b.spec.variant[0].hash, 65);
    unload(&b);
}

static void the_hash_is_that_of_the_values_and_of_nothing_else(void **state)
{
    (void)state;
    static const struct { bool same; const char *text; } specs[] = {
        {true, "# a comment\ntrain: {steps: 1e1}   # ten\nmodel: {type: net}\nname: other\nversion: 1\ndata:\n  resolution: [8, 8]\n"},
        {true, "version: 1\nname: toy\nquestion: why?\nseeds: [4]\ndata: {resolution: 8}\nmodel: net\ntrain: {steps: 10, log_every: 5}\n"},
        {true, "version: 1\nname: toy\ndata: {resolution: 8, flip: false}\nmodel: net\ntrain: {steps: 10}\nevaluate: {every: 3}\n"},
        {false, "version: 1\nname: toy\ndata: {resolution: 8}\nmodel: net\ntrain: {steps: 11}\n"},
        {false, "version: 1\nname: toy\ndata: {resolution: 8}\nmodel: plain\ntrain: {steps: 10}\n"},
        {false, "version: 1\nname: toy\ndata: {resolution: 8}\nmodel: {type: net, weights: x}\ntrain: {steps: 10}\n"},
        {false, "version: 1\nname: toy\ndata: {resolution: 8}\nmodel: net\ntrain: {steps: 10, ema: 0.99900001}\n"},
    };
    char first[65], other[65];
    hash_of(toy_spec, NULL, first);
    assert_int_equal(strlen(first), 64);
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        hash_of(specs[i].text, NULL, other);
        if ((strcmp(first, other) == 0) != specs[i].same)
            fail_msg("%s: %s hash", specs[i].text, specs[i].same ? "another" : "the same");
    }
    hash_of(toy_spec, (const char *const[]){"train.steps=11", NULL}, other);
    assert_string_not_equal(first, other);
    hash_of(toy_spec, (const char *const[]){"train.steps=10", "train.log_every=7", NULL}, other);
    assert_string_equal(first, other);
}

/* ---- what is wrong ---- */

static const struct { const char *what, *text; const char *sets[SETS]; const char *place, *path, *words; } wrong[] = {
    {"no mapping", "- a\n", {0}, "s.yaml:1:1", "", "a spec is a mapping"},
    {"only a word", "spec\n", {0}, "s.yaml:1:1", "", "a spec is a mapping"},
    {"itself", HEAD "base: s.yaml\nmodel: net\n", {0}, "s.yaml:5:7", "base", "includes itself: s.yaml → s.yaml"},
    {"a cycle", HEAD "base: cycle.yaml\nmodel: net\n", {0}, "cycle.yaml:1:7", "base", "s.yaml → cycle.yaml → s.yaml"},
    {"no such base", HEAD "base: nowhere.yaml\nmodel: net\n", {0}, "s.yaml:5:7", "", "could not read 'nowhere.yaml'"},
    {"a folder as base", HEAD "base: .\nmodel: net\n", {0}, "s.yaml:5:7", "", "is a folder"},
    {"an empty base", HEAD "base:\nmodel: net\n", {0}, "s.yaml:5:6", "base", "an empty value is no path"},
    {"a base that is empty", HEAD "base: empty.yaml\nmodel: net\n", {0}, "empty.yaml:1:1", "", "empty"},
    {"version 2", "version: 2\nname: toy\ndata: {resolution: 8}\nmodel: net\ntrain: {steps: 10}\n", {0}, "s.yaml:1:10", "version", "'2' is out of range"},
    {"no version", "name: toy\ndata: {resolution: 8}\nmodel: net\ntrain: {steps: 10}\n", {0}, "s.yaml:1:1", "version", "missing"},
    {"a name with a slash", "version: 1\nname: a/b\ndata: {resolution: 8}\nmodel: net\ntrain: {steps: 10}\n", {0}, "s.yaml:2:7", "name", "'a/b' is no name"},
    {"the parent folder's name", "version: 1\nname: ..\ndata: {resolution: 8}\nmodel: net\ntrain: {steps: 10}\n", {0}, "s.yaml:2:7", "name", "is no name"},
    {"no seeds", HEAD "model: net\nseeds: []\n", {0}, "s.yaml:6:8", "seeds", "empty"},
    {"a seed twice", HEAD "model: net\nseeds: [1, 1]\n", {0}, "s.yaml:6:8", "seeds", "1 is there twice"},
    {"an unknown key", HEAD "model: net\nvry: {}\n", {0}, "s.yaml:6:1", "vry", "did you mean 'vary'?"},
    {"no axes", HEAD "model: net\nvary: {}\n", {0}, "s.yaml:6:7", "vary", "no axis"},
    {"an axis of one value", HEAD "model: net\nvary: {train.batch: 3}\n", {0}, "s.yaml:6:21", "train.batch", "'3' is no list"},
    {"an empty axis", HEAD "model: net\nvary: {train.batch: []}\n", {0}, "s.yaml:6:21", "train.batch", "is empty"},
    {"an axis twice", HEAD "model: {type: net, levels: [{block: res, channels: 8}]}\nvary:\n  model.levels[0].repeat: [1]\n  model.levels.0.repeat: [2]\n", {0}, "s.yaml:8:3", "model.levels[0].repeat", "varied twice"},
    {"an axis nobody knows", HEAD "model: net\nvary: {train.stpes: [1, 2]}\n", {0}, "s.yaml:6:14", "train.stpes", "did you mean 'steps'?"},
    {"an axis with an empty step", HEAD "model: net\nvary: {train..steps: [1]}\n", {0}, "s.yaml:6:8", "train..steps", "a step of the path is empty"},
    {"an axis of seeds", HEAD "model: net\nvary: {seeds: [[1], [2]]}\n", {0}, "s.yaml:6:8", "seeds", "holds for the whole spec"},
    {"an axis with a value twice", HEAD "model: net\nvary: {train.batch: [1, 1]}\n", {0}, "s.yaml:6:25", "", "two variants are called 'batch=1'"},
    {"an axis with equal values", HEAD "model: net\nvary: {train.batch: [1000, 1e3]}\n", {0}, "s.yaml:6:28", "batch=1e3", "has the same values as 'batch=1000'"},
    {"a wrong value of an axis", HEAD "model: net\nvary: {train.batch: [1, x]}\n", {0}, "s.yaml:6:25", "train.batch", "'x' is no whole number"},
    {"too many", HEAD "model: net\nvary: {train.batch: &a [1,2,3,4,5,6,7,8,9,10,11], train.steps: *a, train.ema: *a, train.log_every: *a}\n", {0}, "s.yaml:6:7", "vary", "more than 10000 variants"},
    {"no variants", HEAD "model: net\nvariants: {}\n", {0}, "s.yaml:6:11", "variants", "no variant is named"},
    {"variants as a list", HEAD "model: net\nvariants: [a]\n", {0}, "s.yaml:6:11", "variants", "no variant is named"},
    {"a variant with a slash", HEAD "model: net\nvariants: {a/b: {}}\n", {0}, "s.yaml:6:12", "variants.a/b", "the name of a variant"},
    {"a variant that is a number", HEAD "model: net\nvariants: {a: 3}\n", {0}, "s.yaml:6:15", "variants.a", "'3' is no mapping"},
    {"a variant twice", HEAD "model: net\nvariants: {a: {}, a: {train.batch: 2}}\n", {0}, "s.yaml:6:19", "a", "twice"},
    {"equal variants", HEAD "model: net\nvariants: {a: {}, b: {}}\n", {0}, "s.yaml:6:19", "b", "has the same values as 'a'"},
    {"a variant's unknown path", HEAD "model: net\nvariants: {a: {}, b: {train.steps.x: 1}}\n", {0}, "s.yaml:4:16", "train.steps", "a mapping is no whole number"},
    {"a variant's unknown key", HEAD "model: net\nvariants: {a: {}, b: {train: {stps: 1}}}\n", {0}, "s.yaml:6:31", "train.stps", "did you mean 'steps'?"},
    {"an element that is not there", HEAD "model: {type: net, levels: [{block: res, channels: 8}]}\nvariants: {a: {'model.levels[1].channels': 9}}\n", {0}, "s.yaml:6:16", "model.levels[1].channels", "has no element 1; allowed: 0 to 0"},
    {"a list without index", HEAD "model: {type: net, levels: [{block: res, channels: 8}]}\nvariants: {a: {model.levels.channels: 9}}\n", {0}, "s.yaml:6:29", "model.levels.channels", "is a list of 1"},
    {"an unknown baseline", HEAD "model: net\nvariants: {one: {}, two: {train.batch: 2}}\nbaseline: tow\n", {0}, "s.yaml:7:11", "baseline", "did you mean 'two'?"},
    {"an excluded baseline", HEAD "model: net\nvary: {train.batch: [1, 2]}\nexclude: [{train.batch: 1}]\nbaseline: batch=1\n", {0}, "s.yaml:8:11", "baseline", "dropped by exclude"},
    {"all excluded", HEAD "model: net\nvary: {train.batch: [1]}\nexclude: [{train.batch: 1}]\n", {0}, "s.yaml:7:10", "exclude", "drops every variant"},
    {"nothing excluded", HEAD "model: net\nvary: {train.batch: [1, 2]}\nexclude: [{train.batch: 3}]\n", {0}, "s.yaml:7:11", "exclude[0]", "drops nothing"},
    {"an exclusion of nothing known", HEAD "model: net\nvary: {train.batch: [1, 2]}\nexclude: [{train.btch: 1}]\n", {0}, "s.yaml:7:12", "train.btch", "no variant has a value"},
    {"exclude as a mapping", HEAD "model: net\nvary: {train.batch: [1, 2]}\nexclude: {train.batch: 1}\n", {0}, "s.yaml:7:10", "exclude", "no list"},
    {"--set without =", toy_spec, {"train.steps"}, "--set:1", "", "no path=value"},
    {"--set without a path", toy_spec, {"=3"}, "--set:1", "", "no path=value"},
    {"--set of no YAML", toy_spec, {"train.steps=[1"}, "--set:15", "", "no YAML"},
    {"--set of nothing", toy_spec, {"train.batch="}, "--set:13", "train.batch", "the value is empty"},
    {"--set of a wrong value", toy_spec, {"train.batch=2", "train.steps=x"}, "--set #2:13", "train.steps", "'x' is no whole number"},
    {"--set of an unknown key", toy_spec, {"train.stepps=3"}, "--set:7", "train.stepps", "did you mean 'steps'?"},
    {"--set into a number", toy_spec, {"train.steps.x=3"}, "s.yaml:5:16", "train.steps", "is no whole number"},
    {"--set into exclude", toy_spec, {"exclude[0].x=3"}, "--set:1", "exclude[0].x", "can only be set as a whole"},
};

static void what_is_wrong_in_a_spec_is_told_where_it_is(void **state)
{
    (void)state;
    write_text("cycle.yaml", "base: s.yaml\n");
    write_text("empty.yaml", "# nothing\n");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        bench b;
        load_text(&b, wrong[i].text, wrong[i].sets);
        const rn_diagnostic *e = b.told.first;
        if (b.ok || !e)
            fail_msg("%s: accepted", wrong[i].what);
        else if (strcmp(e->place, wrong[i].place) != 0 || strcmp(e->path, wrong[i].path) != 0 || !strstr(e->text, wrong[i].words))
            fail_msg("%s: told %s: %s: %s", wrong[i].what, e->place, e->path, e->text);
        unload(&b);
    }
}

static void a_dozen_errors_in_base_file_variant_vary_and_set_are_told_in_one_run(void **state)
{
    (void)state;
    write_text("wrong_base.yaml", "version: 1\nname: toy\ndata: {resolution: 8, flip: yes, colour: 1}\nseeds: [0, -1]\n");
    write_text("s.yaml", "base: wrong_base.yaml\n"
                         "model: {type: net, levels: [{block: ress, channels: 8}], width: 0}\n"
                         "train: {stesp: 10, batch: 16}\n"
                         "evaluate: {weights: emma}\n"
                         "task: {type: diffuse, loss: {scales: [1, 2, 100]}}\n"
                         "variants:\n"
                         "  plain: {}\n"
                         "  odd: {task.schedule.shift: {form: 32}, train: {lr: 1}}\n"
                         "vary:\n"
                         "  train.ema: [none, 1.5]\n"
                         "  task.rate: [1, fast]\n");
    bench b;
    load(&b, "s.yaml", (const char *const[]){"train.batch=many", "train.optimiser.lr=1", NULL});
    static const struct { const char *place, *path; } all[] = {
        {"s.yaml:2:37", "model.levels[0].block"},
        {"s.yaml:2:65", "model.width"},
        {"s.yaml:3:8", "train.steps"},
        {"s.yaml:3:9", "train.stesp"},
        {"s.yaml:4:21", "evaluate.weights"},
        {"s.yaml:5:45", "task.loss.scales[2]"},
        {"s.yaml:8:30", "task.schedule.shift.from"},
        {"s.yaml:8:31", "task.schedule.shift.form"},
        {"s.yaml:8:50", "train.lr"},
        {"s.yaml:10:21", "train.ema"},
        {"s.yaml:11:18", "task.rate"},
        {"wrong_base.yaml:3:29", "data.flip"},
        {"wrong_base.yaml:3:34", "data.colour"},
        {"wrong_base.yaml:4:12", "seeds[1]"},
        {"--set #1:13", "train.batch"},
        {"--set #2:7", "train.optimiser"},
    };
    assert_false(b.ok);
    const rn_diagnostic *e = b.told.first;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++, e = e ? e->next : NULL)
        if (!e || strcmp(e->place, all[i].place) != 0 || strcmp(e->path, all[i].path) != 0)
            fail_msg("error %zu: %s: %s: %s instead of %s: %s", i, e ? e->place : "", e ? e->path : "", e ? e->text : "nothing",
                     all[i].place, all[i].path);
    assert_int_equal(b.told.n, sizeof all / sizeof *all);
    unload(&b);
}

static void duplicate_keys_are_told_with_the_errors_of_values(void **state)
{
    (void)state;
    bench b;
    load_text(&b, HEAD "model: net\nmodel: plain\nevaluate: {samples: 1}\n", NULL);
    assert_false(b.ok);
    assert_int_equal(b.told.n, 2);
    assert_string_equal(b.told.first->place, "s.yaml:6:1");
    assert_string_equal(b.told.first->next->place, "s.yaml:7:21");
    unload(&b);
}

/* ---- no text crashes it, none is taken for another ---- */

static const char long_spec[] =
    "version: 1\nname: toy\nquestion: \"does it?\"\nseeds: [0, 1]\n"
    "data: {type: leaves, resolution: [8, 16], count: 50}\n"
    "model:\n  type: net\n  width: 1_6\n  levels:\n    - {channels: 8, block: res, repeat: 2}\n    - &last {channels: 16, block: attn}\n"
    "task:\n  type: diffuse\n  schedule: {type: cosine, shift: {from: 4}}\n  loss: {scales: [1, 2], weights: equal}\n"
    "train: {steps: 10, batch: 4, optimizer: {type: adam, lr: 3e-4}, ema: none}\n"
    "evaluate: {metrics: [kid], sampler: {type: ddim, steps: 5}}\n"
    "vary: {task.schedule.shift: [none, {from: 8}]}\nexclude: []\nbaseline: shift=none\n";

static void no_prefix_of_a_spec_is_taken_for_another(void **state)
{
    (void)state;
    char text[sizeof long_spec];
    bench b;
    load_text(&b, long_spec, NULL);
    assert_right(&b);
    unload(&b);
    /* where a line ends the rest may be a spec of its own, which is what its writer sees; inside of one it is not */
    for (size_t n = 0; n + 1 < sizeof long_spec; n++) {
        memcpy(text, long_spec, n);
        text[n] = '\0';
        load_text(&b, text, NULL);
        const bool whole_line = n > 0 && (text[n - 1] == '\n' || long_spec[n] == '\n');
        if (b.ok && !whole_line && n < strlen(long_spec) - strlen("baseline: shift=none\n"))
            fail_msg("a prefix of %zu bytes is taken for a spec", n);
        if (!b.ok && b.told.n == 0)
            fail_msg("a prefix of %zu bytes is refused without a word", n);
        unload(&b);
    }
}

static void no_change_of_bytes_crashes_it(void **state)
{
    (void)state;
    uint32_t seed = 12345;
    for (int i = 0; i < 2000; i++) {
        char text[sizeof long_spec];
        memcpy(text, long_spec, sizeof text);
        for (int k = 0; k < 1 + i % 4; k++) {
            static const char odd[] = "{}[]:,&*#!|>'\"%@`-? \n\t0aZ~<\x80\xff\x01";
            seed = seed * 1664525u + 1013904223u;
            const size_t at = (seed >> 8) % (sizeof text - 1);
            seed = seed * 1664525u + 1013904223u;
            text[at] = odd[(seed >> 8) % (sizeof odd - 1)];
        }
        bench b;
        load_text(&b, text, NULL);
        assert_true(b.ok || b.told.n > 0);
        unload(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_spec_without_variants_has_one_named_base),
        cmocka_unit_test(each_layer_outweighs_the_ones_before),
        cmocka_unit_test(overrides_reach_into_lists_bare_names_and_absent_mappings),
        cmocka_unit_test(a_path_replaces_its_node_and_a_nested_mapping_is_merged),
        cmocka_unit_test(paths_are_resolved_where_they_are_written),
        cmocka_unit_test(an_override_of_a_type_drops_what_the_new_one_lacks),
        cmocka_unit_test(variants_are_the_product_of_sets_and_axes_less_exclusions),
        cmocka_unit_test(the_hash_is_that_of_the_values_and_of_nothing_else),
        cmocka_unit_test(what_is_wrong_in_a_spec_is_told_where_it_is),
        cmocka_unit_test(a_dozen_errors_in_base_file_variant_vary_and_set_are_told_in_one_run),
        cmocka_unit_test(duplicate_keys_are_told_with_the_errors_of_values),
        cmocka_unit_test(no_prefix_of_a_spec_is_taken_for_another),
        cmocka_unit_test(no_change_of_bytes_crashes_it),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
