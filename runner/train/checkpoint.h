#ifndef RN_TRAIN_CHECKPOINT_H
#define RN_TRAIN_CHECKPOINT_H
/* Weights in files: every parameter under its name, in the order of files ([out, in, kh, kw]), float32.
 * Thread safety: one thread. */
#include "graph/graph_internal.h"

/* values: the flat array of float32. Errors: RN_EIO, RN_EMEMORY. */
RN_NODISCARD bool rn_checkpoint_write(const char *path, const rn_parameters *p, const float *values, rn_error *err);

/* Every parameter has to be there, in its shape, and nothing else may be. On failure values are untouched.
 * Errors: RN_EIO, RN_EFORMAT with the name of the tensor. */
RN_NODISCARD bool rn_checkpoint_read(const char *path, const rn_parameters *p, float *values, rn_error *err);

#endif
