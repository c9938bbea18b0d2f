/* strip.h by vdpbf16ps: each lane of a sum gets two products at a time, of a pair of a, the same for all lanes, and of one of b. */
#include "strip.h"

const char *strips_refusal(void) { return NULL; }
void strips_begin(int64_t group_rows) { (void)group_rows; }
void strips_end(void) {}

static inline vf dot(vf sum, const rn_bf16 *a, __m512i b)
{
    int32_t pair;
    memcpy(&pair, a, sizeof pair);
    return _mm512_dpbf16_ps(sum, (__m512bh)b, (__m512bh)_mm512_set1_epi32(pair));
}

/* VF_LANES sums of a row into c, n of them there. */
NATIVE_INLINE void finish(vf sum, void *c, bool narrow, int64_t at, int64_t n, const float *bias, bool add)
{
    if (add)
        sum = sum + vf_get((const float *)c + at, n);
    if (bias)
        sum = sum + vf_get(bias, n);
    if (!narrow)
        vf_put((float *)c + at, sum, n);
    else
        _mm256_mask_storeu_epi16((rn_bf16 *)c + at, first16(n), (__m256i)_mm512_cvtneps_pbh(sum));
}

/* rows and vectors are constants where this is inlined, so that `sum` becomes registers. */
#if !defined(__clang__)
#define UNROLL _Pragma("GCC unroll 16")
#elif __has_feature(undefined_behavior_sanitizer)
#define UNROLL /* its checks, unrolled, take minutes to compile */
#else
#define UNROLL _Pragma("clang loop unroll(full)")
#endif
NATIVE_INLINE void tile(const int rows, const int vectors, const strip *s, const rn_bf16 *b, int64_t column, int64_t n,
                        const float *bias, bool add)
{
    vf sum[GROUP_ROWS][2];
    UNROLL for (int i = 0; i < rows; i++)
        UNROLL for (int j = 0; j < vectors; j++)
            sum[i][j] = vf_of(0);
    const int64_t pitch = s->a_pitch;
    for (int64_t line = 0; line < s->lines; line++) {
        const rn_bf16 *a = s->group[0].a + line * s->line_step, *a5 = a + 5 * pitch, *a10 = a5 + 5 * pitch;
        for (int64_t k = s->k; k > 0; k -= 2, a += 2, a5 += 2, a10 += 2, b += 2 * STRIP_COLUMNS) {
            __m512i right[2];
            UNROLL for (int j = 0; j < vectors; j++)
                right[j] = _mm512_loadu_si512(b + j * 2 * VF_LANES);
            UNROLL for (int i = 0; i < rows; i++) { /* three pointers reach all rows: the processor adds up to 4·pitch by itself */
                const rn_bf16 *row = i < 5 ? a + i * pitch : i < 10 ? a5 + (i - 5) * pitch : a10 + (i - 10) * pitch;
                UNROLL for (int j = 0; j < vectors; j++)
                    sum[i][j] = dot(sum[i][j], row, right[j]);
            }
        }
    }
    char *c = s->group[0].c;
    UNROLL for (int i = 0; i < rows; i++)
        UNROLL for (int j = 0; j < vectors; j++) {
            const int64_t lanes = least(VF_LANES, n - j * VF_LANES);
            if (lanes > 0)
                finish(sum[i][j], c + i * s->c_pitch * (int64_t)source_bytes(s->c_narrow), s->c_narrow, column + j * VF_LANES,
                       lanes, bias ? bias + j * VF_LANES : NULL, add);
        }
}

typedef void tile_function(const strip *s, const rn_bf16 *b, int64_t column, int64_t n, const float *bias, bool add);

/* clang-format off */
#define TILE(name_, rows_, vectors_)                                                                                   \
    static void name_##_##rows_(const strip *s, const rn_bf16 *b, int64_t column, int64_t n, const float *bias, bool add)\
    {                                                                                                                  \
        tile(rows_, vectors_, s, b, column, n, bias, add);                                                             \
    }
#define TILES(rows_) TILE(wide, rows_, 2) TILE(slim, rows_, 1)
#define EACH(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
/* clang-format on */
EACH(TILES)

/* [rows − 1][no more than one vector of columns] */
#define ENTRY(rows_) {wide_##rows_, slim_##rows_},
static tile_function *const tile_of[GROUP_ROWS][2] = {EACH(ENTRY)};

void strip_product(const strip *s, const rn_bf16 *panel, int64_t column, int64_t n, const float *bias, bool add)
{
    tile_of[s->group[0].rows - 1][n <= VF_LANES](s, panel, column, n, bias, add);
}
