/* tar: PNG and JPEG members of an uncompressed archive, as WebDataset shards are: ustar, pax and GNU long names. The
 * archive is indexed once; members are read where they lie. Source: POSIX.1-2017, pax, "ustar Interchange Format";
 * GNU tar manual, "Basic Tar Format". */
#include "datasets/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    const char *path;
} tar;

static const rn_param params[] = {
    RN_PATH(tar, path, NULL, "the archive, not compressed"),
    RN_PARAMS_END,
};

enum { BLOCK = 512, MAX_EXTENSION_BYTES = 1 << 20 /* of a pax header or a long name */ };

/* Fields of a header: offset and size. */
enum {
    NAME = 0, NAME_BYTES = 100, SIZE = 124, SIZE_BYTES = 12, CHECKSUM = 148, CHECKSUM_BYTES = 8, TYPE = 156,
    MAGIC = 257, PREFIX = 345, PREFIX_BYTES = 155
};

/* Reading an archive from its beginning. */
struct index {
    struct file_set *set;
    int64_t at, end;      /* next header; size of the archive */
    char *long_name;      /* of the next member, from a pax or GNU header; NULL: none */
    int64_t long_size;    /* −1: none */
    rn_error *err;
};

static bool damaged(const struct index *x, const char *what)
{
    return rn_fail(x->err, RN_EFORMAT, "'%s': damaged archive: %s at byte %" PRId64, x->set->path, what, x->at);
}

/* Octal digits with blanks around them; or, where the first bit is set, a binary number (GNU). False: neither. */
static bool number(const uint8_t *field, int n, int64_t *value)
{
    int i = 0;
    uint64_t v = 0;
    if (field[0] & 0x80) {
        v = field[0] & 0x7f;
        for (i = 1; i < n && v < (uint64_t)1 << 55; i++)
            v = v << 8 | field[i];
        *value = (int64_t)v;
        return i == n;
    }
    while (i < n && field[i] == ' ')
        i++;
    const int first = i;
    for (; i < n && field[i] >= '0' && field[i] <= '7'; i++)
        v = v << 3 | (uint64_t)(field[i] - '0');
    const bool ended = i == n || field[i] == ' ' || field[i] == '\0';
    *value = (int64_t)v; /* at most 12 digits */
    return ended && i > first;
}

/* The sum of all bytes, those of the sum itself taken as blanks. Some old writers summed signed bytes. */
static bool checksum_fits(const uint8_t *h)
{
    int64_t sum = 0, signed_sum = 0, want;
    for (int i = 0; i < BLOCK; i++) {
        const bool own = i >= CHECKSUM && i < CHECKSUM + CHECKSUM_BYTES;
        sum += own ? ' ' : h[i];
        signed_sum += own ? ' ' : (int8_t)h[i];
    }
    return number(h + CHECKSUM, CHECKSUM_BYTES, &want) && (want == sum || want == signed_sum);
}

static bool is_zero(const uint8_t *h)
{
    for (int i = 0; i < BLOCK; i++)
        if (h[i])
            return false;
    return true;
}

/* The data of an extension header; NUL-ended, freed by the caller. */
static char *read_extension(const struct index *x, int64_t offset, int64_t size)
{
    char *text = size <= MAX_EXTENSION_BYTES ? malloc((size_t)size + 1) : NULL;
    if (!text) {
        damaged(x, "an extension header that is too large");
        return NULL;
    }
    if (!file_read_at(x->set->fd, x->set->path, offset, text, (size_t)size, x->err)) {
        free(text);
        return NULL;
    }
    text[size] = '\0';
    return text;
}

static bool set_long_name(struct index *x, const char *name)
{
    free(x->long_name);
    x->long_name = strdup(name);
    return x->long_name || rn_fail(x->err, RN_EMEMORY, "no memory for the names in '%s'", x->set->path);
}

