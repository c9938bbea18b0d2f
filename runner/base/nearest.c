#include "base/nearest.h"

#include <string.h>

enum { NAME_BYTES = 64 };

static size_t least(size_t a, size_t b) { return a < b ? a : b; }
static size_t most(size_t a, size_t b) { return a > b ? a : b; }

size_t rn_edits(const char *a, const char *b)
{
    const size_t n = strlen(a), m = strlen(b);
    if (n > NAME_BYTES || m > NAME_BYTES)
        return strcmp(a, b) == 0 ? 0 : most(n, m);
    size_t row[3][NAME_BYTES + 1]; /* rows i − 2, i − 1, i, taken in turn */
    for (size_t j = 0; j <= m; j++)
        row[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t *now = row[i % 3], *up = row[(i + 2) % 3], *two_up = row[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= m; j++) {
            now[j] = least(least(up[j], now[j - 1]) + 1, up[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = least(now[j], two_up[j - 2] + 1);
        }
    }
    return row[n % 3][m];
}

const char *rn_nearest(const char *name, const char *const *known, size_t n)
{
    const char *best = NULL;
    size_t best_edits = 0;
    for (size_t i = 0; i < n; i++) {
        const size_t e = rn_edits(name, known[i]);
        if (2 * e <= most(strlen(name), strlen(known[i])) && (!best || e < best_edits)) {
            best = known[i];
            best_edits = e;
        }
    }
    return best;
}
