/* The one parallel loop: every index once, every thread number used by one thread at a time. */
#include "test.h"

#include "base/parallel.h"

#include <stdatomic.h>

enum { MOST = 1000, THREADS = 5 };

typedef struct record {
    atomic_int done[MOST];
    atomic_int inside[THREADS];
    atomic_int wrong;
    int threads;
} record;

static void body(void *context, int thread, int64_t begin, int64_t end)
{
    record *r = context;
    if (thread < 0 || thread >= r->threads || begin >= end || atomic_fetch_add(&r->inside[thread], 1) != 0) {
        r->wrong = 1;
        return;
    }
    for (int64_t i = begin; i < end; i++)
        r->done[i]++;
    atomic_fetch_sub(&r->inside[thread], 1);
}

static void every_index_is_done_once_by_one_thread_at_a_time(void **state)
{
    static record r;
    static const int64_t sizes[] = {0, 1, 2, 3, 7, 64, MOST};
    (void)state;
    for (int threads = 1; threads <= THREADS; threads++)
        for (int round = 0; round < 300; round++) {
            const int64_t n = sizes[round % 7];
            rn_threads_set(threads);
            memset(&r, 0, sizeof r);
            r.threads = threads;
            rn_parallel(n, body, &r);
            assert_int_equal(r.wrong, 0);
            for (int64_t i = 0; i < MOST; i++)
                assert_int_equal(r.done[i], i < n);
        }
}

static void fewer_threads_after_more_are_enough(void **state)
{
    static record r;
    (void)state;
    for (int round = 0; round < 50; round++) {
        r.threads = round % 2 ? 1 + round % THREADS : THREADS;
        rn_threads_set(r.threads);
        memset(r.done, 0, sizeof r.done);
        rn_parallel(MOST, body, &r);
        assert_int_equal(r.wrong, 0);
        for (int64_t i = 0; i < MOST; i++)
            assert_int_equal(r.done[i], 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_index_is_done_once_by_one_thread_at_a_time),
        cmocka_unit_test(fewer_threads_after_more_are_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
