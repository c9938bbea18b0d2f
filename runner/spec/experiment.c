/* The schema of a spec: every key of every section, with its default and its documentation. */
#include "spec/experiment.h"

static const char *const on_error_words[] = {"stop", "skip", NULL};
static const char *const decay_words[] = {"constant", "cosine", NULL};
static const char *const spacing_words[] = {"t", "logsnr", NULL};
static const char *const labels_words[] = {"even", "none", NULL};
static const char *const interval_words[] = {"logsnr", "sigma", NULL};
static const char *const weights_words[] = {"ema", "raw", NULL};
static const char *const budget_units[] = {"FLOP", "images", "steps", "s", NULL};
static const char *const recompute_words[] = {"none", "cheap", "blocks", NULL};
static const char *const precision_words[] = {"float32", "bf16", NULL};

/* clang-format off */
static const rn_param data_params[] = {
    RN_INLINE(rn_data_config, set, "type", RN_KIND_DATASET, "", "where the images come from (default: the data set that says so of itself)"),
    RN_SIZE(rn_data_config, resolution, NULL, 4, 8192, "side of the training images, or [height, width]; the shorter side is resized to it, then the centre is cut out"),
    RN_BOOL(rn_data_config, flip, "false", "mirror half of the training images left to right"),
    RN_CHOICE(rn_data_config, on_error, on_error_words, "stop", "unreadable images: stop before training with their list, or skip and record them"),
    RN_INT (rn_data_config, max_pixels, "pixel", "256Mi", 1, 4294967296, "refuse encoded images with more pixels than this, by their header"),
    RN_INT (rn_data_config, held_out, "image", "128", 0, 1000000, "images kept from training and reference, for the error by logSNR"),
    {RN_PARAM_INT, "workers", offsetof(rn_data_config, workers), "thread", "2", 1, 64, "threads that read and decode ahead of the training step", 0, 0, 0, RN_KIND_NONE, RN_COSMETIC},
    RN_PARAMS_END,
};

static const rn_param optimizer_params[] = {
    RN_INLINE(rn_optimizer_config, rule, "type", RN_KIND_OPTIMIZER, "", "how parameters move"),
    RN_POSITIVE(rn_optimizer_config, lr, NULL, "3e-4", 10, "learning rate after the warm-up"),
    RN_INT (rn_optimizer_config, warmup, "step", "100", 0, 1000000000, "steps over which the rate rises from lr/warmup to lr"),
    RN_CHOICE(rn_optimizer_config, decay, decay_words, "constant", "the rate after the warm-up: constant, or half a cosine down to 0 at the last step"),
    RN_REAL_OR_NONE(rn_optimizer_config, clip, NULL, "1.0", 0, 1e9, "largest norm of the whole gradient; none: not clipped"),
    RN_REAL(rn_optimizer_config, l2, NULL, "0", 0, 10, "l2·x is added to the gradient"),
    RN_REAL(rn_optimizer_config, weight_decay, NULL, "0", 0, 10, "decoupled: x is multiplied by 1 − lr·weight_decay before the step (AdamW)"),
    RN_PARAMS_END,
};

static const rn_param train_params[] = {
    {RN_PARAM_INT, "steps", offsetof(rn_train_config, steps), "step", "none", 1, RN_MAX_STEPS, "training steps; they or a budget have to be given", 0, 0, 0, RN_KIND_NONE, RN_NULLABLE | RN_ALTERNATIVE},
    {RN_PARAM_QUANTITY, "budget", offsetof(rn_train_config, budget), 0, "none", 0, 1e30, "what training may cost, in place of steps: it ends with the first step that has used it up (2e15 FLOP, 64000 images, 4000 steps, 300 s, 10 min)", budget_units, 0, 0, RN_KIND_NONE, RN_NULLABLE | RN_ALTERNATIVE | RN_OPEN_MIN},
    RN_INT (rn_train_config, batch, "image", "16", 1, 65536, "images per step"),
    RN_GROUP(rn_train_config, optimizer, optimizer_params, "{}", "the optimiser and its rate"),
    RN_REAL_OR_NONE(rn_train_config, ema, NULL, "0.999", 0, 1, "decay of the exponential moving average of the weights; none: no average"),
    RN_BOOL(rn_train_config, ema_warmup, "true", "decay min(ema, (1 + i)/(10 + i)) at step i"),
    {RN_PARAM_INT, "log_every", offsetof(rn_train_config, log_every), "step", "10", 1, 1000000000, "store the training metrics every so many steps", 0, 0, 0, RN_KIND_NONE, RN_COSMETIC},
    RN_PARAMS_END,
};

