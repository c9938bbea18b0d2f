#ifndef PLUGINS_DATASETS_FILES_H
#define PLUGINS_DATASETS_FILES_H
/* What sets of encoded images have in common, be they files of a folder or members of an archive: a sorted list of
 * paths, labels from the first folder of the path, and reading an item by fetching its bytes.
 * Thread safety: after file_set_finish all functions may be called from several threads at once. */
#include <runner/dataset.h>

struct file_entry {
    char *path; /* inside the set */
    int64_t label;
    int64_t offset, bytes; /* where it lies in an archive, and its size */
};

/* The state of such a set; `path` and what it needs to fetch stand here, too, so that there is one of it. */
struct file_set {
    char *path;      /* folder or archive */
    char separator;  /* between that and an entry's path, in messages */
    int fd;          /* of the archive; −1: a folder */
    int64_t max_pixels;
    struct file_entry *entry;
    int64_t n, capacity;
    char **class; /* NULL-ended names, or NULL */
    int64_t n_classes;
};

/* NULL: no memory. */
struct file_set *file_set_new(const char *path, char separator, int64_t max_pixels);

/* Is it called like an image that we read: .png, .jpg or .jpeg, in any case, and not hidden? */
bool file_is_image(const char *path);

/* Adds a file; its path is copied. Errors: RN_EMEMORY. */
RN_NODISCARD bool file_set_add(struct file_set *s, const char *path, int64_t offset, int64_t bytes, rn_error *err);

/* Sorts by the bytes of the paths, keeps the last of several of one path (as unpacking would), labels.
 * Errors: RN_EMEMORY; RN_EDATA if there is none. */
RN_NODISCARD bool file_set_finish(struct file_set *s, rn_error *err);

/* Reads bytes [offset, offset + n) of a file that must have them. Errors: RN_EIO, with `name`. */
RN_NODISCARD bool file_read_at(int fd, const char *name, int64_t offset, void *to, size_t n, rn_error *err);

/* SHA-256. Errors: RN_EMEMORY. */
RN_NODISCARD bool file_digest(const void *data, size_t n, uint8_t digest[32], rn_error *err);

/* The functions of rn_dataset. */
void file_set_close(void *state);
int64_t file_set_count(void *state);
void file_set_item(void *state, int64_t index, rn_dataset_item *item);
RN_NODISCARD bool file_set_read(void *state, int64_t index, rn_pixels *out, rn_error *err);
RN_NODISCARD bool file_set_probe_item(void *state, int64_t index, rn_image_info *info, rn_error *err);
RN_NODISCARD bool file_set_digest(void *state, int64_t index, uint8_t digest[32], rn_error *err);
const char *const *file_set_classes(void *state);

#endif
