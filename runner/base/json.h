#ifndef RN_BASE_JSON_H
#define RN_BASE_JSON_H
/* Writing JSON: for all --json output. Names are given inside objects and NULL inside arrays. Numbers have the digits that
 * read back as the same double; what is not finite is null. A byte that is no UTF-8 becomes U+FFFD, since paths
 * and texts of strangers may be in any encoding.
 * Thread safety: one thread per writer. */
#include <runner/error.h>

#include <stdio.h>

enum { RN_JSON_DEPTH = 32 };

typedef struct rn_json {
    FILE *f;
    char close[RN_JSON_DEPTH];
    bool any[RN_JSON_DEPTH]; /* something stands in the object or array of that depth */
    int depth, row; /* row: the depth of an object that stands in one line, 0 outside of one */
} rn_json;

void rn_json_begin(rn_json *j, FILE *f);
void rn_json_object(rn_json *j, const char *name);
void rn_json_row(rn_json *j, const char *name); /* an object in one line, with all that is in it */
void rn_json_array(rn_json *j, const char *name);
void rn_json_end(rn_json *j); /* of the innermost object or array */
void rn_json_text(rn_json *j, const char *name, const char *text); /* NULL: null */
void rn_json_int(rn_json *j, const char *name, int64_t value);
void rn_json_number(rn_json *j, const char *name, double value);
void rn_json_bool(rn_json *j, const char *name, bool value);
void rn_json_finish(rn_json *j); /* a line break */

void rn_json_quote(FILE *f, const char *text); /* one string by itself; NULL: null */

#endif
