/* load: shared objects from files into the registry.
 *
 * RTLD_NOW: a missing symbol is a message now and no crash later. RTLD_LOCAL: plugins meet only through the
 * registry. Never RTLD_DEEPBIND (it would split malloc and the sanitizers' copies of it), never dlclose: threads
 * of a library may stand in the code, and leak reports would lose its names. */
#include "plugin/load.h"

#include "base/file.h"
#include "plugin/check.h"
#include "plugin/elf.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_BYTES = 4096, MAX_FILE_BYTES = 1 << 30 };

const char *rn_registry_searched_text(const rn_registry *r, char text[RN_SEARCHED_TEXT])
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < rn_registry_searched(r) && used < RN_SEARCHED_TEXT; i++)
        used += (size_t)snprintf(text + used, RN_SEARCHED_TEXT - used, "%s%s", i ? ", " : "",
                                 rn_registry_searched_at(r, i));
    return text;
}

/* The same file under whatever name: compared by device and inode, as dlopen does. */
static bool is_loaded(const rn_registry *r, const struct stat *st)
{
    for (int i = 0; i < rn_registry_plugins(r); i++) {
        struct stat other;
        if (stat(rn_registry_plugin(r, i)->path, &other) == 0 && other.st_dev == st->st_dev &&
            other.st_ino == st->st_ino)
            return true;
    }
    return false;
}

/* What dlopen says of a missing symbol: "<file>: undefined symbol: <name>". */
static bool fail_dlopen(const char *path, rn_error *err)
{
    static const char undefined[] = "undefined symbol: ";
    const char *reason = dlerror();
    reason = reason ? reason : "no reason given";
    const char *symbol = strstr(reason, undefined);
    if (!symbol)
        return rn_fail(err, RN_EPLUGIN, "plugin '%s': could not be opened: %s", path, reason);
    symbol += sizeof undefined - 1;
    const int n = (int)strcspn(symbol, ","); /* a version may follow */
    if (strncmp(symbol, "rn_", 3) == 0)
        return rn_fail(err, RN_EPLUGIN, "plugin '%s': built for a newer runner: it needs '%.*s', which this runner "
                       "has not; build it again with this runner's headers", path, n, symbol);
    return rn_fail(err, RN_EPLUGIN, "plugin '%s': it needs '%.*s', which none of the libraries that it is linked "
                   "with has", path, n, symbol);
}

static bool open_file(rn_registry *r, rn_arena *a, const char *path, rn_error *err)
{
    uint8_t *file, digest[32];
    size_t bytes;
    rn_plugin_head head;
    char sha256[65];
    if (!rn_file_read(a, path, MAX_FILE_BYTES, &file, &bytes, err)) {
        err->code = err->code == RN_EMEMORY ? RN_EMEMORY : RN_EPLUGIN;
        return rn_context(err, "plugin '%s'", path);
    }
    if (!rn_elf_plugin_head(path, file, bytes, &head, err))
        return false;
    if (!rn_plugin_check_abi(head.abi, err))
        return rn_context(err, "plugin '%s'", path);
    rn_sha256_of(file, bytes, digest);
    rn_hex(digest, sizeof digest, sha256);

    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!object)
        return fail_dlopen(path, err);
    const rn_plugin *plugin = dlsym(object, "rn_plugin_export");
    if (!plugin || plugin->abi != head.abi || plugin->bytes != head.bytes)
        return rn_fail(err, RN_EPLUGIN, "plugin '%s': it changed while it was being opened; try again", path);
    return rn_registry_add_file(r, plugin, path, sha256, err);
}

bool rn_plugin_load_file(rn_registry *r, const char *path, rn_error *err)
{
    struct stat st;
    char *resolved = realpath(path, NULL);
    if (!resolved || stat(resolved, &st) != 0) {
        free(resolved);
        return rn_fail(err, RN_EPLUGIN, "plugin '%s': %s", path, strerror(errno));
    }
    bool ok = true;
    if (!S_ISREG(st.st_mode)) {
        ok = rn_fail(err, RN_EPLUGIN, "plugin '%s': %s, and no shared object", resolved,
                     S_ISDIR(st.st_mode) ? "a folder" : "a device or pipe");
    } else if (!is_loaded(r, &st)) {
        rn_arena a = {0};
        ok = open_file(r, &a, resolved, err);
        rn_arena_free(&a);
    }
    free(resolved);
    return ok;
}

