/* Paths relative to the folder of the database, so that the whole may move. */
#include "store/connection.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Absolute, with the links of the part that exists resolved, and without "." and ".." in the rest. */
static char *absolute(const char *path, rn_arena *arena)
{
    char cwd[4096];
    if (path[0] != '/' && !getcwd(cwd, sizeof cwd))
        return NULL;
    char *full = path[0] == '/' ? rn_arena_text(arena, path) : rn_arena_print(arena, "%s/%s", cwd, path);
    if (!full)
        return NULL;
    char *out = rn_arena_alloc(arena, strlen(full) + 2), *end = out;
    if (!out)
        return NULL;
    for (const char *part = full, *rest; *part; part = rest) {
        const size_t n = strcspn(part, "/");
        rest = part + n + (part[n] == '/');
        if (n == 0 || (n == 1 && part[0] == '.'))
            continue;
        if (n == 2 && part[0] == '.' && part[1] == '.') {
            while (end > out && *--end != '/') {}
            *end = '\0';
            continue;
        }
        *end++ = '/';
        memcpy(end, part, n);
        end += n;
        *end = '\0';
        char *real = realpath(out, NULL);
        if (!real)
            continue; /* not there yet */
        if (strcmp(real, out) != 0) { /* a link: what follows belongs to where it leads */
            out = rn_arena_alloc(arena, strlen(real) + strlen(rest) + 2);
            if (out)
                end = stpcpy(out, strcmp(real, "/") == 0 ? "" : real);
        }
        free(real);
        if (!out)
            return NULL;
    }
    if (end == out)
        memcpy(out, "/", 2);
    return out;
}

const char *rn_store_relative(const rn_store *s, const char *path, rn_arena *arena)
{
    const char *to = path ? absolute(path, arena) : NULL;
    if (!to)
        return path;
    const char *from = strcmp(s->folder, "/") == 0 ? "" : s->folder;
    /* the part in common, by whole names */
    size_t common = 0;
    for (size_t i = 0;; i++) {
        const bool from_ends = from[i] == '/' || !from[i], to_ends = to[i] == '/' || !to[i];
        if (from_ends && to_ends)
            common = i;
        if (from[i] != to[i] || !from[i])
            break;
    }
    size_t up = 0;
    for (const char *p = from + common; *p; p++)
        up += *p == '/';
    const char *rest = to + common + (to[common] == '/');
    char *out = rn_arena_alloc(arena, 3 * up + strlen(rest) + 2);
    if (!out)
        return path;
    char *end = out;
    for (size_t i = 0; i < up; i++)
        end = stpcpy(end, "../");
    memcpy(end, rest, strlen(rest) + 1);
    if (!*rest && end > out)
        end[-1] = '\0';
    return *out ? out : ".";
}
