/* uvit_layout: a uvit with its levels written as lists, the last of them the transformer. Source of the lists: Hoogeboom,
 * Heek, Salimans 2023 (arXiv:2301.11093), appendix B. */
#include "models/changed.h"
#include "models/layout.h"

typedef struct uvit_layout {
    layout_params layout; /* first: LAYOUT_ROWS */
    rn_chosen middle;
    int64_t positions;
} uvit_layout;

/* clang-format off */
static const rn_param params[] = {
    LAYOUT_ROWS(uvit_skip_words, "add"),
    RN_COMPONENT(uvit_layout, middle, RN_KIND_LAYER, "{type: transformer, channels: 1}", "layer of the last level; the layout sets its channels, heads and dropout"),
    RN_CHOICE(uvit_layout, positions, uvit_position_words, "learned", "of the tokens in the middle: one learned vector for each, or none"),
    RN_PARAMS_END,
};
/* clang-format on */

static rn_tensor build(rn_graph *g, const void *params_, const rn_model_in *in)
{
    const uvit_layout *p = params_;
    const layout_params *l = &p->layout;
    uvit_level level[FRAME_MOST_LEVELS];
    if (!layout_fits(g, l))
        return 0;
    const frame f = layout_frame(l);
    const rn_tensor cond = frame_condition(g, &f, in);
    rn_tensor h = frame_enter(g, &f, in->x);
    const int64_t side = layout_side(g, h), n = l->multipliers.n;
    for (int64_t i = 0; i < n; i++) {
        const bool last = i == n - 1;
        level[i] = (uvit_level){layout_block(g, l, last ? &p->middle : &l->block, i, side >> i), l->blocks.v[i]};
        if (last && l->heads)
            changed_int(g, &level[i].block, "heads", "heads", l->heads);
    }
    const uvit_levels u = {.level = level, .n = n, .skips = l->skips, .positions = p->positions, .norm_eps = l->frame.norm_eps};
    if (!rn_graph_failed(g))
        h = uvit_build(g, &u, cond, h, in->x);
    for (int64_t i = 0; i < n; i++)
        changed_free(&level[i].block);
    return frame_leave(g, &f, h, in->x);
}

static int64_t classes(const void *params_) { return ((const uvit_layout *)params_)->layout.frame.classes; }

const rn_model model_uvit_layout = {
    .bytes = sizeof(rn_model), .name = "uvit_layout", .doc = "a uvit, its levels written as lists",
    .params = params, .params_bytes = sizeof(uvit_layout), .build = build, .classes = classes,
};
