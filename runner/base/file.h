#ifndef RN_BASE_FILE_H
#define RN_BASE_FILE_H
/* Files: read whole, written under a temporary name and renamed. The one function through which every
 * file is written, so that a reader never sees half of one.
 * Thread safety: different files may be written from different threads. */
#include "base/arena.h"

#include <stdio.h>

/* The whole file, with a NUL after it. Errors: RN_EIO (with the system's reason), RN_ELIMIT above limit. */
RN_NODISCARD bool rn_file_read(rn_arena *a, const char *path, size_t limit, uint8_t **data, size_t *bytes,
                               rn_error *err);

/* Writes through `write` to a temporary file beside path, syncs it, renames it to path, syncs the folder.
 * On failure the temporary file is gone and path is as it was. `write` may read back what it wrote. */
typedef bool rn_file_writer(void *context, FILE *f, rn_error *err);
RN_NODISCARD bool rn_file_write(const char *path, rn_file_writer *write, void *context, rn_error *err);
RN_NODISCARD bool rn_file_write_bytes(const char *path, const void *data, size_t bytes, rn_error *err);

/* Makes the folder and those above it. */
RN_NODISCARD bool rn_folder_make(const char *path, rn_error *err);

/* SHA-256 as 32 bytes and as 64 hexadecimal digits. Takes no memory, so it cannot fail. */
typedef struct rn_sha256 {
    uint64_t state[16]; /* room for the library's */
} rn_sha256;
void rn_sha256_begin(rn_sha256 *h);
void rn_sha256_add(rn_sha256 *h, const void *data, size_t bytes);
void rn_sha256_end(rn_sha256 *h, uint8_t digest[32]);
void rn_sha256_of(const void *data, size_t bytes, uint8_t digest[32]);
void rn_hex(const uint8_t *bytes, size_t n, char *text); /* 2n digits and a NUL */

#endif
