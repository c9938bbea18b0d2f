/* dwt: a stem without parameters. One or more levels of a wavelet transform; all bands end on the map of the last level
 * (bands of earlier levels by space_to_depth), so a map of C channels becomes one of C·4^levels, without loss; the way
 * back is the inverse. Two levels of legall53 make 128×128×48 of 512×512×3. Source: Hoogeboom, Heek, Salimans 2023
 * (arXiv:2301.11093), section 3.2 and figure 7. */
#include <runner/layer.h>
#include "layers/layers.h"

typedef struct dwt {
    int64_t wavelet, levels;
} dwt;

static const char *const wavelets[] = {"haar", "legall53", NULL};

/* clang-format off */
static const rn_param params[] = {
    RN_CHOICE(dwt, wavelet, wavelets, "legall53", "haar (orthonormal), or the 5/3 filter of JPEG 2000 by lifting (white noise of deviation 1 has 0.72 in ll, 1.5 in hh)"),
    RN_INT   (dwt, levels, "level", "1", 1, 6, "how often the map is halved; 2^levels divides height and width"),
    RN_PARAMS_END,
};
/* clang-format on */

static int64_t side_of(const dwt *p, int64_t level) { return (int64_t)1 << (p->levels - level); } /* of the squares of a level's bands */

/* [B, H, W, C] → [B, H/2^L, W/2^L, C·4^L]: ll, lh, hl, hh of level L; then lh, hl, hh of level L − 1 in squares of 2×2, of
 * level L − 2 in squares of 4×4, … */
static rn_tensor build(rn_graph *g, const void *params_, const rn_layer_in *in)
{
    const dwt *p = params_;
    const rn_shape s = rn_shape_of(g, in->x);
    const int64_t multiple = side_of(p, 0), c = rn_last(s);
    rn_tensor x = in->x, packed = 0;
    if (s.rank == 4 && (s.dim[1] % multiple || s.dim[2] % multiple))
        rn_graph_fail(g, RN_ESHAPE, "levels: %" PRId64 " halvings of an image of %" PRId64 "×%" PRId64 " pixels; both sides "
                      "must be multiples of %" PRId64, p->levels, s.dim[1], s.dim[2], multiple);
    for (int64_t level = 1; level <= p->levels; level++) {
        const rn_tensor bands = rn_op_dwt(g, x, p->wavelet);
        if (level == p->levels) {
            const rn_tensor parts[] = {bands, packed};
            return packed ? rn_op_concat(g, parts, 2) : bands;
        }
        const rn_tensor fine = rn_op_space_to_depth(g, rn_channel_range(g, bands, c, 4 * c), side_of(p, level));
        const rn_tensor parts[] = {fine, packed};
        packed = packed ? rn_op_concat(g, parts, 2) : fine;
        x = rn_channel_range(g, bands, 0, c);
    }
    return x;
}

static rn_tensor inverse(rn_graph *g, const void *params_, rn_tensor x, int64_t channels)
{
    const dwt *p = params_;
    int64_t at = 4 * channels;
    rn_tensor map = rn_op_idwt(g, rn_channel_range(g, x, 0, at), p->wavelet);
    for (int64_t level = p->levels - 1; level >= 1; level--) {
        const int64_t side = side_of(p, level), width = 3 * channels * side * side;
        const rn_tensor fine = rn_op_depth_to_space(g, rn_channel_range(g, x, at, at + width), side);
        const rn_tensor bands[] = {map, fine};
        map = rn_op_idwt(g, rn_op_concat(g, bands, 2), p->wavelet);
        at += width;
    }
    return map;
}

static int64_t width(const void *params_, int64_t in)
{
    const int64_t side = side_of(params_, 0);
    return in * side * side;
}

const rn_layer layer_dwt = {
    .bytes = sizeof(rn_layer), .name = "dwt", .doc = "levels of a wavelet transform; a stem",
    .params = params, .params_bytes = sizeof(dwt), .build = build, .inverse = inverse, .channels = width,
};
