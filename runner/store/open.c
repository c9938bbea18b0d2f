/* Opening and closing: what the file is, how SQLite is set, who else was at it. */
#include "store/connection.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PATIENCE_MS = 20000,
    APPLICATION_ID = 0x524e4442,     /* "RNDB"; also in schema/0001_first.sql */
    CHECKED_BYTES = 64 * 1024 * 1024 /* a whole check reads everything: 0.2 s for so much */
};

static uint32_t big_endian(const unsigned char *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* Somebody who takes all write bits from a file means it, also towards root. errno tells why not. */
static bool may_write(const char *path)
{
    struct stat st;
    if (access(path, W_OK) != 0 || stat(path, &st) != 0)
        return false;
    if (st.st_mode & 0222)
        return true;
    errno = EACCES;
    return false;
}

/* What can be told without SQLite, which would wait at a pipe and create what is not there. *fresh: there is
 * nothing in it yet. A header is the first 100 bytes; its application id stands at byte 68. */
static bool look_at_file(const rn_store *s, bool *fresh, rn_error *err)
{
    struct stat st;
    *fresh = true;
    if (stat(s->path, &st) != 0) {
        if (errno != ENOENT)
            return rn_fail(err, RN_EIO, "could not open database '%s': %s", s->path, strerror(errno));
        if (s->mode == RN_STORE_WRITE)
            return true;
        return rn_fail(err, RN_EIO, "there is no database '%s'; run an experiment first, or give the file with --db FILE",
                       s->path);
    }
    if (S_ISDIR(st.st_mode))
        return rn_fail(err, RN_EIO, "could not open database '%s': it is a folder; give a file with --db FILE", s->path);
    if (!S_ISREG(st.st_mode))
        return rn_fail(err, RN_EIO, "could not open database '%s': it is no regular file", s->path);
    if (s->mode == RN_STORE_WRITE && !may_write(s->path))
        return rn_fail(err, RN_EIO, "could not write database '%s': %s", s->path, strerror(errno));

    unsigned char head[100];
    const int fd = open(s->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return rn_fail(err, RN_EIO, "could not read database '%s': %s", s->path, strerror(errno));
    const ssize_t n = read(fd, head, sizeof head);
    const int reason = errno;
    close(fd);
    if (n < 0)
        return rn_fail(err, RN_EIO, "could not read database '%s': %s", s->path, strerror(reason));
    if (n == 0) { /* as a writer leaves it that was killed in its first moment */
        if (s->mode == RN_STORE_WRITE)
            return true;
        return rn_fail(err, RN_EDATABASE, "database '%s' is empty; run an experiment first", s->path);
    }
    if (n < (ssize_t)sizeof head || memcmp(head, "SQLite format 3", 16) != 0)
        return rn_store_fail(s, SQLITE_NOTADB, err);
    *fresh = false;
    const uint32_t id = big_endian(head + 68);
    if (id != 0 && id != APPLICATION_ID)
        return rn_fail(err, RN_EDATABASE,
                       "'%s' is a database of another program (application id 0x%08" PRIx32 ", ours is 0x%08x); write "
                       "elsewhere with --db FILE",
                       s->path, id, APPLICATION_ID);
    return true;
}

/* The folder of the file, links resolved; the file itself need not be there yet. */
static bool find_folder(rn_store *s, rn_error *err)
{
    char *copy = strdup(s->path);
    if (!copy)
        return rn_store_fail(s, SQLITE_NOMEM, err);
    char *slash = strrchr(copy, '/');
    if (slash)
        slash[slash == copy] = '\0';
    s->folder = realpath(slash ? copy : ".", NULL);
    const int reason = errno;
    const bool ok = s->folder != NULL;
    if (!ok)
        rn_fail(err, RN_EIO, "could not open database '%s': folder '%s': %s", s->path, slash ? copy : ".",
                strerror(reason));
    free(copy);
    return ok;
}

static bool connect_to(rn_store *s, const char *name, int flags, rn_error *err)
{
    int code = sqlite3_open_v2(name, &s->db, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK) {
        sqlite3_extended_result_codes(s->db, 1);
        code = sqlite3_busy_timeout(s->db, s->patience_ms);
    }
    if (code == SQLITE_OK) /* sqlite3_open only makes the handle: this reads the first page */
        code = sqlite3_exec(s->db, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
    if (code == SQLITE_OK)
        return true;
    rn_store_fail(s, code, err);
    sqlite3_close(s->db);
    s->db = NULL;
    return false;
}

/* True where no writer has left anything beside the file that would have to be read with it. */
static bool nothing_beside(const rn_store *s)
{
    char beside[4096];
    struct stat st;
    static const char *const ends[] = {"-wal", "-journal"};
    for (int i = 0; i < 2; i++) {
        if (snprintf(beside, sizeof beside, "%s%s", s->path, ends[i]) >= (int)sizeof beside)
            return false;
        if (stat(beside, &st) == 0 && st.st_size > 0)
            return false;
    }
    return true;
}

/* Readers. A file that may be written is opened so, but with queries only: then SQLite can roll back what a killed
 * writer left, and takes its side files away again. Where nobody may write and nothing is left, the file is read as
 * it stands: WAL would want to put its index beside it. */
static bool connect_reader(rn_store *s, rn_error *err)
{
    bool ok;
    if (may_write(s->path) && may_write(s->folder)) {
        ok = connect_to(s, s->path, SQLITE_OPEN_READWRITE, err);
    } else if (nothing_beside(s) && !strpbrk(s->path, "?#%")) {
        char *uri = sqlite3_mprintf("file:%s?immutable=1", s->path);
        ok = uri ? connect_to(s, uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, err) : rn_store_fail(s, SQLITE_NOMEM, err);
        sqlite3_free(uri);
    } else {
        ok = connect_to(s, s->path, SQLITE_OPEN_READONLY, err);
    }
    const int code = ok ? sqlite3_exec(s->db, "PRAGMA query_only = ON", NULL, NULL, NULL) : SQLITE_OK;
    return ok && (code == SQLITE_OK || rn_store_fail(s, code, err));
}

static int first_text(void *context, int n, char **value, char **name)
{
    (void)name;
    if (n > 0 && value[0])
        snprintf(context, 256, "%s", value[0]);
    return 0;
}

/* A file without our mark must have no tables; where it has, they are somebody's. One with our mark and tables has a
 * version of the schema. */
static bool check_mark(rn_store *s, rn_error *err)
{
    char id[256] = "", tables[256] = "";
    int version = 0;
    int code = sqlite3_exec(s->db, "PRAGMA application_id", first_text, id, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(s->db, "SELECT group_concat(name, ', ') FROM (SELECT name FROM sqlite_schema WHERE type = "
                                   "'table' ORDER BY name LIMIT 5)", first_text, tables, NULL);
    if (code != SQLITE_OK)
        return rn_store_fail(s, code, err);
    if (strtol(id, NULL, 10) != APPLICATION_ID && tables[0])
        return rn_fail(err, RN_EDATABASE,
                       "'%s' is a database of another program (tables %s); write elsewhere with --db FILE", s->path,
                       tables);
    if (s->mode == RN_STORE_READ && !tables[0])
        return rn_fail(err, RN_EDATABASE, "database '%s' is empty; run an experiment first", s->path);
    if (!rn_store_version(s, &version, err))
        return false;
    if (version < 0 || (version == 0 && tables[0]))
        return rn_fail(err, RN_EDATABASE,
                       "database '%s' has tables, but its schema version is %d, which none ever had: something else has changed "
                       "it; restore a copy, move it away, or use another file with --db FILE",
                       s->path, version);
    return true;
}

/* Better now than after hours of training. The words of the check are SQLite's. */
static bool check_pages(rn_store *s, rn_error *err)
{
    struct stat st;
    if (stat(s->path, &st) != 0 || st.st_size > CHECKED_BYTES)
        return true;
    char said[256] = "";
    const int code = sqlite3_exec(s->db, "PRAGMA quick_check(1)", first_text, said, NULL);
    if (code != SQLITE_OK)
        return rn_store_fail(s, code, err);
    if (strcmp(said, "ok") == 0)
        return true;
    const char *why = strncmp(said, "***", 3) == 0 && strchr(said, '\n') ? strchr(said, '\n') + 1 : said; /* below a headline */
    said[(why - said) + (ptrdiff_t)strcspn(why, "\n")] = '\0';
    return rn_fail(err, RN_EDATABASE,
                   "database '%s' is damaged (%s); restore a copy, or move it away and save what can be read with "
                   "`sqlite3 FILE .recover`",
                   s->path, why);
}

/* Changing into WAL asks for the file alone while it reads, and there SQLite does not wait: it says "busy" at once where
 * another process opens the file at the same moment. So the patience is ours. */
static int into_wal(rn_store *s, char mode[256])
{
    const double until = rn_clock() + s->patience_ms / 1000.0;
    for (;;) {
        const int code = sqlite3_exec(s->db, "PRAGMA journal_mode = WAL", first_text, mode, NULL);
        if ((code & 0xff) != SQLITE_BUSY || rn_clock() > until)
            return code;
        sqlite3_sleep(10 /* ms */);
    }
}

/* WAL lets readers and one writer go on at the same time and costs a third of the time per commit, but needs shared
 * memory, which network file systems do not have. NORMAL may lose the last commits with the power, never the file. */
static bool set_journal(rn_store *s, rn_error *err)
{
    char mode[256] = "";
    const int code = into_wal(s, mode);
    if ((code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB || (code & 0xff) == SQLITE_BUSY)
        return rn_store_fail(s, code, err);
    const int set = sqlite3_exec(s->db, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL);
    if (set != SQLITE_OK)
        return rn_store_fail(s, set, err);
    if (code == SQLITE_OK && strcmp(mode, "wal") == 0)
        return true;
    const int back = sqlite3_exec(s->db, "PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL", NULL, NULL, NULL);
    if (back != SQLITE_OK)
        return rn_store_fail(s, back, err);
    rn_store_notice(s, "no write-ahead log for '%s' here (a network file system?): journal mode is DELETE, and readers "
                       "and writers wait for each other", s->path);
    return true;
}

/* Every statement is prepared once now, so that tables that are missing are told before anything is trained. */
static bool prepare_all(rn_store *s, rn_error *err)
{
    for (int i = 0; i < RN_N_SQL; i++) {
        rn_query q = rn_query_make(s, (rn_sql)i);
        if (q.code != SQLITE_OK)
            return rn_store_fail(s, q.code, err);
    }
    return true;
}

static bool settle_writer(rn_store *s, rn_error *err)
{
    bool ok = prepare_all(s, err) && rn_store_begin(s, err);
    if (!ok)
        return false;
    ok = rn_store_mark_lost(s, err);
    for (const char *line = s->notices; ok && *line;) { /* what was found goes into the file, once */
        char text[1024];
        const size_t n = strcspn(line, "\n");
        snprintf(text, sizeof text, "%.*s", (int)n, line);
        line += n + (line[n] == '\n');
        rn_query q = rn_query_make(s, RN_SQL_EVENT_OF_FILE);
        rn_bind_text(&q, ":code", "open");
        rn_bind_text(&q, ":text", text);
        int64_t known = 0;
        ok = rn_query_int(&q, &known, err) && (known || rn_store_put_event(s, 0, "warning", "open", 0, text, err));
    }
    return rn_store_end(s, ok, err);
}

static bool open_it(rn_store *s, const rn_schema_file *schema, rn_error *err)
{
    bool fresh;
    if (s->path[0] == '\0')
        return rn_fail(err, RN_EIO, "could not open the database: its name is empty");
    if (!find_folder(s, err) || !look_at_file(s, &fresh, err))
        return false;
    if (s->mode == RN_STORE_READ)
        return connect_reader(s, err) && check_mark(s, err) && check_pages(s, err) && rn_store_check_tables(s, schema, err);

    if (fresh && !may_write(s->folder))
        return rn_fail(err, RN_EIO, "could not create database '%s': %s", s->path, strerror(errno));
    if (!connect_to(s, s->path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err))
        return false;
    if (sqlite3_db_readonly(s->db, "main") == 1)
        return rn_store_fail(s, SQLITE_READONLY, err);
    const int code = sqlite3_exec(s->db, "PRAGMA foreign_keys = ON", NULL, NULL, NULL);
    if (code != SQLITE_OK)
        return rn_store_fail(s, code, err);
    /* the schema before WAL: so the mark stands in the file itself from the first moment */
    if (!check_mark(s, err) || !check_pages(s, err) || !rn_store_migrate(s, schema, err) ||
        !rn_store_check_tables(s, schema, err) || !set_journal(s, err))
        return false;
    rn_store_know_file(s);
    return settle_writer(s, err);
}

bool rn_store_open_with(const char *path, rn_store_mode mode, const rn_schema_file *schema, rn_store **store,
                        rn_error *err)
{
    rn_store *s = calloc(1, sizeof *s);
    if (!s)
        return rn_fail(err, RN_EMEMORY, "no memory for database '%s'", path);
    s->mode = mode;
    s->patience_ms = PATIENCE_MS;
    rn_process_self(&s->self);
    /* names that mean something else to SQLite (":memory:") are files to us */
    s->path = malloc(strlen(path) + 3);
    s->held = calloc(RN_HELD_ROWS, sizeof *s->held);
    s->name = calloc(RN_HELD_NAMES, sizeof *s->name);
    if (!s->path || !s->held || !s->name) {
        rn_store_close(s);
        return rn_fail(err, RN_EMEMORY, "no memory for database '%s'", path);
    }
    stpcpy(stpcpy(s->path, path[0] == ':' ? "./" : ""), path);
    if (!open_it(s, schema, err)) {
        rn_store_close(s);
        return false;
    }
    *store = s;
    return true;
}

bool rn_store_open(const char *path, rn_store_mode mode, rn_store **store, rn_error *err)
{
    return rn_store_open_with(path, mode, rn_schema_files, store, err);
}

void rn_store_close(rn_store *s)
{
    if (!s)
        return;
    if (s->db && s->n_held) {
        rn_error unheard; /* who has to know has called rn_store_flush() */
        (void)!rn_store_flush(s, &unheard);
    }
    for (int i = 0; i < RN_N_SQL; i++)
        sqlite3_finalize(s->prepared[i]);
    sqlite3_close(s->db);
    free(s->held);
    free(s->name);
    free(s->folder);
    free(s->path);
    free(s);
}

const char *rn_store_notices(const rn_store *s) { return s->notices; }
const char *rn_store_path(const rn_store *s) { return s->path; }

void rn_store_set_patience(rn_store *s, int milliseconds)
{
    s->patience_ms = milliseconds;
    sqlite3_busy_timeout(s->db, milliseconds);
}

void rn_store_notice(rn_store *s, const char *format, ...)
{
    const size_t used = strlen(s->notices);
    va_list args;
    va_start(args, format);
    if (used + 2 < sizeof s->notices) { /* room for the line's end is kept */
        vsnprintf(s->notices + used, sizeof s->notices - used - 1, format, args);
        const size_t end = used + strlen(s->notices + used);
        s->notices[end] = '\n';
        s->notices[end + 1] = '\0';
    }
    va_end(args);
}
