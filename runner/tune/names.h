#ifndef RN_TUNE_NAMES_H
#define RN_TUNE_NAMES_H
/* Calls and kernels as text: how choices are kept in files and compared. */
#include "base/arena.h"
#include "graph/step_node.h"

enum { RN_CALL_TEXT = 2048, RN_KERNEL_TEXT = 192 };

/* All that decides how fast a kernel runs a node: "2 cpu conv2d stride=1 … | f32[16,64,64,64] *f32[3,3,64,64] - -> f32[…]".
 * First the threads and the device; a channel range has its pitch behind a slash; before a parameter stands "*" where its packed
 * copy is made for every run, "=" where it stays; "-" is absent.
 * False: it does not fit. */
bool rn_call_name(const step_node *s, const char *device, int threads, char text[RN_CALL_TEXT]);

/* "native/float32/avx2+avx512", and "/widened" where the node is bfloat16 and the kernel is not. Tells all kernels of an
 * op apart. */
const char *rn_kernel_name(const rn_kernel *k, bool widened, char text[RN_KERNEL_TEXT]);

/* The plan of some programs: a line "choice 0 KERNEL | CALL" for each call that differs, sorted.
 * Equal texts: the same kernels, hence the same bytes on the same kind of machine. NULL: no memory. */
char *rn_plan_text(rn_arena *a, const rn_program *const *programs, int n);

#endif
