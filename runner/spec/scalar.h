#ifndef RN_SPEC_SCALAR_H
#define RN_SPEC_SCALAR_H
/* Numbers and words as people write them in a spec:
 *
 *     number = [+-] (0x hex | digits [. digits] | . digits) [e [+-] digits] [Ki | Mi | Gi | k | M]
 *
 * with single underscores between digits; never octal (010 is ten). `inf` and `nan` are numbers too, for
 * ranges to refuse. Only true and false are booleans: yes, no, on and off are texts.
 * Thread safety: pure. */
#include "base/arena.h"

typedef enum rn_number {
    RN_NUMBER_OK,
    RN_NUMBER_NONE,     /* no number at all */
    RN_NUMBER_FRACTION, /* a number, but not a whole one */
    RN_NUMBER_LARGE,    /* beyond what the type holds */
} rn_number;

rn_number rn_scalar_real(const char *text, double *value);

/* Whole numbers may be written with exponent and suffix (1e3, 64Ki, 1.5k); exact up to 2⁶³ − 1. */
rn_number rn_scalar_int(const char *text, int64_t *value);

bool rn_scalar_bool(const char *text, bool *value);

/* none, null, ~, or nothing. */
bool rn_scalar_is_none(const char *text);

/* The shortest decimal that reads back as the same double. */
enum { RN_REAL_TEXT = 32 };
const char *rn_real_text(double value, char text[RN_REAL_TEXT]);

#endif
