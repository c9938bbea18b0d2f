#ifndef RN_TRAIN_SAFETENSORS_JSON_H
#define RN_TRAIN_SAFETENSORS_JSON_H
/* As much of JSON as a safetensors header has: texts, natural numbers, lists of them, punctuation. What fails
 * sets RN_EFORMAT with the file's name, the byte and the reason (or RN_EMEMORY). Private to train/safetensors*.c. */
#include "base/arena.h"

/* Where the reader stands. */
typedef struct rn_json_reader {
    const char *begin, *at, *end;
    const char *path; /* of the file, for messages */
    rn_arena *arena;  /* texts go there */
    rn_error *err;
} rn_json_reader;

bool rn_json_refuse(const rn_json_reader *c, const char *what);
bool rn_json_no_memory(const rn_json_reader *c);

void rn_json_space(rn_json_reader *c);
/* Is it the next character after space? Then it is passed. */
bool rn_json_next_is(rn_json_reader *c, char wanted);
bool rn_json_expect(rn_json_reader *c, char wanted);
/* After an item of an object or array: another one (*more), or its end. */
bool rn_json_separator(rn_json_reader *c, char end, bool *more);

/* A text, decoded (which never makes it longer), NUL-ended, UTF-8 without a NUL inside. */
bool rn_json_string(rn_json_reader *c, const char **text);
/* [a, b, …], natural numbers below 2⁶³, into v, at most `most` of them. */
bool rn_json_naturals(rn_json_reader *c, int64_t *v, int most, int *n);

/* A name as messages show it: cut, without control characters. Returns out. */
enum { RN_JSON_SHOWN = 68 };
const char *rn_json_shown(const char *text, char out[RN_JSON_SHOWN]);

#endif
