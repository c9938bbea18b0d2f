#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
/* The plain functions: the EVP ones take memory, and OpenSSL 3.0 crashes where there is none at their first use. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool rn_file_read(rn_arena *a, const char *path, size_t limit, uint8_t **data, size_t *bytes, rn_error *err)
{
    bool ok = false;
    /* a named pipe that nobody writes to is empty: opening it would wait for ever, reading must not fail */
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    FILE *f = fd >= 0 && fcntl(fd, F_SETFL, 0) == 0 ? fdopen(fd, "rb") : NULL;
    if (!f) {
        rn_fail(err, RN_EIO, "could not read '%s': %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    struct stat st;
    if (fstat(fileno(f), &st) == 0 && S_ISDIR(st.st_mode)) {
        rn_fail(err, RN_EIO, "could not read '%s': it is a folder", path);
        goto done;
    }
    /* not by st_size: pipes have none, and a file may grow */
    size_t used = 0, size = 1 << 16;
    uint8_t *text = malloc(size + 1);
    while (text) {
        const size_t n = fread(text + used, 1, size - used, f);
        used += n;
        if (used > limit) {
            rn_fail(err, RN_ELIMIT, "'%s' is larger than the limit of %zu bytes", path, limit);
            break;
        }
        if (n == 0) {
            if (ferror(f)) {
                rn_fail(err, RN_EIO, "could not read '%s': %s", path, strerror(errno));
                break;
            }
            uint8_t *copy = rn_arena_alloc(a, used + 1);
            if (!copy) {
                rn_fail(err, RN_EMEMORY, "no memory for the %zu bytes of '%s'", used, path);
                break;
            }
            memcpy(copy, text, used);
            *data = copy;
            *bytes = used;
            ok = true;
            break;
        }
        if (used == size) {
            uint8_t *larger = realloc(text, (size *= 2) + 1);
            if (!larger) {
                rn_fail(err, RN_EMEMORY, "no memory for '%s' beyond %zu bytes", path, used);
                break;
            }
            text = larger;
        }
    }
    if (!text)
        rn_fail(err, RN_EMEMORY, "no memory to read '%s'", path);
    free(text);
done:
    fclose(f);
    return ok;
}

/* The folder that holds path, opened so that the rename itself can be synced. */
static void sync_folder_of(const char *path)
{
    char folder[4096];
    const char *slash = strrchr(path, '/');
    if (!slash)
        snprintf(folder, sizeof folder, ".");
    else
        snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd); /* some file systems refuse; the file itself is safe by then */
        close(fd);
    }
}

bool rn_file_write(const char *path, rn_file_writer *write, void *context, rn_error *err)
{
    char temporary[4096];
    const int n = snprintf(temporary, sizeof temporary, "%s.tmp-%ld", path, (long)getpid());
    if (n < 0 || (size_t)n >= sizeof temporary)
        return rn_fail(err, RN_EIO, "could not write '%s': the path is too long", path);
    FILE *f = fopen(temporary, "w+bx");
    if (!f && errno == EEXIST && unlink(temporary) == 0) /* left by a killed process that had our number */
        f = fopen(temporary, "w+bx");
    if (!f)
        return rn_fail(err, RN_EIO, "could not write '%s': %s", path, strerror(errno));
    bool ok = write(context, f, err);
    if (ok && (fflush(f) != 0 || ferror(f) || fsync(fileno(f)) != 0))
        ok = rn_fail(err, RN_EIO, "could not write '%s': %s", path, strerror(errno));
    if (fclose(f) != 0 && ok)
        ok = rn_fail(err, RN_EIO, "could not write '%s': %s", path, strerror(errno));
    if (ok && rename(temporary, path) != 0)
        ok = rn_fail(err, RN_EIO, "could not rename '%s' to '%s': %s", temporary, path, strerror(errno));
    if (!ok)
        unlink(temporary);
    else
        sync_folder_of(path);
    return ok;
}

struct block {
    const void *data;
    size_t bytes;
    const char *path;
};

static bool write_block(void *context, FILE *f, rn_error *err)
{
    const struct block *b = context;
    if (fwrite(b->data, 1, b->bytes, f) != b->bytes)
        return rn_fail(err, RN_EIO, "could not write '%s': %s", b->path, strerror(errno));
    return true;
}

bool rn_file_write_bytes(const char *path, const void *data, size_t bytes, rn_error *err)
{
    struct block b = {data, bytes, path};
    return rn_file_write(path, write_block, &b, err);
}

bool rn_folder_make(const char *path, rn_error *err)
{
    char part[4096];
    if (snprintf(part, sizeof part, "%s", path) >= (int)sizeof part)
        return rn_fail(err, RN_EIO, "could not make the folder '%s': the path is too long", path);
    for (char *p = part + 1;; p++) {
        if (*p != '/' && *p != '\0')
            continue;
        const char end = *p;
        *p = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            return rn_fail(err, RN_EIO, "could not make the folder '%s': %s", part, strerror(errno));
        *p = end;
        if (!end)
            break;
    }
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
        return rn_fail(err, RN_EIO, "could not make the folder '%s': a file of that name is there", path);
    return true;
}

_Static_assert(sizeof(SHA256_CTX) <= sizeof(rn_sha256) && _Alignof(SHA256_CTX) <= _Alignof(rn_sha256), "room");

void rn_sha256_begin(rn_sha256 *h) { SHA256_Init((SHA256_CTX *)h); }
void rn_sha256_add(rn_sha256 *h, const void *data, size_t bytes) { SHA256_Update((SHA256_CTX *)h, data, bytes); }
void rn_sha256_end(rn_sha256 *h, uint8_t digest[32]) { SHA256_Final(digest, (SHA256_CTX *)h); }

void rn_sha256_of(const void *data, size_t bytes, uint8_t digest[32])
{
    rn_sha256 h;
    rn_sha256_begin(&h);
    rn_sha256_add(&h, data, bytes);
    rn_sha256_end(&h, digest);
}

void rn_hex(const uint8_t *bytes, size_t n, char *text)
{
    for (size_t i = 0; i < n; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    text[2 * n] = '\0';
}
