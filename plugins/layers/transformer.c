/* transformer: self-attention and a two-layer perceptron, each with a skip, each modulated by the embedding of
 * logSNR (FiLM) after its norm. Source: Hoogeboom, Heek, Salimans 2023 (arXiv:2301.11093), appendix B. */
#include <runner/layer.h>
#include "layers/heads.h"
#include "layers/layers.h"

typedef struct transformer {
    int64_t channels, heads;
    double dropout, norm_eps;
} transformer;

/* clang-format off */
static const rn_param params[] = {
    /*      struct       field     unit       default min    max    documentation */
    RN_INT (transformer, channels, "channel", NULL,   1,     65536, "width of the tokens; the perceptron is four times as wide inside"),
    RN_INT (transformer, heads,    "head",    "4",    1,     65536, "heads of the attention; a divisor of channels"),
    RN_REAL(transformer, dropout,  NULL,      "0",    0,     1,     "share set to zero before fc2"),
    RN_REAL(transformer, norm_eps, NULL,      "1e-5", 1e-12, 1,     "added to the variances"),
    RN_PARAMS_END,
};
/* clang-format on */

/* Channels k·c … (k + 1)·c − 1: one of q|k|v, or of the quarters of film. */
static rn_tensor part(rn_graph *g, rn_tensor t, int k, int64_t c) { return rn_channel_range(g, t, k * c, (k + 1) * c); }

/*  (s1, o1, s2, o2) = quarters of film(cond); without cond no film
 *  h = x + proj(attention(qkv(norm1(x)·(1 + s1) + o1)))
 *  y = h + fc2(dropout(silu(fc1(norm2(h)·(1 + s2) + o2))))
 *  x [B, T, channels], cond [B, E] → y [B, T, channels] */
static rn_tensor build(rn_graph *g, const void *params_, const rn_layer_in *in)
{
    const transformer *p = params_;
    const int64_t c = p->channels;
    const rn_norm_options eps = {.eps = p->norm_eps};
    rn_tensor x = in->x, film = 0;
    if (!heads_fit(g, c, p->heads))
        return 0;
    if (!rn_graph_failed(g) && rn_channels(g, x) != c)
        rn_graph_fail(g, RN_ESHAPE, "channels: %" PRId64 " on tokens of %" PRId64 " channels; a transformer keeps the width",
                      c, rn_channels(g, x));
    if (in->cond)
        film = rn_linear(g, "film", in->cond, (rn_linear_options){.channels = 4 * c});

    rn_tensor h = rn_layer_norm(g, "norm1", x, eps);
    if (in->cond)
        h = rn_film(g, h, part(g, film, 0, c), part(g, film, 1, c));
    const rn_tensor qkv = rn_linear(g, "qkv", h, (rn_linear_options){.channels = 3 * c});
    h = rn_op_attention(g, part(g, qkv, 0, c), part(g, qkv, 1, c), part(g, qkv, 2, c), (rn_attention_attr){p->heads});
    x = rn_add(g, x, rn_linear(g, "proj", h, (rn_linear_options){.channels = c, .init = RN_INIT_ZERO}));

    h = rn_layer_norm(g, "norm2", x, eps);
    if (in->cond)
        h = rn_film(g, h, part(g, film, 2, c), part(g, film, 3, c));
    h = rn_silu(g, rn_linear(g, "fc1", h, (rn_linear_options){.channels = 4 * c}));
    h = rn_dropout(g, h, p->dropout);
    return rn_add(g, x, rn_linear(g, "fc2", h, (rn_linear_options){.channels = c, .init = RN_INIT_ZERO}));
}

const rn_layer layer_transformer = {
    .bytes = sizeof(rn_layer), .name = "transformer",
    .doc = "self-attention and a perceptron on tokens, modulated by logSNR",
    .params = params, .params_bytes = sizeof(transformer), .build = build, .tokens = true,
};
