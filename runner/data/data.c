#include "data/data.h"

#include "base/file.h"
#include "base/parallel.h"
#include "base/plural.h"
#include "data/pixels.h"
#include "data/resize.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Resized images stay in memory up to this size: 170,000 of 64×64 pixels. */
static const size_t CACHE_BYTES = (size_t)2 << 30;

/* Part of the fingerprint: to be raised when crop or resize give other bytes. */
static const char CROP_RULE[] = "shorter side by lanczos 3, centre crop, revision 1";

struct image {
    int64_t index; /* in the set */
    int64_t slot;  /* in the cache */
    int32_t label;
    bool refused;
};

struct rn_data {
    const rn_dataset *set;
    void *state;
    rn_data_config config;
    int64_t height, width, image_bytes;
    struct image *image; /* training images, then those held out */
    int64_t n_training, n_held_out;
    uint8_t *cache; /* [image, height, width, 3], or NULL */
    FILE *cache_file; /* the same in a file, behind a header; or NULL */
    const char *cache_path; /* of it, for messages */
    int64_t enlarged;
    rn_arena arena; /* of the refusals */
    rn_data_refused *refused;
    int64_t n_refused;
};

/* The images' keys, sorted: SHA-256 of the path, so that what is held out stays so when images are added. */
struct key {
    uint8_t hash[32];
    int64_t index;
};

static int compare_keys(const void *a_, const void *b_)
{
    const struct key *a = a_, *b = b_;
    const int order = memcmp(a->hash, b->hash, sizeof a->hash);
    return order ? order : (a->index > b->index) - (a->index < b->index);
}

static void fill_image(const rn_data *d, int64_t i, int64_t index)
{
    rn_dataset_item item = {0};
    d->set->item(d->state, index, &item);
    d->image[i] = (struct image){.index = index, .slot = i, .label = (int32_t)item.label};
}

/* Lists the images: training first, then held out. */
static bool divide(rn_data *d, rn_error *err)
{
    const int64_t count = d->set->count(d->state), asked = d->config.held_out;
    if (count < 1)
        return rn_fail(err, RN_EDATA, "the data set is empty");
    d->n_held_out = d->set->endless || asked < count / 4 ? asked : count / 4;
    d->n_training = d->set->endless ? count : count - d->n_held_out;
    const int64_t n = d->n_training + d->n_held_out;
    d->image = calloc((size_t)n, sizeof *d->image);
    struct key *key = d->set->endless ? NULL : calloc((size_t)n, sizeof *key);
    if (!d->image || (!key && !d->set->endless)) {
        free(key);
        return rn_fail(err, RN_EMEMORY, "no memory for a list of %" PRId64 " images", n);
    }
    for (int64_t i = 0; key && i < n; i++) {
        rn_dataset_item item = {0};
        d->set->item(d->state, i, &item);
        rn_sha256_of(item.path, strlen(item.path), key[i].hash);
        key[i].index = i;
    }
    if (key)
        qsort(key, (size_t)n, sizeof *key, compare_keys);
    for (int64_t i = 0; i < n; i++)
        fill_image(d, i, key ? key[i].index : i);
    free(key);
    return true;
}

/* Decodes an image of the set and cuts it to size. */
static bool read_from_set(const rn_data *d, int64_t index, uint8_t *bytes, bool *enlarged, rn_error *err)
{
    rn_pixels p = {0};
    if (!d->set->read(d->state, index, &p, err))
        return false;
    const rn_window w = rn_window_covering(p.height, p.width, d->height, d->width);
    *enlarged = p.height < d->height || p.width < d->width;
    const bool ok = rn_resize(&p, rn_filter_lanczos, w, bytes, err);
    rn_pixels_free(&p);
    return ok;
}

/* Images in a file begin with this; then they follow one another, [image, height, width, 3]. */
struct cache_header {
    char magic[8]; /* "rnimag2" */
    int64_t n, height, width, enlarged;
    uint8_t digest[32]; /* SHA-256 of the images: a damaged file is made again */
};

