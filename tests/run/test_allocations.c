/* A training step allocates nothing: not the trainer, not the loader, not a kernel. This program counts what any thread
 * asks the allocator for; plugins and libraries come to the functions below too, since the executable's names are found
 * first. What OpenBLAS and oneDNN ask for by themselves is counted apart and printed, not judged: OpenBLAS's kernels for
 * small products on AVX-512 take and give back a buffer in each call (0.3.21: sgemm_small_kernel_b0_nn), oneDNN makes a
 * table of its arguments in each call, and no caller can prevent it. */
#include "data/loader.h"
#include "plugin/catalogue.h"
#include "spec/spec.h"
#include "support/networks.h"
#include "support/scratch.h"
#include "train/trainer.h"

#include <errno.h>
#include <link.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { WARM_STEPS = 3, STEPS = 11 };

static atomic_bool counting;
static atomic_long calls, library_calls;

/* Code and data of libraries, as they were mapped: beside the two those that oneDNN allocates by, libstdc++ in each call,
 * the OpenMP runtime and the dynamic linker when a thread comes to it for the first time. */
static struct { const char *name; uintptr_t begin, end; } libraries[] = {
    {"/libopenblas", 0, 0}, {"/libdnnl", 0, 0}, {"/libstdc++", 0, 0}, {"/libgomp", 0, 0}, {"/ld-linux", 0, 0},
};
enum { LIBRARIES = sizeof libraries / sizeof *libraries };

static int find_library(struct dl_phdr_info *info, size_t bytes, void *context)
{
    (void)bytes, (void)context;
    int k = 0;
    while (k < LIBRARIES && !strstr(info->dlpi_name, libraries[k].name))
        k++;
    if (k == LIBRARIES)
        return 0;
    libraries[k].begin = UINTPTR_MAX;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const uintptr_t begin = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr, end = begin + info->dlpi_phdr[i].p_memsz;
        if (info->dlpi_phdr[i].p_type != PT_LOAD)
            continue;
        libraries[k].begin = begin < libraries[k].begin ? begin : libraries[k].begin;
        libraries[k].end = end > libraries[k].end ? end : libraries[k].end;
    }
    return 0;
}

static void count_from_now(void)
{
    atomic_store(&calls, 0);
    atomic_store(&library_calls, 0);
    atomic_store(&counting, true);
}

static long counted(void)
{
    atomic_store(&counting, false);
    return atomic_load(&calls);
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define OTHER_ALLOCATOR
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OTHER_ALLOCATOR
#endif

#ifndef OTHER_ALLOCATOR
static void count(const void *caller)
{
    const uintptr_t at = (uintptr_t)caller;
    bool library = false;
    for (int k = 0; k < LIBRARIES; k++)
        library |= at >= libraries[k].begin && at < libraries[k].end;
    if (atomic_load_explicit(&counting, memory_order_relaxed))
        atomic_fetch_add_explicit(library ? &library_calls : &calls, 1, memory_order_relaxed);
}

/* glibc's own, under the names that stay reachable */
extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t n, size_t bytes);
extern void *__libc_realloc(void *p, size_t bytes);
extern void *__libc_memalign(size_t alignment, size_t bytes);

void *malloc(size_t bytes)
{
    count(__builtin_return_address(0));
    return __libc_malloc(bytes);
}

void *calloc(size_t n, size_t bytes)
{
    count(__builtin_return_address(0));
    return __libc_calloc(n, bytes);
}

void *realloc(void *p, size_t bytes)
{
    count(__builtin_return_address(0));
    return __libc_realloc(p, bytes);
}

