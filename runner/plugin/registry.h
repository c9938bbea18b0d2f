#ifndef RN_PLUGIN_REGISTRY_H
#define RN_PLUGIN_REGISTRY_H
/* The registry: which components there are and which shared object each came from. A value that the command
 * line owns, so a test can have two.
 * Thread safety: reading is safe from several threads once loading has ended. */
#include <runner/dataset.h>
#include <runner/device.h>
#include <runner/features.h>
#include <runner/kernel.h>
#include <runner/layer.h>
#include <runner/model.h>
#include <runner/optimizer.h>
#include <runner/plugin.h>
#include <runner/sampler.h>
#include <runner/schedule.h>
#include <runner/task.h>

typedef struct rn_registry rn_registry;

/* A loaded plugin. */
typedef struct rn_loaded {
    const rn_plugin *plugin;
    const char *path;     /* of the shared object, resolved */
    char sha256[65];      /* of the file; "" where there was none */
} rn_loaded;

/* "device", "op", …: the word of a kind, and back (RN_KIND_NONE if it is none). */
const char *rn_kind_name(rn_kind kind);
rn_kind rn_kind_of(const char *name);

rn_registry *rn_registry_open(void); /* empty; NULL: no memory */
void rn_registry_close(rn_registry *r); /* never unloads code: see runner/plugin/load.c */

/* Adds all components of a plugin that is in memory already. Errors: RN_EPLUGIN (a duplicate names both files). */
RN_NODISCARD bool rn_registry_add(rn_registry *r, const rn_plugin *plugin, const char *path, rn_error *err);

/* The same for one that came from a file with that SHA-256 (64 digits). */
RN_NODISCARD bool rn_registry_add_file(rn_registry *r, const rn_plugin *plugin, const char *path, const char *sha256,
                                       rn_error *err);

/* NULL: nobody offers it. Kernels are found by rn_registry_kernels. */
const rn_component *rn_registry_find(const rn_registry *r, rn_kind kind, const char *name);

/* Components of a kind in the order of their names; for kernels: by op, device, then falling rank. */
int rn_registry_count(const rn_registry *r, rn_kind kind);
const rn_component *rn_registry_at(const rn_registry *r, rn_kind kind, int i);
const rn_loaded *rn_registry_owner(const rn_registry *r, rn_kind kind, int i);

/* What a kind takes where nothing is said; NULL: nobody offers a default. */
const rn_component *rn_registry_default(const rn_registry *r, rn_kind kind);

/* The kernels of an op for a device, by falling rank; n of them. */
const rn_kernel *const *rn_registry_kernels(const rn_registry *r, const char *op, const char *device, int *n);

int rn_registry_plugins(const rn_registry *r);
const rn_loaded *rn_registry_plugin(const rn_registry *r, int i);

/* Folders and files searched, in order, for messages ("looked in: …"). */
int rn_registry_searched(const rn_registry *r);
const char *rn_registry_searched_at(const rn_registry *r, int i);
const char *const *rn_registry_searched_list(const rn_registry *r); /* until another is added */
RN_NODISCARD bool rn_registry_add_searched(rn_registry *r, const char *place, rn_error *err);

#endif
