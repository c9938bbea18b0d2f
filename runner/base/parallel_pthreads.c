/* A pool of pthreads behind rn_parallel, for tools that do not understand an OpenMP runtime. */
#include "base/parallel.h"
#include "base/denormals.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>

static struct {
    pthread_mutex_t lock;
    pthread_cond_t begin, end;
    int threads, started, left;
    int64_t round, n;
    rn_parallel_body *body;
    void *context;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .begin = PTHREAD_COND_INITIALIZER, .end = PTHREAD_COND_INITIALIZER};

void rn_threads_set(int n)
{
    pool.threads = n;
}

int rn_threads(void)
{
    if (pool.threads < 1) {
        cpu_set_t set;
        pool.threads = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    }
    return pool.threads;
}

static void part(int64_t n, int threads, int i)
{
    if (n * i / threads < n * (i + 1) / threads)
        pool.body(pool.context, i, n * i / threads, n * (i + 1) / threads);
}

static void *work(void *number)
{
    const int i = (int)(intptr_t)number;
    rn_denormals_flush();
    int64_t seen = 0;
    for (;;) {
        pthread_mutex_lock(&pool.lock);
        while (pool.round == seen)
            pthread_cond_wait(&pool.begin, &pool.lock);
        seen = pool.round;
        const int64_t n = pool.n;
        const int threads = pool.threads;
        pthread_mutex_unlock(&pool.lock);
        if (i < threads)
            part(n, threads, i);
        pthread_mutex_lock(&pool.lock);
        if (--pool.left == 0)
            pthread_cond_signal(&pool.end);
        pthread_mutex_unlock(&pool.lock);
    }
    return NULL;
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
    pthread_mutex_lock(&pool.lock);
    if (pool.started < t - 1) { /* signals belong to the main thread */
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
    const int helpers = pool.started;
    pool.n = n, pool.body = body, pool.context = context, pool.left = helpers;
    pool.round++;
    pthread_cond_broadcast(&pool.begin);
    pthread_mutex_unlock(&pool.lock);
    part(n, t, 0);
    for (int i = helpers + 1; i < t; i++) /* threads that could not be had */
        part(n, t, i);
    pthread_mutex_lock(&pool.lock);
    while (pool.left > 0)
        pthread_cond_wait(&pool.end, &pool.lock);
    pthread_mutex_unlock(&pool.lock);
}
