/* Every image is decoded before training, so that a damaged one stops the run before it costs anything. */
#include "data/data_internal.h"

#include "base/parallel.h"
#include "base/plural.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* One pass over all images, in parallel. */
struct check {
    rn_data *d;
    pthread_mutex_t lock; /* guards what follows, and the arena of the refusals */
    int64_t capacity;
    rn_error fatal; /* memory that could not be had: no image's fault */
};

static void refuse(struct check *c, rn_data_image *image, const rn_error *why)
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
            ok = rn_data_from_set(d, d->image[i].index, to, &enlarged, &err);
        else
            ok = rn_fail(&err, RN_EMEMORY, "no memory for an image of %" PRId64 " bytes", d->image_bytes);
        if (!ok)
            refuse(c, &d->image[i], &err);
        else if (d->cache_file && !rn_data_write_cached(d, i, to, &err))
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

bool rn_data_check(rn_data *d, rn_error *err)
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
