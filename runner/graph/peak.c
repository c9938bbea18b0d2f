#include "graph/peak.h"

#include "base/clock.h"
#include "base/parallel.h"
#include "graph/program.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* Independent sums: latency 4 times two units, with some to spare; all stay in registers. */
enum { SUMS = 12, REPEATS = 2000 };

static volatile float sink; /* a result that the compiler has to make */

#if defined(__x86_64__)
RN_TARGET("avx512f")
static double avx512(void)
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
    sink = _mm512_cvtss_f32(sum[0]);
    return 2.0 * 16 * SUMS * REPEATS;
}

RN_TARGET("avx2,fma")
static double avx2(void)
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
    sink = _mm256_cvtss_f32(sum[0]);
    return 2.0 * 8 * SUMS * REPEATS;
}
#endif

static double plain(void)
{
    float sum[SUMS];
    for (int i = 0; i < SUMS; i++)
        sum[i] = (float)i;
    for (int k = 0; k < REPEATS; k++)
        for (int i = 0; i < SUMS; i++)
            sum[i] = sum[i] * 0.999f + 0.001f;
    for (int i = 1; i < SUMS; i++)
        sum[0] += sum[i];
    sink = sum[0];
    return 2.0 * SUMS * REPEATS;
}

typedef struct peak_run {
    double (*work)(void);
    int64_t rounds;
    double flop; /* of one round of one thread */
} peak_run;

static void run(void *context, int thread, int64_t begin, int64_t end)
{
    peak_run *p = context;
    for (int64_t unit = begin; unit < end; unit++)
        for (int64_t i = 0; i < p->rounds; i++) {
            const double flop = p->work();
            if (thread == 0)
                p->flop = flop;
        }
}

double rn_peak_float32(double seconds)
{
    peak_run p = {.work = plain, .rounds = 1};
#if defined(__x86_64__)
    const unsigned cpu = rn_cpu_features();
    p.work = cpu & RN_CPU_AVX512F ? avx512 : cpu & RN_CPU_AVX2 ? avx2 : plain;
#endif
    const int threads = rn_threads();
    for (;;) { /* doubled until a round is long enough to be timed */
        const double begun = rn_clock();
        rn_parallel(threads, run, &p);
        const double took = rn_clock() - begun;
        if (took >= seconds || p.rounds > ((int64_t)1 << 40))
            return p.flop * (double)p.rounds * threads / took;
        p.rounds = took > seconds / 4 ? (int64_t)((double)p.rounds * seconds / took * 1.1) + 1 : 2 * p.rounds;
    }
}
