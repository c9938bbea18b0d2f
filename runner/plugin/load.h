#ifndef RN_PLUGIN_LOAD_H
#define RN_PLUGIN_LOAD_H
/* Finding and opening plugins. A place is a shared object, or a folder whose *.so are taken in the order of
 * their names; a file that is reached twice is loaded once.
 * Thread safety: one thread, before others read the registry. */
#include "plugin/registry.h"

/* Where to look, in this order: what the user named must exist, the folder of the built-in plugins should. */
typedef struct rn_plugin_search {
    rn_texts spec;           /* `plugins:` of the spec, resolved */
    rn_texts option;         /* each --plugin-dir */
    const char *environment; /* RUNNER_PLUGIN_PATH, separated by colons; NULL or "": not set */
    const char *builtin;     /* NULL: the folder `runner` beside librunner.so, else where it was to be installed */
} rn_plugin_search;

/* Loads all. What loaded before an error stays loaded. Errors: RN_EPLUGIN with the file, the reason and the
 * places looked at; RN_EMEMORY. Without a single plugin at the end: RN_EPLUGIN that says where built-in ones were
 * looked for. */
RN_NODISCARD bool rn_plugins_load(rn_registry *r, const rn_plugin_search *search, rn_error *err);

/* One file, which is checked before it is opened. Nothing happens where it is loaded already. */
RN_NODISCARD bool rn_plugin_load_file(rn_registry *r, const char *path, rn_error *err);

/* "a, b, c": the places searched so far, for messages; returns text. */
enum { RN_SEARCHED_TEXT = 1024 };
const char *rn_registry_searched_text(const rn_registry *r, char text[RN_SEARCHED_TEXT]);

#endif
