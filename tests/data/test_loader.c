#include "data/sets.h"

#include "data/loader.h"

#include <stdatomic.h>

/* Every allocation of the program is counted, of whatever thread. Sanitizers bring allocators of their own; with them
 * nothing is counted. */
#ifndef __has_feature
#define __has_feature(x) 0
#endif
static atomic_long allocations;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || __has_feature(address_sanitizer) ||               \
    __has_feature(thread_sanitizer)
enum { COUNTED = 0 };
#else
enum { COUNTED = 1 };
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);

void *malloc(size_t n)
{
    atomic_fetch_add(&allocations, 1);
    return __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __libc_calloc(n, size);
}

void *realloc(void *old, size_t n)
{
    atomic_fetch_add(&allocations, 1);
    return __libc_realloc(old, n);
}
#endif

typedef struct {
    int64_t count, seed;
} dead_leaves;

/* Sixteen pixels are the cheapest images; the number of a training image is found by its bytes. */
enum { SIDE = 16, VALUES = 3 * SIDE * SIDE };

static rn_data *leaves(int64_t count, bool flip, bool cached)
{
    const dead_leaves params = {.count = count};
    rn_data_config c = config_of(set_named("dead_leaves"), &params, SIDE, SIDE);
    c.held_out = 4;
    c.flip = flip;
    rn_data *data = NULL;
    rn_error err = {0};
    assert_ok(rn_data_open_within(&c, cached ? 1 << 24 : 0, &data, &err), err);
    return data;
}

static bool equal_but_mirrored(const float *a, const float *b)
{
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            if (memcmp(a + 3 * (y * SIDE + x), b + 3 * (y * SIDE + SIDE - 1 - x), 3 * sizeof *a) != 0)
                return false;
    return true;
}

/* Which training image this is, and whether it is mirrored; −1: none of them. */
static int64_t number_of(const float *image, const float *all, int64_t n, bool *flipped)
{
    for (int64_t i = 0; i < n; i++) {
        const bool same = memcmp(image, all + i * VALUES, VALUES * sizeof *all) == 0;
        *flipped = !same && equal_but_mirrored(image, all + i * VALUES);
        if (same || *flipped)
            return i;
    }
    return -1;
}

static float *all_images(const rn_data *data, int64_t *n)
{
    rn_error err = {0};
    *n = rn_data_count(data, RN_DATA_TRAINING);
    float *all = malloc((size_t)*n * VALUES * sizeof *all);
    assert_ok(rn_data_images(data, RN_DATA_TRAINING, 0, *n, all, NULL, &err), err);
    return all;
}

/* Sets smaller than a batch, of its size, larger, not a multiple; with and without mirroring, in memory and not. */
static const struct {
    int64_t count, batch, workers;
    bool flip, cached;
} cases[] = {
    {20, 6, 1, false, true}, {20, 6, 3, true, true}, {5, 16, 2, true, true}, {16, 16, 2, false, false}, {1, 3, 2, true, true},
};

static void every_epoch_is_a_permutation_and_short_batches_are_filled_from_the_next(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        rn_data *data = leaves(cases[k].count, cases[k].flip, cases[k].cached);
        const int64_t epochs = 6, batch = cases[k].batch;
        int64_t n, flips = 0;
        float *all = all_images(data, &n), *images = malloc((size_t)batch * VALUES * sizeof *images);
        int *seen = calloc((size_t)(n * epochs), sizeof *seen);
        rn_loader *loader = NULL;
        rn_error err = {0};
        assert_ok(rn_loader_open(data, 5, batch, cases[k].workers, &loader, &err), err);
        for (int64_t step = 0; step * batch < epochs * n; step++) {
            assert_ok(rn_loader_next(loader, step, images, NULL, &err), err);
            for (int64_t i = 0; i < batch && step * batch + i < epochs * n; i++) {
                bool flipped;
                const int64_t number = number_of(images + i * VALUES, all, n, &flipped);
                assert_true(number >= 0);
                seen[(step * batch + i) / n * n + number]++;
                flips += flipped;
            }
        }
        for (int64_t i = 0; i < n * epochs; i++)
            assert_int_equal(seen[i], 1);
        assert_true(cases[k].flip ? flips > 0 && flips < n * epochs : flips == 0);
        rn_loader_close(loader);
        rn_data_close(data);
        free(all);
        free(images);
        free(seen);
    }
}

