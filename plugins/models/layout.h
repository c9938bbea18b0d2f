#ifndef MODELS_LAYOUT_H
#define MODELS_LAYOUT_H
/* Levels written as lists, in the way of the papers: a base width with a multiplier for each level, so many blocks at
 * each, attention and dropout from some resolution down.
 * Thread safety: as graph.h. */
#include "models/levels.h"

/* The rows that both networks have; the first member of their structs. */
typedef struct layout_params {
    frame_params frame; /* first: FRAME_ROWS */
    int64_t channels, heads;
    rn_ints multipliers, blocks;
    rn_chosen block;
    double dropout;
    int64_t dropout_side; /* 0: all */
    int64_t skips;
} layout_params;

/* clang-format off */
#define LAYOUT_ROWS(skip_words_, skip_def_) \
    RN_INT (layout_params, channels, "channel", NULL, 1, 65536, "base width, which the multipliers multiply"), \
    RN_INTS(layout_params, multipliers, NULL, NULL, 1, 65536, "one for each level, from the full map down"), \
    RN_INTS(layout_params, blocks, "block", NULL, 0, 4096, "one number for each level, counted as the levels of the network written out do"), \
    RN_COMPONENT(layout_params, block, RN_KIND_LAYER, "{type: resnet, channels: 1}", "layer that levels repeat; the layout sets its channels and dropout"), \
    RN_INT_OR_NONE(layout_params, heads, "head", "none", 1, 65536, "heads of every attention; none: as each layer says itself"), \
    RN_REAL(layout_params, dropout, NULL, "0", 0, 1, "share that blocks set to zero"), \
    RN_INT_OR_NONE(layout_params, dropout_side, "pixel", "none", 1, 65536, "largest (shorter) side of the maps whose blocks drop out; none: all do"), \
    RN_CHOICE(layout_params, skips, skip_words_, skip_def_, "as of the network written out"), \
    FRAME_ROWS
/* clang-format on */

/* Checks the lists against one another; false: the graph has failed. */
bool layout_fits(rn_graph *g, const layout_params *p);

/* conv_in's width and place. */
frame layout_frame(const layout_params *p);

/* The block of level i on maps whose shorter side is so many pixels: of + the layout's channels and dropout. To be freed
 * by changed_free(). */
rn_chosen layout_block(rn_graph *g, const layout_params *p, const rn_chosen *of, int64_t i, int64_t side);

/* The shorter side of a map. */
int64_t layout_side(rn_graph *g, rn_tensor map);

#endif
