#include "graph/peak.h"

#include "base/clock.h"
#include "base/parallel.h"
#include "graph/program.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* Independent sums: latency 4 times two units, with some to spare; all stay in registers. */
enum { SUMS = 12, REPEATS = 2000 };

/* A result that the compiler has to make. */
static inline void keep(float result)
{
    volatile float kept = result;
    (void)kept;
}

#if defined(__x86_64__)
RN_TARGET("avx512f")
static void avx512(void)
{
    __m512 sum[SUMS];
    const __m512 a = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(0.001f);
    for (int i = 0; i < SUMS; i++)
        sum[i] = _mm512_set1_ps((float)i);
    for (int k = 0; k < REPEATS; k++)
#pragma GCC unroll 12
        for (int i = 0; i < SUMS; i++)
            sum[i] = _mm512_fmadd_ps(sum[i], a, b);
    for (int i = 1; i < SUMS; i++)
        sum[0] = _mm512_add_ps(sum[0], sum[i]);
    keep(_mm512_cvtss_f32(sum[0]));
}

RN_TARGET("avx2,fma")
static void avx2(void)
{
    __m256 sum[SUMS];
    const __m256 a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(0.001f);
    for (int i = 0; i < SUMS; i++)
        sum[i] = _mm256_set1_ps((float)i);
    for (int k = 0; k < REPEATS; k++)
#pragma GCC unroll 12
        for (int i = 0; i < SUMS; i++)
            sum[i] = _mm256_fmadd_ps(sum[i], a, b);
    for (int i = 1; i < SUMS; i++)
        sum[0] = _mm256_add_ps(sum[0], sum[i]);
    keep(_mm256_cvtss_f32(sum[0]));
}
#endif

static void plain(void)
{
    float sum[SUMS];
    for (int i = 0; i < SUMS; i++)
        sum[i] = (float)i;
    for (int k = 0; k < REPEATS; k++)
        for (int i = 0; i < SUMS; i++)
            sum[i] = sum[i] * 0.999f + 0.001f;
    for (int i = 1; i < SUMS; i++)
        sum[0] += sum[i];
    keep(sum[0]);
}

typedef struct peak_run {
    void (*work)(void);
    int64_t rounds;
} peak_run;

static void run(void *context, int thread, int64_t begin, int64_t end)
{
    (void)thread;
    const peak_run *p = context;
    for (int64_t unit = begin; unit < end; unit++)
        for (int64_t i = 0; i < p->rounds; i++)
            p->work();
}

double rn_peak_float32(double seconds)
{
    peak_run p = {.work = plain, .rounds = 1};
    int lanes = 1;
#if defined(__x86_64__)
    const unsigned cpu = rn_cpu_features();
    if (cpu & RN_CPU_AVX512F)
        p.work = avx512, lanes = 16;
    else if (cpu & RN_CPU_AVX2)
        p.work = avx2, lanes = 8;
#endif
    const int threads = rn_threads();
    const double flop = 2.0 * lanes * SUMS * REPEATS; /* of one round of one thread */
    for (;;) { /* doubled until a round is long enough to be timed */
        const double begun = rn_clock();
        rn_parallel(threads, run, &p);
        const double took = rn_clock() - begun;
        if (took >= seconds || p.rounds > ((int64_t)1 << 40))
            return flop * (double)p.rounds * threads / took;
        p.rounds = took > seconds / 4 ? (int64_t)((double)p.rounds * seconds / took * 1.1) + 1 : 2 * p.rounds;
    }
}
