#ifndef PLUGINS_WEIGHTINGS_H
#define PLUGINS_WEIGHTINGS_H
/* The table of loss weights, listed by plugin.c. */
#include <runner/schedule.h>

enum { N_WEIGHTINGS = 10 };
extern const rn_weighting weightings[N_WEIGHTINGS];

#endif
