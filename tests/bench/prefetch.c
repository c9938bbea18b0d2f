/* Shows that a slow image does not slow a step: the same training loop on images that cost nothing and on images of
 * which every tenth costs 50 ms, at a rate below what the threads can do, and above it.
 *
 *     build/tests/bench_prefetch
 *
 * A step is 20 ms of arithmetic. The slow images are waited for, not computed, as those of a slow disk are, so the
 * threads need no CPU of their own. */
#include "data/loader.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SIDE = 32, BATCH = 8, STEPS = 100, IMAGES = 4096 };
static const double STEP_S = 0.020;

/* The set's only parameter: which share of its images is slow. */
typedef struct {
    int64_t one_in; /* 0: none */
    double seconds;
} slow_params;

static void wait_s(double s)
{
    const struct timespec t = {(time_t)s, (long)((s - floor(s)) * 1e9)};
    nanosleep(&t, NULL);
}

static bool open_set(const void *params, const rn_dataset_env *env, void **state, rn_error *err)
{
    (void)env, (void)err;
    *state = (void *)(uintptr_t)params;
    return true;
}

static void close_set(void *state) { (void)state; }

static int64_t count_items(void *state)
{
    (void)state;
    return IMAGES;
}

static void get_item(void *state, int64_t index, rn_dataset_item *item)
{
    (void)state, (void)index;
    *item = (rn_dataset_item){.path = "slow", .label = -1};
}

static bool read_image(void *state, int64_t index, rn_pixels *out, rn_error *err)
{
    const slow_params *p = state;
    if (p->one_in && index % p->one_in == 0)
        wait_s(p->seconds);
    if (!rn_pixels_alloc(out, SIDE, SIDE, err))
        return false;
    memset(out->rgb, (int)(index % 256), 3 * SIDE * SIDE);
    return true;
}

static const rn_dataset slow = {
    .bytes = sizeof(rn_dataset), .name = "slow", .doc = "images of which some cost time", .params_bytes = sizeof(slow_params),
    .open = open_set, .close = close_set, .count = count_items, .item = get_item, .read = read_image,
    .path_offset = -1, .endless = true, /* not read before training, so nothing is kept in memory */
};

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

/* Prints median, 95th percentile and largest time of a step, fetch and arithmetic together. */
static bool measure(const char *what, slow_params params, int64_t workers, rn_error *err)
{
    static float images[BATCH * SIDE * SIDE * 3];
    double step_s[STEPS], busy = 0;
    const rn_data_config c = {.set = {.what = (const rn_component *)&slow, .params = &params}, .resolution = {SIDE, SIDE},
                              .max_pixels = 1 << 20};
    rn_data *data = NULL;
    rn_loader *loader = NULL;
    bool ok = rn_data_open_within(&c, 0, &data, err) && rn_loader_open(data, 0, BATCH, workers, &loader, err);
    if (ok)
        wait_s(0.5); /* compiling a graph takes longer */
    for (int64_t i = 0; ok && i < STEPS; i++) {
        const double begin = now_s();
        ok = rn_loader_next(loader, i, images, NULL, err);
        for (double until = now_s() + STEP_S; now_s() < until;)
            busy += sqrt(busy + 1);
        step_s[i] = now_s() - begin;
    }
    rn_loader_close(loader);
    rn_data_close(data);
    if (!ok)
        return false;
    qsort(step_s, STEPS, sizeof *step_s, compare);
    printf("%-52s %2d threads  median %6.2f ms  95 %% %6.2f ms  max %6.2f ms\n", what, (int)workers, 1e3 * step_s[STEPS / 2],
           1e3 * step_s[STEPS * 95 / 100], 1e3 * step_s[STEPS - 1]);
    return busy > 0;
}

int main(void)
{
    rn_error err = {0};
    const bool ok = measure("no slow image", (slow_params){0}, 4, &err) &&
                    measure("1 in 10 costs 50 ms (10 ms a step in 4 threads)", (slow_params){10, 0.050}, 4, &err) &&
                    measure("1 in 10 costs 50 ms (40 ms a step in 1 thread)", (slow_params){10, 0.050}, 1, &err);
    if (!ok)
        fprintf(stderr, "%s\n", err.text);
    return !ok;
}
