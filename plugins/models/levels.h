#ifndef MODELS_LEVELS_H
#define MODELS_LEVELS_H
/* The networks behind `unet` and `unet_layout`, `uvit` and `uvit_layout`: the same levels, told in two ways.
 * Thread safety: as graph.h. */
#include "models/frame.h"

/* How a map on the way up meets what was remembered on the way down; a unet has the first two. */
enum { SKIP_CONCAT = 0, SKIP_ADD, SKIP_RESIDUAL };
extern const char *const unet_skip_words[], *const uvit_skip_words[];

typedef struct unet_level {
    rn_chosen block;
    int64_t blocks, heads; /* heads of the attention; 0: as it says itself */
    bool attention;
} unet_level;

typedef struct unet_levels {
    const unet_level *level;
    int64_t n; /* 1 … FRAME_MOST_LEVELS */
    rn_chosen attention;
    int64_t skips;
} unet_levels;

/* From conv_in's output h [B, H, W, c0] to the map that norm_out sees. image: what the network was given. */
rn_tensor unet_build(rn_graph *g, const unet_levels *u, rn_tensor cond, rn_tensor h, rn_tensor image);

typedef struct uvit_level {
    rn_chosen block;
    int64_t blocks;
} uvit_level;

typedef struct uvit_levels {
    const uvit_level *level;
    int64_t n;
    int64_t skips;
    bool positions; /* learned, added in the middle */
    double norm_eps;
} uvit_levels;
extern const char *const uvit_position_words[]; /* "none", "learned" */

rn_tensor uvit_build(rn_graph *g, const uvit_levels *u, rn_tensor cond, rn_tensor h, rn_tensor image);

#endif
