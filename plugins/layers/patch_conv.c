/* patch_conv: a stem with parameters. A convolution over squares of pixels that do not overlap, and as the way back the
 * transposed convolution of the same shape. With fewer channels than a square has numbers it is a bottleneck. Sources:
 * Hoogeboom, Heek, Salimans 2023 (arXiv:2301.11093), section 3.2; Li, He 2025 (arXiv:2511.13720) for the bottleneck. */
#include <runner/layer.h>
#include "layers/layers.h"

typedef struct patch_conv {
    int64_t factor, channels;
} patch_conv;

/* clang-format off */
static const rn_param params[] = {
    RN_INT        (patch_conv, factor,   "pixel",   "2",    1, 64,    "side of the squares: kernel and stride; divides height and width"),
    RN_INT_OR_NONE(patch_conv, channels, "channel", "none", 1, 65536, "width behind the convolution; none: as many as a square has numbers"),
    RN_PARAMS_END,
};
/* clang-format on */

static int64_t width(const void *params_, int64_t in)
{
    const patch_conv *p = params_;
    return p->channels ? p->channels : in * p->factor * p->factor;
}

/* "<scope>.weight" [factor, factor, in, out] and "<scope>.bias"; in a file [out, in, factor, factor]. */
typedef struct weights { rn_tensor weight, bias; } weights;
static weights make(rn_graph *g, const char *scope, int64_t factor, int64_t in, int64_t out, int64_t fan_in, int64_t biases)
{
    const rn_shape ws = {4, rn_graph_type(g), {factor, factor, in, out}, 0}, bs = {1, rn_graph_type(g), {biases}, 0};
    const rn_parameter_options wo = {RN_INIT_UNIFORM, fan_in, RN_LAYOUT_HWIO}, bo = {RN_INIT_ZERO, 0, RN_LAYOUT_FILE};
    rn_scope(g, "%s", scope);
    const weights w = {rn_graph_parameter(g, "weight", ws, wo), rn_graph_parameter(g, "bias", bs, bo)};
    rn_scope_end(g);
    return w;
}

/* [B, H, W, C] → [B, H/factor, W/factor, channels] */
static rn_tensor build(rn_graph *g, const void *params_, const rn_layer_in *in)
{
    const int64_t f = ((const patch_conv *)params_)->factor, c = rn_channels(g, in->x), out = width(params_, c);
    const rn_shape s = rn_shape_of(g, in->x);
    if (s.rank == 4 && (s.dim[1] % f || s.dim[2] % f))
        rn_graph_fail(g, RN_ESHAPE, "factor: %" PRId64 " does not divide an image of %" PRId64 "×%" PRId64
                      " pixels; both sides must be multiples of it", f, s.dim[1], s.dim[2]);
    const weights w = make(g, "conv", f, c, out, c * f * f, out);
    return rn_op_conv2d(g, in->x, w.weight, w.bias, (rn_conv2d_attr){.stride = f, .groups = 1});
}

/* The transposed convolution is the gradient of the convolution, plus a bias; each pixel comes from one place.
 * [B, H/factor, W/factor, C'] → [B, H, W, channels] */
static rn_tensor inverse(rn_graph *g, const void *params_, rn_tensor x, int64_t channels)
{
    const int64_t f = ((const patch_conv *)params_)->factor, c = rn_channels(g, x);
    const rn_shape s = rn_shape_of(g, x);
    const weights w = make(g, "back", f, channels, c, c, channels);
    const rn_conv2d_dx_attr attr = {{.stride = f, .groups = 1}, s.dim[1] * f, s.dim[2] * f};
    return rn_op_add(g, rn_op_conv2d_dx(g, x, w.weight, attr), w.bias);
}

const rn_layer layer_patch_conv = {
    .bytes = sizeof(rn_layer), .name = "patch_conv", .doc = "a convolution over squares of pixels, transposed on the way back; a stem",
    .params = params, .params_bytes = sizeof(patch_conv), .build = build, .inverse = inverse, .channels = width,
};
