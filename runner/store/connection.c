/* Statements, transactions, and what SQLite's codes mean in our words. */
#include "store/connection.h"

#include <errno.h>
#include <math.h>
#include <string.h>

bool rn_store_fail(const rn_store *s, int code, rn_error *err)
{
    const char *said = s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(code);
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return rn_fail(err, RN_EDATABASE,
                       "database '%s' is locked: another process has held it for more than %d s; end that one, or "
                       "write elsewhere with --db FILE",
                       s->path, s->patience_ms / 1000);
    case SQLITE_NOTADB:
        return rn_fail(err, RN_EDATABASE, "'%s' is no SQLite database; move it away, or write elsewhere with --db FILE",
                       s->path);
    case SQLITE_CORRUPT:
        return rn_fail(err, RN_EDATABASE,
                       "database '%s' is damaged (%s); restore a copy, or move it away and save what can be read with "
                       "`sqlite3 FILE .recover`",
                       s->path, said);
    case SQLITE_FULL:
        return rn_fail(err, RN_EIO, "could not write database '%s': no space left on the device", s->path);
    case SQLITE_READONLY:
        return rn_fail(err, RN_EIO, "could not write database '%s': the file or its folder is read-only", s->path);
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR: {
        const int system = s->db ? sqlite3_system_errno(s->db) : 0;
        return rn_fail(err, RN_EIO, "could not read or write database '%s': %s%s%s", s->path, said, system ? ": " : "",
                       system ? strerror(system) : "");
    }
    case SQLITE_NOMEM:
        return rn_fail(err, RN_EMEMORY, "no memory for database '%s'", s->path);
    case SQLITE_CONSTRAINT:
        return rn_fail(err, RN_EDATABASE, "database '%s' refuses a row: %s", s->path, said);
    case SQLITE_ERROR:
    case SQLITE_SCHEMA:
        return rn_fail(err, RN_EDATABASE,
                       "database '%s' does not have the tables it should have (%s): something else has changed it; "
                       "move it away, or write elsewhere with --db FILE",
                       s->path, said);
    default:
        return rn_fail(err, RN_EDATABASE, "database '%s': %s", s->path, said);
    }
}

bool rn_store_fail_row(const rn_store *s, const char *what, rn_error *err)
{
    return rn_fail(err, RN_EDATABASE,
                   "database '%s': a row of the %s lacks a value that none of ours leaves out: something else has changed it; "
                   "restore a copy, move it away, or use another file with --db FILE",
                   s->path, what);
}

/* ---------------------------------------------------------------- statements */
rn_query rn_query_make(rn_store *s, rn_sql which)
{
    rn_query q = {.store = s};
    if (!s->prepared[which])
        q.code = sqlite3_prepare_v3(s->db, rn_sql_text[which], -1, SQLITE_PREPARE_PERSISTENT, &s->prepared[which], NULL);
    q.statement = s->prepared[which];
    return q;
}

/* The number of a parameter; 0, and the query is spoilt, where the statement has none of that name. */
static int place_of(rn_query *q, const char *name)
{
    if (q->code != SQLITE_OK)
        return 0;
    const int i = sqlite3_bind_parameter_index(q->statement, name);
    if (i == 0)
        q->code = SQLITE_RANGE;
    return i;
}

static void keep(rn_query *q, int code)
{
    if (q->code == SQLITE_OK)
        q->code = code;
}

void rn_bind_int(rn_query *q, const char *name, int64_t value)
{
    const int i = place_of(q, name);
    if (i)
        keep(q, sqlite3_bind_int64(q->statement, i, value));
}

void rn_bind_some(rn_query *q, const char *name, int64_t value)
{
    const int i = place_of(q, name);
    if (i)
        keep(q, value ? sqlite3_bind_int64(q->statement, i, value) : sqlite3_bind_null(q->statement, i));
}

void rn_bind_real(rn_query *q, const char *name, double value)
{
    const int i = place_of(q, name);
    if (i)
        keep(q, isnan(value) ? sqlite3_bind_null(q->statement, i) : sqlite3_bind_double(q->statement, i, value));
}