static bool write_cached(const rn_data *d, int64_t i, const uint8_t *bytes, rn_error *err)
{
    const off_t at = (off_t)sizeof(struct cache_header) + (off_t)(i * d->image_bytes);
    if (pwrite(fileno(d->cache_file), bytes, (size_t)d->image_bytes, at) != (ssize_t)d->image_bytes)
        return rn_fail(err, RN_EIO, "could not write the cache of resized images '%s': %s", d->cache_path, strerror(errno));
    return true;
}

static bool read_cached(const rn_data *d, int64_t i, uint8_t *bytes, rn_error *err)
{
    const off_t at = (off_t)sizeof(struct cache_header) + (off_t)(i * d->image_bytes);
    const ssize_t n = pread(fileno(d->cache_file), bytes, (size_t)d->image_bytes, at);
    if (n != (ssize_t)d->image_bytes)
        return rn_fail(err, RN_EIO, "could not read the cache of resized images '%s': %s", d->cache_path, n < 0 ? strerror(errno) : "it is cut short");
    return true;
}

/* One pass over all images, in parallel. */
struct check {
    rn_data *d;
    pthread_mutex_t lock; /* guards what follows, and the arena of the refusals */
    int64_t capacity;
    rn_error fatal; /* memory that could not be had: no image's fault */
};

static void refuse(struct check *c, struct image *image, const rn_error *why)
{
    rn_data *d = c->d;
    pthread_mutex_lock(&c->lock);
    image->refused = true;
    if (why->code == RN_EMEMORY) {
        c->fatal = *why;
    } else {
        rn_dataset_item item = {0};
        d->set->item(d->state, image->index, &item);
        if (d->n_refused == c->capacity) {
            const int64_t more = c->capacity ? 2 * c->capacity : 16;
            rn_data_refused *larger = realloc(d->refused, (size_t)more * sizeof *larger);
            if (larger) {
                d->refused = larger;
                c->capacity = more;
            }
        }
        const char *reason = rn_arena_text(&d->arena, why->text);
        if (reason && d->n_refused < c->capacity)
            d->refused[d->n_refused++] = (rn_data_refused){.path = item.path, .reason = reason};
        else
            rn_fail(&c->fatal, RN_EMEMORY, "no memory for the list of unreadable images");
    }
    pthread_mutex_unlock(&c->lock);
}

static void fail_check(struct check *c, const rn_error *why)
{
    pthread_mutex_lock(&c->lock);
    c->fatal = *why;
    pthread_mutex_unlock(&c->lock);
}

static void check_images(void *context, int thread, int64_t begin, int64_t end)
{
    (void)thread;
    struct check *c = context;
    rn_data *d = c->d;
    uint8_t *scratch = d->cache ? NULL : malloc((size_t)d->image_bytes);
    int64_t n_enlarged = 0;
    for (int64_t i = begin; i < end; i++) {
        rn_error err = {0};
        bool enlarged = false, ok;
        uint8_t *to = d->cache ? d->cache + i * d->image_bytes : scratch;
        if (to)
            ok = read_from_set(d, d->image[i].index, to, &enlarged, &err);
        else
            ok = rn_fail(&err, RN_EMEMORY, "no memory for an image of %" PRId64 " bytes", d->image_bytes);
        if (!ok)
            refuse(c, &d->image[i], &err);
        else if (d->cache_file && !write_cached(d, i, to, &err))
            fail_check(c, &err);
        n_enlarged += ok && enlarged;
    }
    pthread_mutex_lock(&c->lock);
    d->enlarged += n_enlarged;
    pthread_mutex_unlock(&c->lock);
    free(scratch);
}

static int compare_refused(const void *a, const void *b)
{
    return strcmp(((const rn_data_refused *)a)->path, ((const rn_data_refused *)b)->path);
}

/* Takes refused images out of images [begin, end), in place; returns where the kept ones end. */
static int64_t drop_refused(rn_data *d, int64_t begin, int64_t end, int64_t to)
{
    for (int64_t i = begin; i < end; i++)
        if (!d->image[i].refused)
            d->image[to++] = d->image[i];
    return to;
}

