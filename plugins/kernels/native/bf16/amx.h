#ifndef KERNELS_NATIVE_BF16_AMX_H
#define KERNELS_NATIVE_BF16_AMX_H
/* What amx.c has beside strip.h. */
#include "strip.h"

/* Does a small product give what plain C gives? strips_refusal() asks once for the process, before tiles are used. */
#define strips_agree NATIVE_(strips_agree)
bool strips_agree(void);
#endif
