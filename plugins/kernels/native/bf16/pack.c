/* pack.h: pairs from two rows are a panel as it is, turned they are rows of a; pairs along a row the other way round. */
#include "pack.h"

void pack_run(source from, int64_t n, rn_bf16 *to)
{
    if (from.narrow) {
        memcpy(to, from.v, (size_t)n * sizeof *to);
        return;
    }
    pairs p;
    for (; n >= 2 * PAIRS; n -= 2 * PAIRS, to += 2 * PAIRS, from = source_at(from, 2 * PAIRS)) {
        pairs_of_run(&p, from.v, false, 2 * PAIRS);
        pairs_store(to, &p);
    }
    if (n > 0) {
        pairs_of_run(&p, from.v, false, n);
        memcpy(to, &p, (size_t)n * sizeof *to);
    }
}

/* A square of PAIRS columns of b, n of them there, by 2·PAIRS of its k, of which k are there. */
static void pack_turned(source b, int64_t pitch, int64_t k, int64_t steps, int64_t n, rn_bf16 *to)
{
    pairs square[PAIRS];
    for (int64_t j = 0; j < PAIRS; j++)
        if (j < n && k > 0)
            pairs_of_run(&square[j], source_at(b, j * pitch).v, b.narrow, least(k, 2 * PAIRS));
        else
            square[j] = (pairs){0};
    pairs_transpose(square);
    for (int64_t i = 0; i < least(PAIRS, steps / 2); i++)
        pairs_store(to + i * 2 * STRIP_COLUMNS, &square[i]);
}

static const float zeros[STRIP_COLUMNS];

/* Two rows of b, of which n columns are there, as one row of a panel. */
NATIVE_INLINE void pack_pair(const char *b0, const char *b1, bool narrow, int64_t n, rn_bf16 *to)
{
    pairs p;
    pairs_of_rows(&p, b0, b1, narrow, n);
    pairs_store(to, &p);
    const int64_t half = PAIRS * (int64_t)source_bytes(narrow);
    pairs_of_rows(&p, b0 + half, b1 + half, narrow, n - PAIRS);
    pairs_store(to + 2 * PAIRS, &p);
}

void pack_panel(source b, int64_t pitch, bool turned, int64_t k, int64_t steps, int64_t n, rn_bf16 *to)
{
    for (int64_t l = 0; !turned && l < steps; l += 2)
        pack_pair(l < k ? source_at(b, l * pitch).v : zeros, l + 1 < k ? source_at(b, (l + 1) * pitch).v : zeros, b.narrow, n,
                  to + l * STRIP_COLUMNS);
    for (int64_t l = 0; turned && l < steps; l += 2 * PAIRS)
        for (int64_t j = 0; j < STRIP_COLUMNS; j += PAIRS)
            pack_turned(source_at(b, j * pitch + l), pitch, k - l, steps - l, n - j, to + l * STRIP_COLUMNS + 2 * j);
}

void pack_rows(source a, int64_t pitch, int64_t rows, int64_t k, rn_bf16 *to, int64_t to_pitch)
{
    pairs p;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t l = 0; l < k; l += 2 * PAIRS) {
            pairs_of_run(&p, source_at(a, i * pitch + l).v, a.narrow, least(2 * PAIRS, k - l));
            pairs_store(to + i * to_pitch + l, &p);
        }
}

void pack_cross(const void *const row[CROSS_ROWS], bool narrow, int64_t at, int64_t end, rn_bf16 *to, int64_t pitch)
{
    pairs square[PAIRS];
    const int64_t skipped = at * (int64_t)source_bytes(narrow);
    for (int i = 0; i < PAIRS; i++) {
        const char *a = row[2 * i], *b = row[2 * i + 1];
        pairs_of_rows(&square[i], a ? a + skipped : (const char *)zeros, b ? b + skipped : (const char *)zeros, narrow, end - at);
    }
    pairs_transpose(square);
    for (int i = 0; i < PAIRS; i++)
        pairs_store(to + i * pitch, &square[i]);
}

void pack_pairs(const void *const row[CROSS_ROWS], bool narrow, int64_t at, int64_t end, int64_t steps, rn_bf16 *to)
{
    const int64_t skipped = at * (int64_t)source_bytes(narrow);
    for (int64_t i = 0; i < steps; i += 2) {
        const char *a = row[i], *b = row[i + 1];
        pack_pair(a ? a + skipped : (const char *)zeros, b ? b + skipped : (const char *)zeros, narrow, end - at,
                  to + i * STRIP_COLUMNS);
    }
}
