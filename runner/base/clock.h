#ifndef RN_BASE_CLOCK_H
#define RN_BASE_CLOCK_H
/* Seconds from a fixed moment of the machine's, for differences: never set back. Thread safety: pure. */
double rn_clock(void);

#endif
