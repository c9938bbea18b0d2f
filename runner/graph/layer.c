/* Layers that a spec chose: building them, and how wide they are. Any layer of any plugin goes through here, so
 * models need to know none. */
#include "graph/graph_internal.h"

#include <runner/layer.h>

#include <string.h>

static const rn_layer *layer_of(const rn_chosen *chosen) { return (const rn_layer *)(const void *)chosen->what; }

rn_tensor rn_layer_build(rn_graph *g, const rn_chosen *layer, const rn_layer_in *in)
{
    const rn_place before = rn_graph_at(g, layer->place);
    const int32_t outer = g->block;
    if (!outer)
        g->block = ++g->n_blocks;
    const rn_tensor y = layer_of(layer)->build(g, layer->params, in);
    g->block = outer;
    (void)rn_graph_at(g, before);
    return y;
}

int64_t rn_layer_width(const rn_chosen *layer, int64_t in)
{
    const rn_layer *what = layer_of(layer);
    if (RN_HAS(what, rn_layer, channels) && what->channels)
        return what->channels(layer->params, in);
    for (const rn_param *row = what->params; row && row->type != RN_PARAM_END; row++)
        if (row->type == RN_PARAM_INT && strcmp(row->name, "channels") == 0)
            return *(const int64_t *)(const void *)((const char *)layer->params + row->offset);
    return in;
}
