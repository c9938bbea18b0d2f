#ifndef RN_BASE_ARENA_H
#define RN_BASE_ARENA_H
/* Memory with one lifetime: nothing in an arena is freed alone. Zero an rn_arena to begin; freeing a
 * zeroed one is fine. Thread safety: one thread per arena. */
#include <runner/error.h>

typedef struct rn_arena_block rn_arena_block;
typedef struct rn_arena {
    rn_arena_block *last;
    bool exhausted; /* an allocation has failed: checked where errors can be reported */
} rn_arena;

/* Zeroed, aligned to 16 bytes. NULL (and arena->exhausted) where there is no memory. */
void *rn_arena_alloc(rn_arena *a, size_t bytes);
void *rn_arena_array(rn_arena *a, size_t n, size_t bytes); /* n·bytes, checked for overflow */
char *rn_arena_text(rn_arena *a, const char *text);
char *rn_arena_text_n(rn_arena *a, const char *text, size_t n);
char *rn_arena_print(rn_arena *a, const char *format, ...) RN_PRINTF(2, 3);
void rn_arena_free(rn_arena *a);

/* RN_EMEMORY where the arena was exhausted. */
RN_NODISCARD bool rn_arena_check(const rn_arena *a, const char *what, rn_error *err);

#endif
