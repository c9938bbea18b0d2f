#include "datasets/files.h"

#include <errno.h>
#include <fcntl.h>
#define OPENSSL_SUPPRESS_DEPRECATED /* the newer functions take memory, and crash where there is none */
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* No picture has as many bytes; a file of that name that does is something else. */
static const int64_t MAX_FILE_BYTES = (int64_t)1 << 30;

struct file_set *file_set_new(const char *path, char separator, int64_t max_pixels)
{
    struct file_set *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    *s = (struct file_set){.path = strdup(path), .separator = separator, .fd = -1, .max_pixels = max_pixels};
    if (s->path)
        return s;
    free(s);
    return NULL;
}

bool file_is_image(const char *path)
{
    static const char *const endings[] = {".png", ".jpg", ".jpeg"};
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const size_t n = strlen(name);
    for (size_t i = 0; name[0] != '.' && i < sizeof endings / sizeof *endings; i++) {
        const size_t m = strlen(endings[i]);
        if (n > m && strcasecmp(name + n - m, endings[i]) == 0)
            return true;
    }
    return false;
}

bool file_set_add(struct file_set *s, const char *path, int64_t offset, int64_t bytes, rn_error *err)
{
    if (s->n == s->capacity) {
        const int64_t more = s->capacity ? 2 * s->capacity : 256;
        struct file_entry *larger = realloc(s->entry, (size_t)more * sizeof *larger);
        if (!larger)
            return rn_fail(err, RN_EMEMORY, "no memory for a list of %" PRId64 " images", more);
        s->entry = larger;
        s->capacity = more;
    }
    char *copy = strdup(path);
    if (!copy)
        return rn_fail(err, RN_EMEMORY, "no memory for a list of images");
    s->entry[s->n++] = (struct file_entry){.path = copy, .label = -1, .offset = offset, .bytes = bytes};
    return true;
}

