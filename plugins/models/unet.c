/* unet: residual blocks, with attention at the levels that ask for it, and skips that are concatenated or added. Source:
 * Ho, Jain, Abbeel 2020 (arXiv:2006.11239), appendix B; with averages going down as in Hoogeboom, Heek, Salimans 2023
 * (arXiv:2301.11093), appendix B. */
#include "models/changed.h"
#include "models/levels.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct unet {
    frame_params frame; /* first: FRAME_ROWS */
    rn_list levels;     /* of unet_level */
    rn_chosen attention;
    int64_t skips;
} unet;

const char *const unet_skip_words[] = {"concat", "add", NULL};

/* clang-format off */
static const rn_param level_params[] = {
    RN_INLINE(unet_level, block, "block", RN_KIND_LAYER, NULL, "layer that the level repeats; the layer's own keys (channels, dropout …) stand beside it"),
    RN_INT   (unet_level, blocks, "block", "1", 0, 4096, "how many on the way down; on the way up there is one more"),
    RN_BOOL  (unet_level, attention, "false", "attention behind each block"),
    RN_INT_OR_NONE(unet_level, heads, "head", "none", 1, 65536, "heads of that attention (of the last level also in the middle), and of a block that has heads; none: as each says itself"),
    RN_PARAMS_END,
};

static const rn_param params[] = {
    RN_LIST(unet, levels, unet_level, level_params, NULL, "from the full map down, each half as high and wide as the one before"),
    RN_COMPONENT(unet, attention, RN_KIND_LAYER, "attention", "layer behind the blocks of levels with attention, and in the middle"),
    RN_CHOICE(unet, skips, unet_skip_words, "concat", "how a map meets what was remembered on the way down: side by side, or (h + skip)/√2, the skip through a 1×1 convolution where its width is another"),
    FRAME_ROWS,
    RN_PARAMS_END,
};
/* clang-format on */

typedef struct network {
    const unet_levels *u;
    int last;
    rn_tensor cond;
    rn_tensor *remembered; /* room for all */
    int64_t n_remembered;
} network;

/* "<way>.<entry>.<part>": one layer of an entry */
static rn_tensor layer(rn_graph *g, const network *net, const char *way, int64_t entry, int part,
                       const rn_chosen *what, rn_tensor h)
{
    rn_scope(g, "%s.%" PRId64 ".%d", way, entry, part);
    h = frame_block(g, what, h, net->cond);
    rn_scope_end(g);
    return h;
}

/* One entry: the block of level i (.0), then attention (.1) where the level has it. */
static rn_tensor unit(rn_graph *g, const network *net, const char *way, int64_t entry, int i, const rn_chosen *attention,
                      rn_tensor h)
{
    h = layer(g, net, way, entry, 0, &net->u->level[i].block, h);
    return net->u->level[i].attention ? layer(g, net, way, entry, 1, attention, h) : h;
}

/* The attention of level i: with the level's own number of heads, where it says one. To be freed. */
static rn_chosen attention_of(rn_graph *g, const network *net, int i)
{
    rn_chosen copy = changed_copy(g, &net->u->attention);
    if (net->u->level[i].heads && (net->u->level[i].attention || i == net->last))
        changed_int(g, &copy, "attention", "heads", net->u->level[i].heads);
    return copy;
}

/* Entries down.0, down.1, …: each level's units, and between levels (a number without parameters) the mean over
 * 2×2; all remembered, after conv_in. */
static rn_tensor down(rn_graph *g, network *net, const rn_chosen *attention, rn_tensor h, rn_tensor image)
{
    int64_t entry = 0;
    net->remembered[net->n_remembered++] = h;
    for (int i = 0; i <= net->last; i++) {
        const rn_place before = rn_graph_at(g, net->u->level[i].block.place);
        for (int64_t j = 0; j < net->u->level[i].blocks; j++) {
            h = unit(g, net, "down", entry++, i, &attention[i], h);
            net->remembered[net->n_remembered++] = h;
        }
        if (i < net->last) {
            h = frame_halve(g, image, h, i, net->last);
            entry++;
            net->remembered[net->n_remembered++] = h;
        }
        (void)rn_graph_at(g, before);
    }
    return h;
}

