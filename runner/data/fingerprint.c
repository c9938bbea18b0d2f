/* What a set of images is known by: paths, contents, resolution and the rule by which they are cut. */
#include "data/data_internal.h"

#include "base/parallel.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Part of the fingerprint: to be raised when crop or resize give other bytes. */
static const char CROP_RULE[] = "shorter side by lanczos 3, centre crop, revision 1";

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
bool rn_data_fingerprint_of(const rn_data *d, int64_t n, uint8_t digest[32], rn_error *err)
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
    return rn_data_fingerprint_of(d, n < d->n_training ? n : d->n_training, digest, err);
}
