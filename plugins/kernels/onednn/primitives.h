#ifndef KERNELS_ONEDNN_PRIMITIVES_H
#define KERNELS_ONEDNN_PRIMITIVES_H
/* oneDNN's side of a plan: a few primitives, made once, and what runs them.
 *
 * A primitive may run in many threads at once, but its arguments are memory objects that each call points somewhere
 * else. So a plan has a slot of such objects for each thread: run() takes a free one, works through its units and gives
 * it back. The library keeps to one thread inside a call (see dnn_one_thread), and units are cut by shapes alone, so any
 * number of threads gives the same bytes. */
#include "library.h"

#include <runner/kernel.h>
#include <runner/ops.h>

enum {
    DNN_MAIN, /* for whole units */
    DNN_TAIL, /* for the last, shorter one */
    DNN_TURN, /* a reorder between the library's layout of a weight and ours */
    DNN_PRIMITIVES
};
enum { DNN_ARGUMENTS = 4 };

typedef struct dnn_plan dnn_plan;
typedef struct dnn_slot dnn_slot;

/* NULL where there is no memory. */
dnn_plan *dnn_open(int threads);
void dnn_close(dnn_plan *d);
void dnn_forget(rn_work *work); /* rn_kernel.forget where work->state is a dnn_plan */

/* Makes primitive `which` from the library's description of an operation. `forward`: that of the forward operation,
 * where it is a gradient's, else NULL. arguments: n names (DNNL_ARG_…), in the order that dnn_execute takes memory in.
 * Returns why not, or NULL. */
const char *dnn_make(dnn_plan *d, int which, const_dnnl_op_desc_t description, const_dnnl_op_desc_t forward, int n,
                     const int *arguments);
const char *dnn_make_reorder(dnn_plan *d, int which, const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *to);
/* The layout that argument number i of a primitive has. */
const dnnl_memory_desc_t *dnn_layout(const dnn_plan *d, int which, int i);
/* Bytes of thread scratch that the largest of them wants. */
size_t dnn_scratch_bytes(const dnn_plan *d);

/* A slot for the calling thread alone, until it is given back. There are as many as the plan was told of threads, so
 * one is free. */
dnn_slot *dnn_take(dnn_plan *d);
void dnn_give(dnn_slot *s);
/* Inside between the two. memory: in the order of `arguments`. */
void dnn_execute(const dnn_plan *d, dnn_slot *s, int which, const void *const *memory, void *thread_scratch);

/* --- layouts ---------------------------------------------------------------------------------------- */

/* The library's word for a type; dnnl_data_type_undef where these kernels do not know it. */
dnnl_data_type_t dnn_type(rn_type type);
/* Why not: types, or no library. NULL: go on. To be asked before anything else here. All is float32, or the operands of
 * products (in[0], and in[1] unless it is a weight) are bfloat16 and the result is either. */
const char *dnn_refusal(const rn_call *c, bool weighted);

/* Strides in elements, axis by axis. */
dnnl_memory_desc_t dnn_strided(rn_type type, int axes, const dnnl_dims_t dims, const dnnl_dims_t strides);
/* [rows, columns], rows `pitch` apart; `turned`: stored as [columns, rows]. */
dnnl_memory_desc_t dnn_matrix(rn_type type, int64_t rows, int64_t columns, int64_t pitch, bool turned);
/* The same axes in whichever layout the library likes best, in that type. */
dnnl_memory_desc_t dnn_any(const dnnl_memory_desc_t *like, rn_type type);

/* The descriptors at the end of a file: one for float32, one for bfloat16 operands. */
#define DNN_KERNELS(op_, doc_, ...)                                                                                    \
    const rn_kernel onednn_##op_ = {.bytes = sizeof(rn_kernel), .name = "onednn", .doc = doc_, .op = #op_,             \
                                    .device = "cpu", .rank = 15, .type = RN_F32, __VA_ARGS__};                         \
    const rn_kernel onednn_##op_##_bf16 = {.bytes = sizeof(rn_kernel), .name = "onednn", .doc = doc_, .op = #op_,      \
                                           .device = "cpu", .rank = 15, .type = RN_BF16, __VA_ARGS__}

static inline int64_t dnn_least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t dnn_most(int64_t a, int64_t b) { return a > b ? a : b; }
/* Rows of a unit, of `total` rows: enough units for many cores where the rows suffice. */
int64_t dnn_block(int64_t total);

#endif
