/* idx: the files of MNIST: big-endian numbers 0x00000803, count, rows, columns, then grey bytes; labels in a file of
 * their own (0x00000801, count, bytes). Plain or gzip. Source: http://yann.lecun.com/exdb/mnist, "File formats". */
#include "datasets/files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

typedef struct {
    const char *path, *labels;
} idx;

static const rn_param params[] = {
    RN_PATH(idx, path, NULL, "the file of images, plain or gzip"),
    RN_PATH_OR_NONE(idx, labels, "none", "the file of labels; none: the file beside it that is called `labels` and `idx1` where this one is called `images` and `idx3`, if there is one"),
    RN_PARAMS_END,
};

enum { IMAGES = 0x803, LABELS = 0x801, IMAGES_HEADER = 16, LABELS_HEADER = 8, CLASSES = 256, NAME_BYTES = 12 };
static const int64_t MAX_BYTES = (int64_t)1 << 32;

struct state {
    uint8_t *images, *labels; /* whole files; labels may be NULL */
    int64_t n, rows, columns;
    char (*name)[NAME_BYTES]; /* [n] */
    char class_name[CLASSES][4];
    const char *class[CLASSES + 1];
};

static void close_set(void *state)
{
    struct state *s = state;
    free(s->images);
    free(s->labels);
    free(s->name);
    free(s);
}

static int64_t big_endian(const uint8_t *b)
{
    return (int64_t)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3];
}

/* The whole file, unpacked if need be, growing as its bytes come: no number of the file decides an allocation. */
static bool read_whole(const char *path, uint8_t **data, int64_t *bytes, rn_error *err)
{
    struct stat st;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return rn_fail(err, RN_EIO, "could not read '%s': it is no regular file", path);
    gzFile f = gzopen(path, "rb"); /* plain files pass through */
    if (!f)
        return rn_fail(err, RN_EIO, "could not read '%s': %s", path, errno ? strerror(errno) : "no memory");
    int64_t size = 1 << 20, used = 0;
    uint8_t *buffer = malloc((size_t)size);
    int got = 0;
    while (buffer && (got = gzread(f, buffer + used, (unsigned)(size - used < 1 << 30 ? size - used : 1 << 30))) > 0) {
        used += got;
        if (used < size)
            continue;
        uint8_t *larger = size < MAX_BYTES ? realloc(buffer, (size_t)(size *= 2)) : NULL;
        if (!larger)
            free(buffer);
        buffer = larger;
    }
    int code = Z_OK;
    const char *why = gzerror(f, &code);
    if (strncmp(why, path, strlen(path)) == 0 && strncmp(why + strlen(path), ": ", 2) == 0)
        why += strlen(path) + 2; /* zlib puts the path before the reason */
    bool ok = buffer && got == 0 && (code == Z_OK || code == Z_STREAM_END);
    if (!buffer)
        rn_fail(err, RN_EMEMORY, "no memory for the images of '%s' beyond %" PRId64 " bytes", path, used);
    else if (!ok)
        rn_fail(err, code == Z_ERRNO ? RN_EIO : RN_EFORMAT, "could not read '%s': %s", path, code == Z_ERRNO ? strerror(errno) : why);
    if (gzclose(f) != Z_OK && ok) /* gzip data that end early */
        ok = rn_fail(err, RN_EFORMAT, "could not read '%s': its compressed data are cut off", path);
    if (!ok)
        free(buffer);
    else
        *data = buffer, *bytes = used;
    return ok;
}

static bool open_images(struct state *s, const char *path, int64_t max_pixels, rn_error *err)
{
    int64_t bytes = 0;
    if (!read_whole(path, &s->images, &bytes, err))
        return false;
    if (bytes < IMAGES_HEADER || big_endian(s->images) != IMAGES)
        return rn_fail(err, RN_EFORMAT, "'%s' is no IDX file of images: it must begin with 00 00 08 03", path);
    s->n = big_endian(s->images + 4);
    s->rows = big_endian(s->images + 8);
    s->columns = big_endian(s->images + 12);
    if (s->n < 1 || s->rows < 1 || s->columns < 1)
        return rn_fail(err, RN_EFORMAT, "'%s': %" PRId64 " images of %" PRId64 "×%" PRId64 " pixels in the header", path,
                       s->n, s->columns, s->rows);
    if (s->rows > max_pixels / s->columns)
        return rn_fail(err, RN_EDATA, "'%s': %" PRId64 "×%" PRId64 " pixels in the header, more than the limit of %" PRId64
                       " (max_pixels)", path, s->columns, s->rows, max_pixels);
    const int64_t each = s->rows * s->columns, there = bytes - IMAGES_HEADER;
    if (there / each != s->n || there % each != 0)
        return rn_fail(err, RN_EFORMAT, "'%s': damaged: %" PRId64 " images of %" PRId64 "×%" PRId64
                       " pixels in the header, but %" PRId64 " bytes after it", path, s->n, s->columns, s->rows, there);
    return true;
}

/* "train-images-idx3-ubyte.gz" → "train-labels-idx1-ubyte.gz", in the last part of the path, with either ending.
 * False: there is no such file. */
