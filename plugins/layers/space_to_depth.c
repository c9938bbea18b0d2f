/* space_to_depth: a stem without parameters. Each window of factor × factor pixels becomes one pixel with
 * factor² as many channels, bit for bit; the way back is its inverse. */
#include <runner/layer.h>
#include "layers/layers.h"

typedef struct space_to_depth {
    int64_t factor;
} space_to_depth;

/* clang-format off */
static const rn_param params[] = {
    RN_INT(space_to_depth, factor, "pixel", "2", 1, 64, "side of the window; divides height and width"),
    RN_PARAMS_END,
};
/* clang-format on */

/* [B, H, W, C] → [B, H/factor, W/factor, C·factor²] */
static rn_tensor build(rn_graph *g, const void *params_, const rn_layer_in *in)
{
    const int64_t f = ((const space_to_depth *)params_)->factor;
    const rn_shape s = rn_shape_of(g, in->x);
    if (s.rank == 4 && (s.dim[1] % f || s.dim[2] % f))
        rn_graph_fail(g, RN_ESHAPE, "factor: %" PRId64 " does not divide an image of %" PRId64 "×%" PRId64
                      " pixels; both sides must be multiples of it", f, s.dim[1], s.dim[2]);
    return f == 1 ? in->x : rn_op_space_to_depth(g, in->x, f);
}

/* [B, H/factor, W/factor, channels·factor²] → [B, H, W, channels] */
static rn_tensor inverse(rn_graph *g, const void *params_, rn_tensor x, int64_t channels)
{
    const int64_t f = ((const space_to_depth *)params_)->factor;
    (void)channels;
    return f == 1 ? x : rn_op_depth_to_space(g, x, f);
}

static int64_t width(const void *params_, int64_t in)
{
    const int64_t f = ((const space_to_depth *)params_)->factor;
    return in * f * f;
}

const rn_layer layer_space_to_depth = {
    .bytes = sizeof(rn_layer), .name = "space_to_depth", .doc = "windows of pixels become channels; a stem",
    .params = params, .params_bytes = sizeof(space_to_depth), .build = build, .inverse = inverse, .channels = width,
};
