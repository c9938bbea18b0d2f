#ifndef RN_TRAIN_SAFETENSORS_H
#define RN_TRAIN_SAFETENSORS_H
/* Checkpoint files: safetensors, read with every number checked against the file's size before it is used,
 * and written atomically (base/file.h). Files hold no time, host, path or thread count.
 * Source: the format's description in huggingface/safetensors (README, "Format").
 * Thread safety: an open file may be read from several threads. */
#include "base/arena.h"

typedef enum rn_dtype { RN_DTYPE_OTHER = 0, RN_DTYPE_F32, RN_DTYPE_F64, RN_DTYPE_BF16, RN_DTYPE_I32, RN_DTYPE_I64, RN_DTYPE_U8 } rn_dtype;

enum { RN_FILE_TENSOR_RANK = 8 };

typedef struct rn_file_tensor {
    const char *name;
    rn_dtype dtype;
    int rank; /* 0: a scalar */
    int64_t dim[RN_FILE_TENSOR_RANK];
    int64_t count;     /* elements */
    const void *data;  /* little-endian, row-major, inside the mapped file; may be unaligned */
    size_t bytes;
} rn_file_tensor;

typedef struct rn_safetensors rn_safetensors;

/* Errors: RN_EIO, RN_EFORMAT ("model.safetensors: header of 99999 bytes in a file of 812"): always the
 * file's name and the reason. */
RN_NODISCARD bool rn_safetensors_open(const char *path, rn_safetensors **file, rn_error *err);
void rn_safetensors_close(rn_safetensors *file);
int64_t rn_safetensors_count(const rn_safetensors *file);
const rn_file_tensor *rn_safetensors_at(const rn_safetensors *file, int64_t i); /* in the order of their names */
const rn_file_tensor *rn_safetensors_find(const rn_safetensors *file, const char *name); /* NULL: not there */
const char *rn_safetensors_metadata(const rn_safetensors *file, const char *key);        /* NULL: not there */

/* Elements as double or float (F32, F64, BF16, integers). out: count of them. False for other dtypes. */
RN_NODISCARD bool rn_file_tensor_double(const rn_file_tensor *t, double *out);
RN_NODISCARD bool rn_file_tensor_float(const rn_file_tensor *t, float *out);

/* Writes tensors (data in native order of a little-endian machine) and string metadata (key, value, key,
 * value, …, NULL; or NULL). */
RN_NODISCARD bool rn_safetensors_write(const char *path, const rn_file_tensor *tensors, int64_t n,
                                       const char *const *metadata, rn_error *err);

#endif
