#include "store/process.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* When the process of that number started; 0 where there is none, or where it has ended and waits for its parent. */
static int64_t start_of(int64_t pid)
{
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%" PRId64 "/stat", pid);
    FILE *f = fopen(path, "r");
    if (!f)
        return 0;
    const size_t n = fread(line, 1, sizeof line - 1, f);
    fclose(f);
    line[n] = '\0';
    /* "pid (name) state …": the name may hold anything, so from the last ')' on; start is field 22 */
    const char *at = strrchr(line, ')');
    char state = 0;
    long long start = 0;
    if (!at || sscanf(at + 1, " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lld",
                      &state, &start) != 2)
        return 0;
    return state == 'Z' || state == 'X' ? 0 : start;
}

void rn_process_self(rn_process *p)
{
    memset(p, 0, sizeof *p);
    if (gethostname(p->host, sizeof p->host - 1) != 0)
        snprintf(p->host, sizeof p->host, "unknown");
    FILE *f = fopen("/proc/sys/kernel/random/boot_id", "r");
    if (f) {
        if (!fgets(p->boot_id, sizeof p->boot_id, f))
            p->boot_id[0] = '\0';
        p->boot_id[strcspn(p->boot_id, "\n")] = '\0';
        fclose(f);
    }
    struct stat st;
    if (stat("/proc/self/ns/pid", &st) == 0)
        p->pid_space = (int64_t)st.st_ino;
    p->pid = getpid();
    p->start = start_of(p->pid);
}

rn_fate rn_process_fate(const rn_process *p, const rn_process *self)
{
    if (strcmp(p->host, self->host) != 0)
        return RN_OUT_OF_SIGHT;
    if (strcmp(p->boot_id, self->boot_id) != 0)
        return RN_GONE; /* this machine has started anew since */
    if (p->pid_space != self->pid_space)
        return RN_OUT_OF_SIGHT;
    if (kill((pid_t)p->pid, 0) != 0 && errno == ESRCH)
        return RN_GONE;
    if (self->start == 0)
        return RN_ALIVE; /* no /proc here: the number has to do */
    return start_of(p->pid) == p->start ? RN_ALIVE : RN_GONE;
}

int64_t rn_time_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
