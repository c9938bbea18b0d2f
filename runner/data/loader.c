/* A ring of batches: threads fill the images of the batches [head, head + ring) one by one, the training step takes
 * the batch at head. A slow image so delays nobody until the ring has run empty. */
#include "data/loader.h"

#include "data/pixels.h"

#include <runner/random.h>

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { MIN_RING = 3, IMAGES_AHEAD = 64 };

struct batch {
    float *images;  /* [batch, height, width, 3] */
    int32_t *labels;
    int64_t *pick;  /* numbers of the training images */
    int64_t n_done;
    rn_error err; /* of an image that could not be read */
};

struct worker {
    rn_loader *loader;
    pthread_t thread;
    uint8_t *bytes; /* one image */
};

struct rn_loader {
    const rn_data *data;
    uint32_t seed;
    int64_t n_batch, ring, height, width;
    struct batch *batch; /* [ring]; step s is in batch[s mod ring] */

    pthread_mutex_t lock; /* guards everything below */
    pthread_cond_t work, ready;
    int64_t head;                    /* the step that is asked for next */
    int64_t issue_step, issue_image; /* what the next free thread will do */
    int64_t in_flight;               /* images being read */
    int64_t epoch, *order;           /* the epoch whose permutation is in order[]; −1: none */
    bool moving, closing;            /* threads take no work: head is being set, or it is over */

    int64_t n_workers, n_threads; /* asked for, started */
    struct worker *worker;
};

/* The training image at a place of the endless list of epochs. */
static int64_t image_at(rn_loader *l, int64_t place)
{
    const int64_t n = rn_data_count(l->data, RN_DATA_TRAINING), epoch = place / n;
    if (l->epoch != epoch) {
        const rn_stream s = {l->seed, rn_stream_of("data order"), (uint32_t)epoch, 0};
        rn_random_permutation(s, n, l->order);
        l->epoch = epoch;
    }
    return l->order[place % n];
}

static void mirror(float *image, int64_t height, int64_t width)
{
    for (int64_t y = 0; y < height; y++)
        for (int64_t a = 0, z = width - 1; a < z; a++, z--)
            for (int64_t c = 0; c < 3; c++) {
                float *p = image + (y * width + a) * 3 + c, *q = image + (y * width + z) * 3 + c;
                const float swap = *p;
                *p = *q;
                *q = swap;
            }
}

static bool fill(const struct worker *w, struct batch *b, int64_t step, int64_t i, rn_error *err)
{
    const rn_loader *l = w->loader;
    const int64_t size = 3 * l->height * l->width;
    const rn_stream s = {l->seed, rn_stream_of("flip"), (uint32_t)step, 0};
    if (!rn_data_read(l->data, RN_DATA_TRAINING, b->pick[i], w->bytes, &b->labels[i], err))
        return false;
    rn_pixels_to_floats(w->bytes, (size_t)size, b->images + i * size);
    if (rn_data_flips(l->data) && rn_random_uniform(s, (uint64_t)i) < 0.5)
        mirror(b->images + i * size, l->height, l->width);
    return true;
}

static bool has_work(const rn_loader *l)
{
    return !l->moving && l->issue_step < l->head + l->ring;
}

