#include "base/parallel.h"
#include "base/denormals.h"

#include <omp.h>
#include <sched.h>

static int threads; /* of the process: set once, before the first loop */

void rn_threads_set(int n)
{
    threads = n;
}

int rn_threads(void)
{
    if (threads < 1) {
        cpu_set_t set;
        threads = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    }
    return threads;
}

void rn_parallel(int64_t n, rn_parallel_body *body, void *context)
{
    const int t = rn_threads();
    if (t == 1 || n <= 1) {
        rn_denormals_flush();
        if (n > 0)
            body(context, 0, 0, n);
        return;
    }
#pragma omp parallel num_threads(t)
    {
        /* the runtime may give fewer threads than asked for: the split is by t all the same */
        rn_denormals_flush();
        for (int i = omp_get_thread_num(); i < t; i += omp_get_num_threads())
            if (n * i / t < n * (i + 1) / t)
                body(context, i, n * i / t, n * (i + 1) / t);
    }
}