static int compare_entries(const void *a_, const void *b_)
{
    const struct file_entry *a = a_, *b = b_;
    const int order = strcmp(a->path, b->path);
    return order ? order : (a->offset > b->offset) - (a->offset < b->offset);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t folder_length(const char *path)
{
    const char *slash = strchr(path, '/');
    return slash ? (size_t)(slash - path) : 0;
}

static int64_t class_of(const struct file_set *s, const char *path)
{
    const size_t n = folder_length(path);
    int64_t low = 0, high = s->n_classes;
    while (n && low < high) {
        const int64_t middle = (low + high) / 2;
        int order = strncmp(path, s->class[middle], n);
        if (order == 0)
            order = -(s->class[middle][n] != '\0'); /* the folder's name is only the beginning of the class's */
        if (order == 0)
            return middle;
        *(order < 0 ? &high : &low) = order < 0 ? middle : middle + 1;
    }
    return -1;
}

/* Entries are sorted, so files of one folder stand together. */
static bool name_classes(struct file_set *s, rn_error *err)
{
    int64_t n = 0;
    s->class = calloc((size_t)s->n + 1, sizeof *s->class); /* at most one for each entry */
    if (!s->class)
        return rn_fail(err, RN_EMEMORY, "no memory for the names of classes");
    for (int64_t i = 0; i < s->n; i++) {
        const char *path = s->entry[i].path;
        const size_t length = folder_length(path);
        if (length == 0 || (n && strncmp(s->class[n - 1], path, length) == 0 && !s->class[n - 1][length]))
            continue;
        s->class[n] = strndup(path, length);
        if (!s->class[n])
            return rn_fail(err, RN_EMEMORY, "no memory for the names of classes");
        n++;
    }
    s->n_classes = n;
    qsort(s->class, (size_t)n, sizeof *s->class, compare_names);
    for (int64_t i = 0; i < s->n; i++)
        s->entry[i].label = class_of(s, s->entry[i].path);
    return true;
}

bool file_set_finish(struct file_set *s, rn_error *err)
{
    if (s->n == 0)
        return rn_fail(err, RN_EDATA, "no .png, .jpg or .jpeg file in '%s'", s->path);
    qsort(s->entry, (size_t)s->n, sizeof *s->entry, compare_entries);
    int64_t kept = 0;
    for (int64_t i = 0; i < s->n; i++) {
        if (i + 1 < s->n && strcmp(s->entry[i].path, s->entry[i + 1].path) == 0)
            free(s->entry[i].path);
        else
            s->entry[kept++] = s->entry[i];
    }
    s->n = kept;
    return name_classes(s, err);
}

void file_set_close(void *state)
{
    struct file_set *s = state;
    for (int64_t i = 0; i < s->n; i++)
        free(s->entry[i].path);
    for (char **name = s->class; name && *name; name++)
        free(*name);
    if (s->fd >= 0)
        close(s->fd);
    free(s->class);
    free(s->entry);
    free(s->path);
    free(s);
}

int64_t file_set_count(void *state)
{
    return ((const struct file_set *)state)->n;
}

void file_set_item(void *state, int64_t index, rn_dataset_item *item)
{
    const struct file_entry *e = &((const struct file_set *)state)->entry[index];
    *item = (rn_dataset_item){.path = e->path, .label = e->label, .file_bytes = e->bytes};
}

const char *const *file_set_classes(void *state)
{
    const struct file_set *s = state;
    return s->n_classes ? (const char *const *)s->class : NULL;
}

bool file_read_at(int fd, const char *name, int64_t offset, void *to, size_t n, rn_error *err)
{
    for (size_t done = 0; done < n;) {
        const ssize_t got = pread(fd, (char *)to + done, n - done, (off_t)(offset + (int64_t)done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return rn_fail(err, RN_EIO, "could not read '%s': %s", name, strerror(errno));
        if (got == 0)
            return rn_fail(err, RN_EIO, "could not read '%s': it ends %zu bytes early", name, n - done);
        done += (size_t)got;
    }
    return true;
}

bool file_digest(const void *data, size_t n, uint8_t digest[32], rn_error *err)
{
    (void)err;
    SHA256_CTX h;
    SHA256_Init(&h);
    SHA256_Update(&h, data, n);
    SHA256_Final(digest, &h);
    return true;
}

/* An entry's encoded bytes and its name for messages. */
struct fetched {
    char name[4096];
    uint8_t *file;
    size_t bytes;
};

/* Devices and pipes under the name of an image must not hang us: not blocking, and regular files alone. */
static int open_regular(const char *name, int64_t *bytes, rn_error *err)
{
    const int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0)
        rn_fail(err, RN_EIO, "could not read '%s': %s", name, strerror(errno));
    else if (!S_ISREG(st.st_mode))
        rn_fail(err, RN_EIO, "could not read '%s': it is no regular file", name);
    else {
        *bytes = st.st_size;
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool fetch(const struct file_set *s, int64_t index, struct fetched *f, rn_error *err)
{
    const struct file_entry *e = &s->entry[index];
    int64_t bytes = e->bytes;
    snprintf(f->name, sizeof f->name, "%s%c%s", s->path, s->separator, e->path);
    const int fd = s->fd >= 0 ? s->fd : open_regular(f->name, &bytes, err);
    if (fd < 0)
        return false;
    bool ok = bytes <= MAX_FILE_BYTES ||
              rn_fail(err, RN_ELIMIT, "'%s' has %" PRId64 " bytes; images of up to %" PRId64 " are read", f->name, bytes,
                      MAX_FILE_BYTES);
    if (ok) {
        f->bytes = (size_t)bytes;
        f->file = malloc(f->bytes + 1); /* an empty file is the decoder's to refuse */
        ok = f->file ? file_read_at(fd, f->name, e->offset, f->file, f->bytes, err)
                     : rn_fail(err, RN_EMEMORY, "no memory for the %zu bytes of '%s'", f->bytes, f->name);
        if (!ok)
            free(f->file);
    }
    if (fd != s->fd)
        close(fd);
    return ok;
}

bool file_set_read(void *state, int64_t index, rn_pixels *out, rn_error *err)
{
    const struct file_set *s = state;
    struct fetched f;
    if (!fetch(s, index, &f, err))
        return false;
    const bool ok = rn_image_decode(f.file, f.bytes, f.name, s->max_pixels, out, err);
    free(f.file);
    return ok;
}

bool file_set_probe_item(void *state, int64_t index, rn_image_info *info, rn_error *err)
{
    struct fetched f;
    if (!fetch(state, index, &f, err))
        return false;
    const bool ok = rn_image_probe(f.file, f.bytes, f.name, info, err);
    free(f.file);
    return ok;
}

bool file_set_digest(void *state, int64_t index, uint8_t digest[32], rn_error *err)
{
    struct fetched f;
    if (!fetch(state, index, &f, err))
        return false;
    const bool ok = file_digest(f.file, f.bytes, digest, err);
    free(f.file);
    return ok;
}