/* "3 of 100 images cannot be read: <reason>; <reason>; and 1 more": as many as the text holds. */
static bool fail_with_list(const rn_data *d, int64_t n, rn_error *err)
{
    char list[1400];
    size_t used = 0;
    int64_t shown = 0;
    list[0] = '\0';
    for (; shown < d->n_refused; shown++) {
        const char *reason = d->refused[shown].reason;
        if (used + strlen(reason) + 3 > sizeof list)
            break;
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", shown ? "; " : "", reason);
    }
    char more[48] = "";
    if (shown < d->n_refused)
        snprintf(more, sizeof more, "; and %" PRId64 " more", d->n_refused - shown);
    return rn_fail_at(err, RN_EDATA, d->config.set.place,
                      "%" PRId64 " of %" PRId64 " image%s cannot be read: %s%s (`runner data` lists them; on_error: skip "
                      "goes on without them)", d->n_refused, n, rn_plural(n), list, more);
}

static bool check_all(rn_data *d, rn_error *err)
{
    const int64_t n = d->n_training + d->n_held_out;
    struct check c = {.d = d};
    pthread_mutex_init(&c.lock, NULL);
    rn_parallel(n, check_images, &c);
    pthread_mutex_destroy(&c.lock);
    if (c.fatal.code) {
        *err = c.fatal;
        return false;
    }
    if (d->n_refused == 0)
        return true;
    qsort(d->refused, (size_t)d->n_refused, sizeof *d->refused, compare_refused);
    if (!d->config.on_error || d->n_refused == n)
        return fail_with_list(d, n, err);
    const int64_t training = drop_refused(d, 0, d->n_training, 0);
    d->n_held_out = drop_refused(d, d->n_training, n, training) - training;
    d->n_training = training;
    return training > 0 || rn_fail(err, RN_EDATA, "all training images are refused; %" PRId64 " held-out ones are left",
                                   d->n_held_out);
}

static bool fingerprint(const rn_data *d, int64_t n, uint8_t digest[32], rn_error *err);

/* Opens the set and divides it; no image is decoded yet. */
static rn_data *begin(const rn_data_config *config, rn_error *err)
{
    rn_data *d = calloc(1, sizeof *d);
    if (!d) {
        rn_fail(err, RN_EMEMORY, "no memory for a data set");
        return NULL;
    }
    d->set = (const rn_dataset *)config->set.what;
    d->config = *config;
    d->height = config->resolution.height;
    d->width = config->resolution.width;
    d->image_bytes = 3 * d->height * d->width;
    const rn_dataset_env env = {.bytes = sizeof env, .height = d->height, .width = d->width,
                                .max_pixels = config->max_pixels, .place = config->set.place};
    if (d->set->open(config->set.params, &env, &d->state, err) && divide(d, err))
        return d;
    rn_data_close(d);
    return NULL;
}

bool rn_data_open(const rn_data_config *config, rn_data **data, rn_error *err)
{
    return rn_data_open_within(config, CACHE_BYTES, data, err);
}

/* Checks all images; they stay in memory where cache_bytes hold them. */
static bool load(rn_data *d, size_t cache_bytes, rn_error *err)
{
    const int64_t n = d->n_training + d->n_held_out;
    const bool fits = (uint64_t)n <= cache_bytes / (uint64_t)d->image_bytes;
    for (int64_t i = 0; i < n; i++)
        d->image[i].slot = i; /* refused images have left gaps, if this is the second pass */
    d->cache = fits ? malloc((size_t)(n * d->image_bytes)) : NULL; /* without it every epoch decodes again */
    return (!d->cache && d->set->endless) || check_all(d, err);
}

