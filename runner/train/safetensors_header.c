/* A strict reader of the one JSON shape that a safetensors header has:
 *
 *     {"__metadata__": {"key": "value", …}, "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …}
 *
 * No value nests deeper, so there is no recursion; a key that is there twice, a member that is missing or
 * unknown, a number that is no natural number below 2⁶³ are refused. After that the numbers are held against
 * each other: shape · element = end − begin, and the tensors cover the data without hole or overlap. */
#include "train/safetensors_header.h"

#include <stdlib.h>
#include <string.h>

static const rn_dtype_facts dtypes[] = {
    {"F64", 64, RN_DTYPE_F64},       {"I64", 64, RN_DTYPE_I64},       {"F32", 32, RN_DTYPE_F32},
    {"I32", 32, RN_DTYPE_I32},       {"BF16", 16, RN_DTYPE_BF16},     {"U8", 8, RN_DTYPE_U8},
    {"U64", 64, RN_DTYPE_OTHER},     {"C64", 64, RN_DTYPE_OTHER},     {"U32", 32, RN_DTYPE_OTHER},
    {"F16", 16, RN_DTYPE_OTHER},     {"I16", 16, RN_DTYPE_OTHER},     {"U16", 16, RN_DTYPE_OTHER},
    {"I8", 8, RN_DTYPE_OTHER},       {"BOOL", 8, RN_DTYPE_OTHER},     {"F8_E4M3", 8, RN_DTYPE_OTHER},
    {"F8_E5M2", 8, RN_DTYPE_OTHER},  {"F8_E8M0", 8, RN_DTYPE_OTHER},  {"F8_E4M3FNUZ", 8, RN_DTYPE_OTHER},
    {"F8_E5M2FNUZ", 8, RN_DTYPE_OTHER}, {"F6_E2M3", 6, RN_DTYPE_OTHER}, {"F6_E3M2", 6, RN_DTYPE_OTHER},
    {"F4", 4, RN_DTYPE_OTHER},
};
enum { N_DTYPES = sizeof dtypes / sizeof *dtypes };

const rn_dtype_facts *rn_dtype_of(rn_dtype dtype)
{
    for (int i = 0; i < N_DTYPES && dtype != RN_DTYPE_OTHER; i++)
        if (dtypes[i].dtype == dtype)
            return &dtypes[i];
    return NULL;
}

/* Where the reader stands. */
typedef struct cursor {
    const char *begin, *at, *end;
    const char *path; /* of the file, for messages */
    rn_arena *arena;
    rn_error *err;
} cursor;

/* A name as messages show it: cut, and no control character gets through. */
enum { SHOWN = 64 };
static const char *shown(const char *text, char out[SHOWN + 4])
{
    size_t n = 0;
    for (; text[n] && n < SHOWN; n++)
        out[n] = (unsigned char)text[n] < 0x20 || text[n] == 0x7f ? '?' : text[n];
    if (text[n]) {
        while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
            n--; /* not in the middle of a character */
        memcpy(out + n, "…", 3), n += 3;
    }
    out[n] = '\0';
    return out;
}

static bool refuse(const cursor *c, const char *what)
{
    return rn_fail(c->err, RN_EFORMAT, "%s: header, byte %zu: %s", c->path, (size_t)(c->at - c->begin), what);
}

static bool no_memory(const cursor *c)
{
    return rn_fail(c->err, RN_EMEMORY, "%s: no memory for the header of %zu bytes", c->path,
                   (size_t)(c->end - c->begin));
}

static void skip_space(cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\n' || *c->at == '\r'))
        c->at++;
}

static bool next_is(cursor *c, char wanted)
{
    skip_space(c);
    if (c->at == c->end || *c->at != wanted)
        return false;
    c->at++;
    return true;
}

static bool expect(cursor *c, char wanted)
{
    if (next_is(c, wanted))
        return true;
    return rn_fail(c->err, RN_EFORMAT, c->at == c->end ? "%s: header ends at byte %zu where '%c' is due"
                                                       : "%s: header, byte %zu: '%c' is due here",
                   c->path, (size_t)(c->at - c->begin), wanted);
}