static const rn_param sampler_params[] = {
    RN_INLINE(rn_sampler_config, rule, "type", RN_KIND_SAMPLER, "", "how noise becomes an image"),
    RN_INT_OR_NONE(rn_sampler_config, steps, "step", "none", 1, 100000, "steps from noise to image, one model call each (of heun two); none: the sampler's own default"),
    RN_CHOICE(rn_sampler_config, spacing, spacing_words, "t", "steps even in t or in logSNR"),
    RN_GROUP_OR_NONE(rn_sampler_config, schedule, rn_schedule_choice, rn_schedule_choice_params, "none", "the schedule whose t the steps divide, so that variants can share a grid of logSNR; none: that of the task"),
    RN_BOOL(rn_sampler_config, clip, "true", "clip the estimate of the image to −1 … 1 at every step"),
    {RN_PARAM_REAL, "dynamic_threshold", offsetof(rn_sampler_config, dynamic_threshold), NULL, "none", 0, 1, "instead of clipping: quantile of |estimate| in an image (0.995) to which it is clipped and then scaled back to −1 … 1 where that is above 1", 0, 0, 0, RN_KIND_NONE, RN_NULLABLE | RN_OPEN_MIN},
    RN_PARAMS_END,
};

static const rn_param interval_params[] = {
    RN_REAL(rn_guidance_interval, low, NULL, NULL, -100, 1e6, "lower end, which belongs to it"),
    RN_REAL(rn_guidance_interval, high, NULL, NULL, -100, 1e6, "upper end, which belongs to it"),
    RN_CHOICE(rn_guidance_interval, of, interval_words, "logsnr", "what the ends are: logSNR, or sigma, the noise over the signal, e^(−logSNR/2)"),
    RN_PARAMS_END,
};

static const rn_param guidance_params[] = {
    RN_REAL(rn_guidance, scale, NULL, NULL, 0, 1000, "how far to go from the estimate without a label to the one with it; 1: no guidance, which costs one model call instead of two"),
    RN_GROUP_OR_NONE(rn_guidance, interval, rn_guidance_interval, interval_params, "none", "noise levels that are guided, {low: -2.1, high: 2.5}; at the others the label alone counts; none: all are"),
    RN_PARAMS_END,
};

static const rn_param evaluate_params[] = {
    {RN_PARAM_INT, "every", offsetof(rn_evaluate_config, every), "step", "none", 1, 1000000000, "also evaluate every so many steps; none: at the end alone", 0, 0, 0, RN_KIND_NONE, RN_COSMETIC | RN_NULLABLE},
    RN_INT (rn_evaluate_config, samples, "image", "512", 2, 1000000, "images generated for the scores"),
    RN_INT (rn_evaluate_config, batch, "image", "32", 1, 4096, "images generated at once"),
    RN_GROUP(rn_evaluate_config, sampler, sampler_params, "{}", "how samples are drawn"),
    RN_CHOICE(rn_evaluate_config, labels, labels_words, "even", "of samples, where the model has classes: all of them in turn, or none"),
    RN_GROUP_OR_NONE(rn_evaluate_config, guidance, rn_guidance, guidance_params, "none", "classifier-free guidance of samples towards their label"),
    RN_COMPONENTS(rn_evaluate_config, features, RN_KIND_FEATURES, "", "feature sets of the scores (default: all that say so of themselves)"),
    RN_COMPONENTS(rn_evaluate_config, metrics, RN_KIND_METRIC, "", "scores, each computed on each feature set (default: all that say so of themselves)"),
    RN_CHOICE(rn_evaluate_config, weights, weights_words, "ema", "the weights that are sampled from"),
    RN_COMPONENT_OR_NONE(rn_evaluate_config, reference, RN_KIND_DATASET, "none", "data set that samples are compared with; none: the training images without flips"),
    RN_INT (rn_evaluate_config, reference_images, "image", "10000", 2, 1000000, "at most so many reference images"),
    RN_INT (rn_evaluate_config, sheet, "image", "64", 1, 1024, "images on the sample sheet"),
    RN_PARAMS_END,
};

