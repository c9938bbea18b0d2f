#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 64 * 1024, ALIGN = 16 };

struct rn_arena_block {
    rn_arena_block *before;
    size_t used, size;
    _Alignas(ALIGN) char data[];
};

void *rn_arena_alloc(rn_arena *a, size_t bytes)
{
    if (bytes > SIZE_MAX / 2) {
        a->exhausted = true;
        return NULL;
    }
    const size_t need = (bytes + ALIGN - 1) / ALIGN * ALIGN;
    rn_arena_block *b = a->last;
    if (!b || b->size - b->used < need) {
        const size_t size = need > BLOCK_BYTES ? need : BLOCK_BYTES;
        b = calloc(1, sizeof *b + size);
        if (!b) {
            a->exhausted = true;
            return NULL;
        }
        b->size = size;
        b->before = a->last;
        a->last = b;
    }
    void *p = b->data + b->used;
    b->used += need;
    return p;
}

void *rn_arena_array(rn_arena *a, size_t n, size_t bytes)
{
    if (bytes && n > SIZE_MAX / 2 / bytes) {
        a->exhausted = true;
        return NULL;
    }
    return rn_arena_alloc(a, n * bytes);
}

char *rn_arena_text_n(rn_arena *a, const char *text, size_t n)
{
    char *p = rn_arena_alloc(a, n + 1);
    if (p)
        memcpy(p, text, n);
    return p;
}

char *rn_arena_text(rn_arena *a, const char *text)
{
    return rn_arena_text_n(a, text, strlen(text));
}

char *rn_arena_print(rn_arena *a, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *p = n < 0 ? NULL : rn_arena_alloc(a, (size_t)n + 1);
    if (p) {
        va_start(args, format);
        vsnprintf(p, (size_t)n + 1, format, args);
        va_end(args);
    }
    return p;
}

void rn_arena_free(rn_arena *a)
{
    for (rn_arena_block *b = a->last, *before; b; b = before) {
        before = b->before;
        free(b);
    }
    *a = (rn_arena){0};
}

bool rn_arena_check(const rn_arena *a, const char *what, rn_error *err)
{
    if (!a->exhausted)
        return true;
    return rn_fail(err, RN_EMEMORY, "out of memory while %s", what);
}
