/* A strict reader of the one JSON shape that a safetensors header has:
 *
 *     {"__metadata__": {"key": "value", …}, "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …}
 *
 * No value nests deeper, so there is no recursion; a key that is there twice, a member that is missing or
 * unknown, a number that is no natural number below 2⁶³ are refused. After that the numbers are held against
 * each other: shape · element = end − begin, and the tensors cover the data without hole or overlap. */
#include "train/safetensors_header.h"
#include "train/safetensors_json.h"

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

/* Shape, type and offsets agree, and lie inside the data. */
static bool check_tensor(const rn_json_reader *c, rn_file_tensor *t, const rn_dtype_facts *facts, const int64_t at[2],
                         const uint8_t *data, size_t data_bytes)
{
    char name[RN_JSON_SHOWN];
    rn_json_shown(t->name, name);
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
static bool tensor(rn_json_reader *c, rn_file_tensor *t, const uint8_t *data, size_t data_bytes)
{
    enum { DTYPE = 1, SHAPE = 2, OFFSETS = 4 };
    char name[RN_JSON_SHOWN];
    rn_json_shown(t->name, name);
    unsigned seen = 0;
    const rn_dtype_facts *facts = NULL;
    int64_t at[2] = {0, 0};
    int n_at = 0;
    if (!rn_json_expect(c, '{'))
        return rn_context(c->err, "tensor '%s'", name);
    for (bool more = !rn_json_next_is(c, '}'); more;) {
        const char *key, *word;
        if (!rn_json_string(c, &key) || !rn_json_expect(c, ':'))
            return false;
        const unsigned member = strcmp(key, "dtype") == 0          ? DTYPE
                                : strcmp(key, "shape") == 0        ? SHAPE
                                : strcmp(key, "data_offsets") == 0 ? OFFSETS
                                                                   : 0;
        if (!member || (seen & member)) {
            char text[RN_JSON_SHOWN];
            return rn_fail(c->err, RN_EFORMAT, "%s: tensor '%s': %s '%s'", c->path, name,
                           member ? "twice the member" : "unknown member", rn_json_shown(key, text));
        }
        seen |= member;
        if (member == DTYPE) {
            char text[RN_JSON_SHOWN];
            if (!rn_json_string(c, &word))
                return false;
            for (int i = 0; i < N_DTYPES && !facts; i++)
                if (strcmp(dtypes[i].word, word) == 0)
                    facts = &dtypes[i];
            if (!facts)
                return rn_fail(c->err, RN_EFORMAT, "%s: tensor '%s': unknown dtype '%s'", c->path, name,
                               rn_json_shown(word, text));
        } else if (member == SHAPE) {
            if (!rn_json_naturals(c, t->dim, RN_FILE_TENSOR_RANK, &t->rank))
                return false;
        } else if (!rn_json_naturals(c, at, 2, &n_at)) {
            return false;
        }
        if (!rn_json_separator(c, '}', &more))
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

static bool metadata(rn_json_reader *c, item **last, int64_t *n)
{
    if (!rn_json_expect(c, '{'))
        return rn_context(c->err, "__metadata__");
    for (bool more = !rn_json_next_is(c, '}'); more;) {
        item *m = rn_arena_alloc(c->arena, sizeof *m);
        if (!m)
            return rn_json_no_memory(c);
        if (!rn_json_string(c, &m->key) || !rn_json_expect(c, ':') || !rn_json_string(c, &m->value))
            return rn_context(c->err, "__metadata__ has texts alone");
        m->next = *last;
        *last = m;
        ++*n;
        if (!rn_json_separator(c, '}', &more))
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
static bool check_coverage(const rn_json_reader *c, const rn_safetensors_header *h, const uint8_t *data, size_t data_bytes)
{
    char name[RN_JSON_SHOWN];
    const rn_file_tensor **order = rn_arena_array(c->arena, (size_t)h->n + 1, sizeof *order);
    if (!order)
        return rn_json_no_memory(c);
    for (int64_t i = 0; i < h->n; i++)
        order[i] = &h->tensor[i];
    qsort(order, (size_t)h->n, sizeof *order, by_place);
    size_t covered = 0;
    for (int64_t i = 0; i < h->n; i++) {
        const size_t begin = (size_t)((const uint8_t *)order[i]->data - data);
        if (begin != covered)
            return rn_fail(c->err, RN_EFORMAT, "%s: tensor '%s' begins at byte %zu of the data, %s byte %zu", c->path,
                           rn_json_shown(order[i]->name, name), begin,
                           begin < covered ? "but the one before ends at" : "leaving a hole from", covered);
        covered += order[i]->bytes;
    }
    if (covered != data_bytes)
        return rn_fail(c->err, RN_EFORMAT, "%s: %zu bytes of data, of which the tensors cover %zu", c->path, data_bytes,
                       covered);
    return true;
}

/* Lists into sorted arrays; what is there twice stands side by side then. */
static bool collect(const rn_json_reader *c, const item *tensors, const item *texts, rn_safetensors_header *h)
{
    char name[RN_JSON_SHOWN];
    h->tensor = rn_arena_array(c->arena, (size_t)h->n + 1, sizeof *h->tensor);
    const char **pairs = rn_arena_array(c->arena, (size_t)h->n_metadata + 1, 2 * sizeof *pairs);
    if (!h->tensor || !pairs)
        return rn_json_no_memory(c);
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
                           rn_json_shown(h->tensor[i].name, name));
    for (int64_t i = 1; i < h->n_metadata; i++)
        if (strcmp(pairs[2 * i - 2], pairs[2 * i]) == 0)
            return rn_fail(c->err, RN_EFORMAT, "%s: __metadata__ has '%s' twice", c->path, rn_json_shown(pairs[2 * i], name));
    return true;
}

bool rn_safetensors_header_read(rn_arena *a, const char *path, const char *json, size_t json_bytes,
                                const uint8_t *data, size_t data_bytes, rn_safetensors_header *header, rn_error *err)
{
    rn_json_reader c = {json, json, json + json_bytes, path, a, err};
    rn_safetensors_header h = {0};
    item *tensors = NULL, *texts = NULL;
    bool has_metadata = false;
    if (json_bytes == 0 || *json != '{')
        return rn_json_refuse(&c, "the format wants '{' as the first byte");
    c.at++;
    for (bool more = !rn_json_next_is(&c, '}'); more;) {
        const char *key;
        if (!rn_json_string(&c, &key) || !rn_json_expect(&c, ':'))
            return false;
        if (strcmp(key, "__metadata__") == 0) {
            if (has_metadata)
                return rn_json_refuse(&c, "__metadata__ is there twice");
            has_metadata = true;
            if (!metadata(&c, &texts, &h.n_metadata))
                return false;
        } else {
            item *t = rn_arena_alloc(a, sizeof *t);
            if (!t)
                return rn_json_no_memory(&c);
            t->tensor.name = key;
            t->next = tensors;
            tensors = t;
            h.n++;
            if (!tensor(&c, &t->tensor, data, data_bytes))
                return false;
        }
        if (!rn_json_separator(&c, '}', &more))
            return false;
    }
    rn_json_space(&c);
    if (c.at != c.end)
        return rn_json_refuse(&c, "text after the closing brace");
    if (!collect(&c, tensors, texts, &h) || !check_coverage(&c, &h, data, data_bytes))
        return false;
    *header = h;
    return true;
}