/* mid.0, mid.1, mid.2: block, attention, block of the lowest level's kind */
static rn_tensor middle(rn_graph *g, const network *net, const rn_chosen *attention, rn_tensor h)
{
    const rn_chosen *block = &net->u->level[net->last].block;
    const rn_chosen *parts[] = {block, &attention[net->last], block};
    for (int j = 0; j < 3; j++) {
        rn_scope(g, "mid.%d", j);
        h = frame_block(g, parts[j], h, net->cond);
        rn_scope_end(g);
    }
    return h;
}

/* h beside the skip, or their average; up.<entry>.skip: the 1×1 convolution where widths differ */
static rn_tensor meet(rn_graph *g, const network *net, int64_t entry, rn_tensor h, rn_tensor skip)
{
    if (net->u->skips == SKIP_CONCAT) {
        const rn_tensor beside[] = {h, skip};
        return rn_op_concat(g, beside, 2);
    }
    if (rn_channels(g, h) != rn_channels(g, skip)) {
        rn_scope(g, "up.%" PRId64, entry);
        skip = rn_conv2d(g, "skip", skip, (rn_conv2d_options){.channels = rn_channels(g, h), .kernel = 1});
        rn_scope_end(g);
    }
    return frame_average(g, h, skip);
}

/* Entries up.0, up.1, …: from the lowest level, blocks + 1 units on h and the last remembered; between levels
 * nearest ×2, then a 3×3 convolution as an entry of its own. */
static rn_tensor up(rn_graph *g, network *net, const rn_chosen *attention, rn_tensor h)
{
    int64_t entry = 0;
    for (int i = net->last; i >= 0; i--) {
        const rn_place before = rn_graph_at(g, net->u->level[i].block.place);
        for (int64_t j = 0; j <= net->u->level[i].blocks; j++, entry++)
            h = unit(g, net, "up", entry, i, &attention[i], meet(g, net, entry, h, net->remembered[--net->n_remembered]));
        if (i > 0) {
            char name[32];
            snprintf(name, sizeof name, "up.%" PRId64, entry++);
            const rn_conv2d_options same = {.channels = rn_channels(g, h), .kernel = 3};
            h = rn_conv2d(g, name, rn_op_upsample_nearest(g, h, 2), same);
        }
        (void)rn_graph_at(g, before);
    }
    return h;
}

rn_tensor unet_build(rn_graph *g, const unet_levels *u, rn_tensor cond, rn_tensor h, rn_tensor image)
{
    network net = {.u = u, .last = (int)u->n - 1, .cond = cond};
    rn_chosen attention[FRAME_MOST_LEVELS];
    int64_t entries = u->n; /* conv_in and the means between levels */
    for (int i = 0; i <= net.last; i++)
        entries += u->level[i].blocks;
    net.remembered = calloc((size_t)entries, sizeof *net.remembered);
    if (!net.remembered) {
        rn_graph_fail(g, RN_EMEMORY, "no memory for the list of %" PRId64 " blocks", entries);
        return 0;
    }
    for (int i = 0; i <= net.last; i++)
        attention[i] = attention_of(g, &net, i);
    if (!rn_graph_failed(g)) {
        h = down(g, &net, attention, h, image);
        h = up(g, &net, attention, middle(g, &net, attention, h));
    }
    for (int i = 0; i <= net.last; i++)
        changed_free(&attention[i]);
    free(net.remembered);
    return h;
}

static rn_tensor build(rn_graph *g, const void *params_, const rn_model_in *in)
{
    const unet *p = params_;
    if (!frame_levels_fit(g, p->levels.n))
        return 0;
    const unet_levels u = {.level = p->levels.v, .n = p->levels.n, .attention = p->attention, .skips = p->skips};
    const int64_t stem = frame_stem_width(&p->frame.stem, rn_channels(g, in->x));
    const rn_chosen *first = &u.level[0].block;
    const frame f = {&p->frame, first, rn_layer_width(first, stem)};
    const rn_tensor cond = frame_condition(g, &f, in);
    return frame_leave(g, &f, unet_build(g, &u, cond, frame_enter(g, &f, in->x), in->x), in->x);
}

static int64_t classes(const void *params_) { return ((const unet *)params_)->frame.classes; }

const rn_model model_unet = {
    .bytes = sizeof(rn_model), .name = "unet", .doc = "residual blocks with attention, skips concatenated or added",
    .params = params, .params_bytes = sizeof(unet), .build = build, .classes = classes,
};
