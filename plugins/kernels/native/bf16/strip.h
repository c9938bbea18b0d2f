#ifndef KERNELS_NATIVE_BF16_STRIP_H
#define KERNELS_NATIVE_BF16_STRIP_H
/* Matrix products of bfloat16 with sums in float32: the core of linear, convolutions and their gradients.
 *
 *     c[i, j] = Σ_k a[i, k]·b[k, j]
 *
 * A strip is a few rows of c. Its rows of a lie in memory as they are, k next to k, a_pitch apart; b is in panels of
 * STRIP_COLUMNS columns in which the elements of two neighbouring k stand side by side, [k/2][STRIP_COLUMNS][2]. Sums stay in
 * registers over all of k, so that a result is rounded once. All else is written for this interface, whose two sides are
 * vdpbf16.c (AVX-512) and amx.c (tiles); the sources of this folder are compiled once for each. */
#include "pairs.h"

/* What vdpbf16.c and amx.c differ in:
 * GROUP_ROWS   rows of a group at most: 28 sums, 2 vectors of b and one of a in 32 registers, or a tile's
 * STRIP_GROUPS groups of a strip, each of which begins where it likes
 * K_STEP       k come in whole steps: b is filled up with zeros, and a may be read that far, so it must be finite there */
#if defined(NATIVE_TILES)
enum { GROUP_ROWS = 16, STRIP_GROUPS = 2, K_STEP = 32, BF16_RANK = 80 };
#if defined(NATIVE_TILES_EMULATED)
#define BF16_CPU RN_CPU_ANY
#else
#define BF16_CPU (RN_CPU_AVX2 | RN_CPU_AVX512F | RN_CPU_AVX512BF16 | RN_CPU_AMX)
#endif
#else
enum { GROUP_ROWS = 14, STRIP_GROUPS = 1, K_STEP = 2, BF16_RANK = 48 };
#define BF16_CPU (RN_CPU_AVX2 | RN_CPU_AVX512F | RN_CPU_AVX512BF16)
#endif
enum { STRIP_COLUMNS = 32, STRIP_ROWS = GROUP_ROWS * STRIP_GROUPS };

typedef struct strip_group {
    const rn_bf16 *a;
    void *c;
    int64_t rows; /* 0: absent, which the first never is */
} strip_group;

typedef struct strip {
    strip_group group[STRIP_GROUPS];
    int64_t group_rows;             /* rows of a that may be read: what was told to strips_begin() */
    int64_t a_pitch;                /* from row to row of a group */
    int64_t lines, line_step, k;    /* a row is so many runs of k elements (whole steps), line_step apart */
    int64_t c_pitch;
    bool c_narrow;                  /* c is bfloat16, else float32 */
} strip;

/* Why this process cannot use it, or NULL. */
#define strips_refusal NATIVE_(strips_refusal)
const char *strips_refusal(void);

/* Around all strips of a call of run(): what the instructions need to be told. */
#define strips_begin NATIVE_(strips_begin)
void strips_begin(int64_t group_rows);
#define strips_end NATIVE_(strips_end)
void strips_end(void);

/* Columns [column, column + n) of a strip, n ≤ STRIP_COLUMNS, by a panel [lines][k/2][STRIP_COLUMNS][2]; bias [n] or NULL; added
 * to what is there where `add` (float32 alone). */
#define strip_product NATIVE_(strip_product)
void strip_product(const strip *s, const rn_bf16 *panel, int64_t column, int64_t n, const float *bias, bool add);

static inline int64_t whole_steps(int64_t k) { return (k + K_STEP - 1) / K_STEP * K_STEP; }
static inline int64_t panels_of(int64_t n) { return pieces(n, STRIP_COLUMNS); }
static inline int64_t groups_of(int64_t rows) { return pieces(rows, GROUP_ROWS); }
/* Groups are of one size as far as they go: 16 rows are 8 + 8 and not 14 + 2. */
static inline int64_t even_group(int64_t rows) { return pieces(rows, groups_of(rows)); }

/* Rows of packed a are an odd number of cache lines apart, so that they do not share sets. */
static inline int64_t odd_lines(int64_t elements)
{
    enum { LINE = 64 / sizeof(rn_bf16) };
    return (pieces(elements, LINE) | 1) * LINE;
}

/* The descriptor at the end of a file. */
#define BF16(op_, doc_, ...)                                                                                           \
    const rn_kernel NATIVE_(op_) = {.bytes = sizeof(rn_kernel), .name = "native", .doc = doc_, .op = #op_,             \
                                    .device = "cpu", .cpu = BF16_CPU, .rank = BF16_RANK, .type = RN_BF16, __VA_ARGS__}
#endif
