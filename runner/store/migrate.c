/* From any older version of the schema to the newest, in one transaction, after a copy. */
#include "store/connection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int first_int(void *context, int n, char **value, char **name)
{
    (void)name;
    if (n > 0 && value[0])
        *(int *)context = (int)strtol(value[0], NULL, 10);
    return 0;
}

bool rn_store_version(rn_store *s, int *version, rn_error *err)
{
    const int code = sqlite3_exec(s->db, "PRAGMA user_version", first_int, version, NULL);
    return code == SQLITE_OK || rn_store_fail(s, code, err);
}

/* "results.db" at version 1 → "results.db.v1.bak", or "….v1-2.bak" where that is taken: no copy is overwritten. */
static bool name_copy(const rn_store *s, int version, char *copy, size_t size, rn_error *err)
{
    for (int i = 1; i < 1000; i++) {
        const int n = i == 1 ? snprintf(copy, size, "%s.v%d.bak", s->path, version)
                             : snprintf(copy, size, "%s.v%d-%d.bak", s->path, version, i);
        if (n < 0 || (size_t)n >= size)
            break;
        if (access(copy, F_OK) != 0)
            return true;
    }
    return rn_fail(err, RN_EIO, "could not copy database '%s' before bringing it to a newer version: no free name",
                   s->path);
}

/* A copy as it stands now. Read through a connection of its own: SQLite does not copy from one that writes. */
static bool copy_database(const rn_store *s, const char *copy, rn_error *err)
{
    char part[4200];
    snprintf(part, sizeof part, "%s.tmp-%ld", copy, (long)getpid());
    sqlite3 *from = NULL, *to = NULL;
    int code = sqlite3_open_v2(s->path, &from, SQLITE_OPEN_READWRITE, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_open_v2(part, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
    if (code == SQLITE_OK) {
        sqlite3_busy_timeout(from, s->patience_ms);
        sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
        if (b)
            sqlite3_backup_step(b, -1); /* finish() tells what went wrong */
        code = b ? sqlite3_backup_finish(b) : sqlite3_errcode(to);
    }
    const char *said = sqlite3_errstr(code);
    sqlite3_close(from);
    sqlite3_close(to);
    bool ok = code == SQLITE_OK ||
              rn_fail(err, RN_EIO, "could not copy database '%s' to '%s' before bringing it to a newer version: %s",
                      s->path, copy, said);
    if (ok && rename(part, copy) != 0)
        ok = rn_fail(err, RN_EIO, "could not rename '%s' to '%s': %s", part, copy, strerror(errno));
    if (!ok)
        unlink(part);
    return ok;
}

static bool apply(rn_store *s, const rn_schema_file *schema, int version, int newest, rn_error *err)
{
    for (; version < newest; version++) {
        int reached = 0;
        const int code = sqlite3_exec(s->db, schema[version].sql, NULL, NULL, NULL);
        if (code != SQLITE_OK)
            return rn_store_fail(s, code, err) || rn_context(err, "schema file %s", schema[version].name);
        if (!rn_store_version(s, &reached, err))
            return false;
        if (reached != version + 1)
            return rn_fail(err, RN_EINTERNAL, "schema file %s leaves version %d instead of %d", schema[version].name,
                           reached, version + 1);
    }
    return true;
}

static int run_sql(rn_store *s, const char *sql) { return sqlite3_exec(s->db, sql, NULL, NULL, NULL); }

bool rn_store_migrate(rn_store *s, const rn_schema_file *schema, rn_error *err)
{
    int version = 0, newest = 0;
    while (schema[newest].name)
        newest++;
    if (!rn_store_version(s, &version, err))
        return false;
    if (version == newest)
        return true;
    if (version > newest)
        return rn_fail(err, RN_EDATABASE,
                       "database '%s' has schema version %d, this runner writes version %d; use a newer runner, or write "
                       "elsewhere with --db FILE",
                       s->path, version, newest);

    /* under the lock the version is read again: two processes may have come at the same time */
    int code = run_sql(s, "BEGIN IMMEDIATE");
    if (code != SQLITE_OK)
        return rn_store_fail(s, code, err);
    char copy[4096] = "";
    bool ok = rn_store_version(s, &version, err);
    if (ok && version > 0 && version < newest)
        ok = name_copy(s, version, copy, sizeof copy, err) && copy_database(s, copy, err);
    const int before = version;
    ok = ok && apply(s, schema, version, newest, err);
    if (ok && (code = run_sql(s, "COMMIT")) != SQLITE_OK)
        ok = rn_store_fail(s, code, err);
    if (!ok && !sqlite3_get_autocommit(s->db))
        run_sql(s, "ROLLBACK");
    if (ok && copy[0])
        rn_store_notice(s, "database '%s' was brought from schema version %d to %d; a copy is '%s'", s->path, before,
                        newest, copy);
    return ok;
}
