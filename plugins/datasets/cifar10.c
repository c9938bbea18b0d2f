/* cifar10: the binary batches of CIFAR-10: records of a label and 32×32 red, green and blue bytes, any number of
 * them. Source: https://www.cs.toronto.edu/~kriz/cifar.html, "Binary version". */
#include "datasets/files.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    const char *path;
} cifar10;

static const rn_param params[] = {
    RN_PATH(cifar10, path, NULL, "a batch (.bin), or a folder: all its .bin files, so name the file where there is a test batch beside"),
    RN_PARAMS_END,
};

enum { SIDE = 32, PLANE = SIDE * SIDE, RECORD = 1 + 3 * PLANE, CLASSES = 10, NAME_BYTES = 64, MAX_FILES = 1024 };

static const char *const digits[CLASSES + 1] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", NULL};

struct batch {
    char *path;       /* as it is opened */
    const char *name; /* the end of it */
    int fd;
    int64_t first, n; /* records */
};

struct record {
    char path[NAME_BYTES]; /* "data_batch_1.bin/00042" */
    uint8_t label;
};

struct state {
    struct batch *batch;
    int n_batches;
    struct record *record;
    int64_t n;
    char *names;                     /* text of batches.meta.txt, cut into lines */
    const char *class[CLASSES + 1];
};

static void close_set(void *state)
{
    struct state *s = state;
    for (int i = 0; i < s->n_batches; i++) {
        if (s->batch[i].fd >= 0)
            close(s->batch[i].fd);
        free(s->batch[i].path);
    }
    free(s->batch);
    free(s->record);
    free(s->names);
    free(s);
}

