/* resnet: two convolutions with a skip, modulated by the embedding of logSNR (FiLM). Source: Hoogeboom, Heek,
 * Salimans 2023 (arXiv:2301.11093), appendix B. */
#include <runner/layer.h>
#include "layers/layers.h"

typedef struct resnet {
    int64_t channels;
    double dropout, norm_eps;
} resnet;

/* clang-format off */
static const rn_param params[] = {
    /*      struct  field     unit       default min    max    documentation */
    RN_INT (resnet, channels, "channel", NULL,   1,     65536, "width of the output"),
    RN_REAL(resnet, dropout,  NULL,      "0",    0,     1,     "share set to zero before conv2"),
    RN_REAL(resnet, norm_eps, NULL,      "1e-5", 1e-12, 1,     "added to the variances"),
    RN_PARAMS_END,
};
/* clang-format on */

/*  h = conv1(silu(norm1(x)))
 *  h = conv2(dropout(silu(norm2(h)·(1 + s) + o)))     (s, o) = halves of film(cond); without cond no film
 *  y = h + x, or h + short(x) where the width changes
 *  x [B, H, W, C], cond [B, E] → y [B, H, W, channels] */
static rn_tensor build(rn_graph *g, const void *params_, const rn_layer_in *in)
{
    const resnet *p = params_;
    const int64_t c = p->channels;
    const rn_norm_options eps = {.eps = p->norm_eps};
    rn_tensor x = in->x;
    rn_tensor h = rn_silu(g, rn_group_norm(g, "norm1", x, eps));
    h = rn_conv2d(g, "conv1", h, (rn_conv2d_options){.channels = c, .kernel = 3});
    h = rn_group_norm(g, "norm2", h, eps);
    if (in->cond) {
        const rn_tensor film = rn_linear(g, "film", in->cond, (rn_linear_options){.channels = 2 * c});
        h = rn_film(g, h, rn_channel_range(g, film, 0, c), rn_channel_range(g, film, c, 2 * c));
    }
    h = rn_dropout(g, rn_silu(g, h), p->dropout);
    h = rn_conv2d(g, "conv2", h, (rn_conv2d_options){.channels = c, .kernel = 3, .init = RN_INIT_ZERO});
    if (rn_channels(g, x) != c)
        x = rn_conv2d(g, "short", x, (rn_conv2d_options){.channels = c, .kernel = 1});
    return rn_add(g, h, x);
}

const rn_layer layer_resnet = {
    .bytes = sizeof(rn_layer), .name = "resnet", .doc = "two convolutions with a skip, modulated by logSNR",
    .params = params, .params_bytes = sizeof(resnet), .build = build,
};
