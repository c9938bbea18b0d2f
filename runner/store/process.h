#ifndef RN_STORE_PROCESS_H
#define RN_STORE_PROCESS_H
/* Which process is at a run, and whether it still lives. A number alone does not name one: numbers come again
 * after a restart, and mean something else in every container.
 * Thread safety: all functions are pure but for what they read from the system. */
#include <stdint.h>

typedef struct rn_process {
    char host[256];
    char boot_id[64];  /* of the kernel; changes when the machine starts */
    int64_t pid_space; /* inode of the namespace that numbers it */
    int64_t pid;
    int64_t start;     /* clock ticks after boot */
} rn_process;

typedef enum rn_fate {
    RN_ALIVE,
    RN_GONE,
    RN_OUT_OF_SIGHT /* another machine or container: only its lease tells */
} rn_fate;

void rn_process_self(rn_process *p);
rn_fate rn_process_fate(const rn_process *p, const rn_process *self);

/* Milliseconds since 1970, UTC. */
int64_t rn_time_ms(void);

#endif