/* After an item of an object or array: another one (*more), or its end. */
static bool separator(cursor *c, char end, bool *more)
{
    *more = next_is(c, ',');
    return *more || expect(c, end);
}

/* Bytes of the UTF-8 character at text, 0 where there is none: Unicode 15, table 3-7. */
static size_t character(const unsigned char *t, size_t n)
{
    if (n >= 1 && t[0] < 0x80)
        return t[0] != 0;
    const size_t length = n >= 2 && t[0] >= 0xc2 && t[0] <= 0xdf   ? 2
                          : n >= 3 && t[0] >= 0xe0 && t[0] <= 0xef ? 3
                          : n >= 4 && t[0] >= 0xf0 && t[0] <= 0xf4 ? 4
                                                                   : 0;
    if (!length || (t[0] == 0xe0 && t[1] < 0xa0) || (t[0] == 0xed && t[1] > 0x9f) || (t[0] == 0xf0 && t[1] < 0x90) ||
        (t[0] == 0xf4 && t[1] > 0x8f))
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((t[i] & 0xc0) != 0x80)
            return 0;
    return length;
}

bool rn_safetensors_text(const char *text, size_t n)
{
    for (size_t i = 0, step; i < n; i += step)
        if (!(step = character((const unsigned char *)text + i, n - i)))
            return false;
    return true;
}

static bool hex4(cursor *c, uint32_t *v)
{
    *v = 0;
    for (int i = 0; i < 4; i++, c->at++) {
        const char d = c->at < c->end ? *c->at : '\0';
        if (d >= '0' && d <= '9')
            *v = *v << 4 | (uint32_t)(d - '0');
        else if ((d | 32) >= 'a' && (d | 32) <= 'f')
            *v = *v << 4 | (uint32_t)((d | 32) - 'a' + 10);
        else
            return refuse(c, "four hexadecimal digits are due after \\u");
    }
    return true;
}

/* What follows a backslash, as UTF-8 at *out. */
static bool escape(cursor *c, char **out)
{
    static const char plain[] = "\"\\/bfnrt", value[] = "\"\\/\b\f\n\r\t";
    const char letter = c->at < c->end ? *c->at++ : '\0';
    const char *known = letter ? strchr(plain, letter) : NULL;
    if (known) {
        *(*out)++ = value[known - plain];
        return true;
    }
    uint32_t v, low;
    if (letter != 'u')
        return refuse(c, "an escape that JSON does not have");
    if (!hex4(c, &v))
        return false;
    if (v >= 0xd800 && v < 0xdc00 && c->end - c->at >= 2 && c->at[0] == '\\' && c->at[1] == 'u') {
        c->at += 2;
        if (!hex4(c, &low))
            return false;
        if (low < 0xdc00 || low > 0xdfff)
            return refuse(c, "half a surrogate pair");
        v = 0x10000 + ((v - 0xd800) << 10) + (low - 0xdc00);
    }
    if (v == 0)
        return refuse(c, "a NUL inside a text");
    if (v >= 0xd800 && v <= 0xdfff)
        return refuse(c, "half a surrogate pair");
    char *o = *out;
    if (v < 0x80)
        *o++ = (char)v;
    else {
        const int more = v < 0x800 ? 1 : v < 0x10000 ? 2 : 3;
        *o++ = (char)((0xf00 >> more & 0xff) | (v >> 6 * more));
        for (int i = more - 1; i >= 0; i--)
            *o++ = (char)(0x80 | (v >> 6 * i & 0x3f));
    }
    *out = o;
    return true;
}

