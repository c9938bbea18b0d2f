/* A database that is deleted or replaced while it is in use. SQLite goes on writing to the file that it has open, which
 * nobody will find again, and says nothing. So every transaction looks first, and what the open file holds is saved. */
#include "store/connection.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_COPIES = 1000 };

void rn_store_know_file(rn_store *s)
{
    struct stat st;
    if (stat(s->path, &st) == 0) {
        s->device = st.st_dev;
        s->inode = st.st_ino;
    }
}

/* "results.db" → "results.db.saved-1", or the first number that is free. */
static bool save_copy(rn_store *s, char *copy, size_t size, rn_error *err)
{
    int i = 1;
    do
        if (snprintf(copy, size, "%s.saved-%d", s->path, i) >= (int)size)
            return rn_fail(err, RN_EIO, "the path is too long");
    while (access(copy, F_OK) == 0 && i++ < MOST_COPIES);
    rn_query q = rn_query_make(s, RN_SQL_SAVE_COPY);
    rn_bind_text(&q, ":path", copy);
    if (rn_query_run(&q, err))
        return true;
    unlink(copy); /* not half of it */
    return false;
}

/* The log of a file that is gone would be taken for that of the copy that is moved back. */
static void remove_log(const rn_store *s)
{
    static const char *const endings[] = {"-wal", "-shm"};
    char path[4200];
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (snprintf(path, sizeof path, "%s%s", s->path, endings[i]) < (int)sizeof path)
            unlink(path);
}

bool rn_store_same_file(rn_store *s, rn_error *err)
{
    struct stat st;
    if (!s->inode)
        return true;
    const bool found = stat(s->path, &st) == 0;
    if (found ? st.st_ino == s->inode && st.st_dev == s->device : errno != ENOENT && errno != ENOTDIR)
        return true;
    const char *what = found ? "replaced by another file" : "deleted";
    if (s->gone)
        return rn_fail(err, RN_EIO, "database '%s' was %s while it was in use", s->path, what);
    s->gone = true;
    char copy[4200];
    rn_error why;
    const bool saved = save_copy(s, copy, sizeof copy, &why);
    if (!found)
        remove_log(s);
    if (saved)
        return rn_fail(err, RN_EIO, "database '%s' was %s while it was in use; all that had been written is saved as '%s': move "
                       "that back to keep it", s->path, what, copy);
    return rn_fail(err, RN_EIO, "database '%s' was %s while it was in use, and what it held is lost with it: no copy could be "
                   "written beside it; restore a backup, or begin anew", s->path, what);
}
