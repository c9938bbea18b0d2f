#include "spec/names.h"

#include "base/file.h"
#include "spec/scalar.h"
#include "spec/spec.h"

#include <ctype.h>
#include <stdlib.h>

/* Stand for ',' and '=' inside of a value, which must not look like those between values. */
enum { COMMA = 1, EQUALS = 2, HASH_DIGITS = 8 };

/* Steps from the last one on that make a tail: it begins with a key, never with an index. */
static bool same_tail(const rn_path *a, const rn_path *b, int length)
{
    if (a->n < length || b->n < length)
        return false;
    for (int i = 1; i <= length; i++)
        if (strcmp(a->step[a->n - i].key, b->step[b->n - i].key) != 0)
            return false;
    return true;
}

const char *rn_axis_tail(rn_arena *a, const rn_path *paths, int n, int i)
{
    const rn_path *p = &paths[i];
    int length = 1;
    for (; length < p->n; length++) {
        bool alone = p->step[p->n - length].index < 0;
        for (int k = 0; k < n && alone; k++)
            alone = k == i || !same_tail(p, &paths[k], length);
        if (alone)
            break;
    }
    const char *tail = p->step[p->n - length].key;
    for (int k = p->n - length + 1; k < p->n && tail; k++)
        tail = rn_arena_print(a, "%s.%s", tail, p->step[k].key);
    return tail ? tail : "";
}

static void write_flat(FILE *f, const rn_node *v)
{
    if (v->kind == RN_NODE_SCALAR) {
        if (!v->text[0])
            fputs(v->plain ? "none" : "empty", f);
        for (const char *p = v->text; *p; p++)
            fputc(*p == ',' ? COMMA : *p == '=' ? EQUALS : *p, f);
        return;
    }
    if (v->n == 0)
        fputs("empty", f);
    for (int64_t i = 0; i < v->n; i++) {
        if (i)
            fputc('-', f);
        if (v->kind == RN_NODE_MAPPING)
            fprintf(f, "%s.", v->entry[i].key);
        write_flat(f, v->kind == RN_NODE_MAPPING ? v->entry[i].value : v->item[i]);
    }
}

/* "shift.from=32" for the mapping {from: 32}: each leaf by its own path. */
static void write_value(FILE *f, const char *path, const rn_node *v, bool *first)
{
    if (v->kind != RN_NODE_MAPPING || v->n == 0) {
        fprintf(f, "%s%s=", *first ? "" : ",", path);
        *first = false;
        write_flat(f, v);
        return;
    }
    for (int64_t i = 0; i < v->n; i++) {
        char *deeper = NULL;
        if (asprintf(&deeper, "%s.%s", path, v->entry[i].key) < 0)
            return;
        write_value(f, deeper, v->entry[i].value, first);
        free(deeper);
    }
}

const char *rn_variant_text(rn_arena *a, const char *arm, const char *const *tails, const rn_node *const *values, int n)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *f = open_memstream(&text, &bytes);
    if (!f) {
        a->exhausted = true;
        return NULL;
    }
    bool first = !arm;
    fputs(arm ? arm : "", f);
    for (int i = 0; i < n; i++)
        write_value(f, tails[i], values[i], &first);
    const bool ok = !ferror(f);
    if (fclose(f) != 0 || !ok)
        a->exhausted = true;
    const char *copy = text && !a->exhausted ? rn_arena_text_n(a, text, bytes) : NULL;
    free(text);
    return copy;
}

static bool allowed(unsigned char c) { return isalnum(c) || (c && strchr("._=,-", c)); }

const char *rn_variant_name(rn_arena *a, const char *text, bool hashed)
{
    const size_t length = strlen(text);
    char *name = rn_arena_alloc(a, length + HASH_DIGITS + 2);
    if (!name)
        return NULL;
    size_t n = 0;
    for (const char *p = text; *p; p++)
        if (((unsigned char)*p & 0xc0) != 0x80) /* one for each code point */
            name[n++] = allowed((unsigned char)*p) ? *p : '_';
    if (name[0] == '.' || name[0] == '-')
        name[0] = '_';
    if (n <= RN_VARIANT_NAME && !hashed)
        return name;
    uint8_t digest[32];
    char digits[65];
    rn_sha256_of(text, length, digest);
    rn_hex(digest, sizeof digest, digits);
    if (n > RN_VARIANT_NAME - HASH_DIGITS - 1)
        n = RN_VARIANT_NAME - HASH_DIGITS - 1;
    name[n++] = '-';
    memcpy(name + n, digits, HASH_DIGITS);
    name[n + HASH_DIGITS] = '\0';
    return name;
}

bool rn_is_name(const char *text)
{
    const size_t n = strlen(text);
    if (n == 0 || n > RN_VARIANT_NAME || text[0] == '.' || text[0] == '-')
        return false;
    for (size_t i = 0; i < n; i++)
        if (!allowed((unsigned char)text[i]))
            return false;
    return true;
}
