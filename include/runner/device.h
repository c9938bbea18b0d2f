#ifndef RUNNER_DEVICE_H
#define RUNNER_DEVICE_H
/* A device: where memory lives. Data enter and leave by copies, which for the CPU are memcpy.
 * Thread safety: one thread per device. */
#include <runner/param.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rn_device {
    RN_COMPONENT_HEAD;
    /* Zeroed memory, aligned to at least 64 bytes; NULL where there is none. */
    void *(*alloc)(size_t bytes);
    void (*release)(void *memory, size_t bytes); /* bytes: what alloc() was asked for; memory may be NULL */
    void (*upload)(void *device_memory, const void *host_memory, size_t bytes);
    void (*download)(void *host_memory, const void *device_memory, size_t bytes);
} rn_device;

#ifdef __cplusplus
}
#endif
#endif