/* A text, decoded (which never makes it longer), NUL-ended. */
static bool string(cursor *c, const char **text)
{
    if (!expect(c, '"'))
        return false;
    const char *close = c->at;
    while (close < c->end && *close != '"')
        close += *close == '\\' ? 2 : 1;
    if (close >= c->end)
        return refuse(c, "a text without an end");
    char *out = rn_arena_alloc(c->arena, (size_t)(close - c->at) + 1);
    if (!out)
        return no_memory(c);
    *text = out;
    while (c->at < close) {
        const size_t n = character((const unsigned char *)c->at, (size_t)(close - c->at));
        if (*c->at == '\\') {
            c->at++;
            if (!escape(c, &out))
                return false;
        } else if (n == 0) {
            return refuse(c, *c->at ? "a text that is not UTF-8" : "a NUL inside a text");
        } else if (n == 1 && (unsigned char)*c->at < 0x20) {
            return refuse(c, "a control character inside a text");
        } else {
            memcpy(out, c->at, n);
            out += n;
            c->at += n;
        }
    }
    *out = '\0';
    c->at = close + 1;
    return true;
}

/* A natural number below 2⁶³. */
static bool natural(cursor *c, int64_t *v)
{
    skip_space(c);
    const char *first = c->at;
    for (*v = 0; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++)
        if (__builtin_mul_overflow(*v, 10, v) || __builtin_add_overflow(*v, *c->at - '0', v))
            return refuse(c, "a number beyond 2^63");
    if (c->at == first || (*first == '0' && c->at - first > 1) ||
        (c->at < c->end && (*c->at == '.' || (*c->at | 32) == 'e')))
        return refuse(c, "a whole number from 0 on is due");
    return true;
}

/* [a, b, …] into v, at most `most` of them. */
static bool naturals(cursor *c, int64_t *v, int most, int *n)
{
    *n = 0;
    if (!expect(c, '['))
        return false;
    if (next_is(c, ']'))
        return true;
    for (bool more = true; more;) {
        if (*n == most)
            return rn_fail(c->err, RN_EFORMAT, "%s: header, byte %zu: more than %d numbers in a list", c->path,
                           (size_t)(c->at - c->begin), most);
        if (!natural(c, &v[(*n)++]) || !separator(c, ']', &more))
            return false;
    }
    return true;
}

/* Shape, type and offsets agree, and lie inside the data. */
static bool check_tensor(const cursor *c, rn_file_tensor *t, const rn_dtype_facts *facts, const int64_t at[2],
                         const uint8_t *data, size_t data_bytes)
{
    char name[SHOWN + 4];
    shown(t->name, name);
    int64_t bits;
    t->count = 1;
    for (int i = 0; i < t->rank; i++)
        if (__builtin_mul_overflow(t->count, t->dim[i], &t->count))
            return rn_fail(c->err, RN_EFORMAT, "%s: tensor '%s': more elements than 2^63", c->path, name);
    if (__builtin_mul_overflow(t->count, facts->bits, &bits))
        return rn_fail(c->err, RN_EFORMAT, "%s: tensor '%s': more bits than 2^63", c->path, name);
    if (at[0] > at[1])
        return rn_fail(c->err, RN_EFORMAT, "%s: tensor '%s' begins at %" PRId64 ", after its end at %" PRId64,
                       c->path, name, at[0], at[1]);
    if ((uint64_t)at[1] > data_bytes)
        return rn_fail(c->err, RN_EFORMAT, "%s: tensor '%s' ends at byte %" PRId64 " of %zu bytes of data", c->path,
                       name, at[1], data_bytes);
    if (bits % 8 || bits / 8 != at[1] - at[0])
        return rn_fail(c->err, RN_EFORMAT,
                       "%s: tensor '%s': its shape needs %" PRId64 " bits, its offsets give %" PRId64 " bytes", c->path,
                       name, bits, at[1] - at[0]);
    t->data = data + at[0];
    t->bytes = (size_t)(at[1] - at[0]);
    t->dtype = facts->dtype;
    return true;
}

