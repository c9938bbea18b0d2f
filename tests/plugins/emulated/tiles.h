#ifndef TESTS_PLUGINS_EMULATED_TILES_H
#define TESTS_PLUGINS_EMULATED_TILES_H
/* AMX tiles in C (plugins/kernels/native/bf16/tiles.h), for one thread. What hardware answers with a signal is an assertion
 * here: tiles before they are configured, or left configured by whoever comes next. */
#include <stdbool.h>

/* From now on one product of each tile is left out, as if the processor were broken. */
void emulated_tiles_break(bool broken);
/* Since the program began: products of tiles. */
long emulated_tiles_products(void);
/* Is nothing left configured? */
bool emulated_tiles_released(void);

#endif
