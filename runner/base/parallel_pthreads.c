/* A pool of pthreads behind rn_parallel.
 *
 * A loop is cut into parts, two for each thread, and whoever is awake takes the next one: the calling thread never
 * waits for a helper that has not begun, only for parts that a helper is at. Who waits looks for a moment and then
 * sleeps. So on a machine that others use as well a loop costs little more than its own work on one core, where a
 * fixed assignment, or threads that spin, would cost a time slice of the scheduler for every loop. */
#include "base/parallel.h"
#include "base/denormals.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

/* Looks before sleeping: some 50 µs, about what a sleep and a wake-up cost together. */
enum { LOOKS = 2000, MOST_THREADS = 1024, PARTS_PER_THREAD = 2 };

static struct {
    pthread_mutex_t lock;
    pthread_cond_t begin, end;
    int started;
    atomic_int threads, sleeping; /* sleeping: threads in pthread_cond_wait(begin) */
    bool main_sleeps;
    /* Number of the loop in the upper half, parts that nobody has taken in the lower: who lowers it by one owns
     * that part, and what follows stays as it is until that part is finished. */
    _Atomic uint64_t ticket;
    atomic_int finished;
    int64_t n, parts;
    rn_parallel_body *body;
    void *context;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .begin = PTHREAD_COND_INITIALIZER, .end = PTHREAD_COND_INITIALIZER};

static void pause_a_moment(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

void rn_threads_set(int n)
{
    pool.threads = n < MOST_THREADS ? n : MOST_THREADS;
}

int rn_threads(void)
{
    if (pool.threads < 1) {
        cpu_set_t set;
        rn_threads_set(sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1);
    }
    return pool.threads;
}

static bool is_left(uint64_t ticket)
{
    return (uint32_t)ticket != 0;
}

/* Takes and does parts as thread i until none is left. */
static void do_parts(int i)
{
    uint64_t t = atomic_load_explicit(&pool.ticket, memory_order_acquire);
    while (is_left(t)) {
        if (i >= pool.threads) /* read after the ticket: fewer threads were set before this loop began */
            return;
        if (!atomic_compare_exchange_weak_explicit(&pool.ticket, &t, t - 1, memory_order_acq_rel, memory_order_acquire))
            continue;
        const int64_t k = (int64_t)(uint32_t)t - 1, n = pool.n, parts = pool.parts;
        pool.body(pool.context, i, n * k / parts, n * (k + 1) / parts);
        if (atomic_fetch_add_explicit(&pool.finished, 1, memory_order_acq_rel) == (int)parts - 1) {
            pthread_mutex_lock(&pool.lock);
            if (pool.main_sleeps)
                pthread_cond_signal(&pool.end);
            pthread_mutex_unlock(&pool.lock);
        }
        t = atomic_load_explicit(&pool.ticket, memory_order_acquire);
    }
}

static void wait_for_work(int i)
{
    for (int look = 0; look < LOOKS; look++) {
        if (i < pool.threads && is_left(atomic_load_explicit(&pool.ticket, memory_order_acquire)))
            return;
        pause_a_moment();
    }
    pthread_mutex_lock(&pool.lock);
    pool.sleeping++;
    while (i >= pool.threads || !is_left(atomic_load_explicit(&pool.ticket, memory_order_acquire)))
        pthread_cond_wait(&pool.begin, &pool.lock);
    pool.sleeping--;
    pthread_mutex_unlock(&pool.lock);
}

static bool all_finished(int64_t parts)
{
    return atomic_load_explicit(&pool.finished, memory_order_acquire) == (int)parts;
}

static void wait_for_helpers(int64_t parts)
{
    for (int look = 0; look < LOOKS; look++) {
        if (all_finished(parts))
            return;
        pause_a_moment();
    }
    pthread_mutex_lock(&pool.lock);
    pool.main_sleeps = true;
    while (!all_finished(parts))
        pthread_cond_wait(&pool.end, &pool.lock);
    pool.main_sleeps = false;
    pthread_mutex_unlock(&pool.lock);
}

static void *work(void *number)
{
    const int i = (int)(intptr_t)number;
    rn_denormals_flush();
    for (;;) {
        wait_for_work(i);
        do_parts(i);
    }
    return NULL;
}

/* Makes threads until there are t − 1 helpers, or no more can be had: then there are fewer to take parts. Signals
 * belong to the main thread. */
static void start(int t)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (; pool.started < t - 1; pool.started++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, work, (void *)(intptr_t)(pool.started + 1)))
            break;
        pthread_detach(thread);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void rn_parallel(int64_t n, rn_parallel_body *body, void *context)
{
    const int t = rn_threads();
    rn_denormals_flush();
    if (n <= 0)
        return;
    if (t == 1 || n == 1) {
        body(context, 0, 0, n);
        return;
    }
    if (pool.started < t - 1)
        start(t);
    const int64_t parts = n < (int64_t)PARTS_PER_THREAD * t ? n : (int64_t)PARTS_PER_THREAD * t;
    const uint64_t number = (atomic_load_explicit(&pool.ticket, memory_order_relaxed) >> 32) + 1;
    pool.n = n, pool.parts = parts, pool.body = body, pool.context = context;
    atomic_store_explicit(&pool.finished, 0, memory_order_relaxed);
    pthread_mutex_lock(&pool.lock);
    atomic_store_explicit(&pool.ticket, number << 32 | (uint64_t)parts, memory_order_release);
    if (pool.sleeping)
        pthread_cond_broadcast(&pool.begin);
    pthread_mutex_unlock(&pool.lock);
    do_parts(0);
    wait_for_helpers(parts);
}
