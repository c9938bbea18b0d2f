#ifndef RN_PLUGIN_QUOTE_H
#define RN_PLUGIN_QUOTE_H
/* Text of plugins as a JSON string: quotes, backslashes and control characters escaped; a byte that is no UTF-8
 * becomes U+FFFD, since a stranger's text may be in any encoding. NULL becomes null. Thread safety: pure. */
#include <stdio.h>

void rn_quote_json(FILE *out, const char *text);

#endif
