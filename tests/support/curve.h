#ifndef TESTS_SUPPORT_CURVE_H
#define TESTS_SUPPORT_CURVE_H
/* The schedules of the reference tables ("type=cosine;ref=32;res=128") as curves of ours. */
#include "support/golden.h"

#include <runner/schedule.h>

/* False: a schedule that is not built. Fails the test where rn_curve_make refuses it. */
bool golden_curve(const char *schedule, rn_curve *curve);

#endif
