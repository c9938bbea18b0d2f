/* A pool of pthreads behind rn_parallel. Who waits looks for a moment and then sleeps: on a machine that others use
 * as well a waiting thread must not burn the core that the thread it waits for needs. */
#include "base/parallel.h"
#include "base/denormals.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

/* Looks before sleeping: some 50 µs, about what a sleep and a wake-up cost together. */
enum { LOOKS = 2000, MOST_THREADS = 1024 };

static struct {
    pthread_mutex_t lock;
    pthread_cond_t begin, end;
    int threads, started;
    int64_t born[MOST_THREADS]; /* round before the first one of each helper */
    atomic_int sleeping; /* threads in pthread_cond_wait(begin) */
    bool main_sleeps;
    _Atomic int64_t round; /* changes when there is work: what follows is written before it */
    atomic_int left;       /* helpers that have not finished this round */
    int parts;
    int64_t n;
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

static void part(int i)
{
    const int64_t n = pool.n, t = pool.parts;
    if (n * i / t < n * (i + 1) / t)
        pool.body(pool.context, i, n * i / t, n * (i + 1) / t);
}

static void wait_for_work(int64_t seen)
{
    for (int look = 0; look < LOOKS; look++) {
        if (atomic_load_explicit(&pool.round, memory_order_acquire) != seen)
            return;
        pause_a_moment();
    }
    pthread_mutex_lock(&pool.lock);
    pool.sleeping++;
    while (atomic_load_explicit(&pool.round, memory_order_acquire) == seen)
        pthread_cond_wait(&pool.begin, &pool.lock);
    pool.sleeping--;
    pthread_mutex_unlock(&pool.lock);
}

static void wait_for_helpers(void)
{
    for (int look = 0; look < LOOKS; look++) {
        if (atomic_load_explicit(&pool.left, memory_order_acquire) == 0)
            return;
        pause_a_moment();
    }
    pthread_mutex_lock(&pool.lock);
    pool.main_sleeps = true;
    while (atomic_load_explicit(&pool.left, memory_order_acquire) > 0)
        pthread_cond_wait(&pool.end, &pool.lock);
    pool.main_sleeps = false;
    pthread_mutex_unlock(&pool.lock);
}

/* Thread i of the pool. */
static void *work(void *number)
{
    const int i = (int)(intptr_t)number;
    int64_t seen = pool.born[i];
    rn_denormals_flush();
    for (;;) {
        wait_for_work(seen);
        seen = atomic_load_explicit(&pool.round, memory_order_acquire);
        if (i < pool.parts)
            part(i);
        if (atomic_fetch_sub_explicit(&pool.left, 1, memory_order_acq_rel) == 1) {
            pthread_mutex_lock(&pool.lock);
            if (pool.main_sleeps)
                pthread_cond_signal(&pool.end);
            pthread_mutex_unlock(&pool.lock);
        }
    }
    return NULL;
}

/* Makes threads until there are t − 1 helpers, or no more can be had. Signals belong to the main thread. */
static void start(int t)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (; pool.started < t - 1; pool.started++) {
        pthread_t thread;
        pool.born[pool.started + 1] = atomic_load_explicit(&pool.round, memory_order_relaxed);
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
    const int helpers = pool.started;
    pool.n = n, pool.parts = t, pool.body = body, pool.context = context;
    atomic_store_explicit(&pool.left, helpers, memory_order_relaxed);
    pthread_mutex_lock(&pool.lock);
    atomic_fetch_add_explicit(&pool.round, 1, memory_order_release);
    if (pool.sleeping)
        pthread_cond_broadcast(&pool.begin);
    pthread_mutex_unlock(&pool.lock);
    part(0);
    for (int i = helpers + 1; i < t; i++) /* threads that could not be had */
        part(i);
    wait_for_helpers();
}
