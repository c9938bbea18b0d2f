#ifndef KERNELS_ONEDNN_WEIGHTED_H
#define KERNELS_ONEDNN_WEIGHTED_H
/* y = f(x, w, b) for blocks of rows or images of in[0] and out[0], with a weight in[1] in the layout that the library
 * likes best, and in the type of x. A parameter is brought into it when it has changed (rn_kernel.pack); any other weight by
 * phase 0, in shared scratch. */
#include "primitives.h"

typedef struct dnn_weighted {
    int64_t total, block;      /* rows or images: all, and of a unit */
    int64_t in_step, out_step; /* bytes from one to the next */
    dnnl_memory_desc_t w;      /* as it lies in our memory */
    /* Makes primitive `which` for `count` rows or images and that layout of w: its arguments in[0], w, out[0], and the
     * bias where there is one. */
    const char *(*make)(const rn_call *c, dnn_plan *d, int which, int64_t count, const dnnl_memory_desc_t *w);
} dnn_weighted;

const char *dnn_weighted_plan(const rn_call *c, const dnn_weighted *g, int threads, rn_work *work);
void dnn_weighted_pack(const rn_call *c, const rn_work *work, int input, const void *from, void *to);
void dnn_weighted_run(const rn_call *c, const dnn_weighted *g, const rn_work *work, const rn_buffers *m, int phase,
                      int64_t begin, int64_t end);

#endif
