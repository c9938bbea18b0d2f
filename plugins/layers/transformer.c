/* transformer: self-attention and a two-layer perceptron, each with a skip, modulated by the embedding of logSNR (FiLM).
 * Sources: Hoogeboom, Heek, Salimans 2023 (arXiv:2301.11093), section 3.3 and appendix B; both halves side by side on one
 * norm, and the norm of queries and keys: Dehghani et al. 2023 (arXiv:2302.05442). */
#include <runner/layer.h>
#include "layers/heads.h"
#include "layers/layers.h"

typedef struct transformer {
    int64_t channels, heads, expansion, positions, film;
    bool qk_norm, parallel;
    double dropout, rope_base, norm_eps;
} transformer;

enum { FILM_NORMS = 0, FILM_MLP, FILM_HIDDEN };
static const char *const film_words[] = {"norms", "mlp", "hidden", NULL};

/* clang-format off */
static const rn_param params[] = {
    /*         struct       field      unit             default min    max      documentation */
    RN_INT   (transformer, channels,  "channel",       NULL,    1,     65536,   "width of the tokens"),
    RN_INT   (transformer, heads,     "head",          "4",     1,     65536,   "heads of the attention; a divisor of channels"),
    RN_INT   (transformer, expansion, NULL,            "4",     1,     64,      "width of the perceptron inside, in widths of the tokens"),
    RN_BOOL  (transformer, qk_norm,                    "false",                 "queries and keys to mean square 1 in each head, times a learned weight"),
    RN_CHOICE(transformer, positions, heads_positions, "none",                  "rope: queries and keys turned by row and column"),
    RN_REAL  (transformer, rope_base, NULL,            "100",   1,     1000000, "of rope: the slowest pair of channels turns by about 1/base a pixel"),
    RN_BOOL  (transformer, parallel,                   "false",                 "attention and perceptron side by side on one norm, instead of one after the other"),
    RN_CHOICE(transformer, film,      film_words,      "norms",                 "what logSNR and label modulate: what comes out of every norm, of the perceptron's alone, or the hidden units of the perceptron"),
    RN_REAL  (transformer, dropout,   NULL,            "0",     0,     1,       "share set to zero before fc2"),
    RN_REAL  (transformer, norm_eps,  NULL,            "1e-5",  1e-12, 1,       "added to the variances"),
    RN_PARAMS_END,
};
/* clang-format on */

/* h·(1 + s) + o, where (s, o) are the parts k and k + 1 of film; h itself without film. */
static rn_tensor modulated(rn_graph *g, rn_tensor h, rn_tensor film, int k)
{
    const int64_t c = rn_channels(g, h);
    return film ? rn_film(g, h, rn_channel_range(g, film, k * c, (k + 1) * c), rn_channel_range(g, film, (k + 1) * c, (k + 2) * c)) : h;
}

/* fc2(dropout(silu(fc1(h)))); film on the hidden units where that is where it goes */
static rn_tensor perceptron(rn_graph *g, const transformer *p, rn_tensor h, rn_tensor film)
{
    h = rn_silu(g, rn_linear(g, "fc1", h, (rn_linear_options){.channels = p->expansion * p->channels}));
    h = rn_dropout(g, modulated(g, h, p->film == FILM_HIDDEN ? film : 0, 0), p->dropout);
    return rn_linear(g, "fc2", h, (rn_linear_options){.channels = p->channels, .init = RN_INIT_ZERO});
}

/* Width of film: a scale and an offset for each thing that it modulates. */
static int64_t film_width(const transformer *p)
{
    return (p->film == FILM_HIDDEN ? 2 * p->expansion : p->film == FILM_NORMS && !p->parallel ? 4 : 2) * p->channels;
}

static bool fits(rn_graph *g, const transformer *p, const rn_layer_in *in)
{
    if (!heads_fit(g, p->channels, p->heads))
        return false;
    if (rn_channels(g, in->x) == p->channels)
        return true;
    rn_graph_fail(g, RN_ESHAPE, "channels: %" PRId64 " on tokens of %" PRId64 " channels; a transformer keeps the width",
                  p->channels, rn_channels(g, in->x));
    return false;
}

/*  (s1, o1, s2, o2) = quarters of film(cond); without cond no film
 *  h = x + proj(attention(qkv(norm1(x)·(1 + s1) + o1)))
 *  y = h + fc2(dropout(silu(fc1(norm2(h)·(1 + s2) + o2))))
 *
 *  parallel: n = norm1(x)·(1 + s) + o, y = x + proj(attention(qkv(n))) + fc2(dropout(silu(fc1(n))))
 *  x [B, T, channels], cond [B, E] → y [B, T, channels] */
static rn_tensor build(rn_graph *g, const void *params_, const rn_layer_in *in)
{
    const transformer *p = params_;
    const int64_t c = p->channels;
    const rn_norm_options eps = {.eps = p->norm_eps};
    if (!fits(g, p, in))
        return 0;
    heads_options o = {.heads = p->heads, .qk_norm = p->qk_norm, .positions = p->positions, .rope_base = p->rope_base,
                       .norm_eps = p->norm_eps};
    if (RN_HAS(in, rn_layer_in, width)) {
        o.height = in->height;
        o.width = in->width;
    }
    const rn_tensor film = in->cond ? rn_linear(g, "film", in->cond, (rn_linear_options){.channels = film_width(p)}) : 0;
    const bool first = p->film == FILM_NORMS || (p->parallel && p->film == FILM_MLP);

    rn_tensor x = in->x, h = modulated(g, rn_layer_norm(g, "norm1", x, eps), first ? film : 0, 0);
    const rn_tensor seen = heads_attend(g, rn_linear(g, "qkv", h, (rn_linear_options){.channels = 3 * c}), &o);
    x = rn_add(g, x, rn_linear(g, "proj", seen, (rn_linear_options){.channels = c, .init = RN_INIT_ZERO}));
    if (!p->parallel) {
        h = rn_layer_norm(g, "norm2", x, eps);
        h = modulated(g, h, p->film == FILM_HIDDEN ? 0 : film, first ? 2 : 0);
    }
    return rn_add(g, x, perceptron(g, p, h, film));
}

const rn_layer layer_transformer = {
    .bytes = sizeof(rn_layer), .name = "transformer",
    .doc = "self-attention and a perceptron on tokens, modulated by logSNR",
    .params = params, .params_bytes = sizeof(transformer), .build = build, .tokens = true,
};
