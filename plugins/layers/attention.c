/* attention: self-attention over the pixels of a map, with a skip; what a U-Net puts behind its convolutions at
 * low resolutions. Source: Ho, Jain, Abbeel 2020 (arXiv:2006.11239), appendix B. */
#include <runner/layer.h>
#include "layers/heads.h"
#include "layers/layers.h"

typedef struct attention {
    int64_t heads, positions;
    bool qk_norm;
    double rope_base, norm_eps;
} attention;

/* clang-format off */
static const rn_param params[] = {
    /*         struct     field      unit             default min    max      documentation */
    RN_INT   (attention, heads,     "head",          "4",     1,     65536,   "heads; a divisor of the width of the map"),
    RN_BOOL  (attention, qk_norm,                    "false",                 "queries and keys to mean square 1 in each head, times a learned weight"),
    RN_CHOICE(attention, positions, heads_positions, "none",                  "rope: queries and keys turned by row and column"),
    RN_REAL  (attention, rope_base, NULL,            "100",   1,     1000000, "of rope: the slowest pair of channels turns by about 1/base a pixel"),
    RN_REAL  (attention, norm_eps,  NULL,            "1e-5",  1e-12, 1,       "added to the variances"),
    RN_PARAMS_END,
};
/* clang-format on */

/*  y = x + proj(attention(qkv(norm(x))))     qkv gives q|k|v, each head after head
 *  x [B, H, W, C] → y [B, H, W, C] */
static rn_tensor build(rn_graph *g, const void *params_, const rn_layer_in *in)
{
    const attention *p = params_;
    const rn_shape s = rn_shape_of(g, in->x);
    const int64_t c = rn_last(s);
    if (!heads_fit(g, c, p->heads))
        return 0;
    const heads_options o = {.heads = p->heads, .qk_norm = p->qk_norm, .positions = p->positions, .rope_base = p->rope_base,
                             .norm_eps = p->norm_eps, .height = s.dim[1], .width = s.dim[2]};
    const rn_tensor h = rn_tokens(g, rn_group_norm(g, "norm", in->x, (rn_norm_options){.eps = p->norm_eps}));
    const rn_tensor y = heads_attend(g, rn_linear(g, "qkv", h, (rn_linear_options){.channels = 3 * c}), &o);
    const rn_tensor out = rn_linear(g, "proj", y, (rn_linear_options){.channels = c, .init = RN_INIT_ZERO});
    return rn_add(g, in->x, rn_map(g, out, s.dim[1], s.dim[2]));
}

const rn_layer layer_attention = {
    .bytes = sizeof(rn_layer), .name = "attention", .doc = "self-attention over the pixels of a map, with a skip",
    .params = params, .params_bytes = sizeof(attention), .build = build,
};