/* pax records: "<length> <key>=<value>\n", the length being that of the whole record. */
static bool read_pax(struct index *x, int64_t offset, int64_t size)
{
    char *text = read_extension(x, offset, size);
    bool ok = text != NULL;
    for (int64_t at = 0; ok && at < size;) {
        char *key = NULL;
        const long long length = strtoll(text + at, &key, 10);
        if (length < 5 || length > size - at || *key != ' ' || text[at + length - 1] != '\n') {
            ok = damaged(x, "a pax header that makes no sense");
            break;
        }
        text[at + length - 1] = '\0';
        char *value = strchr(++key, '=');
        if (!value) {
            ok = damaged(x, "a pax record without '='");
            break;
        }
        *value++ = '\0';
        if (strcmp(key, "path") == 0) {
            ok = set_long_name(x, value);
        } else if (strcmp(key, "size") == 0) {
            char *end = NULL;
            errno = 0;
            x->long_size = strtoll(value, &end, 10);
            if (x->long_size < 0 || errno || *end || end == value)
                ok = damaged(x, "a pax header with an impossible size");
        }
        at += length;
    }
    free(text);
    return ok;
}

static bool read_long_name(struct index *x, int64_t offset, int64_t size)
{
    char *text = read_extension(x, offset, size);
    const bool ok = text && set_long_name(x, text);
    free(text);
    return ok;
}

/* Name and prefix of a ustar header (GNU's has other things where the prefix is). */
static void short_name(const uint8_t *h, char *name, size_t size)
{
    const bool prefix = memcmp(h + MAGIC, "ustar\0", 6) == 0 && h[PREFIX];
    snprintf(name, size, "%.*s%s%.*s", prefix ? PREFIX_BYTES : 0, (const char *)h + PREFIX, prefix ? "/" : "",
             NAME_BYTES, (const char *)h + NAME);
}

static const char *without_lead(const char *name)
{
    while (name[0] == '/' || (name[0] == '.' && name[1] == '/'))
        name += name[0] == '/' ? 1 : 2;
    return name;
}

/* A member that holds a file is listed if it is called like an image. */
static bool add_member(struct index *x, const uint8_t *h, int64_t offset, int64_t size)
{
    char name[NAME_BYTES + PREFIX_BYTES + 2];
    short_name(h, name, sizeof name);
    const char *path = without_lead(x->long_name ? x->long_name : name);
    const bool ok = !file_is_image(path) || file_set_add(x->set, path, offset, size, x->err);
    free(x->long_name);
    x->long_name = NULL;
    x->long_size = -1;
    return ok;
}

/* The member whose header is h; moves x->at behind it. */
static bool read_member(struct index *x, const uint8_t *h)
{
    int64_t size;
    if (!checksum_fits(h))
        return damaged(x, "a header whose checksum does not fit");
    if (!number(h + SIZE, SIZE_BYTES, &size))
        return damaged(x, "a header with an impossible size");
    const char type = (char)h[TYPE];
    const bool is_file = type == '0' || type == '\0' || type == '7', extension = strchr("xgLK", type) && type;
    if (x->long_size >= 0 && !extension)
        size = x->long_size;
    if (!is_file && !extension && strchr("123456", type))
        size = 0; /* links, devices and folders have no data, whatever their headers say */
    const int64_t data = x->at + BLOCK;
    if (size > x->end - data)
        return damaged(x, "a member that is longer than the archive (cut off?)");
    bool ok = true;
    switch (type) {
    case 'x': ok = read_pax(x, data, size); break;
    case 'L': ok = read_long_name(x, data, size); break;
    case 'g':          /* a comment for all members, as `git archive` writes it */
    case 'K': break;   /* the target of a link */
    case 'S': return damaged(x, "a sparse member, which is not read,");
    default:
        if (is_file) {
            ok = add_member(x, h, data, size);
        } else {
            free(x->long_name);
            x->long_name = NULL;
            x->long_size = -1;
        }
    }
    x->at = data + (size + BLOCK - 1) / BLOCK * BLOCK;
    return ok;
}

