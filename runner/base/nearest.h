#ifndef RN_BASE_NEAREST_H
#define RN_BASE_NEAREST_H
/* Which known name was meant. Thread safety: pure. */
#include <stddef.h>

/* Edits from one name to the other: insert, delete, replace, swap neighbours (optimal string alignment). A name of more
 * than 64 bytes is as far from all others as it is long. */
size_t rn_edits(const char *a, const char *b);

/* The known name nearest to `name`; NULL where every one would change in more than half of its letters. */
const char *rn_nearest(const char *name, const char *const *known, size_t n);

#endif
