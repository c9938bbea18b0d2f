#ifndef RN_BASE_UTF8_H
#define RN_BASE_UTF8_H
/* Telling UTF-8 from other bytes. Thread safety: pure. */
#include <stdbool.h>
#include <stddef.h>

/* Bytes of the character at text, of which n may be read: 0 where there is none (a NUL, a cut or overlong sequence, half
 * a surrogate pair). Text that ends with a NUL is never read beyond it, whatever n is.
 * Source: The Unicode Standard 15, table 3-7. */
size_t rn_utf8_length(const char *text, size_t n);

/* Is all of it UTF-8, without a NUL inside? */
bool rn_utf8_valid(const char *text, size_t n);

#endif
