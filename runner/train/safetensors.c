#include "train/safetensors.h"
#include "train/safetensors_header.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "files are little-endian, and read as they are");

struct rn_safetensors {
    rn_arena arena;
    void *map; /* a renamed-over file keeps its old content here until it is closed */
    size_t bytes;
    rn_safetensors_header header;
};

/* Maps the file, which is at least as long as the length of a header. */
static bool map_file(const char *path, void **map, size_t *bytes, rn_error *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return rn_fail(err, RN_EIO, "could not read '%s': %s", path, strerror(errno));
    bool ok = false;
    struct stat st;
    if (fstat(fd, &st) != 0)
        rn_fail(err, RN_EIO, "could not read '%s': %s", path, strerror(errno));
    else if (!S_ISREG(st.st_mode))
        rn_fail(err, RN_EIO, "could not read '%s': not a regular file", path);
    else if (st.st_size < 8)
        rn_fail(err, RN_EFORMAT, "%s: a file of %lld bytes has no room for the length of its header", path,
                (long long)st.st_size);
    else {
        *bytes = (size_t)st.st_size;
        *map = mmap(NULL, *bytes, PROT_READ, MAP_PRIVATE, fd, 0);
        ok = *map != MAP_FAILED ||
             rn_fail(err, RN_EIO, "could not map the %zu bytes of '%s': %s", *bytes, path, strerror(errno));
    }
    close(fd);
    return ok;
}

/* 8 bytes N, N bytes of header, data. */
static bool read_parts(rn_safetensors *f, const char *path, rn_error *err)
{
    uint64_t header;
    memcpy(&header, f->map, 8); /* NOLINT: mapped, with 8 bytes at least */
    const uint64_t rest = f->bytes - 8;
    if (header > rest)
        return rn_fail(err, RN_EFORMAT, "%s: header of %" PRIu64 " bytes in a file of %zu", path, header, f->bytes);
    if (header > RN_SAFETENSORS_HEADER_LIMIT)
        return rn_fail(err, RN_EFORMAT, "%s: header of %" PRIu64 " bytes; the format allows %d", path, header,
                       RN_SAFETENSORS_HEADER_LIMIT);
    const uint8_t *json = (const uint8_t *)f->map + 8;
    return rn_safetensors_header_read(&f->arena, path, (const char *)json, (size_t)header, json + header,
                                      (size_t)(rest - header), &f->header, err);
}

bool rn_safetensors_open(const char *path, rn_safetensors **file, rn_error *err)
{
    void *map = NULL;
    size_t bytes = 0;
    if (!map_file(path, &map, &bytes, err))
        return false;
    rn_safetensors *f = calloc(1, sizeof *f);
    if (!f) {
        munmap(map, bytes);
        return rn_fail(err, RN_EMEMORY, "no memory to read '%s'", path);
    }
    f->map = map;
    f->bytes = bytes;
    if (!read_parts(f, path, err)) {
        rn_safetensors_close(f);
        return false;
    }
    *file = f;
    return true;
}

void rn_safetensors_close(rn_safetensors *file)
{
    if (!file)
        return;
    munmap(file->map, file->bytes);
    rn_arena_free(&file->arena);
    free(file);
}

int64_t rn_safetensors_count(const rn_safetensors *file) { return file->header.n; }

const rn_file_tensor *rn_safetensors_at(const rn_safetensors *file, int64_t i) { return &file->header.tensor[i]; }

static int name_against(const void *name, const void *tensor)
{
    return strcmp(name, ((const rn_file_tensor *)tensor)->name);
}

const rn_file_tensor *rn_safetensors_find(const rn_safetensors *file, const char *name)
{
    return bsearch(name, file->header.tensor, (size_t)file->header.n, sizeof *file->header.tensor, name_against);
}

static int key_against(const void *key, const void *pair) { return strcmp(key, *(const char *const *)pair); }

const char *rn_safetensors_metadata(const rn_safetensors *file, const char *key)
{
    const char *const *pair = bsearch(key, file->header.metadata, (size_t)file->header.n_metadata,
                                      2 * sizeof *file->header.metadata, key_against);
    return pair ? pair[1] : NULL;
}

/* One loop for each pair of types; the elements of a file may be unaligned, hence memcpy. */
#define CONVERT(from_type, value)                                                                  \
    for (int64_t i = 0; i < t->count; i++) {                                                       \
        from_type v;                                                                               \
        memcpy(&v, from + (size_t)i * sizeof v, sizeof v);                                         \
        out[i] = (value);                                                                          \
    }                                                                                              \
    return true

static float from_bf16(uint16_t v)
{
    const uint32_t bits = (uint32_t)v << 16;
    float out;
    memcpy(&out, &bits, sizeof out);
    return out;
}

bool rn_file_tensor_double(const rn_file_tensor *t, double *out)
{
    const char *from = t->data;
    switch (t->dtype) {
    case RN_DTYPE_F64: CONVERT(double, v);
    case RN_DTYPE_F32: CONVERT(float, (double)v);
    case RN_DTYPE_BF16: CONVERT(uint16_t, (double)from_bf16(v));
    case RN_DTYPE_I64: CONVERT(int64_t, (double)v);
    case RN_DTYPE_I32: CONVERT(int32_t, (double)v);
    case RN_DTYPE_U8: CONVERT(uint8_t, (double)v);
    case RN_DTYPE_OTHER: break;
    }
    return false;
}

bool rn_file_tensor_float(const rn_file_tensor *t, float *out)
{
    const char *from = t->data;
    switch (t->dtype) {
    case RN_DTYPE_F64: CONVERT(double, (float)v);
    case RN_DTYPE_F32: CONVERT(float, v);
    case RN_DTYPE_BF16: CONVERT(uint16_t, from_bf16(v));
    case RN_DTYPE_I64: CONVERT(int64_t, (float)v);
    case RN_DTYPE_I32: CONVERT(int32_t, (float)v);
    case RN_DTYPE_U8: CONVERT(uint8_t, (float)v);
    case RN_DTYPE_OTHER: break;
    }
    return false;
}
