#include "graph/peak.h"

#include "base/clock.h"
#include "base/parallel.h"
#include "graph/program.h"

#include <math.h>

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

/* Sums of two products each; 12 chains again, of a latency of 6. */
RN_TARGET("avx512f,avx512bf16")
static void vdpbf16(void)
{
    __m512 sum[SUMS];
    const __m512bh a = (__m512bh)_mm512_set1_epi32(0x3f7f3f7f), b = (__m512bh)_mm512_set1_epi32(0x3a833a83); /* 0.996, 0.001 */
    for (int i = 0; i < SUMS; i++)
        sum[i] = _mm512_set1_ps((float)i);
    for (int k = 0; k < REPEATS; k++)
#pragma GCC unroll 12
        for (int i = 0; i < SUMS; i++)
            sum[i] = _mm512_dpbf16_ps(sum[i], a, b);
    for (int i = 1; i < SUMS; i++)
        sum[0] = _mm512_add_ps(sum[0], sum[i]);
    keep(_mm512_cvtss_f32(sum[0]));
}

enum { TILES = 4 /* of sums */, TILE_FLOP = 2 * 16 * 16 * 32 };

/* Four tiles of sums; the factors are zeros, at which no processor is faster. */
RN_TARGET("amx-tile,amx-bf16")
static void tiles(void)
{
    static const struct {
        uint8_t palette, start_row, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } config = {.palette = 1, .row_bytes = {64, 64, 64, 64, 64, 64}, .rows = {16, 16, 16, 16, 16, 16}};
    __asm__ volatile("ldtilecfg %0\n\ttilezero %%tmm0\n\ttilezero %%tmm1\n\ttilezero %%tmm2\n\ttilezero %%tmm3\n\t"
                     "tilezero %%tmm4\n\ttilezero %%tmm5" : : "m"(config));
    for (int k = 0; k < REPEATS; k++)
        __asm__ volatile("tdpbf16ps %%tmm5, %%tmm4, %%tmm0\n\ttdpbf16ps %%tmm5, %%tmm4, %%tmm1\n\t"
                         "tdpbf16ps %%tmm5, %%tmm4, %%tmm2\n\ttdpbf16ps %%tmm5, %%tmm4, %%tmm3" : :);
    __asm__ volatile("tilerelease");
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

/* flop: of one round of one thread. */
static double measure(void (*work)(void), double flop, double seconds)
{
    peak_run p = {.work = work, .rounds = 1};
    const int threads = rn_threads();
    for (;;) { /* doubled until a round is long enough to be timed */
        const double begun = rn_clock();
        rn_parallel(threads, run, &p);
        const double took = rn_clock() - begun;
        if (took >= seconds || p.rounds > ((int64_t)1 << 40))
            return flop * (double)p.rounds * threads / took;
        p.rounds = took > seconds / 4 ? (int64_t)((double)p.rounds * seconds / took * 1.1) + 1 : 2 * p.rounds;
    }
}

double rn_peak_float32(double seconds)
{
    const double flop_a_lane = 2.0 * SUMS * REPEATS;
#if defined(__x86_64__)
    const unsigned cpu = rn_cpu_features();
    if (cpu & RN_CPU_AVX512F)
        return measure(avx512, 16 * flop_a_lane, seconds);
    if (cpu & RN_CPU_AVX2)
        return measure(avx2, 8 * flop_a_lane, seconds);
#endif
    return measure(plain, flop_a_lane, seconds);
}

double rn_peak_bf16(double seconds)
{
    double best = 0;
#if defined(__x86_64__)
    const unsigned cpu = rn_cpu_features();
    if (cpu & RN_CPU_AVX512BF16)
        best = measure(vdpbf16, 2.0 * 32 * SUMS * REPEATS, seconds);
    if (cpu & RN_CPU_AMX)
        best = fmax(best, measure(tiles, (double)TILES * TILE_FLOP * REPEATS, seconds));
#else
    (void)seconds;
#endif
    return best;
}
