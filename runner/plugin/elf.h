#ifndef RN_PLUGIN_ELF_H
#define RN_PLUGIN_ELF_H
/* What a shared object exports as rn_plugin_export, read from the bytes of the file: dlopen runs constructors,
 * so a stranger's code is opened only after it is known to fit, and dlopen itself trusts what it reads, so a
 * damaged file would take the program down with it.
 * Thread safety: pure. */
#include <runner/error.h>

/* The first two fields of rn_plugin, which every version of it has. */
typedef struct rn_plugin_head {
    uint32_t abi, bytes;
} rn_plugin_head;

/* Checks that the file is a whole 64-bit shared object for this machine and that all that dlopen follows blindly
 * (segments, dynamic table, symbols, relocations) stays inside it; finds rn_plugin_export. `path` is for
 * messages. Errors: RN_EPLUGIN with file and reason. */
RN_NODISCARD bool rn_elf_plugin_head(const char *path, const uint8_t *file, size_t bytes, rn_plugin_head *head,
                                     rn_error *err);

#endif
