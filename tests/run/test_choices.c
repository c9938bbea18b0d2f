/* Every value of every choice that a schema offers is trained and evaluated: words, booleans, `none`, and each component
 * wherever one can be chosen. The walk follows the schemas, so a new word or component is tried without being named
 * here. What is refused must be in the table of refusals, with a located error. */
#include "base/parallel.h"
#include "data/loader.h"
#include "eval/error_grid.h"
#include "eval/sampling.h"
#include "eval/scores.h"
#include "plugin/catalogue.h"
#include "spec/spec.h"
#include "support/networks.h"
#include "support/scratch.h"

static const char text[] =
    "version: 1\n"
    "name: choices\n"
    "data: {type: dead_leaves, count: 16, held_out: 4, resolution: 16, workers: 1}\n"
    "model:\n"
    "  type: uvit\n"
    "  classes: 3\n" /* so that samples can be guided */
    "  levels:\n"
    "    - {block: resnet, channels: 8}\n"
    "    - {block: transformer, channels: 16}\n"
    "train: {steps: 2, batch: 4, optimizer: {warmup: 1}}\n"
    "evaluate: {samples: 4, batch: 4, sampler: {steps: 2}, features: [pooled_pixels]}\n"
    "deterministic: true\n"; /* and so no time is spent on measuring kernels */

enum { STEPS = 2, SAMPLES = 4, MOST_SETS = 32, SET = 256, LABEL = 256 };

/* Values of keys that have no default, in components that the text above does not choose. Other whole numbers are 8. */
static const struct { const char *key, *value; } needed[] = {
    {"levels", "[{block: resnet, channels: 16}, {block: resnet, channels: 16}]"},
    {"channels", "16"}, /* four for each of four heads */
    {"multipliers", "[1, 1]"},
    {"blocks", "[1, 1]"},
};

/* Mappings that are `none` by default, in each form that they have. */
static const struct { const char *label, *value; } forms[] = {
    {"task:diffusion.schedule.shift", "{from: 8}"},
    {"task:diffusion.schedule.shift", "{low: 8, high: 16}"},
    {"evaluate.guidance", "{scale: 2}"},
    {"evaluate.guidance{scale: 2}.interval", "{low: 0.2, high: 3}"},
    {"task:diffusion.loss.matched_to", "{type: cosine}"},
    {"evaluate.sampler.schedule", "{type: cosine}"},
    {"{type: cosine}.shift", "{from: 8}"},
    {"{type: cosine}:cosine.shift", "{from: 8}"},
};

/* Labels end so ("model:unet.stem=attention" ends as "stem=attention" does), and why. */
static struct { const char *label, *reason; int met; } refusals[] = {
    {"train.steps=none", "no budget says how long to train, either", 0},
    {"=cifar10", "needs a path", 0},
    {"=idx", "needs a path", 0},
    {"=image_folder", "needs a path", 0},
    {"=tar", "needs a path", 0},
    {".levels.0.block=attention", "keeps the width, there the image's three channels, which its four heads do not divide", 0},
    {"_layout.block=attention", "has no channels of its own, which a layout sets", 0},
    {"_layout.middle=attention", "has no channels of its own, which a layout sets", 0},
    {"_layout.block=dwt", "has no channels of its own, which a layout sets", 0},
    {"_layout.middle=dwt", "has no channels of its own, which a layout sets", 0},
    {"_layout.block=space_to_depth", "has no channels of its own, which a layout sets", 0},
    {"_layout.middle=space_to_depth", "has no channels of its own, which a layout sets", 0},
    {"_layout.middle=patch_conv", "changes the size of the map", 0},
    {".block=space_to_depth", "changes the size of the map", 0},
    {".block=dwt", "changes the size of the map", 0},
    {".block=patch_conv", "changes the size of the map", 0},
    {":unet_layout.block=transformer", "keeps the width, and skips beside the map double it", 0},
    {":unet.levels.0.block=transformer", "keeps the width, and skips beside the map double it", 0},
    {":unet.levels.1.block=transformer", "keeps the width, and skips beside the map double it", 0},
    {".attention=space_to_depth", "changes the size of the map", 0},
    {".attention=dwt", "changes the size of the map", 0},
    {".attention=patch_conv", "changes the size of the map", 0},
    {".stem=attention", "has no way back to pixels", 0},
    {".stem=resnet", "has no way back to pixels", 0},
    {".stem=transformer", "has no way back to pixels", 0},
    {".shift{from: 8}.from=none", "no side to align with is left", 0},
    {".shift{from: 8}.low_at=data", "belongs to the other form", 0},
    {".shift{low: 8, high: 16}.low=none", "both sides are needed", 0},
    {".shift{low: 8, high: 16}.high=none", "both sides are needed", 0},
    {".shift{low: 8, high: 16}.ends=kept", "belongs to the other form", 0},
};

