/* The machine that we are on, as far as the system tells. */
#include "store/store.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* "model name : …" of the first processor; NULL where /proc does not say (64-bit Arm). */
static const char *cpu_name(rn_arena *arena)
{
    FILE *f = fopen("/proc/cpuinfo", "r");
    char line[512];
    const char *name = NULL;
    while (f && !name && fgets(line, sizeof line, f)) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !colon)
            continue;
        colon += strspn(colon, ": \t");
        name = rn_arena_text_n(arena, colon, strcspn(colon, "\n"));
    }
    if (f)
        fclose(f);
    return name;
}

void rn_machine_here(rn_arena *arena, rn_row_machine *m)
{
    struct utsname u;
    memset(m, 0, sizeof *m);
    if (uname(&u) == 0) {
        m->host = rn_arena_text(arena, u.nodename);
        m->os = rn_arena_print(arena, "%s %s %s", u.sysname, u.release, u.machine);
    }
    m->cpu = cpu_name(arena);
    m->compiler =
#if defined(__clang__)
        "clang " __clang_version__;
#else
        "gcc " __VERSION__;
#endif
    const long cpus = sysconf(_SC_NPROCESSORS_ONLN), pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    m->cpus = cpus > 0 ? cpus : 0;
    m->memory_bytes = pages > 0 && page > 0 ? (int64_t)pages * page : 0;
}
