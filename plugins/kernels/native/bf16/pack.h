#ifndef KERNELS_NATIVE_BF16_PACK_H
#define KERNELS_NATIVE_BF16_PACK_H
/* What is copied into the orders that strip.h wants: panels of b, rows of a. */
#include "strip.h"

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

/* Rows that may lie anywhere: those of NULL are zeros. */
enum { CROSS_ROWS = 2 * PAIRS };
/* to [steps/2, STRIP_COLUMNS, 2] = row[r][at … end), r < steps, at most STRIP_COLUMNS columns; zeros beyond `end`. */
#define pack_pairs NATIVE_(pack_pairs)
void pack_pairs(const void *const row[CROSS_ROWS], bool narrow, int64_t at, int64_t end, int64_t steps, rn_bf16 *to);

/* to [16, CROSS_ROWS], rows `pitch` apart: to[i, r] = row[r][at + i] for at + i < end, zeros beyond. */
#define pack_cross NATIVE_(pack_cross)
void pack_cross(const void *const row[CROSS_ROWS], bool narrow, int64_t at, int64_t end, rn_bf16 *to, int64_t pitch);
#endif