/* --- one spec --------------------------------------------------------------------------------------- */

static char *spec_path, *cache;
static char sets[MOST_SETS][SET];
static int n_sets, n_trained, n_refused;

static void set(const char *format, ...) RN_PRINTF(1, 2);
static void set(const char *format, ...)
{
    va_list args;
    assert_true(n_sets < MOST_SETS);
    va_start(args, format);
    const int n = vsnprintf(sets[n_sets++], SET, format, args);
    va_end(args);
    assert_true(n > 0 && n < SET);
}

/* The text with the sets; false: as `err` says. To be freed in both cases. */
static bool spec_open(rn_spec *spec, rn_error *err)
{
    const char *texts[MOST_SETS];
    const rn_catalogue catalogue = rn_registry_catalogue(networks_registry());
    rn_diagnostics d = {0};
    for (int i = 0; i < n_sets; i++)
        texts[i] = sets[i];
    *spec = (rn_spec){0};
    const bool ok = rn_spec_read(spec_path, texts, n_sets, spec, &d) && rn_spec_check(spec, &catalogue, &d);
    if (!ok)
        (void)rn_diagnostics_error(&d, err);
    rn_diagnostics_free(&d);
    return ok;
}

typedef struct run {
    const rn_experiment *e;
    rn_data *data, *reference;
    rn_loader *loader;
    rn_trainer trainer;
    rn_scorer *scorer;
    float *images;
    int32_t labels[64];
} run;

static bool open_parts(run *r, rn_error *err)
{
    if (!rn_data_open_cached(&r->e->data, cache, &r->data, err))
        return rn_at(err, r->e->data.set.place);
    if (r->e->evaluate.reference.what) {
        rn_data_config other = r->e->data;
        other.set = r->e->evaluate.reference;
        if (!rn_data_open_cached(&other, cache, &r->reference, err))
            return rn_at(err, other.set.place);
    }
    r->images = calloc((size_t)(64 * 3 * rn_data_height(r->data) * rn_data_width(r->data)), sizeof *r->images);
    assert_non_null(r->images);
    assert_true(r->e->train.batch <= 64 && r->e->evaluate.batch <= 64);
    return rn_trainer_plan(&r->trainer, networks_registry(), r->e, err) && rn_trainer_start(&r->trainer, 0, err) &&
           rn_loader_open(r->data, 0, r->e->train.batch, r->e->data.workers, &r->loader, err) &&
           rn_scorer_open(&r->e->evaluate, r->reference ? r->reference : r->data, cache, &r->scorer, err);
}

static bool take(void *context, const float *images, int64_t first, int64_t n, rn_error *err)
{
    run *r = context;
    (void)err;
    rn_scorer_add(r->scorer, images, first, n);
    return true;
}

static bool go_on(void) { return false; }

static bool train_and_evaluate(run *r, rn_error *err)
{
    rn_step_result step;
    for (int64_t i = 0; i < STEPS; i++)
        if (!rn_loader_next(r->loader, i, r->images, r->labels, err) ||
            !rn_trainer_step(&r->trainer, r->images, r->labels, &step, err))
            return false;
    assert_true(isfinite(step.loss));
    const rn_parameter_set *weights = rn_trainer_evaluated(&r->trainer);
    const rn_sampling sampling = {.sampler = &r->e->evaluate.sampler, .set = weights, .n = SAMPLES, .sink = take, .context = r};
    rn_scorer_begin(r->scorer);
    if (!rn_sample(&r->trainer, &sampling, err))
        return false;
    assert_true(rn_scorer_count(r->scorer) > 0);
    for (int64_t i = 0; i < rn_scorer_count(r->scorer); i++) {
        rn_scored scored;
        if (!rn_scorer_score(r->scorer, i, 0, &scored, err))
            return false;
        assert_true(isfinite(scored.score.value));
    }
    rn_error_grid grid;
    const int64_t held = rn_data_count(r->data, RN_DATA_HELD_OUT);
    assert_true(held > 0 && held <= 64);
    return rn_data_images(r->data, RN_DATA_HELD_OUT, 0, held, r->images, NULL, err) &&
           rn_error_grid_measure(&r->trainer, weights, r->images, held, 0, go_on, &grid, err);
}

