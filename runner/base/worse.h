#ifndef RN_BASE_WORSE_H
#define RN_BASE_WORSE_H
/* A running maximum of errors. */
#include <math.h>

/* The larger of two errors; not-a-number is larger than all numbers, so it stays, whatever comes after it. (fmax drops it,
 * and so does every comparison that takes the next number where the one before was none.) */
static inline double rn_worse(double a, double b) { return b > a || isnan(b) ? b : a; }

#endif
