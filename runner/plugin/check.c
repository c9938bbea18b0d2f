/* check: descriptors, kind by kind. What a kind must have stands in two tables. */
#include "plugin/check.h"
#include "plugin/registry.h"

#include <string.h>

/* For each kind its word, where its array stands in rn_plugin, and the size that its descriptor had in the first
 * version of this ABI: up to the last field that need not be asked for with RN_HAS. */
#define KIND(word, list, type, last) \
    {word, offsetof(rn_plugin, list), offsetof(type, last) + sizeof(((type *)0)->last)}
static const struct {
    const char *word;
    size_t list, bytes;
} kinds[RN_KIND_END] = {
    [RN_KIND_DEVICE] = KIND("device", devices, rn_device, download),
    [RN_KIND_OP] = KIND("op", ops, rn_op, example),
    [RN_KIND_KERNEL] = KIND("kernel", kernels, rn_kernel, forget),
    [RN_KIND_LAYER] = KIND("layer", layers, rn_layer, tokens),
    [RN_KIND_MODEL] = KIND("model", models, rn_model, classes),
    [RN_KIND_TASK] = KIND("task", tasks, rn_task, denoise_scalar),
    [RN_KIND_SCHEDULE] = KIND("schedule", schedules, rn_schedule, has_bounds),
    [RN_KIND_WEIGHTING] = KIND("weighting", weightings, rn_weighting, on_eps),
    [RN_KIND_SAMPLER] = KIND("sampler", samplers, rn_sampler, sample),
    [RN_KIND_DATASET] = KIND("dataset", datasets, rn_dataset, endless),
    [RN_KIND_FEATURES] = KIND("features", features, rn_features, revision),
    [RN_KIND_METRIC] = KIND("metric", metrics, rn_metric, score),
    [RN_KIND_OPTIMIZER] = KIND("optimizer", optimizers, rn_optimizer, update),
};

/* Pointers that may not be NULL. */
#define MUST(kind, type, field) {kind, offsetof(type, field), #field}
static const struct {
    rn_kind kind;
    size_t offset;
    const char *field;
} required[] = {
    MUST(RN_KIND_DEVICE, rn_device, alloc),
    MUST(RN_KIND_DEVICE, rn_device, release),
    MUST(RN_KIND_DEVICE, rn_device, upload),
    MUST(RN_KIND_DEVICE, rn_device, download),
    MUST(RN_KIND_OP, rn_op, shape),
    MUST(RN_KIND_KERNEL, rn_kernel, op),
    MUST(RN_KIND_KERNEL, rn_kernel, device),
    MUST(RN_KIND_KERNEL, rn_kernel, plan),
    MUST(RN_KIND_KERNEL, rn_kernel, run),
    MUST(RN_KIND_LAYER, rn_layer, build),
    MUST(RN_KIND_MODEL, rn_model, build),
    MUST(RN_KIND_TASK, rn_task, build_loss),
    MUST(RN_KIND_TASK, rn_task, build_denoise),
    MUST(RN_KIND_TASK, rn_task, feed),
    MUST(RN_KIND_TASK, rn_task, curve),
    MUST(RN_KIND_TASK, rn_task, denoise_scalar),
    MUST(RN_KIND_SCHEDULE, rn_schedule, logsnr),
    MUST(RN_KIND_SCHEDULE, rn_schedule, slope),
    MUST(RN_KIND_WEIGHTING, rn_weighting, on_eps),
    MUST(RN_KIND_SAMPLER, rn_sampler, sample),
    MUST(RN_KIND_DATASET, rn_dataset, open),
    MUST(RN_KIND_DATASET, rn_dataset, close),
    MUST(RN_KIND_DATASET, rn_dataset, count),
    MUST(RN_KIND_DATASET, rn_dataset, item),
    MUST(RN_KIND_DATASET, rn_dataset, read),
    MUST(RN_KIND_DATASET, rn_dataset, probe_item),
    MUST(RN_KIND_DATASET, rn_dataset, digest),
    MUST(RN_KIND_FEATURES, rn_features, open),
    MUST(RN_KIND_FEATURES, rn_features, close),
    MUST(RN_KIND_FEATURES, rn_features, dims),
    MUST(RN_KIND_FEATURES, rn_features, extract),
    MUST(RN_KIND_METRIC, rn_metric, better),
    MUST(RN_KIND_METRIC, rn_metric, score),
    MUST(RN_KIND_OPTIMIZER, rn_optimizer, update),
};