static bool find_labels(const char *path, char *labels, size_t size)
{
    const char *slash = strrchr(path, '/'), *at = strstr(slash ? slash : path, "images");
    if (!at || snprintf(labels, size, "%.*slabels%s", (int)(at - path), path, at + 6) >= (int)size - 4)
        return false;
    char *rank = strstr(labels + (at - path), "idx3");
    if (rank)
        rank[3] = '1';
    struct stat st;
    if (stat(labels, &st) == 0)
        return true;
    const size_t n = strlen(labels);
    if (n > 3 && strcmp(labels + n - 3, ".gz") == 0)
        labels[n - 3] = '\0';
    else
        memcpy(labels + n, ".gz", 4);
    return stat(labels, &st) == 0;
}

static bool open_labels(struct state *s, const char *path, rn_error *err)
{
    int64_t bytes = 0;
    if (!read_whole(path, &s->labels, &bytes, err))
        return false;
    if (bytes < LABELS_HEADER || big_endian(s->labels) != LABELS)
        return rn_fail(err, RN_EFORMAT, "'%s' is no IDX file of labels: it must begin with 00 00 08 01", path);
    if (big_endian(s->labels + 4) != s->n || bytes - LABELS_HEADER != s->n)
        return rn_fail(err, RN_EFORMAT, "'%s': %" PRId64 " labels in the header, %" PRId64 " bytes after it, for %" PRId64
                       " images", path, big_endian(s->labels + 4), bytes - LABELS_HEADER, s->n);
    int most = 0;
    for (int64_t i = 0; i < s->n; i++)
        most = s->labels[LABELS_HEADER + i] > most ? s->labels[LABELS_HEADER + i] : most;
    for (int k = 0; k <= most; k++) {
        snprintf(s->class_name[k], sizeof s->class_name[k], "%d", k);
        s->class[k] = s->class_name[k];
    }
    return true;
}

static bool open_files(struct state *s, const idx *p, int64_t max_pixels, rn_error *err)
{
    char beside[4096];
    const char *labels = p->labels;
    if (!open_images(s, p->path, max_pixels, err))
        return false;
    if (!labels && find_labels(p->path, beside, sizeof beside))
        labels = beside;
    if (labels && !open_labels(s, labels, err))
        return false;
    s->name = calloc((size_t)s->n + 1, sizeof *s->name);
    if (!s->name)
        return rn_fail(err, RN_EMEMORY, "no memory for a list of %" PRId64 " images", s->n);
    for (int64_t i = 0; i < s->n; i++)
        snprintf(s->name[i], sizeof s->name[i], "%010" PRIu32, (uint32_t)i);
    return true;
}

static bool open_set(const void *params_, const rn_dataset_env *env, void **state, rn_error *err)
{
    struct state *s = calloc(1, sizeof *s);
    if (!s)
        return rn_fail(err, RN_EMEMORY, "no memory for a data set");
    if (!open_files(s, params_, env->max_pixels, err)) {
        close_set(s);
        return false;
    }
    *state = s;
    return true;
}

static int64_t count_items(void *state)
{
    return ((const struct state *)state)->n;
}

static void get_item(void *state, int64_t index, rn_dataset_item *item)
{
    const struct state *s = state;
    *item = (rn_dataset_item){.path = s->name[index], .label = s->labels ? s->labels[LABELS_HEADER + index] : -1,
                              .file_bytes = s->rows * s->columns};
}

static const uint8_t *grey_of(const struct state *s, int64_t index)
{
    return s->images + IMAGES_HEADER + index * s->rows * s->columns;
}

static bool read_image(void *state, int64_t index, rn_pixels *out, rn_error *err)
{
    const struct state *s = state;
    const uint8_t *grey = grey_of(s, index);
    if (!rn_pixels_alloc(out, s->columns, s->rows, err))
        return false;
    for (int64_t i = 0; i < s->rows * s->columns; i++)
        memset(out->rgb + 3 * i, grey[i], 3);
    return true;
}

static bool probe_item(void *state, int64_t index, rn_image_info *info, rn_error *err)
{
    (void)index, (void)err;
    const struct state *s = state;
    *info = (rn_image_info){.format = "idx", .width = s->columns, .height = s->rows};
    return true;
}

static bool digest_item(void *state, int64_t index, uint8_t digest[32], rn_error *err)
{
    const struct state *s = state;
    return file_digest(grey_of(s, index), (size_t)(s->rows * s->columns), digest, err);
}

static const char *const *get_classes(void *state)
{
    const struct state *s = state;
    return s->labels ? s->class : NULL;
}

/* By the first four bytes, unpacked; by its name alone where they are others, so that the reason is told. */
static int probe(const char *path)
{
    struct stat st;
    uint8_t head[4] = {0};
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return 0;
    gzFile f = gzopen(path, "rb");
    const bool fits = f && gzread(f, head, 4) == 4 && big_endian(head) == IMAGES;
    if (f)
        gzclose(f);
    return fits ? 90 : strstr(path, "idx3") ? 20 : 0;
}

extern const rn_dataset dataset_idx;
const rn_dataset dataset_idx = {
    .bytes = sizeof(rn_dataset), .name = "idx", .doc = "grey images of an IDX file (MNIST), with labels",
    .params = params, .params_bytes = sizeof(idx),
    .open = open_set, .close = close_set, .count = count_items, .item = get_item, .read = read_image,
    .probe_item = probe_item, .digest = digest_item, .classes = get_classes,
    .probe = probe, .path_offset = offsetof(idx, path),
};
