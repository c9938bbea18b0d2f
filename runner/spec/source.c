#include "spec/source.h"

#include <string.h>

rn_place rn_mark_place(rn_mark m)
{
    if (!m.source)
        return (rn_place){0};
    const bool set = m.source->kind == RN_SOURCE_SET;
    return (rn_place){m.source->name, set ? m.source->number : m.line, m.column};
}

const char *rn_mark_text(rn_arena *a, rn_mark m)
{
    if (!m.source || m.source->kind == RN_SOURCE_DEFAULT)
        return "default";
    if (m.source->kind == RN_SOURCE_SET)
        return m.source->several ? rn_arena_print(a, "--set #%d:%d", m.source->number, m.column)
                                 : rn_arena_print(a, "--set:%d", m.column);
    return rn_arena_print(a, "%s:%d:%d", m.source->name, m.line, m.column);
}

/* Bytes of the line break at p, 0 if there is none. */
static size_t break_at(const char *p, const char *end)
{
    if (p[0] == '\r')
        return p + 1 < end && p[1] == '\n' ? 2 : 1;
    if (p[0] == '\n')
        return 1;
    if (end - p >= 2 && memcmp(p, "\xc2\x85", 2) == 0)
        return 2;
    if (end - p >= 3 && (memcmp(p, "\xe2\x80\xa8", 3) == 0 || memcmp(p, "\xe2\x80\xa9", 3) == 0))
        return 3;
    return 0;
}

void rn_source_line(const rn_source *s, int line, const char **text, size_t *bytes)
{
    const char *p = s->text, *end = s->text + s->bytes;
    if (s->kind != RN_SOURCE_FILE) {
        *text = p;
        *bytes = s->bytes;
        return;
    }
    for (int l = 1; l < line && p < end;) {
        const size_t n = break_at(p, end);
        p += n ? n : 1;
        l += n > 0;
    }
    *text = p;
    while (p < end && !break_at(p, end))
        p++;
    *bytes = (size_t)(p - *text);
}

rn_mark rn_source_mark(const rn_source *s, size_t offset)
{
    const char *p = s->text, *end = s->text + s->bytes;
    const char *stop = s->text + (offset < s->bytes ? offset : s->bytes), *start = p;
    rn_mark m = {.source = s, .line = 1, .width = 1};
    while (p < stop) {
        const size_t n = s->kind == RN_SOURCE_FILE ? break_at(p, end) : 0;
        p += n ? n : 1;
        if (n) {
            m.line++;
            start = p;
        }
    }
    m.column = 1 + (stop > start ? rn_code_points(start, (size_t)(stop - start)) : 0);
    return m;
}

const char *rn_source_resolve(rn_arena *a, const rn_source *s, const char *path)
{
    const bool inside = path[0] != '/' && s && s->folder && s->folder[0];
    const char *joined = inside ? rn_arena_print(a, "%s/%s", s->folder, path) : path;
    char *out = joined ? rn_arena_alloc(a, strlen(joined) + 2) : NULL;
    if (!out)
        return NULL;
    size_t n = 0;
    if (joined[0] == '/')
        out[n++] = '/';
    for (const char *p = joined; *p;) {
        const size_t length = strcspn(p, "/");
        if (length > 0 && !(length == 1 && p[0] == '.')) {
            if (n > 0 && out[n - 1] != '/')
                out[n++] = '/';
            memcpy(out + n, p, length);
            n += length;
        }
        p += length;
        p += strspn(p, "/");
    }
    if (n == 0 && path[0])
        out[n++] = '.';
    return out;
}

const char *rn_folder_of(rn_arena *a, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return "";
    return rn_arena_text_n(a, path, slash == path ? 1 : (size_t)(slash - path));
}

int rn_code_points(const char *text, size_t bytes)
{
    int n = 0;
    for (size_t i = 0; i < bytes; i++)
        n += ((unsigned char)text[i] & 0xc0) != 0x80;
    return n;
}
