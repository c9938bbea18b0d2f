#ifndef RN_SPEC_SOURCE_H
#define RN_SPEC_SOURCE_H
/* Where a value was written: a file, a --set option or the default of a schema, and a place in its text.
 * Thread safety: sources are constant once made; functions are pure but for their arena. */
#include "base/arena.h"

typedef enum rn_source_kind { RN_SOURCE_FILE, RN_SOURCE_SET, RN_SOURCE_DEFAULT } rn_source_kind;

typedef struct rn_source {
    rn_source_kind kind;
    const char *name;   /* the path as messages print it, "--set" or "default" */
    const char *folder; /* where relative paths in it begin; "": the current folder */
    const char *text;   /* UTF-8 without a byte order mark, NUL-ended */
    size_t bytes;
    int number;   /* of the --set option, from 1 */
    bool several; /* there is more than one, so messages say which */
} rn_source;

/* Line and column count from 1, the column and the width in code points. A --set option is one line, whatever
 * it holds. A zeroed mark is no place. */
typedef struct rn_mark {
    const rn_source *source;
    int line, column, width;
} rn_mark;

rn_place rn_mark_place(rn_mark m);

/* "ablation.yaml:12:5", "--set:7" or, where there are several, "--set #2:7"; "default". */
const char *rn_mark_text(rn_arena *a, rn_mark m);

/* The bytes of a line without its break, as libyaml counts lines (LF, CR, CRLF, NEL, LS, PS). */
void rn_source_line(const rn_source *s, int line, const char **text, size_t *bytes);

/* Line and column of a byte of the text. */
rn_mark rn_source_mark(const rn_source *s, size_t offset);

/* A path written in s, from the current folder: "./" and doubled slashes go, ".." stays (links). */
const char *rn_source_resolve(rn_arena *a, const rn_source *s, const char *path);

/* What stands before the last slash of a path, "" for none. */
const char *rn_folder_of(rn_arena *a, const char *path);

/* Code points of n bytes of UTF-8. */
int rn_code_points(const char *text, size_t bytes);

#endif
