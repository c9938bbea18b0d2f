#ifndef KERNELS_NATIVE_BF16_PACK_H
#define KERNELS_NATIVE_BF16_PACK_H
/* What is copied into the orders that strip.h wants: panels of b, rows of a. */
#include "strip.h"

/* Two rows of b, of which n columns are there, as one row of a panel; NULL: zeros. */
NATIVE_INLINE void pack_pair(const void *b0, const void *b1, bool narrow, int64_t n, rn_bf16 *to)
{
    pairs p;
    pairs_of_rows(&p, b0, b1, narrow, n);
    pairs_store(to, &p);
    const int64_t half = PAIRS * (int64_t)source_bytes(narrow);
    const bool more = n > PAIRS;
    pairs_of_rows(&p, more && b0 ? (const char *)b0 + half : NULL, more && b1 ? (const char *)b1 + half : NULL, narrow, n - PAIRS);
    pairs_store(to + 2 * PAIRS, &p);
}

/* n elements, rounded where they are float32. */
#define pack_run NATIVE_(pack_run)
void pack_run(source from, int64_t n, rn_bf16 *to);

/* to [steps/2, STRIP_COLUMNS, 2] = columns [0, n) of b [k, ..], rows `pitch` apart, n ≤ STRIP_COLUMNS; zeros beyond k and n.
 * `turned`: b is stored as [n, k]. */
#define pack_panel NATIVE_(pack_panel)
void pack_panel(source b, int64_t pitch, bool turned, int64_t k, int64_t steps, int64_t n, rn_bf16 *to);

/* to [rows, whole_steps(k)], rows to_pitch apart (of which whole cache lines are written) = a [rows, k], zeros beyond k. */
#define pack_rows NATIVE_(pack_rows)
void pack_rows(source a, int64_t pitch, int64_t rows, int64_t k, rn_bf16 *to, int64_t to_pitch);

enum { CROSS_ROWS = 2 * PAIRS };
/* to [16, CROSS_ROWS], rows `pitch` apart: to[i, r] = row[r][at + i] for at + i < end, zeros beyond; NULL: zeros. */
#define pack_cross NATIVE_(pack_cross)
void pack_cross(const void *const row[CROSS_ROWS], bool narrow, int64_t at, int64_t end, rn_bf16 *to, int64_t pitch);
#endif
