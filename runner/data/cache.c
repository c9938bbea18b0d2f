/* Resized images in a file: the next run of the same images reads that one. */
#include "data/data_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Images in a file begin with this; then they follow one another, [image, height, width, 3]. */
struct cache_header {
    char magic[8]; /* "rnimag2" */
    int64_t n, height, width, enlarged;
    uint8_t digest[32]; /* SHA-256 of the images: a damaged file is made again */
};

bool rn_data_write_cached(const rn_data *d, int64_t i, const uint8_t *bytes, rn_error *err)
{
    const off_t at = (off_t)sizeof(struct cache_header) + (off_t)(i * d->image_bytes);
    if (pwrite(fileno(d->cache_file), bytes, (size_t)d->image_bytes, at) != (ssize_t)d->image_bytes)
        return rn_fail(err, RN_EIO, "could not write the cache of resized images '%s': %s", d->cache_path, strerror(errno));
    return true;
}

bool rn_data_read_cached(const rn_data *d, int64_t i, uint8_t *bytes, rn_error *err)
{
    const off_t at = (off_t)sizeof(struct cache_header) + (off_t)(i * d->image_bytes);
    const ssize_t n = pread(fileno(d->cache_file), bytes, (size_t)d->image_bytes, at);
    if (n != (ssize_t)d->image_bytes)
        return rn_fail(err, RN_EIO, "could not read the cache of resized images '%s': %s", d->cache_path,
                       n < 0 ? strerror(errno) : "it is cut short");
    return true;
}

/* SHA-256 of the images in the file. */
static bool digest_cached(const rn_data *d, uint8_t digest[32], rn_error *err)
{
    uint8_t *bytes = malloc((size_t)d->image_bytes);
    rn_sha256 h;
    rn_sha256_begin(&h);
    bool ok = bytes != NULL || rn_fail(err, RN_EMEMORY, "no memory for an image of %" PRId64 " bytes", d->image_bytes);
    for (int64_t i = 0; ok && i < d->n_training + d->n_held_out; i++) {
        ok = rn_data_read_cached(d, i, bytes, err);
        if (ok)
            rn_sha256_add(&h, bytes, (size_t)d->image_bytes);
    }
    rn_sha256_end(&h, digest);
    free(bytes);
    return ok;
}

/* Fills the cache's file, which is then renamed to its place. Refused images have no place in it. */
static bool write_cache(void *context, FILE *f, rn_error *err)
{
    rn_data *d = context;
    d->cache_file = f;
    struct cache_header h = {"rnimag2", d->n_training + d->n_held_out, d->height, d->width, d->enlarged, {0}};
    const bool ok = rn_data_check(d, err) && (d->n_refused || digest_cached(d, h.digest, err));
    d->cache_file = NULL;
    if (!ok || d->n_refused)
        return false;
    h.enlarged = d->enlarged;
    if (fwrite(&h, sizeof h, 1, f) != 1)
        return rn_fail(err, RN_EIO, "could not write the cache of resized images '%s': %s", d->cache_path, strerror(errno));
    return true;
}

/* Takes the file of that name if it is whole. */
static bool use_cache(rn_data *d, const char *path)
{
    struct cache_header h;
    struct stat st;
    const int64_t n = d->n_training + d->n_held_out;
    FILE *f = fopen(path, "rb");
    if (!f)
        return false;
    uint8_t digest[32];
    rn_error ignored;
    d->cache_file = f;
    if (fread(&h, sizeof h, 1, f) == 1 && memcmp(h.magic, "rnimag2", 8) == 0 && h.n == n && h.height == d->height &&
        h.width == d->width && fstat(fileno(f), &st) == 0 && st.st_size == (off_t)sizeof h + (off_t)(n * d->image_bytes) &&
        digest_cached(d, digest, &ignored) && memcmp(digest, h.digest, sizeof digest) == 0) {
        d->enlarged = h.enlarged;
        return true;
    }
    d->cache_file = NULL;
    fclose(f);
    return false;
}

bool rn_data_open_cached(const rn_data_config *config, const char *folder, rn_data **data, rn_error *err)
{
    uint8_t digest[32];
    char key[65], path[4096];
    rn_data *d = rn_data_begin(config, err);
    if (!d)
        return false;
    const int64_t n = d->n_training + d->n_held_out;
    bool ok = true;
    if ((uint64_t)n > RN_DATA_CACHE_BYTES / (uint64_t)d->image_bytes) {
        ok = rn_data_load(d, 0, err);
    } else if ((ok = rn_folder_make(folder, err) && rn_data_fingerprint_of(d, n, digest, err))) {
        rn_hex(digest, 32, key);
        ok = snprintf(path, sizeof path, "%s/%s.images", folder, key) < (int)sizeof path ||
             rn_fail(err, RN_EIO, "the path of the cache folder '%s' is too long", folder);
        if (ok)
            ok = (d->cache_path = rn_arena_text(&d->arena, path)) != NULL || rn_fail(err, RN_EMEMORY, "no memory for a path");
        if (ok && !use_cache(d, path)) {
            err->code = RN_OK;
            ok = rn_file_write(path, write_cache, d, err) ? use_cache(d, path) || rn_fail(err, RN_EIO, "could not read '%s'", path)
                                                          : err->code == RN_OK && rn_data_load(d, RN_DATA_CACHE_BYTES, err);
        }
    }
    if (ok)
        *data = d;
    else
        rn_data_close(d);
    return ok;
}
