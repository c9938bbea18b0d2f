/* cpu: host memory. Large blocks (the arena of a program, a parameter set) are mapped on their own, aligned to
 * huge pages and advised as such: a step walks through all of its arena, and 4 KiB pages cost a TLB miss
 * every other row of a matrix. The system hands out such pages zeroed. */
#include <runner/device.h>

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGN = 64, HUGE_PAGE = 2 << 20 };

static size_t rounded(size_t bytes, size_t to)
{
    return (bytes + to - 1) / to * to;
}

/* Maps one huge page more than asked for and gives back what lies before and behind the aligned part. */
static void *map(size_t bytes)
{
    const size_t used = rounded(bytes, HUGE_PAGE), all = used + HUGE_PAGE;
    char *p = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    const size_t before = rounded((uintptr_t)p, HUGE_PAGE) - (uintptr_t)p;
    if (before > 0)
        munmap(p, before);
    munmap(p + before + used, all - before - used);
    madvise(p + before, used, MADV_HUGEPAGE); /* advice: kernels without huge pages refuse it, and all is well */
    return p + before;
}

static void *alloc(size_t bytes)
{
    if (bytes > SIZE_MAX / 2)
        return NULL;
    if (bytes >= HUGE_PAGE)
        return map(bytes);
    const size_t size = rounded(bytes ? bytes : 1, ALIGN);
    void *p = aligned_alloc(ALIGN, size);
    return p ? memset(p, 0, size) : NULL;
}

static void release(void *memory, size_t bytes)
{
    if (memory && bytes >= HUGE_PAGE)
        munmap(memory, rounded(bytes, HUGE_PAGE));
    else
        free(memory);
}

static void copy(void *to, const void *from, size_t bytes)
{
    if (bytes > 0)
        memcpy(to, from, bytes);
}

extern const rn_device device_cpu;
const rn_device device_cpu = {
    .bytes = sizeof(rn_device), .name = "cpu", .doc = "host memory, large blocks on huge pages", .is_default = true,
    .alloc = alloc, .release = release, .upload = copy, .download = copy,
};