const char *rn_kind_name(rn_kind kind)
{
    return kind > RN_KIND_NONE && kind < RN_KIND_END ? kinds[kind].word : "component";
}

rn_kind rn_kind_of(const char *name)
{
    for (int k = RN_KIND_NONE + 1; k < RN_KIND_END; k++)
        if (strcmp(kinds[k].word, name) == 0)
            return (rn_kind)k;
    return RN_KIND_NONE;
}

static const void *pointer_at(const void *s, size_t offset)
{
    const void *p;
    memcpy(&p, (const char *)s + offset, sizeof p);
    return p;
}

const rn_component *const *rn_plugin_list(const rn_plugin *plugin, rn_kind kind)
{
    const size_t offset = kinds[kind].list;
    if (plugin->bytes < offset + sizeof(void *))
        return NULL;
    return pointer_at(plugin, offset);
}

bool rn_plugin_check_abi(uint32_t abi, rn_error *err)
{
    if (abi == RN_ABI)
        return true;
    return rn_fail(err, RN_EPLUGIN, "built for %s runner: its ABI number is %" PRIu32 ", this runner's is %d; build it "
                   "again with this runner's headers", abi > RN_ABI ? "a newer" : "an older", abi, RN_ABI);
}

bool rn_plugin_check(const rn_plugin *plugin, rn_error *err)
{
    if (!rn_plugin_check_abi(plugin->abi, err))
        return false;
    if (plugin->bytes < offsetof(rn_plugin, devices))
        return rn_fail(err, RN_EPLUGIN, "its descriptor says that it has %" PRIu32 " bytes, name, version and licence "
                       "alone need %zu; define it with RN_PLUGIN", plugin->bytes, offsetof(rn_plugin, devices));
    const char *const fields[] = {plugin->name, plugin->version, plugin->licence};
    static const char *const words[] = {"name", "version", "licence"};
    for (size_t i = 0; i < 3; i++)
        if (!fields[i] || !*fields[i])
            return rn_fail(err, RN_EPLUGIN, "its %s is missing; give RN_PLUGIN one (.%s = \"…\")", words[i], words[i]);
    return true;
}

/* [a-z][a-z0-9_]*, as names stand in a spec */
static bool is_name(const char *text)
{
    if (!(*text >= 'a' && *text <= 'z'))
        return false;
    for (; *text; text++)
        if (!((*text >= 'a' && *text <= 'z') || (*text >= '0' && *text <= '9') || *text == '_'))
            return false;
    return true;
}

/* Bytes that a parameter fills in its struct. */
static size_t param_bytes(const rn_param *p)
{
    static const size_t bytes[] = {
        [RN_PARAM_INT] = sizeof(int64_t),        [RN_PARAM_REAL] = sizeof(double),
        [RN_PARAM_BOOL] = sizeof(bool),          [RN_PARAM_TEXT] = sizeof(char *),
        [RN_PARAM_PATH] = sizeof(char *),        [RN_PARAM_CHOICE] = sizeof(int64_t),
        [RN_PARAM_INTS] = sizeof(rn_ints),       [RN_PARAM_REALS] = sizeof(rn_reals),
        [RN_PARAM_TEXTS] = sizeof(rn_texts),     [RN_PARAM_SIZE] = sizeof(rn_size),
        [RN_PARAM_GROUP_PTR] = sizeof(void *),   [RN_PARAM_LIST] = sizeof(rn_list),
        [RN_PARAM_COMPONENT] = sizeof(rn_chosen), [RN_PARAM_COMPONENTS] = sizeof(rn_chosen_list),
        [RN_PARAM_INLINE] = sizeof(rn_chosen),   [RN_PARAM_QUANTITY] = sizeof(rn_quantity),
    };
    return p->type == RN_PARAM_GROUP ? p->fields_bytes : bytes[p->type];
}

enum { MAX_ROWS = 1000 /* a table without RN_PARAMS_END runs into other data */, MAX_DEPTH = 8 };