static void *work(void *context)
{
    const struct worker *w = context;
    rn_loader *l = w->loader;
    pthread_mutex_lock(&l->lock);
    for (;;) {
        while (!l->closing && !has_work(l))
            pthread_cond_wait(&l->work, &l->lock);
        if (l->closing)
            break;
        const int64_t step = l->issue_step, i = l->issue_image;
        struct batch *b = &l->batch[step % l->ring];
        if (i == 0)
            for (int64_t k = 0; k < l->n_batch; k++)
                b->pick[k] = image_at(l, step * l->n_batch + k);
        if (++l->issue_image == l->n_batch) {
            l->issue_image = 0;
            l->issue_step++;
        }
        l->in_flight++;
        pthread_mutex_unlock(&l->lock);
        rn_error err = {0};
        const bool ok = fill(w, b, step, i, &err);
        pthread_mutex_lock(&l->lock);
        if (!ok)
            b->err = err; /* of several failures in one batch any is as good */
        l->in_flight--;
        if (++b->n_done == l->n_batch || l->in_flight == 0)
            pthread_cond_broadcast(&l->ready);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

static bool start_threads(rn_loader *l, rn_error *err)
{
    sigset_t all, before; /* signals are the main thread's */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = 0;
    while (l->n_threads < l->n_workers && !failed) {
        struct worker *w = &l->worker[l->n_threads];
        failed = pthread_create(&w->thread, NULL, work, w);
        l->n_threads += !failed;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (l->n_threads == 0)
        return rn_fail(err, RN_EMEMORY, "could not start a thread that reads images: %s", strerror(failed));
    return true; /* fewer than asked are slower, but right */
}

/* False where memory ends. */
static bool allocate(rn_loader *l)
{
    const size_t values = (size_t)(3 * l->height * l->width * l->n_batch);
    l->batch = calloc((size_t)l->ring, sizeof *l->batch);
    l->order = malloc((size_t)rn_data_count(l->data, RN_DATA_TRAINING) * sizeof *l->order);
    l->worker = calloc((size_t)l->n_workers, sizeof *l->worker);
    bool ok = l->batch && l->order && l->worker;
    for (int64_t i = 0; ok && i < l->ring; i++) {
        struct batch *b = &l->batch[i];
        b->images = malloc(values * sizeof *b->images);
        b->labels = malloc((size_t)l->n_batch * sizeof *b->labels);
        b->pick = malloc((size_t)l->n_batch * sizeof *b->pick);
        ok = b->images && b->labels && b->pick;
    }
    for (int64_t i = 0; ok && i < l->n_workers; i++) {
        l->worker[i].loader = l;
        l->worker[i].bytes = malloc((size_t)(3 * l->height * l->width));
        ok = l->worker[i].bytes;
    }
    return ok;
}

bool rn_loader_open(const rn_data *data, uint32_t seed, int64_t batch, int64_t workers, rn_loader **loader,
                    rn_error *err)
{
    rn_loader *l = calloc(1, sizeof *l);
    if (!l)
        return rn_fail(err, RN_EMEMORY, "no memory for a loader");
    l->data = data;
    l->seed = seed;
    l->n_batch = batch;
    l->n_workers = workers;
    l->height = rn_data_height(data);
    l->width = rn_data_width(data);
    l->ring = IMAGES_AHEAD / batch + 1 < MIN_RING ? MIN_RING : IMAGES_AHEAD / batch + 1;
    l->epoch = -1;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->work, NULL);
    pthread_cond_init(&l->ready, NULL);
    bool ok = allocate(l);
    if (!ok)
        rn_fail(err, RN_EMEMORY, "no memory for %" PRId64 " batches of %" PRId64 " images of %" PRId64 "×%" PRId64
                " pixels", l->ring, batch, l->height, l->width);
    if (!ok || !start_threads(l, err)) {
        rn_loader_close(l);
        return false;
    }
    *loader = l;
    return true;
}

void rn_loader_close(rn_loader *l)
{
    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    l->closing = true;
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->lock);
    for (int64_t i = 0; i < l->n_threads; i++)
        pthread_join(l->worker[i].thread, NULL);
    for (int64_t i = 0; l->batch && i < l->ring; i++) {
        free(l->batch[i].images);
        free(l->batch[i].labels);
        free(l->batch[i].pick);
    }
    for (int64_t i = 0; l->worker && i < l->n_workers; i++)
        free(l->worker[i].bytes);
    free(l->batch);
    free(l->order);
    free(l->worker);
    pthread_cond_destroy(&l->work);
    pthread_cond_destroy(&l->ready);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

static void clear(struct batch *b)
{
    b->n_done = 0;
    b->err.code = RN_OK;
}

/* Sets the head to another step, once nobody writes to the ring. Called with the lock held. */
static void move_to(rn_loader *l, int64_t step)
{
    l->moving = true;
    while (l->in_flight > 0)
        pthread_cond_wait(&l->ready, &l->lock);
    for (int64_t i = 0; i < l->ring; i++)
        clear(&l->batch[i]);
    l->head = l->issue_step = step;
    l->issue_image = 0;
    l->moving = false;
    pthread_cond_broadcast(&l->work);
}

bool rn_loader_next(rn_loader *l, int64_t step, float *images, int32_t *labels, rn_error *err)
{
    struct batch *b = &l->batch[step % l->ring];
    pthread_mutex_lock(&l->lock);
    if (step != l->head)
        move_to(l, step);
    while (b->n_done < l->n_batch)
        pthread_cond_wait(&l->ready, &l->lock);
    pthread_mutex_unlock(&l->lock);
    const bool ok = b->err.code == RN_OK; /* until head moves on the batch is ours */
    if (ok) {
        memcpy(images, b->images, (size_t)(3 * l->height * l->width * l->n_batch) * sizeof(float));
        if (labels)
            memcpy(labels, b->labels, (size_t)l->n_batch * sizeof *labels);
    } else {
        *err = b->err;
    }
    pthread_mutex_lock(&l->lock);
    clear(b);
    l->head = step + 1;
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->lock);
    return ok;
}
