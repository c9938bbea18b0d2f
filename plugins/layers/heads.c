/* The one condition on the heads of an attention: all of equal width. */
#include "layers/heads.h"

#include <stdio.h>

/* "1, 2, 3, 4, 6, 8, …": the divisors of n, the smallest 12 of them. */
enum { MOST_DIVISORS = 12, DIVISORS_TEXT = 128 };
static void divisors(int64_t n, char text[DIVISORS_TEXT])
{
    int count = 0;
    size_t at = 0;
    for (int64_t d = 1; d <= n && count <= MOST_DIVISORS; d++) {
        if (n % d)
            continue;
        const bool more = count++ == MOST_DIVISORS;
        at += (size_t)(more ? snprintf(text + at, DIVISORS_TEXT - at, ", …")
                            : snprintf(text + at, DIVISORS_TEXT - at, "%s%" PRId64, count > 1 ? ", " : "", d));
    }
}

bool heads_fit(rn_graph *g, int64_t channels, int64_t heads)
{
    if (rn_graph_failed(g))
        return false;
    if (heads >= 1 && channels % heads == 0)
        return true;
    char fitting[DIVISORS_TEXT] = "";
    divisors(channels, fitting);
    rn_graph_fail(g, RN_ESHAPE, "heads: %" PRId64 " does not divide %" PRId64 " channels; these would: %s", heads,
                  channels, fitting);
    return false;
}