static void batches_depend_on_seed_and_step_alone(void **state)
{
    (void)state;
    enum { BATCH = 7, STEPS = 12 };
    rn_data *data = leaves(20, true, true), *uncached = leaves(20, true, false);
    float *want = malloc(STEPS * BATCH * VALUES * sizeof *want), *got = malloc(BATCH * VALUES * sizeof *got);
    rn_error err = {0};
    rn_loader *loader = NULL;
    assert_ok(rn_loader_open(data, 9, BATCH, 1, &loader, &err), err);
    for (int64_t step = 0; step < STEPS; step++)
        assert_ok(rn_loader_next(loader, step, want + step * BATCH * VALUES, NULL, &err), err);
    rn_loader_close(loader);

    /* other numbers of threads, images read from the set, steps out of order: the same bytes */
    static const int64_t order[] = {0, 1, 2, 7, 8, 3, 11, 0, 5, 5, 10};
    for (int64_t workers = 1; workers <= 4; workers++) {
        assert_ok(rn_loader_open(workers % 2 ? uncached : data, 9, BATCH, workers, &loader, &err), err);
        for (size_t k = 0; k < sizeof order / sizeof *order; k++) {
            assert_ok(rn_loader_next(loader, order[k], got, NULL, &err), err);
            assert_memory_equal(got, want + order[k] * BATCH * VALUES, BATCH * VALUES * sizeof *got);
        }
        rn_loader_close(loader);
    }
    assert_ok(rn_loader_open(data, 10, BATCH, 2, &loader, &err), err);
    assert_ok(rn_loader_next(loader, 0, got, NULL, &err), err);
    assert_memory_not_equal(got, want, BATCH * VALUES * sizeof *got);
    rn_loader_close(loader);
    rn_data_close(data);
    rn_data_close(uncached);
    free(want);
    free(got);
}

static void held_out_images_are_never_trained_on(void **state)
{
    (void)state;
    rn_data *data = leaves(20, false, true);
    int64_t n;
    float *all = all_images(data, &n), held_out[4 * VALUES];
    rn_error err = {0};
    assert_int_equal(n, 20);
    assert_int_equal(rn_data_count(data, RN_DATA_HELD_OUT), 4);
    assert_ok(rn_data_images(data, RN_DATA_HELD_OUT, 0, 4, held_out, NULL, &err), err);
    for (int i = 0; i < 4; i++) {
        bool flipped;
        assert_int_equal(number_of(held_out + i * VALUES, all, n, &flipped), -1);
    }
    rn_data_close(data);
    free(all);
}

/* Images in memory: after the first steps nothing is allocated, by any thread. */
static void a_step_allocates_nothing(void **state)
{
    (void)state;
    if (!COUNTED)
        skip();
    rn_data *data = leaves(20, true, true);
    rn_loader *loader = NULL;
    rn_error err = {0};
    static float images[8 * VALUES];
    const long at_first = atomic_load(&allocations);
    assert_ok(rn_loader_open(data, 1, 8, 2, &loader, &err), err);
    for (int64_t step = 0; step < 3; step++)
        assert_ok(rn_loader_next(loader, step, images, NULL, &err), err);
    const long before = atomic_load(&allocations);
    assert_true(before > at_first);
    for (int64_t step = 3; step < 40; step++)
        assert_ok(rn_loader_next(loader, step, images, NULL, &err), err);
    assert_int_equal(atomic_load(&allocations), before);
    rn_loader_close(loader);
    rn_data_close(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_epoch_is_a_permutation_and_short_batches_are_filled_from_the_next),
        cmocka_unit_test(batches_depend_on_seed_and_step_alone),
        cmocka_unit_test(held_out_images_are_never_trained_on),
        cmocka_unit_test(a_step_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