bool rn_data_open_within(const rn_data_config *config, size_t cache_bytes, rn_data **data, rn_error *err)
{
    rn_data *d = begin(config, err);
    if (!d)
        return false;
    if (!load(d, cache_bytes, err)) {
        rn_data_close(d);
        return false;
    }
    *data = d;
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
        ok = read_cached(d, i, bytes, err);
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
    const bool ok = check_all(d, err) && (d->n_refused || digest_cached(d, h.digest, err));
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
    rn_data *d = begin(config, err);
    if (!d)
        return false;
    const int64_t n = d->n_training + d->n_held_out;
    bool ok = true;
    if ((uint64_t)n > CACHE_BYTES / (uint64_t)d->image_bytes) {
        ok = load(d, 0, err);
    } else if ((ok = rn_folder_make(folder, err) && fingerprint(d, n, digest, err))) {
        rn_hex(digest, 32, key);
        ok = snprintf(path, sizeof path, "%s/%s.images", folder, key) < (int)sizeof path ||
             rn_fail(err, RN_EIO, "the path of the cache folder '%s' is too long", folder);
        if (ok)
            ok = (d->cache_path = rn_arena_text(&d->arena, path)) != NULL || rn_fail(err, RN_EMEMORY, "no memory for a path");
        if (ok && !use_cache(d, path)) {
            err->code = RN_OK;
            ok = rn_file_write(path, write_cache, d, err) ? use_cache(d, path) || rn_fail(err, RN_EIO, "could not read '%s'", path)
                                                          : err->code == RN_OK && load(d, CACHE_BYTES, err);
        }
    }
    if (ok)
        *data = d;
    else
        rn_data_close(d);
    return ok;
}

void rn_data_close(rn_data *d)
{
    if (!d)
        return;
    if (d->state)
        d->set->close(d->state);
    free(d->image);
    free(d->cache);
    if (d->cache_file)
        fclose(d->cache_file);
    free(d->refused);
    rn_arena_free(&d->arena);
    free(d);
}

int64_t rn_data_height(const rn_data *d) { return d->height; }
int64_t rn_data_width(const rn_data *d) { return d->width; }
int64_t rn_data_enlarged(const rn_data *d) { return d->enlarged; }
bool rn_data_flips(const rn_data *d) { return d->config.flip; }

int64_t rn_data_count(const rn_data *d, rn_data_part part)
{
    return part == RN_DATA_TRAINING ? d->n_training : d->n_held_out;
}

const rn_data_refused *rn_data_refusals(const rn_data *d, int64_t *n)
{
    *n = d->n_refused;
    return d->refused;
}

const char *const *rn_data_classes(const rn_data *d, int64_t *n)
{
    const char *const *names = d->set->classes ? d->set->classes(d->state) : NULL;
    for (*n = 0; names && names[*n];)
        ++*n;
    return names;
}

bool rn_data_read(const rn_data *d, rn_data_part part, int64_t i, uint8_t *bytes, int32_t *label, rn_error *err)
{
    const struct image *image = &d->image[part == RN_DATA_TRAINING ? i : d->n_training + i];
    bool enlarged;
    if (d->cache)
        memcpy(bytes, d->cache + image->slot * d->image_bytes, (size_t)d->image_bytes);
    else if (d->cache_file) {
        if (!read_cached(d, image->slot, bytes, err))
            return false;
    } else if (!read_from_set(d, image->index, bytes, &enlarged, err))
        return false;
    *label = image->label;
    return true;
}

struct many {
    const rn_data *d;
    rn_data_part part;
    int64_t first;
    float *images;
    int32_t *labels;
    pthread_mutex_t lock;
    rn_error err; /* of the first image that failed */
    int64_t failed; /* its number; INT64_MAX: none */
};

static void read_many(void *context, int thread, int64_t begin, int64_t end)
{
    (void)thread;
    struct many *m = context;
    uint8_t *bytes = malloc((size_t)m->d->image_bytes);
    for (int64_t i = begin; i < end; i++) {
        rn_error err = {0};
        int32_t label = -1;
        bool ok;
        if (bytes)
            ok = rn_data_read(m->d, m->part, m->first + i, bytes, &label, &err);
        else
            ok = rn_fail(&err, RN_EMEMORY, "no memory for an image of %" PRId64 " bytes", m->d->image_bytes);
        if (ok) {
            rn_pixels_to_floats(bytes, (size_t)m->d->image_bytes, m->images + i * m->d->image_bytes);
            if (m->labels)
                m->labels[i] = label;
            continue;
        }
        pthread_mutex_lock(&m->lock);
        if (i < m->failed) {
            m->failed = i;
            m->err = err;
        }
        pthread_mutex_unlock(&m->lock);
        break;
    }
    free(bytes);
}

