#ifndef KERNELS_ONEDNN_PARTS_H
#define KERNELS_ONEDNN_PARTS_H
/* dw = Σ over rows or images of in[0] = x and in[1] = dy, in a fixed number of parts, each with a result of its own in
 * shared scratch: phase 0 makes the parts, then they are added up in their order, then what came in the library's
 * layout is brought into ours. Phases that have nothing to do are left out. */
#include "primitives.h"

typedef struct dnn_parts {
    int64_t total, part;     /* rows or images: all, and of a part (the last may be shorter) */
    int64_t x_step, dy_step; /* bytes from one to the next */
    dnnl_memory_desc_t dw;   /* as it lies in our memory: dense */
    /* Makes primitive `which` for `count` rows or images and that layout of dw: its arguments x, dy, dw. */
    const char *(*make)(const rn_call *c, dnn_plan *d, int which, int64_t count, const dnnl_memory_desc_t *dw);
} dnn_parts;

/* Rows or images of a part, where each has `rows` rows and a result `elements`. */
int64_t dnn_part(int64_t total, int64_t rows, int64_t elements);

const char *dnn_parts_plan(const rn_call *c, const dnn_parts *g, int threads, rn_work *work);
void dnn_parts_run(const dnn_parts *g, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end);

#endif
