/* Loaded before the runner (LD_PRELOAD), this makes one call fail: allocation number FAIL_ALLOCATION, or write number
 * FAIL_WRITE (write, pwrite, fsync and what stdio writes; not to stdout or stderr) as on a full disk. Calls are counted over
 * all threads, from 1. With FAIL_COUNT=FILE their numbers are written there at the end.
 *
 * Allocations of OpenBLAS, oneDNN and the C++ library succeed, the next one of somebody else fails in their place: OpenBLAS's
 * kernels for small products take a buffer in each call and use it unseen (0.3.21: sgemm_small_kernel_b0_nn), oneDNN ends the
 * process with std::bad_alloc, and no caller can prevent either. */
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_long allocations, writes, failing_allocation, failing_write;

__attribute__((constructor)) static void begin(void)
{
    const char *a = getenv("FAIL_ALLOCATION"), *w = getenv("FAIL_WRITE");
    atomic_store(&failing_allocation, a ? atol(a) : 0);
    atomic_store(&failing_write, w ? atol(w) : 0);
    atomic_store(&allocations, 0); /* what the loader took does not count */
}

__attribute__((destructor)) static void end(void)
{
    const char *path = getenv("FAIL_COUNT");
    const long a = atomic_load(&allocations), w = atomic_load(&writes);
    FILE *f = path ? fopen(path, "w") : NULL;
    if (!f)
        return;
    fprintf(f, "%ld %ld\n", a, w);
    fclose(f);
}

static bool is_of_library(const void *caller)
{
    static const char *const names[] = {"/libopenblas", "/libdnnl", "/libstdc++"};
    Dl_info info;
    if (!dladdr(caller, &info) || !info.dli_fname)
        return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strstr(info.dli_fname, names[i]))
            return true;
    return false;
}

static bool fails(atomic_long *calls, atomic_long *failing, int reason, const void *caller)
{
    if (atomic_fetch_add(calls, 1) + 1 != atomic_load(failing))
        return false;
    if (caller && is_of_library(caller)) {
        atomic_fetch_add(failing, 1);
        return false;
    }
    errno = reason;
    return true;
}

/* ---- memory: glibc's own functions, under the names that stay reachable ---- */
extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t n, size_t bytes);
extern void *__libc_realloc(void *p, size_t bytes);
extern void *__libc_memalign(size_t alignment, size_t bytes);

#define no_memory() fails(&allocations, &failing_allocation, ENOMEM, __builtin_return_address(0))

void *malloc(size_t bytes) { return no_memory() ? NULL : __libc_malloc(bytes); }
void *calloc(size_t n, size_t bytes) { return no_memory() ? NULL : __libc_calloc(n, bytes); }
void *realloc(void *p, size_t bytes) { return no_memory() ? NULL : __libc_realloc(p, bytes); }
void *memalign(size_t alignment, size_t bytes) { return no_memory() ? NULL : __libc_memalign(alignment, bytes); }
void *aligned_alloc(size_t alignment, size_t bytes) { return no_memory() ? NULL : __libc_memalign(alignment, bytes); }

int posix_memalign(void **p, size_t alignment, size_t bytes)
{
    void *got = no_memory() ? NULL : __libc_memalign(alignment, bytes);
    if (!got)
        return ENOMEM;
    *p = got;
    return 0;
}

/* ---- files ---- */
static bool no_space(int file) { return file > STDERR_FILENO && fails(&writes, &failing_write, ENOSPC, NULL); }

ssize_t write(int file, const void *data, size_t bytes)
{
    return no_space(file) ? -1 : syscall(SYS_write, file, data, bytes);
}

ssize_t pwrite(int file, const void *data, size_t bytes, off_t offset)
{
    return no_space(file) ? -1 : syscall(SYS_pwrite64, file, data, bytes, offset);
}

ssize_t pwrite64(int file, const void *data, size_t bytes, off64_t offset)
{
    return no_space(file) ? -1 : syscall(SYS_pwrite64, file, data, bytes, offset);
}

int fsync(int file) { return no_space(file) ? -1 : (int)syscall(SYS_fsync, file); }
int fdatasync(int file) { return no_space(file) ? -1 : (int)syscall(SYS_fdatasync, file); }

/* stdio writes by a name of its own that nobody can stand before, so its buffers fail where they are filled and emptied. */
enum { ERROR_SEEN = 0x20 }; /* glibc's flag behind ferror() */

size_t fwrite(const void *data, size_t bytes, size_t n, FILE *f)
{
    flockfile(f);
    const bool full = no_space(fileno(f));
    if (full)
        f->_flags |= ERROR_SEEN;
    const size_t written = full ? 0 : fwrite_unlocked(data, bytes, n, f);
    funlockfile(f);
    return written;
}

int fflush(FILE *f)
{
    if (!f || !no_space(fileno(f)))
        return fflush_unlocked(f);
    f->_flags |= ERROR_SEEN;
    return EOF;
}
