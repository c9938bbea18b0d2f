#include "graph/memory.h"

#include <stdlib.h>

enum { ALIGN = 64 }; /* a cache line and an AVX-512 register */

static int larger_first(const void *a, const void *b)
{
    const rn_block *x = *(rn_block *const *)a, *y = *(rn_block *const *)b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return x < y ? -1 : x > y;
}

bool rn_memory_plan(rn_block *block, int64_t n, size_t *total)
{
    *total = 0;
    rn_block **order = malloc(((size_t)n + 1) * sizeof *order);
    rn_block **placed = malloc(((size_t)n + 1) * sizeof *placed); /* by offset */
    const bool ok = order && placed;
    if (ok) {
        for (int64_t i = 0; i < n; i++)
            order[i] = &block[i];
        qsort(order, (size_t)n, sizeof *order, larger_first);
    }
    for (int64_t i = 0; ok && i < n; i++) {
        rn_block *b = order[i];
        const size_t bytes = (b->bytes + ALIGN - 1) / ALIGN * ALIGN;
        size_t at = 0;
        for (int64_t j = 0; j < i; j++) {
            const rn_block *p = placed[j];
            if (p->last < b->first || b->last < p->first)
                continue;
            if (at + bytes <= p->offset)
                break;
            const size_t end = p->offset + (p->bytes + ALIGN - 1) / ALIGN * ALIGN;
            if (end > at)
                at = end;
        }
        b->offset = at;
        if (at + bytes > *total)
            *total = at + bytes;
        int64_t j = i;
        for (; j > 0 && placed[j - 1]->offset > at; j--)
            placed[j] = placed[j - 1];
        placed[j] = b;
    }
    free(order);
    free(placed);
    return ok;
}
