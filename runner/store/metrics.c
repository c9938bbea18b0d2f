/* Metrics: names become integers once, rows are held and written together. 2,048 rows in one transaction cost
 * as much as a few in one each, and a database that is locked for a moment does not stop the training. */
#include "store/connection.h"

#include <string.h>

enum { HELD_MS = 2000 };

bool rn_store_key_id(rn_store *s, const char *name, const char *unit, const char *better, const char *doc,
                     int64_t *id, rn_error *err)
{
    rn_query q = rn_query_make(s, RN_SQL_FIND_KEY);
    rn_bind_text(&q, ":name", name);
    if (!rn_query_int(&q, id, err))
        return false;
    if (*id && !unit && !better && !doc)
        return true;
    q = rn_query_make(s, RN_SQL_PUT_KEY);
    rn_bind_text(&q, ":name", name);
    rn_bind_text(&q, ":unit", unit);
    rn_bind_text(&q, ":better", better);
    rn_bind_text(&q, ":doc", doc);
    if (!rn_query_run(&q, err))
        return false;
    if (!*id)
        *id = sqlite3_last_insert_rowid(s->db);
    return true;
}

bool rn_store_metric_key(rn_store *s, const char *name, const char *unit, const char *better, const char *doc,
                         rn_error *err)
{
    int64_t id;
    return rn_store_begin(s, err) && rn_store_end(s, rn_store_key_id(s, name, unit, better, doc, &id, err), err);
}

static bool write_row(rn_store *s, const rn_held_row *r, rn_error *err)
{
    rn_held_name *name = &s->name[r->name];
    if (!name->id && !rn_store_key_id(s, name->name, NULL, NULL, NULL, &name->id, err))
        return false;
    rn_query q = rn_query_make(s, RN_SQL_PUT_METRIC);
    rn_bind_int(&q, ":run", r->run);
    rn_bind_int(&q, ":key", name->id);
    rn_bind_int(&q, ":step", r->step);
    rn_bind_real(&q, ":value", r->value);
    rn_bind_int(&q, ":time", r->time_ms);
    return rn_query_run(&q, err);
}

bool rn_store_write_held(rn_store *s, rn_error *err)
{
    int64_t furthest = 0;
    for (int i = 0; i < s->n_held; i++) {
        const rn_held_row *r = &s->held[i];
        if (!write_row(s, r, err))
            return false;
        if (r->step > furthest)
            furthest = r->step;
        if (i + 1 < s->n_held && s->held[i + 1].run == r->run)
            continue;
        rn_query q = rn_query_make(s, RN_SQL_RUN_ALIVE);
        rn_bind_int(&q, ":run", r->run);
        rn_bind_int(&q, ":step", furthest);
        rn_bind_int(&q, ":lease", rn_time_ms() + RN_LEASE_MS);
        if (!rn_query_run(&q, err))
            return false;
        furthest = 0;
    }
    return true;
}

bool rn_store_flush(rn_store *s, rn_error *err)
{
    return s->n_held == 0 || (rn_store_begin(s, err) && rn_store_end(s, true, err));
}

/* Writes what is held if nobody else is writing just now. */
static bool try_flush(rn_store *s, rn_error *err)
{
    sqlite3_busy_timeout(s->db, 0);
    const bool ok = rn_store_flush(s, err);
    const int code = ok ? SQLITE_OK : sqlite3_errcode(s->db);
    sqlite3_busy_timeout(s->db, s->patience_ms);
    s->held_since_ms = rn_time_ms(); /* where it was locked: again after another while */
    return ok || (code & 0xff) == SQLITE_BUSY;
}

/* −1: no room, or too long a name. */
static int name_index(rn_store *s, const char *name)
{
    for (int i = 0; i < s->n_names; i++)
        if (strcmp(s->name[i].name, name) == 0)
            return i;
    if (s->n_names == RN_HELD_NAMES || strlen(name) >= RN_METRIC_NAME)
        return -1;
    memcpy(s->name[s->n_names].name, name, strlen(name) + 1);
    s->name[s->n_names].id = 0;
    return s->n_names++;
}

bool rn_store_metrics(rn_store *s, int64_t run, int64_t step, size_t n, const char *const *name, const double *value,
                      rn_error *err)
{
    const int64_t now = rn_time_ms();
    if (s->mode != RN_STORE_WRITE)
        return rn_fail(err, RN_EINTERNAL, "database '%s' was opened for reading", s->path);
    if (s->n_held == 0)
        s->held_since_ms = now;
    for (size_t i = 0; i < n; i++) {
        if (s->n_held == RN_HELD_ROWS && !rn_store_flush(s, err))
            return false;
        const int index = name_index(s, name[i]);
        if (index < 0)
            return rn_fail(err, RN_ELIMIT, "metric '%.80s': names have at most %d characters, a process at most %d names",
                           name[i], RN_METRIC_NAME - 1, RN_HELD_NAMES);
        s->held[s->n_held++] = (rn_held_row){run, step, now, value[i], index};
    }
    return now - s->held_since_ms < HELD_MS || try_flush(s, err);
}