static bool run_spec(rn_error *err)
{
    rn_spec spec;
    run r = {0};
    bool ok = spec_open(&spec, err);
    if (ok) {
        assert_int_equal(spec.n_variants, 1);
        r.e = spec.variant[0].experiment;
        ok = open_parts(&r, err) && train_and_evaluate(&r, err);
    }
    rn_scorer_close(r.scorer);
    rn_trainer_free(&r.trainer);
    rn_loader_close(r.loader);
    rn_data_close(r.reference);
    rn_data_close(r.data);
    free(r.images);
    rn_spec_free(&spec);
    return ok;
}

static bool ends_with(const char *label, const char *end)
{
    const size_t n = strlen(label), m = strlen(end);
    return n >= m && strcmp(label + n - m, end) == 0;
}

/* True if it was trained. */
static bool attempt(const char *label)
{
    rn_error err = {0};
    size_t k = 0;
    while (k < sizeof refusals / sizeof *refusals && !ends_with(label, refusals[k].label))
        k++;
    const bool ok = run_spec(&err), expected = k < sizeof refusals / sizeof *refusals;
    if (ok && expected)
        fail_msg("%s is trained, though listed: %s", label, refusals[k].reason);
    n_trained += ok;
    if (ok)
        return true;
    if (!expected)
        fail_msg("%s is refused: %s:%d:%d: %s", label, err.file, err.line, err.column, err.text);
    refusals[k].met++;
    n_refused++;
    if ((err.code != RN_ERANGE && err.code != RN_ESHAPE && err.code != RN_EMISSING) || err.line == 0)
        fail_msg("%s: code %d, %s:%d: %s", label, (int)err.code, err.file, err.line, err.text);
    return false;
}

/* --- the walk --------------------------------------------------------------------------------------- */

/* A place in a spec: `path` as --set takes it, `label` the same with the components chosen on the way. */
typedef struct where { char path[LABEL], label[LABEL]; } where;

static where below(const where *w, const char *name)
{
    where b;
    const char *dot = w->path[0] ? "." : "";
    assert_true(snprintf(b.path, LABEL, "%s%s%s", w->path, dot, name) < LABEL);
    assert_true(snprintf(b.label, LABEL, "%s%s%s", w->label, dot, name) < LABEL);
    return b;
}

static void walk(const rn_param *rows, where w);

static bool attempt_value(const where *w, const char *value)
{
    char label[2 * LABEL];
    snprintf(label, sizeof label, "%s=%s", w->label, value);
    return attempt(label);
}

/* One value of a plain row. */
static void plain(const where *w, const char *value)
{
    const int before = n_sets;
    set("%s=%s", w->path, value);
    (void)attempt_value(w, value);
    n_sets = before;
}

/* Some of a unit. */
static void amount(const where *w, const char *unit)
{
    char value[64];
    assert_true(snprintf(value, sizeof value, "8 %s", unit) < (int)sizeof value);
    plain(w, value);
}

static const char *needed_value(const rn_param *r)
{
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (strcmp(needed[i].key, r->name) == 0)
            return needed[i].value;
    if (r->type == RN_PARAM_INT)
        return "8";
    if (r->type == RN_PARAM_PATH)
        return NULL; /* not given: the refusal is the test */
    fail_msg("the key '%s' needs a value for this test", r->name);
    return NULL;
}

/* Sets the keys of a component that have no default. */
static void set_needed(const rn_component *c, const where *beside)
{
    for (const rn_param *r = c->params; r && r->type != RN_PARAM_END; r++) {
        const char *value = r->def ? NULL : needed_value(r);
        if (value)
            set("%s.%s=%s", beside->path, r->name, value);
    }
}

/* Each component of the row's kind: at w itself (a mapping of its own), in a list of one, or named by a key of the
 * mapping `in`, beside which its own keys stand. */