void *memalign(size_t alignment, size_t bytes)
{
    count(__builtin_return_address(0));
    return __libc_memalign(alignment, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
    count(__builtin_return_address(0));
    return __libc_memalign(alignment, bytes);
}

int posix_memalign(void **p, size_t alignment, size_t bytes)
{
    count(__builtin_return_address(0));
    void *got = __libc_memalign(alignment, bytes);
    if (!got)
        return ENOMEM;
    *p = got;
    return 0;
}

void *mmap(void *at, size_t bytes, int protection, int flags, int file, off_t offset)
{
    count(__builtin_return_address(0));
    return (void *)syscall(SYS_mmap, at, bytes, protection, flags, file, offset);
}

void *mmap64(void *at, size_t bytes, int protection, int flags, int file, off64_t offset)
{
    count(__builtin_return_address(0));
    return (void *)syscall(SYS_mmap, at, bytes, protection, flags, file, offset);
}
#endif

/* --- a run ------------------------------------------------------------------------------------------ */

/* Two levels, both with dropout. An epoch is eight steps, so the counted steps begin a second one. */
static const char text[] =
    "version: 1\n"
    "name: allocations\n"
    "data: {type: dead_leaves, count: 32, held_out: 4, resolution: 16, flip: true, workers: 2}\n"
    "model:\n"
    "  type: uvit\n"
    "  levels:\n"
    "    - {block: resnet, channels: 8, dropout: 0.1}\n"
    "    - {block: transformer, channels: 16, heads: 2, dropout: 0.1}\n"
    "task: {type: diffusion, t: stratified, loss: {scales: [1, 2]}}\n"
    "train: {steps: 100, batch: 4}\n";

typedef struct run {
    rn_spec spec;
    rn_data *data;
    rn_loader *loader;
    rn_trainer trainer;
    float *images;
    int32_t *labels;
} run;

static void run_open(run *r, const char *kernels)
{
    char set[64];
    const char *const sets[] = {set};
    char *path = scratch_path(scratch_folder(), "spec.yaml");
    rn_diagnostics d = {0};
    rn_error err = {0};
    const rn_catalogue catalogue = rn_registry_catalogue(networks_registry());
    *r = (run){0};
    scratch_write(path, text, strlen(text));
    snprintf(set, sizeof set, "kernels=[%s]", kernels);
    if (!rn_spec_read(path, sets, 1, &r->spec, &d) || !rn_spec_check(&r->spec, &catalogue, &d)) {
        rn_diagnostics_print(stderr, &d);
        fail();
    }
    rn_diagnostics_free(&d);
    free(path);
    const rn_experiment *e = r->spec.variant[0].experiment;
    assert_ok(rn_data_open(&e->data, &r->data, &err), err);
    assert_ok(rn_loader_open(r->data, 0, e->train.batch, e->data.workers, &r->loader, &err), err);
    assert_ok(rn_trainer_plan(&r->trainer, networks_registry(), e, &err), err);
    assert_ok(rn_trainer_start(&r->trainer, 0, &err), err);
    const size_t values = (size_t)(e->train.batch * e->data.resolution.height * e->data.resolution.width * 3);
    r->images = malloc(values * sizeof *r->images);
    r->labels = malloc((size_t)e->train.batch * sizeof *r->labels);
    assert_true(r->images && r->labels);
}

static void run_close(run *r)
{
    rn_trainer_free(&r->trainer);
    rn_loader_close(r->loader);
    rn_data_close(r->data);
    free(r->images);
    free(r->labels);
    rn_spec_free(&r->spec);
}

static void steps(run *r, int64_t from, int64_t to)
{
    rn_error err = {0};
    rn_step_result result;
    for (int64_t step = from; step < to; step++) {
        assert_ok(rn_loader_next(r->loader, step, r->images, r->labels, &err), err);
        assert_ok(rn_trainer_step(&r->trainer, r->images, r->labels, &result, &err), err);
    }
}

/* How many nodes of the training program go to a kernel set. */
static int nodes_of(const run *r, const char *kernels)
{
    int n = 0;
    for (int64_t i = 0; i < rn_program_nodes(r->trainer.train); i++)
        n += strcmp(rn_program_node(r->trainer.train, i).kernel, kernels) == 0;
    return n;
}

/* --- the tests -------------------------------------------------------------------------------------- */

static const char *const kernel_sets[] = {"native", "reference", "openblas", "onednn"};
enum { SETS = HAS_ONEDNN ? 4 : 3 };

static void training_steps_allocate_nothing(void **state)
{
    (void)state;
    for (size_t k = 0; k < SETS; k++) {
        run r;
        run_open(&r, kernel_sets[k]);
        assert_true(nodes_of(&r, kernel_sets[k]) > 0);
        dl_iterate_phdr(find_library, NULL);
        steps(&r, 0, WARM_STEPS);
        count_from_now();
        steps(&r, WARM_STEPS, STEPS);
        const long n = counted(), library = atomic_load(&library_calls);
        printf("kernels %s: %ld allocations in %d steps, and %ld of the library itself\n", kernel_sets[k], n, STEPS - WARM_STEPS,
               library);
        assert_true(library == 0 || strcmp(kernel_sets[k], "openblas") == 0 || strcmp(kernel_sets[k], "onednn") == 0);
        if (n)
            fail_msg("%ld allocations in the steps %d to %d with the kernels %s", n, WARM_STEPS, STEPS - 1, kernel_sets[k]);
        run_close(&r);
    }
}

static void an_allocation_between_steps_is_counted(void **state)
{
    (void)state;
    run r;
    run_open(&r, kernel_sets[0]);
    steps(&r, 0, WARM_STEPS);
    count_from_now();
    steps(&r, WARM_STEPS, WARM_STEPS + 1);
    void *volatile p = malloc(1);
    steps(&r, WARM_STEPS + 1, WARM_STEPS + 2);
    assert_int_equal(counted(), 1);
    free(p);
    run_close(&r);
}

static void *volatile kept; /* what is used by nobody, the compiler may leave out */

static void by_malloc(void) { kept = malloc(1); }
static void by_calloc(void) { kept = calloc(1, 1); }
static void by_realloc(void) { kept = realloc(NULL, 1); }
static void by_aligned_alloc(void) { kept = aligned_alloc(64, 64); }
static void by_posix_memalign(void)
{
    void *p = NULL;
    kept = posix_memalign(&p, 64, 64) ? NULL : p;
}
static void by_library(void) { kept = strdup("a"); }

static void by_plugin_api(void)
{
    rn_pixels p = {0};
    rn_error err;
    kept = rn_pixels_alloc(&p, 1, 1, &err) ? p.rgb : NULL;
}

static void *on_thread(void *context)
{
    (void)context;
    by_malloc();
    return NULL;
}

static void every_way_to_allocate_is_counted(void **state)
{
    static void (*const ways[])(void) = {by_malloc, by_calloc, by_realloc, by_aligned_alloc, by_posix_memalign, by_library,
                                         by_plugin_api};
    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        count_from_now();
        ways[i]();
        assert_int_equal(counted(), 1);
        assert_non_null(kept);
        free(kept);
    }
    count_from_now();
    void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_int_equal(counted(), 1);
    assert_ptr_not_equal(page, MAP_FAILED);
    munmap(page, 4096);

    pthread_t thread;
    count_from_now(); /* the thread's stack may count as well */
    assert_int_equal(pthread_create(&thread, NULL, on_thread, NULL), 0);
    pthread_join(thread, NULL);
    assert_true(counted() >= 1);
    free(kept);
}

int main(void)
{
    if (SANITIZERS[0]) {
        fputs("skipped: built with a sanitizer, whose allocator stands in place of the counted one\n", stderr);
        return TEST_SKIPPED;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_to_allocate_is_counted),
        cmocka_unit_test(an_allocation_between_steps_is_counted),
        cmocka_unit_test(training_steps_allocate_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
