#include "models/layout.h"
#include "models/changed.h"

bool layout_fits(rn_graph *g, const layout_params *p)
{
    if (!frame_levels_fit(g, p->multipliers.n))
        return false;
    if (p->blocks.n != p->multipliers.n)
        rn_graph_fail(g, RN_ERANGE, "blocks: %" PRId64 " numbers for %" PRId64 " levels; there must be as many as multipliers",
                      p->blocks.n, p->multipliers.n);
    for (int64_t i = 0; i < p->multipliers.n; i++)
        if (p->channels * p->multipliers.v[i] > 65536)
            rn_graph_fail(g, RN_ERANGE, "multipliers: %" PRId64 " times %" PRId64 " channels are more than 65536",
                          p->multipliers.v[i], p->channels);
    return !rn_graph_failed(g);
}

frame layout_frame(const layout_params *p)
{
    return (frame){&p->frame, &p->block, p->channels * p->multipliers.v[0]};
}

rn_chosen layout_block(rn_graph *g, const layout_params *p, const rn_chosen *of, int64_t i, int64_t side)
{
    rn_chosen block = changed_copy(g, of);
    changed_int(g, &block, "channels", "channels", p->channels * p->multipliers.v[i]);
    if (p->dropout > 0 && (!p->dropout_side || side <= p->dropout_side))
        changed_real(g, &block, "dropout", "dropout", p->dropout);
    return block;
}

int64_t layout_side(rn_graph *g, rn_tensor map)
{
    const rn_shape s = rn_shape_of(g, map);
    return s.dim[1] < s.dim[2] ? s.dim[1] : s.dim[2];
}
