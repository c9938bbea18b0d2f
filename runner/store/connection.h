#ifndef RN_STORE_CONNECTION_H
#define RN_STORE_CONNECTION_H
/* The inside of an rn_store, for the files of this folder: the connection, statements that are prepared once and
 * bound by name, transactions. */
#include "store/process.h"
#include "store/schema_files.h"
#include "store/statements.h"
#include "store/store.h"

#include <sqlite3.h>
#include <sys/types.h>

/* Rows of `metric` that wait to be written; names become ids when they are. */
enum { RN_HELD_ROWS = 2048, RN_HELD_NAMES = 256, RN_METRIC_NAME = 128 };
typedef struct rn_held_row {
    int64_t run, step, time_ms;
    double value;
    int name; /* index into the names */
} rn_held_row;
typedef struct rn_held_name {
    char name[RN_METRIC_NAME];
    int64_t id; /* 0: not yet looked up */
} rn_held_name;

struct rn_store {
    sqlite3 *db;
    rn_store_mode mode;
    char *path;   /* as it was given */
    char *folder; /* of the file, links resolved */
    int patience_ms;
    dev_t device; /* of the file that was opened: another one of that name, or none, is a loss (lost.c) */
    ino_t inode;  /* 0: not looked at */
    bool gone;    /* that was found and told */
    rn_process self;
    char notices[2048];
    sqlite3_stmt *prepared[RN_N_SQL];
    rn_held_row *held;
    int n_held;
    rn_held_name *name;
    int n_names;
    int64_t held_since_ms;
};

/* As rn_store_open, with the schema to bring it to (tests bring their own). */
RN_NODISCARD bool rn_store_open_with(const char *path, rn_store_mode mode, const rn_schema_file *schema,
                                     rn_store **store, rn_error *err);

/* Brings the file to the newest version of the schema; see migrate.c. */
RN_NODISCARD bool rn_store_migrate(rn_store *store, const rn_schema_file *schema, rn_error *err);
/* The version of the file's schema. */
RN_NODISCARD bool rn_store_version(rn_store *store, int *version, rn_error *err);

/* Every table, view and column of the schema must be there; see tables.c. */
RN_NODISCARD bool rn_store_check_tables(rn_store *store, const rn_schema_file *schema, rn_error *err);

/* Remembers which file was opened; looks whether it is still the one of that name, and saves a copy where it is not. */
void rn_store_know_file(rn_store *store);
RN_NODISCARD bool rn_store_same_file(rn_store *store, rn_error *err);

/* What SQLite's code means for this file, as our error. Returns false. */
bool rn_store_fail(const rn_store *store, int code, rn_error *err);
/* A row that lacks what every row of `what` ("view ablation") has. Returns false. */
bool rn_store_fail_row(const rn_store *store, const char *what, rn_error *err);
void rn_store_notice(rn_store *store, const char *format, ...) RN_PRINTF(2, 3);

/* A statement in use. Binding never fails visibly: the first mistake is kept and told by next() or run().
 * Every query ends with run(), or with next() called until it says there is no row, or with rn_query_end(). */
typedef struct rn_query {
    rn_store *store;
    sqlite3_stmt *statement;
    int code;
} rn_query;

rn_query rn_query_make(rn_store *store, rn_sql which);
void rn_bind_int(rn_query *q, const char *name, int64_t value);
void rn_bind_real(rn_query *q, const char *name, double value); /* NaN: NULL */
void rn_bind_text(rn_query *q, const char *name, const char *text); /* NULL: NULL */
void rn_bind_bytes(rn_query *q, const char *name, const void *data, size_t bytes); /* NULL: NULL */
void rn_bind_some(rn_query *q, const char *name, int64_t value); /* 0: NULL */
/* To the end, rows ignored. */
RN_NODISCARD bool rn_query_run(rn_query *q, rn_error *err);
/* The next row into *row; at the end *row is false and the statement is free again. */
RN_NODISCARD bool rn_query_next(rn_query *q, bool *row, rn_error *err);
void rn_query_end(rn_query *q);
/* The first column of the first row; 0 where there is none. */
RN_NODISCARD bool rn_query_int(rn_query *q, int64_t *value, rn_error *err);

/* Columns of the row by name. */
int64_t rn_column_int(const rn_query *q, const char *name);
double rn_column_real(const rn_query *q, const char *name); /* NULL: NaN */
const char *rn_column_text(const rn_query *q, const char *name, rn_arena *arena); /* NULL: NULL */

/* All rows of the query into an array of the arena, `bytes` each, zeroed before the reader fills them. The reader says false
 * where a text is NULL that no row of ours leaves out: a table or view (`what`) that was made anew by hand. */
typedef bool rn_row_reader(const rn_query *q, rn_arena *arena, void *row);
RN_NODISCARD bool rn_query_rows(rn_query *q, const char *what, rn_arena *arena, rn_row_reader *reader, size_t bytes, void **rows,
                                size_t *n, rn_error *err);

/* A transaction. begin() writes the held metrics first, so that rows appear in the order in which they came;
 * end() commits, or rolls back where ok is false, and returns whether all of it is there. */
RN_NODISCARD bool rn_store_begin(rn_store *store, rn_error *err);
RN_NODISCARD bool rn_store_end(rn_store *store, bool ok, rn_error *err);

/* Inside a transaction. */
RN_NODISCARD bool rn_store_key_id(rn_store *store, const char *name, const char *unit, const char *better,
                                  const char *doc, int64_t *id, rn_error *err);
RN_NODISCARD bool rn_store_write_held(rn_store *store, rn_error *err);
RN_NODISCARD bool rn_store_mark_lost(rn_store *store, rn_error *err);
RN_NODISCARD bool rn_store_renew_verdicts(rn_store *store, int64_t experiment, rn_error *err);
RN_NODISCARD bool rn_store_put_event(rn_store *store, int64_t run, const char *level, const char *code, int64_t step,
                                     const char *text, rn_error *err);

/* A run whose process cannot be looked at is given up an hour after its last sign of life. */
enum { RN_LEASE_MS = 60 * 60 * 1000 };

#endif
