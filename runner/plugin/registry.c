/* registry: components by kind, sorted once when a plugin is added, so that lists need no sorting and a name is
 * found by bisection. */
#include "plugin/registry.h"

#include "base/arena.h"
#include "plugin/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct entry {
    const rn_component *component;
    const rn_loaded *owner;
} entry;

typedef struct entries {
    entry *v;
    int n, room;
} entries;

struct rn_registry {
    rn_arena arena; /* rn_loaded, paths */
    entries kind[RN_KIND_END];
    const rn_kernel **kernels; /* of kind[RN_KIND_KERNEL], in its order */
    const rn_loaded **plugins;
    int n_plugins;
    const char **searched;
    int n_searched;
};

rn_registry *rn_registry_open(void)
{
    return calloc(1, sizeof(rn_registry));
}

void rn_registry_close(rn_registry *r)
{
    if (!r)
        return;
    for (int k = 0; k < RN_KIND_END; k++)
        free(r->kind[k].v);
    free(r->kernels);
    free(r->plugins);
    free(r->searched);
    rn_arena_free(&r->arena);
    free(r);
}

static int compare_names(const void *a_, const void *b_)
{
    const entry *a = a_, *b = b_;
    return strcmp(a->component->name, b->component->name);
}

/* By op and device, then falling rank; names, types and instruction sets make the order complete. */
static int compare_kernels(const void *a_, const void *b_)
{
    const rn_kernel *a = (const rn_kernel *)((const entry *)a_)->component;
    const rn_kernel *b = (const rn_kernel *)((const entry *)b_)->component;
    int d = strcmp(a->op, b->op);
    d = d ? d : strcmp(a->device, b->device);
    d = d ? d : (a->rank < b->rank) - (a->rank > b->rank);
    d = d ? d : strcmp(a->name, b->name);
    d = d ? d : (a->type > b->type) - (a->type < b->type);
    return d ? d : (a->cpu < b->cpu) - (a->cpu > b->cpu);
}

/* Do two entries, of equal names unless they are kernels, stand for the same thing? */
static bool same(rn_kind kind, const entry *a, const entry *b)
{
    if (kind != RN_KIND_KERNEL)
        return compare_names(a, b) == 0;
    const rn_kernel *x = (const rn_kernel *)a->component, *y = (const rn_kernel *)b->component;
    return strcmp(x->op, y->op) == 0 && strcmp(x->device, y->device) == 0 && strcmp(x->name, y->name) == 0 &&
           x->type == y->type && x->cpu == y->cpu;
}

static bool no_memory(rn_error *err)
{
    return rn_fail(err, RN_EMEMORY, "no memory for the list of plugins");
}

/* Room for one more in an array of n pointers; `array` points to the array's own pointer. */
static bool grow(void *array, int n, rn_error *err)
{
    void *v;
    memcpy(&v, array, sizeof v);
    v = realloc(v, ((size_t)n + 1) * sizeof v);
    if (!v)
        return no_memory(err);
    memcpy(array, &v, sizeof v);
    return true;
}

static bool append(entries *e, entry x, rn_error *err)
{
    if (e->n == e->room) {
        const int room = e->room ? 2 * e->room : 16;
        entry *v = realloc(e->v, (size_t)room * sizeof *v);
        if (!v)
            return no_memory(err);
        e->v = v;
        e->room = room;
    }
    e->v[e->n++] = x;
    return true;
}

static bool duplicate(rn_kind kind, const entry *a, const entry *b, rn_error *err)
{
    char what[200];
    if (kind == RN_KIND_KERNEL) {
        const rn_kernel *k = (const rn_kernel *)a->component;
        snprintf(what, sizeof what, "kernel '%.60s' of op '%.60s' for device '%.40s'", k->name, k->op, k->device);
    } else {
        snprintf(what, sizeof what, "%s '%.100s'", rn_kind_name(kind), a->component->name);
    }
    if (a->owner == b->owner)
        return rn_fail(err, RN_EPLUGIN, "plugin '%s': it offers %s twice", a->owner->path, what);
    return rn_fail(err, RN_EPLUGIN,
                   "%s is offered by two plugins, '%s' and '%s'; take one of them out of the search path, or give one "
                   "of the components another name",
                   what, a->owner->path, b->owner->path);
}

/* The components of one kind of a plugin: checked, appended; n of the entries were there before. */
static bool add_kind(rn_registry *r, rn_kind kind, const rn_loaded *owner, rn_error *err)
{
    entries *e = &r->kind[kind];
    const int before = e->n;
    const rn_component *const *list = rn_plugin_list(owner->plugin, kind);
    for (; list && *list; list++) {
        if (!rn_component_check(kind, *list, err))
            return rn_context(err, "plugin '%s'", owner->path);
        const entry x = {*list, owner};
        for (int i = 0; i < e->n; i++)
            if (same(kind, &e->v[i], &x))
                return duplicate(kind, &e->v[i], &x, err);
        if (!append(e, x, err))
            return false;
    }
    if (kind == RN_KIND_KERNEL && e->n > before && !grow(&r->kernels, e->n, err))
        return false;
    return true;
}

