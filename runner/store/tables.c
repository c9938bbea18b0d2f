/* Does the file have the tables, views and columns that its version of the schema should have? Who edits a database by
 * hand may drop what no statement of today needs, or make a view anew without a column that would then be read as NULL.
 * What should be there is asked of a database in memory that the schema files have just made: no list stands twice. */
#include "store/connection.h"

#include <string.h>

static const char wanted_sql[] =
    "SELECT m.type, m.name, c.name FROM sqlite_schema m JOIN pragma_table_xinfo(m.name) c "
    "WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite_%' ORDER BY m.type, m.name, c.cid";
/* NULL: nothing of that type and name; 0: without the column */
static const char found_sql[] =
    "SELECT (SELECT count(*) FROM pragma_table_xinfo(m.name) c WHERE c.name = :column COLLATE NOCASE) "
    "FROM sqlite_schema m WHERE m.type = :type AND m.name = :name COLLATE NOCASE";

static const char *column_text(sqlite3_stmt *q, int i) { return (const char *)sqlite3_column_text(q, i); }

/* Looks for one column of the wanted ones; the message names what is missing. */
static bool look_for(const rn_store *s, sqlite3_stmt *found, sqlite3_stmt *wanted, int version, rn_error *err)
{
    const char *type = column_text(wanted, 0), *name = column_text(wanted, 1), *column = column_text(wanted, 2);
    if (!type || !name || !column)
        return rn_store_fail(s, SQLITE_NOMEM, err);
    sqlite3_bind_text(found, sqlite3_bind_parameter_index(found, ":type"), type, -1, SQLITE_STATIC);
    sqlite3_bind_text(found, sqlite3_bind_parameter_index(found, ":name"), name, -1, SQLITE_STATIC);
    sqlite3_bind_text(found, sqlite3_bind_parameter_index(found, ":column"), column, -1, SQLITE_STATIC);
    const int code = sqlite3_step(found);
    bool ok = code == SQLITE_ROW && sqlite3_column_int(found, 0) > 0;
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        rn_store_fail(s, code, err);
        rn_context(err, "%s '%s'", type, name);
    } else if (!ok) {
        rn_fail(err, RN_EDATABASE,
                "database '%s' (schema version %d) lacks the %s%s%s%s '%s': something else has changed it; restore a copy, "
                "move it away, or use another file with --db FILE",
                s->path, version, code == SQLITE_ROW ? "column '" : "", code == SQLITE_ROW ? column : "",
                code == SQLITE_ROW ? "' of the " : "", type, name);
    }
    sqlite3_reset(found);
    return ok;
}

static bool compare_with(rn_store *s, sqlite3 *model, int version, rn_error *err)
{
    sqlite3_stmt *wanted = NULL, *found = NULL;
    bool ok = sqlite3_prepare_v2(model, wanted_sql, -1, &wanted, NULL) == SQLITE_OK || rn_store_fail(s, SQLITE_NOMEM, err);
    int code = ok ? sqlite3_prepare_v2(s->db, found_sql, -1, &found, NULL) : SQLITE_OK;
    if (code != SQLITE_OK)
        ok = rn_store_fail(s, code, err);
    while (ok && (code = sqlite3_step(wanted)) == SQLITE_ROW)
        ok = look_for(s, found, wanted, version, err);
    if (ok && code != SQLITE_DONE)
        ok = rn_store_fail(s, SQLITE_NOMEM, err); /* nothing else ends a query of a database in memory */
    sqlite3_finalize(wanted);
    sqlite3_finalize(found);
    return ok;
}

bool rn_store_check_tables(rn_store *s, const rn_schema_file *schema, rn_error *err)
{
    int version = 0, newest = 0;
    while (schema[newest].name)
        newest++;
    if (!rn_store_version(s, &version, err))
        return false;
    if (version < newest) /* a reader: writers have brought it forward */
        return rn_fail(err, RN_EDATABASE,
                       "database '%s' has schema version %d, this runner reads version %d: run a spec with it, which brings "
                       "it forward and keeps a copy",
                       s->path, version, newest);
    if (version > newest)
        rn_store_notice(s, "database '%s' has schema version %d, this runner knows version %d: what the newer one adds is not "
                        "shown", s->path, version, newest);
    sqlite3 *model = NULL;
    int code = sqlite3_open_v2(":memory:", &model, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    for (int i = 0; code == SQLITE_OK && i < newest; i++)
        code = sqlite3_exec(model, schema[i].sql, NULL, NULL, NULL);
    const bool ok = code == SQLITE_OK ? compare_with(s, model, version, err) : rn_store_fail(s, SQLITE_NOMEM, err);
    sqlite3_close(model);
    return ok;
}
