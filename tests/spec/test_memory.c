/* Allocation number 1, 2, 3 … fails until a spec is read and checked: each time an error, no crash, no leak. */
#include "test.h"

#include "spec/spec.h"
#include "support/scratch.h"
#include "support/toys.h"

#include <errno.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
#define OWN_MALLOC 0 /* a sanitizer has its own malloc */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define OWN_MALLOC 0
#endif
#endif
#ifndef OWN_MALLOC
#define OWN_MALLOC 1
#endif

/* The program's malloc stands before glibc's for all shared objects, librunner and libyaml among them. */
#if OWN_MALLOC
static long until_failure = -1; /* −1: none fails */
static long held;               /* blocks taken and not freed */

static bool fails(void)
{
    if (until_failure < 0 || until_failure-- > 0)
        return false;
    errno = ENOMEM;
    return true;
}

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void __libc_free(void *);

void *malloc(size_t bytes)
{
    void *p = fails() ? NULL : __libc_malloc(bytes);
    held += p != NULL;
    return p;
}

void *calloc(size_t n, size_t bytes)
{
    void *p = fails() ? NULL : __libc_calloc(n, bytes);
    held += p != NULL;
    return p;
}

void *realloc(void *old, size_t bytes)
{
    void *p = fails() ? NULL : __libc_realloc(old, bytes);
    held += !old && p;
    return p;
}

void free(void *p)
{
    held -= p != NULL;
    __libc_free(p);
}
#endif

enum { CRYPTO_KEEPS = 2 }; /* libcrypto's record of its last error: the place and its text */

static const char text[] = "version: 1\nname: toy\nquestion: \"does it?\"\nseeds: [0, 1]\n"
                           "data: {type: leaves, resolution: [8, 16], count: 50}\n"
                           "model: {type: net, levels: [{channels: 8, block: res}, &last {channels: 16, block: attn}]}\n"
                           "train: {steps: 10, batch: 4, ema: none}\n"
                           "vary: {train.batch: [1, 2, 3, 4], train.ema: [0.1, 0.2]}\n"
                           "exclude: [{train.batch: 3, train.ema: 0.2}]\nbaseline: batch=1,ema=0.2\n";

static void no_allocation_that_fails_does_harm(void **state)
{
    (void)state;
#if OWN_MALLOC
    char *folder = scratch_folder(), *path = scratch_path(folder, "s.yaml");
    scratch_write(path, text, strlen(text));
    long failed = 0;
    for (long n = -1;; n++) { /* −1: all goes well, and libcrypto keeps what it keeps */
        const char *const sets[] = {"train.steps=5", "task.schedule.shift.from=3"};
        rn_spec spec;
        rn_diagnostics told = {0};
        const long before = held;
        until_failure = n;
        const bool ok = rn_spec_read(path, sets, 2, &spec, &told) && rn_spec_check(&spec, &toy_catalogue, &told);
        const bool none_failed = until_failure >= 0 || n < 0;
        until_failure = -1;
        if (!ok && told.n == 0)
            fail_msg("allocation %ld failed, and nothing is told", n);
        if (none_failed && !ok)
            fail_msg("%s: %s", told.first->place, told.first->text);
        failed += !ok;
        rn_spec_free(&spec);
        rn_diagnostics_free(&told);
        if (n >= 0 && held > before + CRYPTO_KEEPS)
            fail_msg("allocation %ld failed, and %ld blocks are lost", n, held - before);
        if (n >= 0 && none_failed)
            break;
    }
    assert_true(failed > 100);
    free(path);
    free(folder);
#else
    (void)text;
    skip();
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_allocation_that_fails_does_harm)};
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed ? failed : OWN_MALLOC ? 0 : TEST_SKIPPED;
}
