#ifndef TESTS_SUPPORT_SCRATCH_H
#define TESTS_SUPPORT_SCRATCH_H
/* Scratch folders, and programs run as a user would run them. Failures fail the test. */
#include "test.h"

/* A new empty folder below the build tree, gone when the program ends (malloc, the caller's). */
char *scratch_folder(void);

/* "<folder>/<name>" (malloc, the caller's). */
char *scratch_path(const char *folder, const char *name);

void scratch_write(const char *path, const void *data, size_t bytes);
/* The whole file and a NUL (malloc, the caller's). */
uint8_t *scratch_read(const char *path, size_t *bytes);

/* Runs a shell command; its exit status. What it writes to stdout and stderr goes to *text (malloc, the
 * caller's), where that is wanted. */
int scratch_run(char **text, const char *format, ...) RN_PRINTF(2, 3);

/* The number behind the first "name": in a JSON text; its absence fails the test. */
double scratch_number(const char *json, const char *name);

#endif