static bool read_all(struct index *x)
{
    uint8_t h[BLOCK];
    for (;;) {
        if (x->end - x->at < BLOCK)
            return damaged(x, "no end mark, so it was cut off,");
        if (!file_read_at(x->set->fd, x->set->path, x->at, h, BLOCK, x->err))
            return false;
        if (is_zero(h))
            return true;
        if (!read_member(x, h))
            return false;
    }
}

/* Is this a header? Compressed archives get a reason of their own. */
static bool check_beginning(const struct file_set *s, int64_t size, rn_error *err)
{
    static const struct {
        const char *magic, *is;
    } compressed[] = {{"\x1f\x8b", "gzip"}, {"BZh", "bzip2"}, {"\xfd" "7zXZ", "xz"}, {"\x28\xb5\x2f\xfd", "zstd"}};
    uint8_t h[BLOCK] = {0};
    if (!file_read_at(s->fd, s->path, 0, h, size < BLOCK ? (size_t)size : BLOCK, err))
        return false;
    for (size_t i = 0; i < sizeof compressed / sizeof *compressed; i++)
        if (memcmp(h, compressed[i].magic, strlen(compressed[i].magic)) == 0)
            return rn_fail(err, RN_EFORMAT, "'%s' is compressed with %s; unpack it to a plain .tar first", s->path,
                           compressed[i].is);
    if (size < BLOCK || (!is_zero(h) && !checksum_fits(h)))
        return rn_fail(err, RN_EFORMAT, "'%s' is no tar archive%s", s->path, size ? "" : ": it is empty");
    return true;
}

static bool open_archive(struct file_set *s, rn_place place, rn_error *err)
{
    struct stat st;
    s->fd = open(s->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (s->fd < 0 || fstat(s->fd, &st) != 0)
        return rn_fail_at(err, RN_EIO, place, "could not read '%s': %s", s->path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return rn_fail_at(err, RN_EIO, place, "'%s' is no regular file; tar reads archives (a folder: type: image_folder)",
                          s->path);
    if (!check_beginning(s, st.st_size, err))
        return false;
    struct index x = {.set = s, .end = st.st_size, .long_size = -1, .err = err};
    const bool ok = read_all(&x) && file_set_finish(s, err);
    free(x.long_name);
    return ok;
}

static bool open_set(const void *params_, const rn_dataset_env *env, void **state, rn_error *err)
{
    const tar *p = params_;
    struct file_set *s = file_set_new(p->path, ':', env->max_pixels);
    if (!s)
        return rn_fail(err, RN_EMEMORY, "no memory for a data set");
    if (!open_archive(s, env->place, err)) {
        file_set_close(s);
        return false;
    }
    *state = s;
    return true;
}

/* By its first header; by its name alone where that is damaged, so that the reason is told. */
static int probe(const char *path)
{
    struct stat st;
    uint8_t h[BLOCK];
    rn_error err;
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return 0;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const bool fits = fd >= 0 && file_read_at(fd, path, 0, h, BLOCK, &err) && checksum_fits(h);
    if (fd >= 0)
        close(fd);
    return fits ? 90 : strstr(path, ".tar") || strstr(path, ".tgz") ? 20 : 0;
}

extern const rn_dataset dataset_tar;
const rn_dataset dataset_tar = {
    .bytes = sizeof(rn_dataset), .name = "tar", .doc = "PNG and JPEG members of an uncompressed tar archive",
    .params = params, .params_bytes = sizeof(tar),
    .open = open_set, .close = file_set_close, .count = file_set_count, .item = file_set_item, .read = file_set_read,
    .probe_item = file_set_probe_item, .digest = file_set_digest, .classes = file_set_classes,
    .probe = probe, .path_offset = offsetof(tar, path),
};
