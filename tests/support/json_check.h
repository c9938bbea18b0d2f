#ifndef TESTS_SUPPORT_JSON_CHECK_H
#define TESTS_SUPPORT_JSON_CHECK_H
/* A strict reader of JSON (RFC 8259) that keeps nothing: is a text one whole value, and what are its objects? */
#include <stddef.h>

typedef struct json_checked {
    const char *wrong; /* NULL: the text is JSON. Else what was expected, at byte `at` */
    size_t at;
    long objects, named; /* objects in all, and those that have a text "name" */
    long nameless_rows;  /* objects in arrays of objects where a sibling has a "name" and they have none */
} json_checked;

json_checked json_check(const char *text);

#endif