/* {"dtype": …, "shape": …, "data_offsets": …} in any order, each once. */
static bool tensor(cursor *c, rn_file_tensor *t, const uint8_t *data, size_t data_bytes)
{
    enum { DTYPE = 1, SHAPE = 2, OFFSETS = 4 };
    char name[SHOWN + 4];
    shown(t->name, name);
    unsigned seen = 0;
    const rn_dtype_facts *facts = NULL;
    int64_t at[2] = {0, 0};
    int n_at = 0;
    if (!expect(c, '{'))
        return rn_context(c->err, "tensor '%s'", name);
    for (bool more = !next_is(c, '}'); more;) {
        const char *key, *word;
        if (!string(c, &key) || !expect(c, ':'))
            return false;
        const unsigned member = strcmp(key, "dtype") == 0          ? DTYPE
                                : strcmp(key, "shape") == 0        ? SHAPE
                                : strcmp(key, "data_offsets") == 0 ? OFFSETS
                                                                   : 0;
        if (!member || (seen & member)) {
            char text[SHOWN + 4];
            return rn_fail(c->err, RN_EFORMAT, "%s: tensor '%s': %s '%s'", c->path, name,
                           member ? "twice the member" : "unknown member", shown(key, text));
        }
        seen |= member;
        if (member == DTYPE) {
            char text[SHOWN + 4];
            if (!string(c, &word))
                return false;
            for (int i = 0; i < N_DTYPES && !facts; i++)
                if (strcmp(dtypes[i].word, word) == 0)
                    facts = &dtypes[i];
            if (!facts)
                return rn_fail(c->err, RN_EFORMAT, "%s: tensor '%s': unknown dtype '%s'", c->path, name,
                               shown(word, text));
        } else if (member == SHAPE) {
            if (!naturals(c, t->dim, RN_FILE_TENSOR_RANK, &t->rank))
                return false;
        } else if (!naturals(c, at, 2, &n_at)) {
            return false;
        }
        if (!separator(c, '}', &more))
            return false;
    }
    if (seen != (DTYPE | SHAPE | OFFSETS) || n_at != 2)
        return rn_fail(c->err, RN_EFORMAT, "%s: tensor '%s': %s", c->path, name,
                       !(seen & DTYPE)   ? "no dtype"
                       : !(seen & SHAPE) ? "no shape"
                                         : "data_offsets must be two numbers");
    return check_tensor(c, t, facts, at, data, data_bytes);
}

/* Items are met one by one and their number is not known before: a list, then an array. */
typedef struct item {
    rn_file_tensor tensor;
    const char *key, *value;
    struct item *next;
} item;

static bool metadata(cursor *c, item **last, int64_t *n)
{
    if (!expect(c, '{'))
        return rn_context(c->err, "__metadata__");
    for (bool more = !next_is(c, '}'); more;) {
        item *m = rn_arena_alloc(c->arena, sizeof *m);
        if (!m)
            return no_memory(c);
        if (!string(c, &m->key) || !expect(c, ':') || !string(c, &m->value))
            return rn_context(c->err, "__metadata__ has texts alone");
        m->next = *last;
        *last = m;
        ++*n;
        if (!separator(c, '}', &more))
            return false;
    }
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const rn_file_tensor *)a)->name, ((const rn_file_tensor *)b)->name);
}

