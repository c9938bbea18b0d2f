#include "support/toys.h"

#include <string.h>

static const char *const ends_words[] = {"moved", "kept", NULL};
static const char *const weight_words[] = {"paper", "equal", NULL};

typedef struct toy_set { int64_t count; const char *path; } toy_set;
typedef struct toy_curve { double low; } toy_curve;
typedef struct toy_attn { int64_t channels, heads; } toy_attn;
typedef struct toy_plain { int64_t width; } toy_plain;

/* clang-format off */
static const rn_param leaves[] = {
    RN_INT(toy_set, count, "image", "100", 1, 1000, "how many"),
    RN_PARAMS_END,
};
static const rn_param folder[] = {
    RN_PATH(toy_set, path, NULL, "where they are"),
    RN_PARAMS_END,
};
static const rn_param curve[] = {
    RN_REAL(toy_curve, low, NULL, "-15", -100, 0, "the lowest value"),
    RN_PARAMS_END,
};
static const rn_param res[] = {
    RN_INT (toy_res, channels, "channel", NULL, 4, 64, "width"),
    RN_REAL(toy_res, dropout, NULL, "0", 0, 1, "share set to zero"),
    RN_PARAMS_END,
};
static const rn_param attn[] = {
    RN_INT(toy_attn, channels, "channel", NULL, 4, 64, "width"),
    RN_INT(toy_attn, heads, NULL, "4", 1, 16, "heads"),
    RN_PARAMS_END,
};
static const rn_param level[] = {
    RN_INT   (toy_level, repeat, NULL, "1", 1, 8, "how often"),
    RN_INLINE(toy_level, block, "block", RN_KIND_LAYER, NULL, "what it is made of"),
    RN_PARAMS_END,
};
static const rn_param net[] = {
    RN_INT (toy_net, width, "channel", "16", 1, 65536, "width"),
    RN_LIST(toy_net, levels, toy_level, level, "[]", "from fine to coarse"),
    RN_COMPONENT_OR_NONE(toy_net, stem, RN_KIND_LAYER, "none", "before all"),
    RN_PATH_OR_NONE(toy_net, weights, "none", "to start from"),
    RN_PARAMS_END,
};
static const rn_param plain[] = {
    RN_INT(toy_plain, width, "channel", "8", 1, 65536, "width"),
    RN_PARAMS_END,
};
static const rn_param shift[] = {
    RN_INT   (toy_shift, from, "pixel", NULL, 1, 8192, "side"),
    RN_CHOICE(toy_shift, ends, ends_words, "moved", "what becomes of the ends"),
    RN_PARAMS_END,
};
static const rn_param schedule[] = {
    RN_INLINE(toy_schedule, curve, "type", RN_KIND_SCHEDULE, "", "the base curve"),
    RN_GROUP_OR_NONE(toy_schedule, shift, toy_shift, shift, "none", "moves it"),
    RN_PARAMS_END,
};
static const rn_param loss[] = {
    RN_INTS(toy_loss, scales, NULL, "[1]", 1, 64, "pooling factors"),
    RN_WORD_OR_REALS(toy_loss, weights, weight_words, "paper", 0, 10, "one for each scale"),
    RN_TEXTS(toy_loss, words, "[]", "any words"),
    RN_BOOL(toy_loss, pooled, "false", "pooled"),
    RN_PARAMS_END,
};
static const rn_param task[] = {
    RN_GROUP(toy_task, schedule, schedule, "{}", "the noise"),
    RN_GROUP(toy_task, loss, loss, "{}", "the loss"),
    RN_POSITIVE(toy_task, rate, NULL, "1", 10, "above zero"),
    RN_SIZE(toy_task, crop, "4", 1, 64, "a size"),
    RN_TEXT(toy_task, label, "plain", "a text"),
    RN_PARAMS_END,
};
/* clang-format on */

#define TOY(name_, params_, bytes_, default_)                                                                          \
    {.bytes = sizeof(rn_component), .name = name_, .doc = "a toy", .params = params_, .params_bytes = bytes_,          \
     .is_default = default_}

/* In the order of their names, as the registry has them. */
static const struct { rn_kind kind; rn_component what; } toys[] = {
    {RN_KIND_DATASET, TOY("folder", folder, sizeof(toy_set), false)},
    {RN_KIND_DATASET, TOY("leaves", leaves, sizeof(toy_set), true)},
    {RN_KIND_FEATURES, TOY("conv", NULL, 0, true)},
    {RN_KIND_FEATURES, TOY("pixels", NULL, 0, true)},
    {RN_KIND_FEATURES, TOY("raw", NULL, 0, false)},
    {RN_KIND_LAYER, TOY("attn", attn, sizeof(toy_attn), false)},
    {RN_KIND_LAYER, TOY("res", res, sizeof(toy_res), false)},
    {RN_KIND_METRIC, TOY("frechet", NULL, 0, true)},
    {RN_KIND_METRIC, TOY("kid", NULL, 0, false)},
    {RN_KIND_MODEL, TOY("net", net, sizeof(toy_net), false)},
    {RN_KIND_MODEL, TOY("plain", plain, sizeof(toy_plain), false)},
    {RN_KIND_OPTIMIZER, TOY("adam", NULL, 0, true)},
    {RN_KIND_SAMPLER, TOY("ddim", NULL, 0, true)},
    {RN_KIND_SCHEDULE, TOY("cosine", curve, sizeof(toy_curve), true)},
    {RN_KIND_SCHEDULE, TOY("linear", NULL, 0, false)},
    {RN_KIND_TASK, TOY("diffuse", task, sizeof(toy_task), true)},
};
enum { TOYS = sizeof toys / sizeof *toys };

static const char *kind_name(rn_kind kind)
{
    static const char *const names[RN_KIND_END] = {
        [RN_KIND_DATASET] = "dataset",   [RN_KIND_FEATURES] = "features",   [RN_KIND_LAYER] = "layer",
        [RN_KIND_METRIC] = "metric",     [RN_KIND_MODEL] = "model",         [RN_KIND_OPTIMIZER] = "optimizer",
        [RN_KIND_SAMPLER] = "sampler",   [RN_KIND_SCHEDULE] = "schedule",   [RN_KIND_TASK] = "task",
    };
    return names[kind];
}

static const rn_component *at(void *context, rn_kind kind, int i)
{
    (void)context;
    for (int k = 0; k < TOYS; k++)
        if (toys[k].kind == kind && i-- == 0)
            return &toys[k].what;
    return NULL;
}

static int count(void *context, rn_kind kind)
{
    int n = 0;
    while (at(context, kind, n))
        n++;
    return n;
}

static const rn_component *find(void *context, rn_kind kind, const char *name)
{
    for (int i = 0; i < count(context, kind); i++)
        if (strcmp(at(context, kind, i)->name, name) == 0)
            return at(context, kind, i);
    return NULL;
}

static const char *const searched[] = {"./toys", "/usr/lib/toys"};

const rn_catalogue toy_catalogue = {
    .find = find, .count = count, .at = at, .kind_name = kind_name, .searched = searched, .n_searched = 2,
};

const char toy_spec[] = "version: 1\n"
                        "name: toy\n"
                        "data: {resolution: 8}\n"
                        "model: net\n"
                        "train: {steps: 10}\n";
