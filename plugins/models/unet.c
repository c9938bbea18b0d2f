/* unet: residual blocks, with attention at the levels that ask for it, and skips that are concatenated. Source:
 * Ho, Jain, Abbeel 2020 (arXiv:2006.11239), appendix B; with averages going down as in Hoogeboom, Heek, Salimans 2023
 * (arXiv:2301.11093), appendix B. */
#include "models/frame.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct level {
    rn_chosen block;
    int64_t blocks;
    bool attention;
} level;

typedef struct unet {
    rn_list levels; /* of level */
    rn_chosen attention, stem;
    int64_t classes;
    double norm_eps;
} unet;

/* clang-format off */
static const rn_param level_params[] = {
    RN_INLINE(level, block, "block", RN_KIND_LAYER, NULL, "layer that the level repeats; the layer's own keys (channels, dropout …) stand beside it"),
    RN_INT   (level, blocks, "block", "1", 0, 4096, "how many on the way down; on the way up there is one more"),
    RN_BOOL  (level, attention, "false", "attention behind each block"),
    RN_PARAMS_END,
};

static const rn_param params[] = {
    RN_LIST(unet, levels, level, level_params, NULL, "from the full map down, each half as high and wide as the one before"),
    RN_COMPONENT(unet, attention, RN_KIND_LAYER, "attention", "layer behind the blocks of levels with attention, and in the middle"),
    RN_COMPONENT_OR_NONE(unet, stem, RN_KIND_LAYER, "none", "layer with a way back that the image goes through first"),
    RN_INT_OR_NONE(unet, classes, "class", "none", 1, 1000000, "classes that images are told apart by; none: no labels"),
    RN_REAL(unet, norm_eps, NULL, "1e-5", 1e-12, 1, "added to the variance of norm_out"),
    RN_PARAMS_END,
};
/* clang-format on */

typedef struct network {
    const unet *p;
    const level *levels;
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
static rn_tensor unit(rn_graph *g, const network *net, const char *way, int64_t entry, int i, rn_tensor h)
{
    h = layer(g, net, way, entry, 0, &net->levels[i].block, h);
    return net->levels[i].attention ? layer(g, net, way, entry, 1, &net->p->attention, h) : h;
}

/* Entries down.0, down.1, …: each level's units, and between levels (a number without parameters) the mean over
 * 2×2; all remembered, after conv_in. */
static rn_tensor down(rn_graph *g, network *net, rn_tensor h, rn_tensor image)
{
    int64_t entry = 0;
    net->remembered[net->n_remembered++] = h;
    for (int i = 0; i <= net->last; i++) {
        const rn_place before = rn_graph_at(g, net->levels[i].block.place);
        for (int64_t j = 0; j < net->levels[i].blocks; j++) {
            h = unit(g, net, "down", entry++, i, h);
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
static rn_tensor middle(rn_graph *g, const network *net, rn_tensor h)
{
    const rn_chosen *block = &net->levels[net->last].block;
    const rn_chosen *parts[] = {block, &net->p->attention, block};
    for (int j = 0; j < 3; j++) {
        rn_scope(g, "mid.%d", j);
        h = frame_block(g, parts[j], h, net->cond);
        rn_scope_end(g);
    }
    return h;
}

/* Entries up.0, up.1, …: from the lowest level, blocks + 1 units on h beside the last remembered; between levels
 * nearest ×2, then a 3×3 convolution as an entry of its own. */
static rn_tensor up(rn_graph *g, network *net, rn_tensor h)
{
    int64_t entry = 0;
    for (int i = net->last; i >= 0; i--) {
        const rn_place before = rn_graph_at(g, net->levels[i].block.place);
        for (int64_t j = 0; j <= net->levels[i].blocks; j++) {
            const rn_tensor beside[] = {h, net->remembered[--net->n_remembered]};
            h = unit(g, net, "up", entry++, i, rn_op_concat(g, beside, 2));
        }
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

static rn_tensor build(rn_graph *g, const void *params_, const rn_model_in *in)
{
    const unet *p = params_;
    if (!frame_levels_fit(g, p->levels.n))
        return 0;
    network net = {.p = p, .levels = p->levels.v, .last = (int)p->levels.n - 1};
    int64_t entries = p->levels.n; /* conv_in and the means between levels */
    for (int i = 0; i <= net.last; i++)
        entries += net.levels[i].blocks;
    net.remembered = calloc((size_t)entries, sizeof *net.remembered);
    if (!net.remembered) {
        rn_graph_fail(g, RN_EMEMORY, "no memory for the list of %" PRId64 " blocks", entries);
        return 0;
    }
    const int64_t stem = frame_stem_width(&p->stem, rn_channels(g, in->x));
    const rn_chosen *first = &net.levels[0].block;
    const frame f = {&p->stem, p->classes, p->norm_eps, first, rn_layer_width(first, stem)};
    net.cond = frame_condition(g, &f, in);
    rn_tensor h = down(g, &net, frame_enter(g, &f, in->x), in->x);
    h = up(g, &net, middle(g, &net, h));
    free(net.remembered);
    return frame_leave(g, &f, h, in->x);
}

static int64_t classes(const void *params_) { return ((const unet *)params_)->classes; }

const rn_model model_unet = {
    .bytes = sizeof(rn_model), .name = "unet", .doc = "residual blocks with attention, concatenated skips",
    .params = params, .params_bytes = sizeof(unet), .build = build, .classes = classes,
};