bool rn_data_images(const rn_data *d, rn_data_part part, int64_t first, int64_t n, float *images, int32_t *labels,
                    rn_error *err)
{
    if (first < 0 || n < 0 || first + n > rn_data_count(d, part))
        return rn_fail(err, RN_EINTERNAL, "images %" PRId64 " to %" PRId64 " of %" PRId64, first, first + n,
                       rn_data_count(d, part));
    struct many m = {.d = d, .part = part, .first = first, .images = images, .labels = labels, .failed = INT64_MAX};
    pthread_mutex_init(&m.lock, NULL);
    rn_parallel(n, read_many, &m);
    pthread_mutex_destroy(&m.lock);
    if (m.failed != INT64_MAX)
        *err = m.err;
    return m.failed == INT64_MAX;
}

/* What the fingerprint is made of, one of these for each image. */
struct print {
    const char *path;
    int64_t index, file_bytes;
    uint8_t content[32];
};

struct prints {
    const rn_data *d;
    struct print *print;
    pthread_mutex_t lock;
    rn_error err;
};

static void make_prints(void *context, int thread, int64_t begin, int64_t end)
{
    (void)thread;
    struct prints *p = context;
    const rn_data *d = p->d;
    for (int64_t i = begin; i < end; i++) {
        rn_error err = {0};
        rn_dataset_item item = {0};
        struct print *to = &p->print[i];
        to->index = d->image[i].index;
        d->set->item(d->state, to->index, &item);
        to->path = item.path;
        to->file_bytes = item.file_bytes;
        if (d->set->digest(d->state, to->index, to->content, &err))
            continue;
        pthread_mutex_lock(&p->lock);
        p->err = err;
        pthread_mutex_unlock(&p->lock);
    }
}

static int compare_prints(const void *a_, const void *b_)
{
    const struct print *a = a_, *b = b_;
    const int order = strcmp(a->path, b->path);
    return order ? order : (a->index > b->index) - (a->index < b->index);
}

/* Of the first n images, training before held-out ones. */
static bool fingerprint(const rn_data *d, int64_t n, uint8_t digest[32], rn_error *err)
{
    struct prints p = {.d = d, .print = calloc((size_t)n, sizeof *p.print)};
    rn_sha256 h;
    rn_sha256_begin(&h);
    if (!p.print) {
        rn_fail(&p.err, RN_EMEMORY, "no memory for the fingerprint of %" PRId64 " images", n);
    } else {
        pthread_mutex_init(&p.lock, NULL);
        rn_parallel(n, make_prints, &p);
        pthread_mutex_destroy(&p.lock);
        qsort(p.print, (size_t)n, sizeof *p.print, compare_prints);
    }
    for (int64_t i = 0; p.print && i < n && !p.err.code; i++) {
        rn_sha256_add(&h, p.print[i].path, strlen(p.print[i].path) + 1); /* with its NUL: no two lists read alike */
        rn_sha256_add(&h, &p.print[i].file_bytes, sizeof p.print[i].file_bytes);
        rn_sha256_add(&h, p.print[i].content, sizeof p.print[i].content);
    }
    const int64_t rest[] = {d->height, d->width, n, n > d->n_training ? d->n_held_out : 0};
    rn_sha256_add(&h, CROP_RULE, sizeof CROP_RULE);
    rn_sha256_add(&h, rest, sizeof rest);
    uint8_t result[32];
    rn_sha256_end(&h, result);
    free(p.print);
    if (p.err.code) {
        *err = p.err;
        return false;
    }
    memcpy(digest, result, sizeof result);
    return true;
}

bool rn_data_fingerprint(const rn_data *d, int64_t n, uint8_t digest[32], rn_error *err)
{
    return fingerprint(d, n < d->n_training ? n : d->n_training, digest, err);
}