static int is_shared_object(const struct dirent *entry)
{
    const size_t n = strlen(entry->d_name);
    return n > 3 && entry->d_name[0] != '.' && strcmp(entry->d_name + n - 3, ".so") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name); /* alphasort follows the locale */
}

static bool load_folder(rn_registry *r, const char *folder, rn_error *err)
{
    struct dirent **entries = NULL;
    const int n = scandir(folder, &entries, is_shared_object, by_name);
    if (n < 0)
        return rn_fail(err, RN_EPLUGIN, "could not read the folder of plugins '%s': %s", folder, strerror(errno));
    bool ok = true;
    for (int i = 0; i < n; i++) {
        char path[PATH_BYTES];
        if (ok && snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name) >= (int)sizeof path)
            ok = rn_fail(err, RN_EPLUGIN, "the path '%s/%s' is too long", folder, entries[i]->d_name);
        ok = ok && rn_plugin_load_file(r, path, err);
        free(entries[i]);
    }
    free(entries);
    return ok;
}

/* A folder or a file that someone named; `who` says who. */
static bool load_place(rn_registry *r, const char *place, const char *who, rn_error *err)
{
    struct stat st;
    if (!rn_registry_add_searched(r, place, err))
        return false;
    if (stat(place, &st) != 0)
        return rn_fail(err, RN_EPLUGIN, "%s names '%s': %s", who, place, strerror(errno));
    return S_ISDIR(st.st_mode) ? load_folder(r, place, err) : rn_plugin_load_file(r, place, err);
}

static bool load_list(rn_registry *r, rn_texts places, const char *who, rn_error *err)
{
    for (int64_t i = 0; i < places.n; i++)
        if (!load_place(r, places.v[i], who, err))
            return false;
    return true;
}

/* "a:b:c"; empty parts are skipped. */
static bool load_path(rn_registry *r, const char *path, const char *who, rn_error *err)
{
    for (const char *end; path && *path; path = *end ? end + 1 : end) {
        char place[PATH_BYTES];
        end = strchrnul(path, ':');
        const size_t n = (size_t)(end - path);
        if (n >= sizeof place)
            return rn_fail(err, RN_EPLUGIN, "%s: a path of %zu bytes is too long", who, n);
        memcpy(place, path, n);
        place[n] = '\0';
        if (n > 0 && !load_place(r, place, who, err))
            return false;
    }
    return true;
}

/* The folder `runner` beside the library that this code is in, so that a moved installation finds its own. */
static bool beside_library(char folder[PATH_BYTES])
{
    static const char here = 0; /* an object of this library, which no executable can stand in for */
    Dl_info info;
    if (!dladdr(&here, &info) || !info.dli_fname)
        return false;
    char *library = realpath(info.dli_fname, NULL);
    char *slash = library ? strrchr(library, '/') : NULL;
    const bool fits = slash && snprintf(folder, PATH_BYTES, "%.*s/runner", (int)(slash - library), library) < PATH_BYTES;
    free(library);
    return fits;
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* A folder that is missing is noted in the list of places and no error: all may come from elsewhere. */
static bool load_builtin(rn_registry *r, const char *folder, rn_error *err)
{
    char beside[PATH_BYTES], note[PATH_BYTES + 32];
    if (!folder) {
        folder = RUNNER_PLUGIN_FOLDER;
        if (beside_library(beside)) {
            if (is_folder(beside) || !is_folder(folder))
                folder = beside;
        }
    }
    snprintf(note, sizeof note, "%s%s", folder, is_folder(folder) ? "" : " (no such folder)");
    if (!rn_registry_add_searched(r, note, err))
        return false;
    return !is_folder(folder) || load_folder(r, folder, err);
}

bool rn_plugins_load(rn_registry *r, const rn_plugin_search *search, rn_error *err)
{
    char places[RN_SEARCHED_TEXT];
    const bool ok = load_list(r, search->spec, "the spec's list of plugins", err) &&
                    load_list(r, search->option, "--plugin-dir", err) &&
                    load_path(r, search->environment, "RUNNER_PLUGIN_PATH", err) &&
                    load_builtin(r, search->builtin, err);
    rn_registry_searched_text(r, places);
    if (!ok && err->code == RN_EPLUGIN) {
        const size_t used = strlen(err->text);
        snprintf(err->text + used, sizeof err->text - used, "; looked in: %s", places);
    }
    if (ok && rn_registry_plugins(r) == 0)
        return rn_fail(err, RN_EPLUGIN, "no built-in plugins were found; looked in: %s; install the runner again, or "
                       "name the folder of its plugins in RUNNER_PLUGIN_PATH", places);
    return ok;
}