static void components(const rn_param *r, const where *w, const where *in)
{
    const rn_registry *registry = networks_registry();
    assert_true(rn_registry_count(registry, r->kind) > 0);
    for (int i = 0; i < rn_registry_count(registry, r->kind); i++) {
        const rn_component *c = rn_registry_at(registry, r->kind, i);
        const int before = n_sets;
        where inside = r->type == RN_PARAM_INLINE ? *in : r->type == RN_PARAM_COMPONENTS ? below(w, "0") : *w;
        if (r->type == RN_PARAM_INLINE)
            set("%s=%s", w->path, c->name);
        else
            set(r->type == RN_PARAM_COMPONENTS ? "%s=[{type: %s}]" : "%s={type: %s}", w->path, c->name);
        set_needed(c, &inside);
        const size_t n = strlen(inside.label);
        assert_true((size_t)snprintf(inside.label + n, LABEL - n, ":%s", c->name) < LABEL - n);
        if (attempt_value(w, c->name) && c->params)
            walk(c->params, inside);
        n_sets = before;
    }
}

/* How many mappings a list of the spec has. */
static int length(const where *w)
{
    rn_spec spec;
    rn_error err = {0};
    int n = 0;
    assert_ok(spec_open(&spec, &err), err);
    for (bool found = true; found; n += found) {
        char begin[LABEL + 16];
        const int bytes = snprintf(begin, sizeof begin, "%s[%d].", w->path, n);
        found = false;
        for (int64_t i = 0; i < spec.variant[0].n_values; i++)
            found |= strncmp(spec.variant[0].value[i].path, begin, (size_t)bytes) == 0;
    }
    rn_spec_free(&spec);
    assert_true(n > 0);
    return n;
}

static void list(const rn_param *r, const where *w)
{
    const int n = length(w);
    for (int i = 0; i < n; i++) {
        char number[16];
        snprintf(number, sizeof number, "%d", i);
        walk(r->fields, below(w, number));
    }
}

static void optional_group(const rn_param *r, const where *w)
{
    int known = 0;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        const int before = n_sets;
        if (!ends_with(w->label, forms[i].label))
            continue;
        known++;
        set("%s=%s", w->path, forms[i].value);
        if (attempt_value(w, forms[i].value)) {
            where inside = *w;
            const size_t n = strlen(inside.label);
            assert_true((size_t)snprintf(inside.label + n, LABEL - n, "%s", forms[i].value) < LABEL - n);
            walk(r->fields, inside);
        }
        n_sets = before;
    }
    if (!known)
        fail_msg("the mapping '%s' needs a form for this test", w->label);
}

static void walk(const rn_param *rows, where w)
{
    for (const rn_param *r = rows; r->type != RN_PARAM_END; r++) {
        const where at = below(&w, r->name);
        if (r->type == RN_PARAM_BOOL) {
            plain(&at, "true");
            plain(&at, "false");
        }
        for (const char *const *word = r->choices; word && *word; word++)
            if (r->type == RN_PARAM_QUANTITY)
                amount(&at, *word);
            else
                plain(&at, *word);
        if (r->flags & RN_NULLABLE)
            plain(&at, "none");
        switch (r->type) {
        case RN_PARAM_GROUP: walk(r->fields, at); break;
        case RN_PARAM_GROUP_PTR: optional_group(r, &at); break;
        case RN_PARAM_LIST: list(r, &at); break;
        case RN_PARAM_INLINE:
        case RN_PARAM_COMPONENT:
        case RN_PARAM_COMPONENTS: components(r, &at, &w); break;
        default: break;
        }
    }
}

/* --- the test --------------------------------------------------------------------------------------- */

static void every_value_of_every_choice_trains_or_is_refused_for_a_known_reason(void **state)
{
    (void)state;
    rn_threads_set(1); /* the networks are too small to share */
    char *folder = scratch_folder();
    spec_path = scratch_path(folder, "spec.yaml");
    cache = scratch_path(folder, "cache");
    scratch_write(spec_path, text, strlen(text));
    walk(rn_experiment_params, (where){"", ""});
    printf("%d values trained, %d refused as listed\n", n_trained, n_refused);
    assert_true(n_trained > 0);
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        if (!refusals[i].met)
            fail_msg("nothing ends with '%s' any more", refusals[i].label);
    free(folder);
    free(spec_path);
    free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_of_every_choice_trains_or_is_refused_for_a_known_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