static const rn_param memory_params[] = {
    {RN_PARAM_CHOICE, "recompute", offsetof(rn_memory_config, recompute), NULL, "cheap", 0, 0, "keep all that the backward pass reads, or make again there the outputs of norms and nonlinearities, or (blocks) all that is inside a layer, for one more forward pass; the results are the same bytes", recompute_words, 0, 0, RN_KIND_NONE, RN_COSMETIC},
    RN_PARAMS_END,
};

const rn_param rn_experiment_params[] = {
    RN_INT (rn_experiment, version, NULL, NULL, 1, 1, "version of the spec's language: 1"),
    {RN_PARAM_TEXT, "name", offsetof(rn_experiment, name), 0, NULL, 0, 0, "name of the experiment: folder of its results and key in the database ([A-Za-z0-9._-])", 0, 0, 0, RN_KIND_NONE, RN_COSMETIC},
    {RN_PARAM_TEXT, "question", offsetof(rn_experiment, question), 0, "none", 0, 0, "what the experiment asks, in a sentence", 0, 0, 0, RN_KIND_NONE, RN_COSMETIC | RN_NULLABLE},
    RN_GROUP(rn_experiment, data, data_params, NULL, "the images"),
    RN_COMPONENT(rn_experiment, model, RN_KIND_MODEL, NULL, "the network"),
    RN_COMPONENT(rn_experiment, task, RN_KIND_TASK, "", "what is trained"),
    RN_GROUP(rn_experiment, train, train_params, NULL, "the training"),
    RN_GROUP(rn_experiment, evaluate, evaluate_params, "{}", "samples and scores"),
    {RN_PARAM_INTS, "seeds", offsetof(rn_experiment, seeds), 0, "[0, 1, 2]", 0, 4294967295.0, "one run of each variant for each seed", 0, 0, 0, RN_KIND_NONE, RN_COSMETIC},
    RN_GROUP(rn_experiment, memory, memory_params, "{}", "time against memory"),
    RN_CHOICE(rn_experiment, precision, precision_words, "float32", "type of activations and their gradients in memory; parameters, statistics and sums are always float32"),
    RN_TEXTS(rn_experiment, kernels, "[]", "kernel sets in order of preference, taken without timing; what they do not take goes to the fastest of the others on this machine"),
    RN_BOOL(rn_experiment, deterministic, "false", "choose kernels by their rank, without timing them: every machine with the same processor and plugins chooses alike"),
    {RN_PARAM_TEXTS, "plugins", offsetof(rn_experiment, plugins), 0, "[]", 0, 0, "folders or files that are searched for plugins first", 0, 0, 0, RN_KIND_NONE, RN_COSMETIC | RN_PATHS},
    RN_PARAMS_END,
};

const rn_param rn_maker_params[] = {
    {RN_PARAM_PATH, "base", 0, 0, "none", 0, 0, "another spec that this one lies upon: mappings are merged deeply, all else is replaced", 0, 0, 0, RN_KIND_NONE, RN_NULLABLE},
    {RN_PARAM_GROUP_PTR, "variants", 0, 0, "none", 0, 0, "named variants: a mapping from names to overrides, {plain: none, wide: {model.levels.0.channels: 64}}", 0, 0, 0, RN_KIND_NONE, RN_NULLABLE},
    {RN_PARAM_GROUP_PTR, "vary", 0, 0, "none", 0, 0, "axes: a mapping from paths to lists of values; each of `variants` is taken with each combination of them", 0, 0, 0, RN_KIND_NONE, RN_NULLABLE},
    {RN_PARAM_LIST, "exclude", 0, 0, "[]", 0, 0, "mappings from paths to values; a variant that has all values of one of them is left out", 0, 0, 0, RN_KIND_NONE, 0},
    {RN_PARAM_TEXT, "baseline", 0, 0, "none", 0, 0, "name of the variant that the others are compared with; none: the first", 0, 0, 0, RN_KIND_NONE, RN_NULLABLE},
    RN_PARAMS_END,
};
/* clang-format on */