static int by_key(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int by_place(const void *a_, const void *b_)
{
    const rn_file_tensor *a = *(const rn_file_tensor *const *)a_, *b = *(const rn_file_tensor *const *)b_;
    const uintptr_t at_a = (uintptr_t)a->data, at_b = (uintptr_t)b->data;
    return at_a != at_b ? (at_a < at_b ? -1 : 1) : (a->bytes > b->bytes) - (a->bytes < b->bytes);
}

/* The tensors, in the order of their places, follow each other from the first byte to the last. */
static bool check_coverage(const cursor *c, const rn_safetensors_header *h, const uint8_t *data, size_t data_bytes)
{
    char name[SHOWN + 4];
    const rn_file_tensor **order = rn_arena_array(c->arena, (size_t)h->n + 1, sizeof *order);
    if (!order)
        return no_memory(c);
    for (int64_t i = 0; i < h->n; i++)
        order[i] = &h->tensor[i];
    qsort(order, (size_t)h->n, sizeof *order, by_place);
    size_t covered = 0;
    for (int64_t i = 0; i < h->n; i++) {
        const size_t begin = (size_t)((const uint8_t *)order[i]->data - data);
        if (begin != covered)
            return rn_fail(c->err, RN_EFORMAT, "%s: tensor '%s' begins at byte %zu of the data, %s byte %zu", c->path,
                           shown(order[i]->name, name), begin,
                           begin < covered ? "but the one before ends at" : "leaving a hole from", covered);
        covered += order[i]->bytes;
    }
    if (covered != data_bytes)
        return rn_fail(c->err, RN_EFORMAT, "%s: %zu bytes of data, of which the tensors cover %zu", c->path, data_bytes,
                       covered);
    return true;
}

/* Lists into sorted arrays; what is there twice stands side by side then. */
static bool collect(const cursor *c, const item *tensors, const item *texts, rn_safetensors_header *h)
{
    char name[SHOWN + 4];
    h->tensor = rn_arena_array(c->arena, (size_t)h->n + 1, sizeof *h->tensor);
    const char **pairs = rn_arena_array(c->arena, (size_t)h->n_metadata + 1, 2 * sizeof *pairs);
    if (!h->tensor || !pairs)
        return no_memory(c);
    for (int64_t i = 0; tensors; tensors = tensors->next)
        h->tensor[i++] = tensors->tensor;
    for (int64_t i = 0; texts; texts = texts->next, i += 2)
        pairs[i] = texts->key, pairs[i + 1] = texts->value;
    qsort(h->tensor, (size_t)h->n, sizeof *h->tensor, by_name);
    qsort(pairs, (size_t)h->n_metadata, 2 * sizeof *pairs, by_key);
    h->metadata = pairs;
    for (int64_t i = 1; i < h->n; i++)
        if (strcmp(h->tensor[i - 1].name, h->tensor[i].name) == 0)
            return rn_fail(c->err, RN_EFORMAT, "%s: tensor '%s' is there twice", c->path,
                           shown(h->tensor[i].name, name));
    for (int64_t i = 1; i < h->n_metadata; i++)
        if (strcmp(pairs[2 * i - 2], pairs[2 * i]) == 0)
            return rn_fail(c->err, RN_EFORMAT, "%s: __metadata__ has '%s' twice", c->path, shown(pairs[2 * i], name));
    return true;
}

bool rn_safetensors_header_read(rn_arena *a, const char *path, const char *json, size_t json_bytes,
                                const uint8_t *data, size_t data_bytes, rn_safetensors_header *header, rn_error *err)
{
    cursor c = {json, json, json + json_bytes, path, a, err};
    rn_safetensors_header h = {0};
    item *tensors = NULL, *texts = NULL;
    bool has_metadata = false;
    if (json_bytes == 0 || *json != '{')
        return refuse(&c, "the format wants '{' as the first byte");
    c.at++;
    for (bool more = !next_is(&c, '}'); more;) {
        const char *key;
        if (!string(&c, &key) || !expect(&c, ':'))
            return false;
        if (strcmp(key, "__metadata__") == 0) {
            if (has_metadata)
                return refuse(&c, "__metadata__ is there twice");
            has_metadata = true;
            if (!metadata(&c, &texts, &h.n_metadata))
                return false;
        } else {
            item *t = rn_arena_alloc(a, sizeof *t);
            if (!t)
                return no_memory(&c);
            t->tensor.name = key;
            t->next = tensors;
            tensors = t;
            h.n++;
            if (!tensor(&c, &t->tensor, data, data_bytes))
                return false;
        }
        if (!separator(&c, '}', &more))
            return false;
    }
    skip_space(&c);
    if (c.at != c.end)
        return refuse(&c, "text after the closing brace");
    if (!collect(&c, tensors, texts, &h) || !check_coverage(&c, &h, data, data_bytes))
        return false;
    *header = h;
    return true;
}
