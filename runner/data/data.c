/* A data set opened: which images train, which are held out, and reading them. */
#include "data/data_internal.h"

#include "base/parallel.h"
#include "data/pixels.h"
#include "data/resize.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

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
    d->image[i] = (rn_data_image){.index = index, .slot = i, .label = (int32_t)item.label};
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
bool rn_data_from_set(const rn_data *d, int64_t index, uint8_t *bytes, bool *enlarged, rn_error *err)
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

/* Opens the set and divides it; no image is decoded yet. */
rn_data *rn_data_begin(const rn_data_config *config, rn_error *err)
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
    return rn_data_open_within(config, RN_DATA_CACHE_BYTES, data, err);
}

/* Checks all images; they stay in memory where cache_bytes hold them. */
bool rn_data_load(rn_data *d, size_t cache_bytes, rn_error *err)
{
    const int64_t n = d->n_training + d->n_held_out;
    const bool fits = (uint64_t)n <= cache_bytes / (uint64_t)d->image_bytes;
    for (int64_t i = 0; i < n; i++)
        d->image[i].slot = i; /* refused images have left gaps, if this is the second pass */
    d->cache = fits ? malloc((size_t)(n * d->image_bytes)) : NULL; /* without it every epoch decodes again */
    return (!d->cache && d->set->endless) || rn_data_check(d, err);
}

bool rn_data_open_within(const rn_data_config *config, size_t cache_bytes, rn_data **data, rn_error *err)
{
    rn_data *d = rn_data_begin(config, err);
    if (!d)
        return false;
    if (!rn_data_load(d, cache_bytes, err)) {
        rn_data_close(d);
        return false;
    }
    *data = d;
    return true;
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
    const rn_data_image *image = &d->image[part == RN_DATA_TRAINING ? i : d->n_training + i];
    bool enlarged;
    if (d->cache)
        memcpy(bytes, d->cache + image->slot * d->image_bytes, (size_t)d->image_bytes);
    else if (d->cache_file) {
        if (!rn_data_read_cached(d, image->slot, bytes, err))
            return false;
    } else if (!rn_data_from_set(d, image->index, bytes, &enlarged, err))
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

