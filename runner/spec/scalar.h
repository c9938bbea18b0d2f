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

/* A number and its unit, "10 min", "64k images", "2e15FLOP": units is the NULL-ended list of those that are allowed
 * ("s", "images" …), *unit an index into it. Other spellings and multiples of them are converted (`min` and `h` to `s`,
 * `image` to `images`, `PFLOP` to `FLOP` …). RN_NUMBER_FRACTION: the unit is missing or unknown, and name[] is what
 * stands in its place ("" for nothing). */
enum { RN_UNIT_NAME = 24 };
rn_number rn_scalar_quantity(const char *text, const char *const *units, double *value, int64_t *unit,
                             char name[RN_UNIT_NAME]);

/* Every spelling that rn_scalar_quantity takes for these units, into names[most]; how many. */
size_t rn_scalar_units(const char *const *units, const char **names, size_t most);

bool rn_scalar_bool(const char *text, bool *value);

/* none, null, ~, or nothing. */
bool rn_scalar_is_none(const char *text);

/* The shortest decimal that reads back as the same double. */
enum { RN_REAL_TEXT = 32 };
const char *rn_real_text(double value, char text[RN_REAL_TEXT]);

#endif