bool rn_registry_add_file(rn_registry *r, const rn_plugin *plugin, const char *path, const char *sha256, rn_error *err)
{
    if (!rn_plugin_check(plugin, err))
        return rn_context(err, "plugin '%s'", path);
    rn_loaded *owner = rn_arena_alloc(&r->arena, sizeof *owner);
    const char *kept = rn_arena_text(&r->arena, path);
    if (!owner || !kept || !grow(&r->plugins, r->n_plugins, err))
        return no_memory(err);
    owner->plugin = plugin;
    owner->path = kept;
    snprintf(owner->sha256, sizeof owner->sha256, "%s", sha256);

    int before[RN_KIND_END];
    for (int k = 0; k < RN_KIND_END; k++)
        before[k] = r->kind[k].n;
    for (int k = RN_KIND_NONE + 1; k < RN_KIND_END; k++)
        if (!add_kind(r, (rn_kind)k, owner, err)) {
            for (int i = 0; i < RN_KIND_END; i++) /* all or nothing: what was appended is not sorted in yet */
                r->kind[i].n = before[i];
            return false;
        }
    for (int k = RN_KIND_NONE + 1; k < RN_KIND_END; k++) {
        entries *e = &r->kind[k];
        if (e->n > before[k])
            qsort(e->v, (size_t)e->n, sizeof *e->v, k == RN_KIND_KERNEL ? compare_kernels : compare_names);
    }
    for (int i = 0; i < r->kind[RN_KIND_KERNEL].n; i++)
        r->kernels[i] = (const rn_kernel *)r->kind[RN_KIND_KERNEL].v[i].component;
    r->plugins[r->n_plugins++] = owner;
    return true;
}

bool rn_registry_add(rn_registry *r, const rn_plugin *plugin, const char *path, rn_error *err)
{
    return rn_registry_add_file(r, plugin, path, "", err);
}

const rn_component *rn_registry_find(const rn_registry *r, rn_kind kind, const char *name)
{
    if (kind <= RN_KIND_NONE || kind >= RN_KIND_END || kind == RN_KIND_KERNEL || r->kind[kind].n == 0)
        return NULL;
    const rn_component wanted = {.name = name};
    const entry key = {&wanted, NULL};
    const entries *e = &r->kind[kind];
    const entry *found = bsearch(&key, e->v, (size_t)e->n, sizeof *e->v, compare_names);
    return found ? found->component : NULL;
}

int rn_registry_count(const rn_registry *r, rn_kind kind)
{
    return kind > RN_KIND_NONE && kind < RN_KIND_END ? r->kind[kind].n : 0;
}

const rn_component *rn_registry_at(const rn_registry *r, rn_kind kind, int i)
{
    return r->kind[kind].v[i].component;
}

const rn_component *rn_registry_default(const rn_registry *r, rn_kind kind)
{
    for (int i = 0; i < rn_registry_count(r, kind); i++)
        if (rn_registry_at(r, kind, i)->is_default)
            return rn_registry_at(r, kind, i);
    return NULL;
}

const rn_loaded *rn_registry_owner(const rn_registry *r, rn_kind kind, int i)
{
    return r->kind[kind].v[i].owner;
}

/* Where (op, device) would stand: below it, at it or above it? */
static int against(const rn_kernel *k, const char *op, const char *device)
{
    const int d = strcmp(k->op, op);
    return d ? d : strcmp(k->device, device);
}

const rn_kernel *const *rn_registry_kernels(const rn_registry *r, const char *op, const char *device, int *n)
{
    int begin = 0, end = r->kind[RN_KIND_KERNEL].n;
    const int all = end;
    while (begin < end) {
        const int middle = begin + (end - begin) / 2;
        if (against(r->kernels[middle], op, device) < 0)
            begin = middle + 1;
        else
            end = middle;
    }
    while (end < all && against(r->kernels[end], op, device) == 0)
        end++;
    *n = end - begin;
    return *n ? r->kernels + begin : NULL;
}

int rn_registry_plugins(const rn_registry *r)
{
    return r->n_plugins;
}

const rn_loaded *rn_registry_plugin(const rn_registry *r, int i)
{
    return r->plugins[i];
}

int rn_registry_searched(const rn_registry *r)
{
    return r->n_searched;
}

const char *rn_registry_searched_at(const rn_registry *r, int i)
{
    return r->searched[i];
}

const char *const *rn_registry_searched_list(const rn_registry *r)
{
    return r->searched;
}

bool rn_registry_add_searched(rn_registry *r, const char *place, rn_error *err)
{
    for (int i = 0; i < r->n_searched; i++)
        if (strcmp(r->searched[i], place) == 0)
            return true;
    const char *kept = rn_arena_text(&r->arena, place);
    if (!kept || !grow(&r->searched, r->n_searched, err))
        return no_memory(err);
    r->searched[r->n_searched++] = kept;
    return true;
}
