#ifndef RN_SPEC_WRITE_H
#define RN_SPEC_WRITE_H
/* A checked variant back to YAML: a spec of that variant alone, in which every value is written out, so that it says the
 * same under other defaults. Read again, the variant has its name and, where no path is relative, its hash.
 * Thread safety: pure. */
#include "spec/spec.h"

#include <stdio.h>

/* seeds: the one seed that stands in it. Paths are written whole, from the root. Whether the file took it all is for the
 * caller to ask. */
void rn_variant_write(FILE *f, const rn_variant *v, uint32_t seed);

#endif