/* Without a copy: what is bound outlives the query. */
void rn_bind_text(rn_query *q, const char *name, const char *text)
{
    const int i = place_of(q, name);
    if (i)
        keep(q, text ? sqlite3_bind_text(q->statement, i, text, -1, SQLITE_STATIC)
                     : sqlite3_bind_null(q->statement, i));
}

void rn_bind_bytes(rn_query *q, const char *name, const void *data, size_t bytes)
{
    const int i = place_of(q, name);
    if (i)
        keep(q, data ? sqlite3_bind_blob64(q->statement, i, data, bytes, SQLITE_STATIC)
                     : sqlite3_bind_null(q->statement, i));
}

void rn_query_end(rn_query *q)
{
    if (q->statement) {
        sqlite3_reset(q->statement);
        sqlite3_clear_bindings(q->statement);
    }
}

bool rn_query_next(rn_query *q, bool *row, rn_error *err)
{
    const int code = q->code != SQLITE_OK ? q->code : sqlite3_step(q->statement);
    if (code == SQLITE_ROW) {
        *row = true;
        return true;
    }
    if (code == SQLITE_DONE) {
        rn_query_end(q);
        *row = false;
        return true;
    }
    rn_store_fail(q->store, code, err); /* before the reset, which forgets the text */
    rn_query_end(q);
    return false;
}

bool rn_query_run(rn_query *q, rn_error *err)
{
    for (bool row = true; row;)
        if (!rn_query_next(q, &row, err))
            return false;
    return true;
}

bool rn_query_int(rn_query *q, int64_t *value, rn_error *err)
{
    bool row;
    if (!rn_query_next(q, &row, err))
        return false;
    *value = row ? sqlite3_column_int64(q->statement, 0) : 0;
    rn_query_end(q);
    return true;
}

/* Few columns, few rows: a search by name is cheap, and an order that stands twice is not. −1: no such column. */
static int column_of(const rn_query *q, const char *name)
{
    for (int i = 0; i < sqlite3_column_count(q->statement); i++)
        if (strcmp(sqlite3_column_name(q->statement, i), name) == 0)
            return i;
    return -1;
}

int64_t rn_column_int(const rn_query *q, const char *name)
{
    return sqlite3_column_int64(q->statement, column_of(q, name));
}

double rn_column_real(const rn_query *q, const char *name)
{
    const int i = column_of(q, name);
    return sqlite3_column_type(q->statement, i) == SQLITE_NULL ? (double)NAN : sqlite3_column_double(q->statement, i);
}

const char *rn_column_text(const rn_query *q, const char *name, rn_arena *arena)
{
    const char *text = (const char *)sqlite3_column_text(q->statement, column_of(q, name));
    return text ? rn_arena_text(arena, text) : NULL;
}

/* ---------------------------------------------------------------- transactions */
bool rn_store_begin(rn_store *s, rn_error *err)
{
    if (s->mode != RN_STORE_WRITE)
        return rn_fail(err, RN_EINTERNAL, "database '%s' was opened for reading", s->path);
    if (!rn_store_same_file(s, err))
        return false;
    rn_query q = rn_query_make(s, RN_SQL_BEGIN);
    if (!rn_query_run(&q, err))
        return false;
    if (rn_store_write_held(s, err))
        return true;
    return rn_store_end(s, false, err);
}

bool rn_store_end(rn_store *s, bool ok, rn_error *err)
{
    if (ok) {
        rn_query q = rn_query_make(s, RN_SQL_COMMIT);
        ok = rn_query_run(&q, err);
    }
    if (ok) {
        s->n_held = 0;
        return true;
    }
    /* ids that were made inside are gone with it */
    for (int i = 0; i < s->n_names; i++)
        s->name[i].id = 0;
    if (!sqlite3_get_autocommit(s->db)) { /* some errors have rolled back already */
        rn_query q = rn_query_make(s, RN_SQL_ROLLBACK);
        rn_error ignored; /* the first error is the one to tell; there is nothing left to undo by hand */
        (void)!rn_query_run(&q, &ignored);
    }
    return false;
}
