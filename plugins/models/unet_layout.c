/* unet_layout: a unet with its levels written as lists. Source of the lists: Hoogeboom, Heek, Salimans 2023
 * (arXiv:2301.11093), appendix B. */
#include "models/changed.h"
#include "models/layout.h"

typedef struct unet_layout {
    layout_params layout; /* first: LAYOUT_ROWS */
    rn_chosen attention;
    int64_t attention_side; /* 0: none */
} unet_layout;

/* clang-format off */
static const rn_param params[] = {
    LAYOUT_ROWS(unet_skip_words, "concat"),
    RN_COMPONENT(unet_layout, attention, RN_KIND_LAYER, "attention", "layer behind the blocks of levels with attention, and in the middle"),
    RN_INT_OR_NONE(unet_layout, attention_side, "pixel", "none", 1, 65536, "largest (shorter) side of the maps with attention behind each block; none: in the middle of the network alone"),
    RN_PARAMS_END,
};
/* clang-format on */

static rn_tensor build(rn_graph *g, const void *params_, const rn_model_in *in)
{
    const unet_layout *p = params_;
    const layout_params *l = &p->layout;
    unet_level level[FRAME_MOST_LEVELS];
    if (!layout_fits(g, l))
        return 0;
    const frame f = layout_frame(l);
    const rn_tensor cond = frame_condition(g, &f, in);
    rn_tensor h = frame_enter(g, &f, in->x);
    const int64_t side = layout_side(g, h), n = l->multipliers.n;
    for (int64_t i = 0; i < n; i++)
        level[i] = (unet_level){.block = layout_block(g, l, &l->block, i, side >> i), .blocks = l->blocks.v[i],
                                .heads = l->heads, .attention = side >> i <= p->attention_side};
    const unet_levels u = {.level = level, .n = n, .attention = p->attention, .skips = l->skips};
    if (!rn_graph_failed(g))
        h = unet_build(g, &u, cond, h, in->x);
    for (int64_t i = 0; i < n; i++)
        changed_free(&level[i].block);
    return frame_leave(g, &f, h, in->x);
}

static int64_t classes(const void *params_) { return ((const unet_layout *)params_)->layout.frame.classes; }

const rn_model model_unet_layout = {
    .bytes = sizeof(rn_model), .name = "unet_layout", .doc = "a unet, its levels written as lists",
    .params = params, .params_bytes = sizeof(unet_layout), .build = build, .classes = classes,
};