static bool add_batch(struct state *s, const char *path, rn_place place, rn_error *err)
{
    struct batch *larger = realloc(s->batch, (size_t)(s->n_batches + 1) * sizeof *larger);
    char *copy = strdup(path);
    s->batch = larger ? larger : s->batch;
    if (!larger || !copy) {
        free(copy);
        return rn_fail(err, RN_EMEMORY, "no memory for a list of batches");
    }
    struct batch *b = &s->batch[s->n_batches++];
    const char *slash = strrchr(copy, '/');
    *b = (struct batch){.path = copy, .name = slash ? slash + 1 : copy, .fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    struct stat st;
    if (b->fd < 0 || fstat(b->fd, &st) != 0)
        return rn_fail_at(err, RN_EIO, place, "could not read '%s': %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return rn_fail_at(err, RN_EIO, place, "could not read '%s': it is no regular file", path);
    if (st.st_size == 0 || st.st_size % RECORD != 0)
        return rn_fail_at(err, RN_EFORMAT, place, "'%s' has %" PRId64 " bytes, which is no multiple of a record of CIFAR-10 (%d)",
                          path, (int64_t)st.st_size, RECORD);
    b->n = st.st_size / RECORD;
    return true;
}

static int compare_batches(const void *a, const void *b)
{
    return strcmp(((const struct batch *)a)->name, ((const struct batch *)b)->name);
}

static bool add_folder(struct state *s, const char *folder, rn_place place, rn_error *err)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return rn_fail_at(err, RN_EIO, place, "could not read the folder '%s': %s", folder, strerror(errno));
    bool ok = true;
    for (const struct dirent *e; ok && (e = readdir(dir));) {
        char path[4096];
        const size_t n = strlen(e->d_name);
        if (e->d_name[0] == '.' || n < 5 || strcmp(e->d_name + n - 4, ".bin") != 0)
            continue;
        if (s->n_batches == MAX_FILES || snprintf(path, sizeof path, "%s/%s", folder, e->d_name) >= (int)sizeof path)
            ok = rn_fail_at(err, RN_EDATA, place, "'%s' has more than %d batches, or a path that is too long", folder, MAX_FILES);
        else
            ok = add_batch(s, path, place, err);
    }
    closedir(dir);
    if (ok && s->n_batches == 0)
        return rn_fail_at(err, RN_EDATA, place, "no .bin file in '%s'", folder);
    if (ok)
        qsort(s->batch, (size_t)s->n_batches, sizeof *s->batch, compare_batches);
    return ok;
}

/* Labels are read at once: a byte above 9 means that these are no records of CIFAR-10. */
static bool list_records(struct state *s, rn_error *err)
{
    for (int b = 0; b < s->n_batches; b++) {
        s->batch[b].first = s->n;
        s->n += s->batch[b].n;
    }
    s->record = calloc((size_t)s->n + 1, sizeof *s->record);
    if (!s->record)
        return rn_fail(err, RN_EMEMORY, "no memory for a list of %" PRId64 " records", s->n);
    for (int k = 0; k < s->n_batches; k++) {
        const struct batch *b = &s->batch[k];
        for (int64_t i = 0; i < b->n; i++) {
            struct record *r = &s->record[b->first + i];
            if (!file_read_at(b->fd, b->path, i * RECORD, &r->label, 1, err))
                return false;
            if (r->label >= CLASSES)
                return rn_fail(err, RN_EFORMAT, "'%s': label %d in record %" PRId64 "; CIFAR-10 has 0 to 9", b->path,
                               r->label, i);
            snprintf(r->path, sizeof r->path, "%.*s/%08" PRId64, NAME_BYTES - 24, b->name, i);
        }
    }
    return true;
}

/* batches.meta.txt beside the batches: a name a line. Without it, or with too few, classes are called by numbers. */
static void name_classes(struct state *s)
{
    char path[4096];
    const struct batch *b = s->batch;
    assert(b);
    memcpy(s->class, digits, sizeof digits);
    const int n = snprintf(path, sizeof path, "%.*sbatches.meta.txt", (int)(b->name - b->path), b->path);
    FILE *f = n < (int)sizeof path ? fopen(path, "rb") : NULL;
    if (!f)
        return;
    s->names = calloc(1, 4096);
    if (s->names && fread(s->names, 1, 4095, f) > 0) {
        const char *name[CLASSES];
        int k = 0;
        char *rest = s->names;
        for (char *line; k < CLASSES && (line = strtok_r(rest, "\r\n", &rest));)
            name[k++] = line;
        if (k == CLASSES)
            memcpy(s->class, name, sizeof name);
    }
    fclose(f);
}

static bool open_set(const void *params_, const rn_dataset_env *env, void **state, rn_error *err)
{
    const cifar10 *p = params_;
    struct stat st;
    struct state *s = calloc(1, sizeof *s);
    if (!s)
        return rn_fail(err, RN_EMEMORY, "no memory for a data set");
    const bool folder = stat(p->path, &st) == 0 && S_ISDIR(st.st_mode);
    if (!(folder ? add_folder(s, p->path, env->place, err) : add_batch(s, p->path, env->place, err)) ||
        !list_records(s, err)) {
        close_set(s);
        return false;
    }
    name_classes(s);
    *state = s;
    return true;
}

static int64_t count_items(void *state)
{
    return ((const struct state *)state)->n;
}

static void get_item(void *state, int64_t index, rn_dataset_item *item)
{
    const struct record *r = &((const struct state *)state)->record[index];
    *item = (rn_dataset_item){.path = r->path, .label = r->label, .file_bytes = RECORD};
}

static bool read_record(const struct state *s, int64_t index, uint8_t record[RECORD], rn_error *err)
{
    const struct batch *b = s->batch;
    while (index >= b->first + b->n)
        b++;
    return file_read_at(b->fd, b->path, (index - b->first) * RECORD, record, RECORD, err);
}

static bool read_image(void *state, int64_t index, rn_pixels *out, rn_error *err)
{
    uint8_t record[RECORD];
    if (!read_record(state, index, record, err) || !rn_pixels_alloc(out, SIDE, SIDE, err))
        return false;
    for (int i = 0; i < PLANE; i++)
        for (int c = 0; c < 3; c++)
            out->rgb[3 * i + c] = record[1 + c * PLANE + i];
    return true;
}

static bool probe_item(void *state, int64_t index, rn_image_info *info, rn_error *err)
{
    (void)state, (void)index, (void)err;
    *info = (rn_image_info){.format = "cifar10", .width = SIDE, .height = SIDE};
    return true;
}

static bool digest_item(void *state, int64_t index, uint8_t digest[32], rn_error *err)
{
    uint8_t record[RECORD];
    return read_record(state, index, record, err) && file_digest(record, sizeof record, digest, err);
}

static const char *const *get_classes(void *state)
{
    return ((const struct state *)state)->class;
}

/* A .bin of whole records, or a folder with one. */
static int probe(const char *path)
{
    struct stat st;
    const size_t n = strlen(path);
    if (stat(path, &st) != 0)
        return 0;
    if (S_ISREG(st.st_mode))
        return n > 4 && strcmp(path + n - 4, ".bin") == 0 ? st.st_size > 0 && st.st_size % RECORD == 0 ? 60 : 20 : 0;
    DIR *dir = S_ISDIR(st.st_mode) ? opendir(path) : NULL;
    int answer = 0;
    for (const struct dirent *e; dir && (e = readdir(dir));)
        if (strstr(e->d_name, "_batch") && strstr(e->d_name, ".bin"))
            answer = 60;
    if (dir)
        closedir(dir);
    return answer;
}

extern const rn_dataset dataset_cifar10;
const rn_dataset dataset_cifar10 = {
    .bytes = sizeof(rn_dataset), .name = "cifar10", .doc = "the binary batches of CIFAR-10, 32×32 pixels, with labels",
    .params = params, .params_bytes = sizeof(cifar10),
    .open = open_set, .close = close_set, .count = count_items, .item = get_item, .read = read_image,
    .probe_item = probe_item, .digest = digest_item, .classes = get_classes,
    .probe = probe, .path_offset = offsetof(cifar10, path),
};
