/* image_folder: PNG and JPEG files of a folder and the folders in it. The label is the first folder of the path. */
#include "datasets/files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

typedef struct {
    const char *path;
} image_folder;

static const rn_param params[] = {
    RN_PATH(image_folder, path, NULL, "the folder; hidden files and folders are passed over"),
    RN_PARAMS_END,
};

enum { MAX_DEPTH = 64, MAX_PATH_BYTES = 4096 };

/* The folders that we are in, so that a link back to one of them is not followed. */
struct folder {
    const struct folder *above;
    dev_t device;
    ino_t inode;
    int depth;
};

static bool within(const struct folder *f, const struct stat *st)
{
    for (; f; f = f->above)
        if (f->device == st->st_dev && f->inode == st->st_ino)
            return true;
    return false;
}

static bool walk(struct file_set *s, const char *path, const struct folder *above, const struct stat *here,
                 rn_error *err);

/* A folder is walked, whatever its name; anything else called like an image is listed, also a link that leads nowhere:
 * reading it will say so. */
static bool take(struct file_set *s, const char *path, const struct folder *folder, rn_error *err)
{
    struct stat st;
    const bool there = stat(path, &st) == 0;
    if (there && S_ISDIR(st.st_mode))
        return within(folder, &st) || walk(s, path, folder, &st, err);
    const char *inside = path + strlen(s->path) + 1;
    return !file_is_image(inside) || file_set_add(s, inside, 0, there ? st.st_size : 0, err);
}

static bool walk(struct file_set *s, const char *path, const struct folder *above, const struct stat *here,
                 rn_error *err)
{
    const struct folder folder = {above, here->st_dev, here->st_ino, above ? above->depth + 1 : 0};
    if (folder.depth > MAX_DEPTH)
        return rn_fail(err, RN_EDATA, "'%s' is more than %d folders deep", path, MAX_DEPTH);
    DIR *dir = opendir(path);
    if (!dir)
        return rn_fail(err, RN_EIO, "could not read the folder '%s': %s", path, strerror(errno));
    bool ok = true;
    while (ok) {
        char child[MAX_PATH_BYTES];
        errno = 0;
        const struct dirent *e = readdir(dir);
        if (!e) {
            if (errno)
                ok = rn_fail(err, RN_EIO, "could not read the folder '%s': %s", path, strerror(errno));
            break;
        }
        if (e->d_name[0] == '.')
            continue;
        if (snprintf(child, sizeof child, "%s/%s", path, e->d_name) >= (int)sizeof child)
            ok = rn_fail(err, RN_EDATA, "the path of '%s' in '%s' is longer than %d bytes", e->d_name, path,
                         MAX_PATH_BYTES);
        else
            ok = take(s, child, &folder, err);
    }
    closedir(dir);
    return ok;
}

static bool open_set(const void *params_, const rn_dataset_env *env, void **state, rn_error *err)
{
    const image_folder *p = params_;
    struct stat st;
    if (stat(p->path, &st) != 0)
        return rn_fail_at(err, RN_EIO, env->place, "could not read the folder '%s': %s", p->path, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return rn_fail_at(err, RN_EIO, env->place, "'%s' is a file; image_folder reads folders (an archive: type: tar)",
                          p->path);
    struct file_set *s = file_set_new(p->path, '/', env->max_pixels);
    if (!s)
        return rn_fail(err, RN_EMEMORY, "no memory for a data set");
    for (size_t n = strlen(s->path); n > 1 && s->path[n - 1] == '/';) /* so that paths inside begin after one slash */
        s->path[--n] = '\0';
    if (!walk(s, s->path, NULL, &st, err) || !file_set_finish(s, err)) {
        file_set_close(s);
        return false;
    }
    *state = s;
    return true;
}

/* Any folder may be one; a set that knows better answers higher. */
static int probe(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? 50 : 0;
}

extern const rn_dataset dataset_image_folder;
const rn_dataset dataset_image_folder = {
    .bytes = sizeof(rn_dataset), .name = "image_folder", .doc = "PNG and JPEG files of a folder; labels from its subfolders",
    .params = params, .params_bytes = sizeof(image_folder),
    .open = open_set, .close = file_set_close, .count = file_set_count, .item = file_set_item, .read = file_set_read,
    .probe_item = file_set_probe_item, .digest = file_set_digest, .classes = file_set_classes,
    .probe = probe, .path_offset = offsetof(image_folder, path),
};
