/* dwt and idwt: one level of a separable wavelet transform of maps, and its inverse; with each the transposed map, which
 * is the gradient. Along an axis of 2m numbers x:
 *
 *     haar       low[i] = (x[2i] + x[2i+1])/√2,  high[i] = (x[2i] − x[2i+1])/√2       orthonormal: idwt is dwt_dx
 *     legall53   high[i] = x[2i+1] − ½(x[2i] + x[2i+2]),  low[i] = x[2i] + ¼(high[i−1] + high[i])
 *
 * mirrored at the ends without repeating the edge. legall53 is the 5/3 filter of JPEG 2000 (Le Gall, Tabatabai 1988; as
 * lifting Sweldens 1996): not orthonormal. Along an axis white noise of variance 1 becomes low of 46/64 = 0.719 and high of
 * 1.5, so in two dimensions its standard deviation is 0.719 in ll, 1.04 in lh and hl, 1.5 in hh. Bands are named by letters, the horizontal filter first, and lie one
 * after the other along the channels: ll, lh, hl, hh, of C channels each. */
#include "rules.h"

static const char *const wavelets[] = {"haar", "legall53", NULL};

static const rn_param params[] = {
    RN_CHOICE(rn_dwt_attr, wavelet, wavelets, "legall53", "the pair of filters"),
    RN_PARAMS_END,
};

static int64_t wavelet_of(const rn_call *c) { return ((const rn_dwt_attr *)c->attr)->wavelet; }

static bool known(const rn_call *c, rn_error *err)
{
    const int64_t w = wavelet_of(c);
    return w == RN_HAAR || w == RN_LEGALL53 || rn_fail(err, RN_ERANGE, "wavelet %" PRId64 " is none of those known", w);
}

/* [B, H, W, C] → [B, H/2, W/2, 4·C] */
static bool to_bands(const rn_call *c, rn_shape *y, rn_error *err)
{
    const rn_shape x = c->in[0];
    if (!known(c, err))
        return false;
    if (x.dim[1] % 2 || x.dim[2] % 2)
        return rn_fail(err, RN_ESHAPE, "a map of %" PRId64 "×%" PRId64 " pixels has no halves; both sides must be even",
                       x.dim[1], x.dim[2]);
    y[0] = (rn_shape){.rank = 4, .type = x.type, .dim = {x.dim[0], x.dim[1] / 2, x.dim[2] / 2, 4 * x.dim[3]}};
    return true;
}

/* [B, H/2, W/2, 4·C] → [B, H, W, C] */
static bool to_pixels(const rn_call *c, rn_shape *y, rn_error *err)
{
    const rn_shape x = c->in[0];
    if (!known(c, err))
        return false;
    if (x.dim[3] % 4)
        return rn_fail(err, RN_ESHAPE, "%" PRId64 " channels are not four bands of equal width", x.dim[3]);
    y[0] = (rn_shape){.rank = 4, .type = x.type, .dim = {x.dim[0], 2 * x.dim[1], 2 * x.dim[2], x.dim[3] / 4}};
    return true;
}

static rn_tensor apply(rn_graph *g, const char *op, const rn_call *c, rn_tensor x)
{
    return rn_apply1(g, op, c->attr, sizeof(rn_dwt_attr), &x, 1);
}
static void dwt_gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx) { dx[0] = apply(g, "dwt_dx", c, dy[0]); }
static void dwt_dx_gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx) { dx[0] = apply(g, "dwt", c, dy[0]); }
static void idwt_gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx) { dx[0] = apply(g, "idwt_dx", c, dy[0]); }
static void idwt_dx_gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx) { dx[0] = apply(g, "idwt", c, dy[0]); }

/* Along each of two axes: by lifting half of the elements take three operations, the others as many; of haar each takes
 * a sum and a product. */
static rn_cost cost(const rn_call *c) { return cost_per_element(c, wavelet_of(c) == RN_HAAR ? 4 : 6); }

/* Both wavelets in turn; sides of two pixels, where low and high are mirrored onto themselves, and more. */
static void bands_example(rn_example *e, rn_stream r, int number)
{
    *(rn_dwt_attr *)e->attr = (rn_dwt_attr){number % 2};
    e->in[0] = shape4(draw(r, 0, 1, 2), draw(r, 1, 1, 4), number % 5 == 4 ? 1 : draw(r, 2, 1, 4), 4 * draw(r, 3, 1, 3));
}
static void pixels_example(rn_example *e, rn_stream r, int number)
{
    bands_example(e, r, number);
    const rn_shape s = e->in[0];
    e->in[0] = shape4(s.dim[0], 2 * s.dim[1], 2 * s.dim[2], s.dim[3] / 4);
}

#define WAVELET(name_, doc_, shape_, example_)                                                                         \
    const rn_op op_##name_ = {                                                                                         \
        .bytes = sizeof(rn_op), .name = #name_, .doc = doc_, .params = params, .params_bytes = sizeof(rn_dwt_attr),    \
        .inputs = {{"x", .rank = 4}}, .n_out = 1, .traits = RN_LINEAR,                                                 \
        .shape = shape_, .gradient = name_##_gradient, .cost = cost, .example = example_,                              \
    }

WAVELET(dwt, "one level of a wavelet transform: a map becomes four bands", to_bands, pixels_example);
WAVELET(dwt_dx, "the gradient of dwt", to_pixels, bands_example);
WAVELET(idwt, "the inverse of dwt: four bands become a map", to_pixels, bands_example);
WAVELET(idwt_dx, "the gradient of idwt", to_bands, pixels_example);
