/* Writing safetensors as the reference writer does: tensors by falling element size, then by name, packed;
 * the header padded with spaces to a multiple of 8, so that the data of a mapped file are aligned. Equal
 * tensors give equal bytes, whatever order they are handed in. */
#include "train/safetensors.h"
#include "train/safetensors_header.h"

#include "base/file.h"
#include "base/json.h"
#include "base/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct plan {
    const char *path;
    const rn_file_tensor **order; /* [n] */
    size_t *bytes;                /* [n], of each in that order */
    int64_t n;
    const char *const *metadata;
} plan;

static int element_bits(const rn_file_tensor *t) { return rn_dtype_of(t->dtype)->bits; }

static int by_size_then_name(const void *a_, const void *b_)
{
    const rn_file_tensor *a = *(const rn_file_tensor *const *)a_, *b = *(const rn_file_tensor *const *)b_;
    const int wider = element_bits(b) - element_bits(a);
    return wider ? wider : strcmp(a->name, b->name);
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const rn_file_tensor *const *)a)->name, (*(const rn_file_tensor *const *)b)->name);
}

/* Is it something that a reader will take? */
static bool check(const char *path, const rn_file_tensor *t, size_t *bytes, rn_error *err)
{
    if (!t->name || !rn_utf8_valid(t->name, strlen(t->name)) || strcmp(t->name, "__metadata__") == 0)
        return rn_fail(err, RN_EFORMAT, "could not write '%s': a tensor's name must be UTF-8 and not '__metadata__'",
                       path);
    if (!rn_dtype_of(t->dtype) || t->rank < 0 || t->rank > RN_FILE_TENSOR_RANK)
        return rn_fail(err, RN_EINTERNAL, "could not write '%s': tensor '%s' has type %d and %d axes", path, t->name,
                       (int)t->dtype, t->rank);
    int64_t n = element_bits(t) / 8;
    for (int i = 0; i < t->rank; i++)
        if (t->dim[i] < 0 || __builtin_mul_overflow(n, t->dim[i], &n))
            return rn_fail(err, RN_EINTERNAL, "could not write '%s': tensor '%s' has an impossible size", path,
                           t->name);
    *bytes = (size_t)n;
    return true;
}

static void write_header(const plan *p, FILE *f)
{
    const char *before = "{";
    if (p->metadata && *p->metadata) {
        fputs("{\"__metadata__\":", f);
        for (const char *const *m = p->metadata; *m; m += 2) {
            fputc(m == p->metadata ? '{' : ',', f);
            rn_json_quote(f, m[0]);
            fputc(':', f);
            rn_json_quote(f, m[1]);
        }
        fputc('}', f);
        before = ",";
    }
    size_t at = 0;
    for (int64_t i = 0; i < p->n; i++, before = ",") {
        const rn_file_tensor *t = p->order[i];
        fputs(before, f);
        rn_json_quote(f, t->name);
        fprintf(f, ":{\"dtype\":\"%s\",\"shape\":[", rn_dtype_of(t->dtype)->word);
        for (int k = 0; k < t->rank; k++)
            fprintf(f, "%s%" PRId64, k ? "," : "", t->dim[k]);
        fprintf(f, "],\"data_offsets\":[%zu,%zu]}", at, at + p->bytes[i]);
        at += p->bytes[i];
    }
    fputs(*before == '{' ? "{}" : "}", f);
}

static bool write_file(void *context, FILE *f, rn_error *err)
{
    const plan *p = context;
    char *text = NULL;
    size_t n = 0;
    FILE *memory = open_memstream(&text, &n);
    if (memory)
        write_header(p, memory);
    if (!memory || fclose(memory) != 0) {
        free(text);
        return rn_fail(err, RN_EMEMORY, "no memory for the header of '%s'", p->path);
    }
    const uint64_t padded = (n + 7) / 8 * 8;
    bool ok = padded <= RN_SAFETENSORS_HEADER_LIMIT ||
              rn_fail(err, RN_ELIMIT, "could not write '%s': a header of %zu bytes; the format allows %d", p->path, n,
                      RN_SAFETENSORS_HEADER_LIMIT);
    if (ok) {
        ok = fwrite(&padded, 8, 1, f) == 1 && fwrite(text, 1, n, f) == n && fprintf(f, "%*s", (int)(padded - n), "") >= 0;
        for (int64_t i = 0; i < p->n && ok; i++)
            ok = fwrite(p->order[i]->data, 1, p->bytes[i], f) == p->bytes[i];
        if (!ok)
            rn_fail(err, RN_EIO, "could not write '%s': %s", p->path, strerror(errno));
    }
    free(text);
    return ok;
}

bool rn_safetensors_write(const char *path, const rn_file_tensor *tensors, int64_t n, const char *const *metadata,
                          rn_error *err)
{
    rn_arena arena = {0};
    bool ok = true;
    plan p = {.path = path, .n = n, .metadata = metadata};
    p.order = rn_arena_array(&arena, (size_t)n + 1, sizeof *p.order);
    p.bytes = rn_arena_array(&arena, (size_t)n + 1, sizeof *p.bytes);
    if (!p.order || !p.bytes) {
        ok = rn_fail(err, RN_EMEMORY, "no memory to write the %" PRId64 " tensors of '%s'", n, path);
        goto done;
    }
    for (int64_t i = 0; i < n && ok; i++) {
        p.order[i] = &tensors[i];
        ok = check(path, &tensors[i], &p.bytes[i], err);
    }
    for (const char *const *m = metadata; m && *m && ok; m++)
        if (!rn_utf8_valid(*m, strlen(*m)))
            ok = rn_fail(err, RN_EFORMAT, "could not write '%s': metadata must be UTF-8", path);
    if (!ok)
        goto done;
    qsort(p.order, (size_t)n, sizeof *p.order, by_name);
    for (int64_t i = 1; i < n; i++)
        if (strcmp(p.order[i - 1]->name, p.order[i]->name) == 0) {
            ok = rn_fail(err, RN_EDUPLICATE, "could not write '%s': two tensors are called '%s'", path,
                         p.order[i]->name);
            goto done;
        }
    qsort(p.order, (size_t)n, sizeof *p.order, by_size_then_name);
    for (int64_t i = 0; i < n && ok; i++)
        ok = check(path, p.order[i], &p.bytes[i], err);
    ok = ok && rn_file_write(path, write_file, &p, err);
done:
    rn_arena_free(&arena);
    return ok;
}
