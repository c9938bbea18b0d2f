#ifndef RUNNER_SHAPE_H
#define RUNNER_SHAPE_H
/* Shapes and element types of tensors. Tensors are channels-last: maps [batch, height, width, channels],
 * tokens [batch, tokens, channels].
 * Thread safety: all functions are pure. */
#include <runner/error.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum rn_type { RN_NO_TYPE = 0, RN_F32, RN_F64, RN_BF16, RN_I32 } rn_type;

enum { RN_MAX_RANK = 6, RN_MAX_IN = 8, RN_MAX_OUT = 8 };

/* rank 0 and RN_NO_TYPE: absent (an optional input that was not given). A scalar is [1]. */
typedef struct rn_shape {
    int rank;
    rn_type type;
    int64_t dim[RN_MAX_RANK];
    int64_t pitch; /* elements from one run of channels (last axis) to the next; 0: as many as there are
                      channels. Larger where the tensor is a channel range of another. */
} rn_shape;

/* Of one element; RN_NO_TYPE: 0. */
static inline size_t rn_type_bytes(rn_type type)
{
    return type == RN_F64 ? 8 : type == RN_BF16 ? 2 : type == RN_NO_TYPE ? 0 : 4;
}

RN_API const char *rn_type_name(rn_type type); /* "float32", "int32" … */

/* Number of elements. Shapes are checked against overflow when a node is made. */
static inline int64_t rn_count(rn_shape s)
{
    int64_t n = s.rank > 0;
    for (int i = 0; i < s.rank; i++)
        n *= s.dim[i];
    return n;
}

/* Channels: the length of the last axis; 0 for an absent tensor. */
static inline int64_t rn_last(rn_shape s) { return s.rank ? s.dim[s.rank - 1] : 0; }

/* Elements from one run of channels to the next. */
static inline int64_t rn_pitch(rn_shape s) { return s.pitch ? s.pitch : rn_last(s); }

static inline bool rn_dense(rn_shape s) { return !s.pitch || s.pitch == rn_last(s); }

/* Runs of channels: the product of all axes but the last. */
static inline int64_t rn_rows(rn_shape s)
{
    int64_t n = s.rank > 0;
    for (int i = 0; i + 1 < s.rank; i++)
        n *= s.dim[i];
    return n;
}

/* Bytes that hold the elements (of a channel range: its own elements alone). */
static inline int64_t rn_bytes(rn_shape s) { return rn_count(s) * (int64_t)rn_type_bytes(s.type); }

/* Equal axes; types and pitches may differ. */
static inline bool rn_same_dims(rn_shape a, rn_shape b)
{
    if (a.rank != b.rank)
        return false;
    for (int i = 0; i < a.rank; i++)
        if (a.dim[i] != b.dim[i])
            return false;
    return true;
}

/* "2×8×8×64" into text; returns text. */
enum { RN_SHAPE_TEXT = 160 };
RN_API const char *rn_shape_text(rn_shape s, char text[RN_SHAPE_TEXT]);

#ifdef __cplusplus
}
#endif
#endif
