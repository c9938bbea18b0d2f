#ifndef RUNNER_ERROR_H
#define RUNNER_ERROR_H
/* Errors as values: a code, a text and, where there is one, the place in a file.
 *
 * What can fail returns bool, is marked RN_NODISCARD and takes `rn_error *err` last. On failure its
 * results are untouched. `err` is never NULL. Texts begin in lower case, end without a full stop, and
 * say what was found, what is allowed and what to do. Only the command line prints them.
 * Thread safety: an rn_error belongs to one thread at a time; all functions here are pure. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define RN_NODISCARD __attribute__((warn_unused_result))
#define RN_PRINTF(text, first) __attribute__((format(printf, text, first)))
#define RN_API __attribute__((visibility("default")))
#else
#define RN_NODISCARD
#define RN_PRINTF(text, first)
#define RN_API
#endif

/* The code decides the exit status (runner/cli/exit_status.c) and nothing else. */
typedef enum rn_code {
    RN_OK = 0,
    /* the spec or the command line: exit status 2 */
    RN_EUSAGE,       /* a command line that cannot be understood */
    RN_ESYNTAX,      /* text that is no YAML, or no number where one is due */
    RN_EUNKNOWN_KEY, /* a key that no schema has */
    RN_EDUPLICATE,   /* a key, a variant or a component that is there twice */
    RN_ETYPE,        /* a value of another type than the schema's */
    RN_ERANGE,       /* a value outside its range or choices */
    RN_EMISSING,     /* a required value that is not there */
    RN_EUNKNOWN,     /* a component that no loaded plugin offers */
    RN_ESHAPE,       /* shapes that do not fit, seen when a graph is built */
    RN_ELIMIT,       /* too deep, too large, too many */
    /* the environment: exit status 3 */
    RN_EIO,          /* a file that cannot be read or written */
    RN_EFORMAT,      /* a file whose content is damaged or of another kind */
    RN_EPLUGIN,      /* a shared object that cannot be loaded */
    RN_EMEMORY,      /* memory that cannot be had */
    RN_EDATABASE,    /* SQLite says no */
    RN_EDATA,        /* a data set without usable images */
    /* a run: exit status 1 */
    RN_EFAILED,      /* a run that went wrong: a loss that is not finite, … */
    RN_EINTERRUPTED, /* stopped by a signal: exit status 130 or 143 */
    RN_EINTERNAL     /* a mistake in the runner's or a plugin's own code: exit status 3 */
} rn_code;

/* Where in a file: 1-based line and column (in code points). line 0: no place. The file "--set" means
 * that option of the command line; then the line is the number of the option. */
typedef struct rn_place {
    const char *file; /* borrowed: lives as long as the tree it came from */
    int line, column;
} rn_place;

typedef struct rn_error {
    rn_code code;
    int line, column; /* 0: the error has no place */
    char file[1024];  /* "" or the file of the place */
    char text[2048];
} rn_error;

/* Sets *err and returns false, so that it can be returned. Format as printf; what is too long is cut. A place of line 0
 * is none. */
RN_API bool rn_fail(rn_error *err, rn_code code, const char *format, ...) RN_PRINTF(3, 4);
RN_API bool rn_fail_at(rn_error *err, rn_code code, rn_place place, const char *format, ...) RN_PRINTF(4, 5);
RN_API bool rn_fail_v(rn_error *err, rn_code code, rn_place place, const char *format, va_list args)
    RN_PRINTF(4, 0);

/* Gives an error without a place this one. Returns false. */
RN_API bool rn_at(rn_error *err, rn_place place);

/* Puts "<context>: " before the text: what the finder could not know. Returns false. */
RN_API bool rn_context(rn_error *err, const char *format, ...) RN_PRINTF(2, 3);

#if defined(__clang_analyzer__) && !defined(RN_ERROR_C)
/* The analyser sees one file at a time: this tells it that these are always false. */
#define rn_fail(...) (rn_fail(__VA_ARGS__), false)
#define rn_fail_at(...) (rn_fail_at(__VA_ARGS__), false)
#define rn_at(...) (rn_at(__VA_ARGS__), false)
#define rn_context(...) (rn_context(__VA_ARGS__), false)
#endif

#ifdef __cplusplus
}
#endif
#endif
