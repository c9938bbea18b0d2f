#ifndef KERNELS_ONEDNN_CONVOLUTION_H
#define KERNELS_ONEDNN_CONVOLUTION_H
/* A convolution in the library's words, for conv2d and its two gradients: y = w∗x, whichever of the three is wanted. */
#include "primitives.h"

typedef struct convolution {
    rn_conv2d_attr a;
    rn_shape x, w, y;
} convolution;

/* [count, H, W, C] with pixels a pitch apart; the library's axes are image, channel, row, column. */
static inline dnnl_memory_desc_t convolution_map(rn_shape s, int64_t count)
{
    const int64_t pitch = rn_pitch(s);
    return dnn_strided(s.type, 4, (const dnnl_dims_t){count, s.dim[3], s.dim[1], s.dim[2]},
                       (const dnnl_dims_t){s.dim[1] * s.dim[2] * pitch, 1, s.dim[2] * pitch, pitch});
}

/* [kh, kw, C/groups, O]; the library's axes are (group,) output, input, row, column, where output and input count
 * within a group. */
static inline dnnl_memory_desc_t convolution_weight(const convolution *g)
{
    const rn_shape w = g->w;
    const int64_t o = w.dim[3] / g->a.groups, i = w.dim[2], pitch = rn_pitch(w);
    const dnnl_dims_t grouped = {g->a.groups, o, i, w.dim[0], w.dim[1]}, one = {o, i, w.dim[0], w.dim[1]};
    const dnnl_dims_t steps = {o, 1, pitch, w.dim[1] * i * pitch, i * pitch}, steps_of_one = {1, pitch, w.dim[1] * i * pitch, i * pitch};
    return g->a.groups > 1 ? dnn_strided(w.type, 5, grouped, steps) : dnn_strided(w.type, 4, one, steps_of_one);
}

/* The forward operation for `count` images; also what the library wants to see of a gradient's. bias: or NULL. */
static inline bool convolution_forward(const convolution *g, int64_t count, const dnnl_memory_desc_t *w,
                                       const dnnl_memory_desc_t *bias, dnnl_convolution_desc_t *forward)
{
    const dnnl_memory_desc_t x = convolution_map(g->x, count), y = convolution_map(g->y, count);
    const dnnl_dims_t stride = {g->a.stride, g->a.stride}, pad = {g->a.pad_h, g->a.pad_w};
    return dnnl_convolution_forward_desc_init(forward, dnnl_forward_training, dnnl_convolution_direct, &x, w, bias, &y,
                                              stride, pad, pad) == dnnl_success;
}

/* Images of a unit: as many as have the rows that pay (dnn_block). */
static inline int64_t convolution_images(rn_shape map)
{
    const int64_t pixels = map.dim[1] * map.dim[2];
    return dnn_least(map.dim[0], dnn_most(1, dnn_block(map.dim[0] * pixels) / pixels));
}

static inline int64_t convolution_image_bytes(rn_shape map)
{
    return map.dim[1] * map.dim[2] * rn_pitch(map) * (int64_t)rn_type_bytes(map.type);
}

#endif
