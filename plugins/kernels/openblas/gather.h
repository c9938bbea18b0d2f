#ifndef PLUGINS_KERNELS_OPENBLAS_GATHER_H
#define PLUGINS_KERNELS_OPENBLAS_GATHER_H
/* Windows of a map as rows of a panel, and back: what makes a convolution one product. */
#include "blas.h"

/* Windows of kh × kw pixels over maps [batch, height, width, channels] whose pixels lie `pitch` elements apart;
 * window (i, j) of out_h × out_w begins at pixel (i·stride − pad_h, j·stride − pad_w), which may lie outside. */
typedef struct windows {
    rn_type type;
    int64_t batch, height, width, channels, pitch;
    int64_t kh, kw, stride, pad_h, pad_w, out_h, out_w;
} windows;

static inline int64_t windows_count(const windows *g) { return g->batch * g->out_h * g->out_w; }
static inline int64_t windows_row(const windows *g) { return g->kh * g->kw * g->channels; }

/* Is the map itself the panel (with rows `pitch` apart)? */
static inline bool windows_are_pixels(const windows *g)
{
    return g->kh == 1 && g->kw == 1 && g->stride == 1 && g->pad_h == 0 && g->pad_w == 0;
}

/* Bytes of a row of the panel; 0 where none is made. */
static inline int64_t windows_bytes(const windows *g)
{
    return windows_are_pixels(g) ? 0 : windows_row(g) * (int64_t)rn_type_bytes(g->type);
}

/* panel [end − begin, kh·kw·channels]: windows begin … end − 1, counted over all maps, zero outside of a map. */
void windows_gather(const windows *g, const void *map, void *panel, int64_t begin, int64_t end);

/* Adds the rows of such a panel to the pixels that they came from. */
void windows_scatter(const windows *g, const void *panel, void *map, int64_t begin, int64_t end);

#endif
