/* The way in, the embedding and the way out that the U-shaped networks share. */
#include "models/frame.h"

#include <stdio.h>

const char *const frame_logsnr_words[] = {"time", "linear", NULL};

int64_t frame_stem_width(const rn_chosen *stem, int64_t in) { return stem->what ? rn_layer_width(stem, in) : in; }

static bool has_way_back(const rn_chosen *stem)
{
    const rn_layer *layer = (const rn_layer *)(const void *)stem->what;
    return RN_HAS(layer, rn_layer, inverse) && layer->inverse;
}

/* A stem without a way back is told first: that its widths do not fit either would only lead astray. */
rn_tensor frame_enter(rn_graph *g, const frame *f, rn_tensor image)
{
    rn_tensor h = image;
    const rn_chosen *stem = &f->p->stem;
    if (stem->what) {
        const rn_place before = rn_graph_at(g, stem->place);
        if (!has_way_back(stem))
            rn_graph_fail(g, RN_ERANGE, "stem: the layer '%s' has no way back to pixels, which a stem needs", stem->what->name);
        (void)rn_graph_at(g, before);
        const rn_layer_in in = {.bytes = sizeof in, .x = image};
        rn_scope(g, "stem");
        h = rn_layer_build(g, stem, &in);
        rn_scope_end(g);
    }
    return rn_conv2d(g, "conv_in", h, (rn_conv2d_options){.channels = f->channels, .kernel = 3});
}

/* The slowest of the waves turns once in 2π·10 000: a time of 0 … 1 is spread over 1000, and logSNR of −10 … 10 as well. (A
 * constant added before the sines would only turn pairs of them, which emb1 can do itself.) */
static const double PER_TIME = 1000, PER_LOGSNR = 50;

rn_tensor frame_condition(rn_graph *g, const frame *f, const rn_model_in *in)
{
    if (f->channels % 2) {
        const rn_place before = rn_graph_at(g, f->first->place);
        rn_graph_fail(g, RN_ESHAPE, "channels: %" PRId64 " of the first level; the embedding of logSNR is as wide "
                      "and half sines, half cosines, so the number must be even", f->channels);
        (void)rn_graph_at(g, before);
    }
    const rn_linear_options wide = {.channels = f->p->embedding ? f->p->embedding : 4 * f->channels};
    const rn_tensor u = f->p->logsnr == FRAME_LINEAR ? rn_op_scale(g, in->logsnr, PER_LOGSNR)
                                                     : rn_op_scale(g, rn_op_logsnr_to_t(g, in->logsnr), PER_TIME);
    rn_tensor c = rn_linear(g, "emb1", rn_op_sinusoid_embedding(g, u, f->channels), wide);
    c = rn_linear(g, "emb2", rn_silu(g, c), wide);
    if (f->p->classes) /* the row beyond the last class: "no label" */
        c = rn_add(g, c, rn_embedding(g, "label", in->label, f->p->classes + 1, wide.channels));
    return rn_silu(g, c);
}

/* The stem's inverse. */
static rn_tensor way_back(rn_graph *g, const frame *f, rn_tensor h, int64_t channels)
{
    const rn_chosen *chosen = &f->p->stem;
    const rn_layer *stem = (const rn_layer *)(const void *)chosen->what;
    if (!stem || !has_way_back(chosen))
        return h;
    const rn_place before = rn_graph_at(g, chosen->place);
    rn_scope(g, "stem");
    h = stem->inverse(g, chosen->params, h, channels);
    rn_scope_end(g);
    (void)rn_graph_at(g, before);
    return h;
}

rn_tensor frame_leave(rn_graph *g, const frame *f, rn_tensor h, rn_tensor image)
{
    const int64_t channels = rn_channels(g, image);
    h = rn_silu(g, rn_group_norm(g, "norm_out", h, (rn_norm_options){.eps = f->p->norm_eps}));
    h = rn_conv2d(g, "conv_out", h, (rn_conv2d_options){.channels = frame_stem_width(&f->p->stem, channels),
                                                        .kernel = 3, .init = RN_INIT_ZERO});
    return way_back(g, f, h, channels);
}

