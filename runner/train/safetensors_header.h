#ifndef RN_TRAIN_SAFETENSORS_HEADER_H
#define RN_TRAIN_SAFETENSORS_HEADER_H
/* The header of a safetensors file: the JSON text between the length and the data. Private to
 * train/safetensors*.c. */
#include "train/safetensors.h"

enum { RN_SAFETENSORS_HEADER_LIMIT = 100000000 }; /* bytes; the format's own */

typedef struct rn_safetensors_header {
    rn_file_tensor *tensor; /* [n], in the order of their names */
    int64_t n;
    const char *const *metadata; /* [2·n_metadata]: key, value, in the order of the keys */
    int64_t n_metadata;
} rn_safetensors_header;

/* An element type: its word in files and its size; RN_DTYPE_OTHER for those that we skip. */
typedef struct rn_dtype_facts {
    const char *word;
    int bits;
    rn_dtype dtype;
} rn_dtype_facts;
const rn_dtype_facts *rn_dtype_of(rn_dtype dtype); /* NULL for RN_DTYPE_OTHER */

/* Reads a header whose tensors lie in data[0 … data_bytes). Nothing is sized by a number in the file.
 * Errors: RN_EFORMAT with the file's name and the reason; RN_EMEMORY. */
RN_NODISCARD bool rn_safetensors_header_read(rn_arena *a, const char *path, const char *json, size_t json_bytes,
                                             const uint8_t *data, size_t data_bytes,
                                             rn_safetensors_header *header, rn_error *err);

#endif
