/* Does the file have the tables, views and columns that its version of the schema should have? Who edits a database by
 * hand may drop what no statement of today needs, or make a view anew without a column that would then be read as NULL.
 * What should be there is asked of a database in memory that the schema files have just made: no list stands twice. */
#include "store/connection.h"

#include <string.h>

/* Names in the order of bytes, so that two databases are compared as two sorted lists are. */
static const char names_sql[] = "SELECT name FROM sqlite_schema WHERE type = :type AND name NOT LIKE 'sqlite_%' ORDER BY name";
/* No row where there is nothing of that type and name. */
static const char columns_sql[] = "SELECT c.name FROM sqlite_schema m JOIN pragma_table_xinfo(m.name) c "
                                  "WHERE m.type = :type AND m.name = :name ORDER BY c.name";

typedef struct names {
    sqlite3_stmt *query;
    int code; /* SQLITE_ROW: there is one more, `name` */
    const char *name;
} names;

static void next_name(names *n)
{
    n->code = sqlite3_step(n->query);
    n->name = n->code == SQLITE_ROW ? (const char *)sqlite3_column_text(n->query, 0) : NULL;
    if (n->code == SQLITE_ROW && !n->name)
        n->code = SQLITE_NOMEM;
}

/* name NULL: the statement has none. */
static void first_name(names *n, sqlite3 *db, const char *sql, const char *type, const char *name)
{
    *n = (names){0};
    n->code = sqlite3_prepare_v2(db, sql, -1, &n->query, NULL);
    if (n->code == SQLITE_OK)
        n->code = sqlite3_bind_text(n->query, 1, type, -1, SQLITE_STATIC);
    if (n->code == SQLITE_OK && name)
        n->code = sqlite3_bind_text(n->query, 2, name, -1, SQLITE_STATIC);
    if (n->code == SQLITE_OK)
        next_name(n);
}

/* One table or view: all columns that the model has; more may be there. */
static bool has_columns(rn_store *s, sqlite3 *model, const char *type, const char *name, int version, rn_error *err)
{
    names wanted, found;
    first_name(&wanted, model, columns_sql, type, name);
    first_name(&found, s->db, columns_sql, type, name);
    const bool there = found.code == SQLITE_ROW;
    bool ok = true;
    while (ok && wanted.code == SQLITE_ROW) {
        while (found.code == SQLITE_ROW && strcmp(found.name, wanted.name) < 0)
            next_name(&found);
        if (found.code == SQLITE_ROW && strcmp(found.name, wanted.name) == 0) {
            next_name(&wanted);
            continue;
        }
        if (found.code != SQLITE_ROW && found.code != SQLITE_DONE)
            ok = rn_store_fail(s, found.code, err) || rn_context(err, "%s '%s'", type, name);
        else
            ok = rn_fail(err, RN_EDATABASE,
                         "database '%s' (schema version %d) lacks the %s%s%s%s '%s': something else has changed it; restore a "
                         "copy, move it away, or use another file with --db FILE",
                         s->path, version, there ? "column '" : "", there ? wanted.name : "", there ? "' of the " : "", type, name);
    }
    if (ok && wanted.code != SQLITE_DONE)
        ok = rn_store_fail(s, SQLITE_NOMEM, err); /* nothing else stops a query of a database in memory */
    sqlite3_finalize(wanted.query);
    sqlite3_finalize(found.query);
    return ok;
}

static bool has_all(rn_store *s, sqlite3 *model, const char *type, int version, rn_error *err)
{
    names wanted;
    bool ok = true;
    for (first_name(&wanted, model, names_sql, type, NULL); ok && wanted.code == SQLITE_ROW; next_name(&wanted))
        ok = has_columns(s, model, type, wanted.name, version, err);
    if (ok && wanted.code != SQLITE_DONE)
        ok = rn_store_fail(s, SQLITE_NOMEM, err);
    sqlite3_finalize(wanted.query);
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
    const bool ok = code == SQLITE_OK ? has_all(s, model, "table", version, err) && has_all(s, model, "view", version, err)
                                      : rn_store_fail(s, SQLITE_NOMEM, err);
    sqlite3_close(model);
    return ok;
}
