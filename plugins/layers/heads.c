#include "layers/heads.h"

#include <stdio.h>

const char *const heads_positions[] = {"none", "rope", NULL};

/* "1, 2, 3, 4, 6, 8, …": the divisors of n, the smallest 12 of them. */
enum { MOST_DIVISORS = 12, DIVISORS_TEXT = 128 };
static void divisors(int64_t n, char text[DIVISORS_TEXT])
{
    int count = 0;
    size_t at = 0;
    for (int64_t d = 1; d <= n && count <= MOST_DIVISORS; d++) {
        if (n % d)
            continue;
        const bool more = count++ == MOST_DIVISORS;
        at += (size_t)(more ? snprintf(text + at, DIVISORS_TEXT - at, ", …")
                            : snprintf(text + at, DIVISORS_TEXT - at, "%s%" PRId64, count > 1 ? ", " : "", d));
    }
}

bool heads_fit(rn_graph *g, int64_t channels, int64_t heads)
{
    if (rn_graph_failed(g))
        return false;
    if (heads >= 1 && channels % heads == 0)
        return true;
    char fitting[DIVISORS_TEXT] = "";
    divisors(channels, fitting);
    rn_graph_fail(g, RN_ESHAPE, "heads: %" PRId64 " does not divide %" PRId64 " channels; these would: %s", heads,
                  channels, fitting);
    return false;
}

/* Rotations turn pairs of channels by the row and pairs by the column. */
static bool can_turn(rn_graph *g, int64_t channels, const heads_options *o)
{
    const int64_t each = channels / o->heads;
    if (rn_graph_failed(g))
        return false;
    if (o->height < 1 || o->width < 1) {
        rn_graph_fail(g, RN_ERANGE, "positions: rope needs rows and columns, and the model does not say what map its tokens are");
        return false;
    }
    if (each % 4) {
        rn_graph_fail(g, RN_ESHAPE, "positions: rope needs a multiple of four channels in each head; %" PRId64 " channels in "
                      "%" PRId64 " heads are %" PRId64, channels, o->heads, each);
        return false;
    }
    return true;
}

static rn_tensor prepared(rn_graph *g, const char *norm, rn_tensor x, const heads_options *o)
{
    if (o->qk_norm)
        x = rn_rms_norm(g, norm, x, (rn_rms_norm_options){.groups = o->heads, .eps = o->norm_eps});
    if (o->positions == HEADS_ROPE)
        x = rn_op_rope(g, x, (rn_rope_attr){o->heads, o->height, o->width, o->rope_base, false});
    return x;
}

rn_tensor heads_attend(rn_graph *g, rn_tensor qkv, const heads_options *o)
{
    const int64_t c = rn_channels(g, qkv) / 3;
    if (o->positions == HEADS_ROPE && !can_turn(g, c, o))
        return 0;
    const rn_tensor q = prepared(g, "q_norm", rn_channel_range(g, qkv, 0, c), o);
    const rn_tensor k = prepared(g, "k_norm", rn_channel_range(g, qkv, c, 2 * c), o);
    return rn_op_attention(g, q, k, rn_channel_range(g, qkv, 2 * c, 3 * c), (rn_attention_attr){o->heads});
}
