#ifndef RUNNER_PLUGIN_H
#define RUNNER_PLUGIN_H
/* The door: a plugin is a shared object that exports one constant, `rn_plugin_export`, and nothing else.
 * The runner reads `abi` and `bytes` from the file before it opens the object, so code that does not fit
 * never runs. */
#include <runner/param.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Changes whenever a public struct changes otherwise than by a field at its end. tests/plugin/test_abi.c
 * derives a fingerprint from the structs and fails where it changed without this number. */
#define RN_ABI 2

struct rn_device;
struct rn_op;
struct rn_kernel;
struct rn_layer;
struct rn_model;
struct rn_task;
struct rn_schedule;
struct rn_weighting;
struct rn_sampler;
struct rn_dataset;
struct rn_features;
struct rn_metric;
struct rn_optimizer;

typedef struct rn_plugin {
    uint32_t abi;   /* RN_ABI that it was compiled with */
    uint32_t bytes; /* sizeof(rn_plugin) then */
    const char *name, *version, *licence; /* none may be NULL or empty; licence: as SPDX writes it */
    /* arrays that end with NULL; NULL for none */
    const struct rn_device *const *devices;
    const struct rn_op *const *ops;
    const struct rn_kernel *const *kernels;
    const struct rn_layer *const *layers;
    const struct rn_model *const *models;
    const struct rn_task *const *tasks;
    const struct rn_schedule *const *schedules;
    const struct rn_weighting *const *weightings;
    const struct rn_sampler *const *samplers;
    const struct rn_dataset *const *datasets;
    const struct rn_features *const *features;
    const struct rn_metric *const *metrics;
    const struct rn_optimizer *const *optimizers;
} rn_plugin;

/* RN_PLUGIN(.name = "resnet", .version = "1.0.0", .licence = "MIT",
 *           .layers = (const rn_layer *const[]){&layer_resnet, NULL}); */
#define RN_PLUGIN(...)                                                                             \
    RN_API extern const rn_plugin rn_plugin_export;                                                \
    const rn_plugin rn_plugin_export = {.abi = RN_ABI, .bytes = sizeof(rn_plugin), __VA_ARGS__}

#ifdef __cplusplus
}
#endif
#endif
