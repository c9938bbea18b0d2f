#ifndef RN_BASE_PLURAL_H
#define RN_BASE_PLURAL_H
#include <stdint.h>

/* The ending of a counted noun: "1 variant", "2 variants". */
static inline const char *rn_plural(int64_t n) { return n == 1 ? "" : "s"; }

#endif