rn_tensor frame_block(rn_graph *g, const rn_chosen *block, rn_tensor map, rn_tensor cond)
{
    const rn_layer *what = (const rn_layer *)(const void *)block->what;
    const bool tokens = RN_HAS(what, rn_layer, tokens) && what->tokens;
    const rn_shape s = rn_shape_of(g, map);
    const rn_layer_in in = {.bytes = sizeof in, .x = tokens ? rn_tokens(g, map) : map, .cond = cond, .height = s.dim[1],
                            .width = s.dim[2]};
    const rn_tensor y = rn_layer_build(g, block, &in);
    const rn_shape after = rn_shape_of(g, y);
    if (!tokens && !rn_graph_failed(g) && (after.rank != 4 || after.dim[1] != s.dim[1] || after.dim[2] != s.dim[2])) {
        const rn_place before = rn_graph_at(g, block->place);
        char made[RN_SHAPE_TEXT], of[RN_SHAPE_TEXT];
        rn_graph_fail(g, RN_ESHAPE, "the layer '%s' makes %s of %s; a block must leave the sides of the map as they are",
                      block->what->name, rn_shape_text(after, made), rn_shape_text(s, of));
        (void)rn_graph_at(g, before);
    }
    return tokens ? rn_map(g, y, s.dim[1], s.dim[2]) : y;
}

/* "28 or 32 instead of 30" */
enum { SIDES_TEXT = 96 };
static const char *sides(int64_t side, int64_t multiple, char text[SIDES_TEXT])
{
    const int64_t below = side / multiple * multiple;
    if (side == below)
        snprintf(text, SIDES_TEXT, "%" PRId64 " is one", side);
    else if (below == 0)
        snprintf(text, SIDES_TEXT, "%" PRId64 " instead of %" PRId64, multiple, side);
    else
        snprintf(text, SIDES_TEXT, "%" PRId64 " or %" PRId64 " instead of %" PRId64, below, below + multiple, side);
    return text;
}

/* Pixels of an image's side for one pixel of the lowest level. */
static int64_t image_multiple(int64_t image, int64_t map, int halvings_to_come)
{
    const int64_t so_far = image / map; /* by the stem and the levels above */
    return (so_far > 1 ? so_far : 1) << halvings_to_come;
}

rn_tensor frame_halve(rn_graph *g, rn_tensor image, rn_tensor map, int before, int halvings)
{
    const rn_shape m = rn_shape_of(g, map), i = rn_shape_of(g, image);
    if (m.dim[1] % 2 || m.dim[2] % 2) {
        const int64_t high = image_multiple(i.dim[1], m.dim[1], halvings - before);
        const int64_t wide = image_multiple(i.dim[2], m.dim[2], halvings - before);
        char heights[SIDES_TEXT], widths[SIDES_TEXT];
        rn_graph_fail(g, RN_ESHAPE, "a map of %" PRId64 "×%" PRId64 " pixels cannot be halved after this level: with "
                      "%d levels and this stem the height of an image must be a multiple of %" PRId64 " (%s), the "
                      "width one of %" PRId64 " (%s)", m.dim[1], m.dim[2], halvings + 1, high,
                      sides(i.dim[1], high, heights), wide, sides(i.dim[2], wide, widths));
    }
    return rn_op_avg_pool(g, map, 2);
}

rn_tensor frame_average(rn_graph *g, rn_tensor h, rn_tensor skip)
{
    return rn_op_scale(g, rn_add(g, h, skip), 0.70710678118654752440);
}

bool frame_levels_fit(rn_graph *g, int64_t levels)
{
    if (levels >= 1 && levels <= FRAME_MOST_LEVELS)
        return !rn_graph_failed(g);
    rn_graph_fail(g, RN_ERANGE, "levels: %" PRId64 " of them; a network has 1 to %d", levels, FRAME_MOST_LEVELS);
    return false;
}