/* A schema may contain itself (levels within levels); then it has been checked by the time depth runs out. */
static bool check_params(const rn_param *rows, size_t bytes, int depth, rn_error *err)
{
    for (int i = 0; depth < MAX_DEPTH; i++) {
        const rn_param *p = &rows[i];
        if (p->type == RN_PARAM_END)
            break;
        if (i == MAX_ROWS || p->type < 0 || p->type > RN_PARAM_QUANTITY || !p->name || !is_name(p->name))
            return rn_fail(err, RN_EPLUGIN, "row %d of its parameters is no parameter; end the table with "
                           "RN_PARAMS_END", i);
        if (!p->doc)
            return rn_fail(err, RN_EPLUGIN, "parameter '%s' has no documentation", p->name);
        if (p->offset > bytes || param_bytes(p) > bytes - p->offset)
            return rn_fail(err, RN_EPLUGIN, "parameter '%s' lies outside its struct of %zu bytes; is params_bytes "
                           "the size of that struct?", p->name, bytes);
        const bool group = p->type == RN_PARAM_GROUP || p->type == RN_PARAM_GROUP_PTR || p->type == RN_PARAM_LIST;
        if ((p->type == RN_PARAM_CHOICE && (!p->choices || !p->choices[0])) || (group && !p->fields))
            return rn_fail(err, RN_EPLUGIN, "parameter '%s' has no %s", p->name, group ? "fields" : "choices");
        if (p->type >= RN_PARAM_COMPONENT && (p->kind <= RN_KIND_NONE || p->kind >= RN_KIND_END))
            return rn_fail(err, RN_EPLUGIN, "parameter '%s' chooses a component of no known kind", p->name);
        if (group && !check_params(p->fields, p->fields_bytes, depth + 1, err))
            return rn_context(err, "parameter '%s'", p->name);
    }
    return true;
}

static bool check_op(const rn_op *op, rn_error *err)
{
    if (op->n_out < 1 || op->n_out > RN_MAX_OUT)
        return rn_fail(err, RN_EPLUGIN, "it has %d outputs; 1 to %d are possible", op->n_out, RN_MAX_OUT);
    if (op->traits & RN_VIEW && !op->view)
        return rn_fail(err, RN_EPLUGIN, "view is missing, though its traits say RN_VIEW");
    return true;
}

static bool check_features(const rn_features *f, rn_error *err)
{
    if (f->calibration_images > 0 && (!f->calibrate || !f->calibration_count || !f->calibration))
        return rn_fail(err, RN_EPLUGIN, "it asks for %" PRId64 " calibration_images, so it needs calibrate, calibration_count "
                       "and calibration", f->calibration_images);
    return true;
}

static bool check_optimizer(const rn_optimizer *o, rn_error *err)
{
    if (o->n_state < 0 || o->n_state > RN_MAX_OPTIMIZER_STATE)
        return rn_fail(err, RN_EPLUGIN, "it has %d state arrays; 0 to %d are possible", o->n_state,
                       RN_MAX_OPTIMIZER_STATE);
    for (int i = 0; i < o->n_state; i++)
        if (!o->state_names[i])
            return rn_fail(err, RN_EPLUGIN, "state array %d has no name", i);
    return true;
}

bool rn_component_check(rn_kind kind, const rn_component *c, rn_error *err)
{
    const char *word = kinds[kind].word;
    if (c->bytes < sizeof *c)
        return rn_fail(err, RN_EPLUGIN, "a descriptor of a %s says that it has %zu bytes; set .bytes = sizeof(rn_%s)",
                       word, c->bytes, word);
    if (!c->name)
        return rn_fail(err, RN_EPLUGIN, "a %s has no name", word);
    if (!is_name(c->name))
        return rn_fail(err, RN_EPLUGIN, "%s '%.60s': a name consists of a-z, 0-9 and _ and begins with a letter", word,
                       c->name);
    if (c->bytes < kinds[kind].bytes)
        return rn_fail(err, RN_EPLUGIN, "%s '%s': its descriptor has %zu bytes, a %s needs at least %zu; set "
                       ".bytes = sizeof(rn_%s)", word, c->name, c->bytes, word, kinds[kind].bytes, word);
    if (!c->doc)
        return rn_fail(err, RN_EPLUGIN, "%s '%s': doc is missing", word, c->name);
    for (size_t i = 0; i < sizeof required / sizeof *required; i++)
        if (required[i].kind == kind && !pointer_at(c, required[i].offset))
            return rn_fail(err, RN_EPLUGIN, "%s '%s': %s is missing", word, c->name, required[i].field);
    bool ok = !c->params || check_params(c->params, c->params_bytes, 0, err);
    if (ok && kind == RN_KIND_OP)
        ok = check_op((const rn_op *)c, err);
    if (ok && kind == RN_KIND_FEATURES)
        ok = check_features((const rn_features *)c, err);
    if (ok && kind == RN_KIND_OPTIMIZER)
        ok = check_optimizer((const rn_optimizer *)c, err);
    return ok || rn_context(err, "%s '%s'", word, c->name);
}
