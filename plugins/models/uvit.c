/* uvit: convolutional levels around a transformer. Going down each level's blocks are remembered, going up each is
 * added before its counterpart; the lowest level sees tokens with learned positions. Source: Hoogeboom, Heek,
 * Salimans 2023 (arXiv:2301.11093), section 3.3 and appendix B. */
#include "models/frame.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct level {
    rn_chosen block;
    int64_t blocks;
} level;

typedef struct uvit {
    rn_list levels; /* of level */
    rn_chosen stem;
    int64_t classes;
    double norm_eps;
} uvit;

/* clang-format off */
static const rn_param level_params[] = {
    RN_INLINE(level, block, "block", RN_KIND_LAYER, NULL, "layer that the level repeats; the layer's own keys (channels, heads …) stand beside it"),
    RN_INT   (level, blocks, "block", "1", 0, 4096, "how many: on the way down, and again on the way up; of the last level in all"),
    RN_PARAMS_END,
};

static const rn_param params[] = {
    RN_LIST(uvit, levels, level, level_params, NULL, "from the full map down, each half as high and wide as the one before; the last is the middle of the network"),
    RN_COMPONENT_OR_NONE(uvit, stem, RN_KIND_LAYER, "none", "layer with a way back that the image goes through first"),
    RN_INT_OR_NONE(uvit, classes, "class", "none", 1, 1000000, "classes that images are told apart by; none: no labels"),
    RN_REAL(uvit, norm_eps, NULL, "1e-5", 1e-12, 1, "added to the variances of norm_mid and norm_out"),
    RN_PARAMS_END,
};
/* clang-format on */

typedef struct network {
    const level *levels;
    int last; /* the level in the middle */
    int64_t width[FRAME_MOST_LEVELS];
    rn_tensor cond;
    rn_tensor *remembered; /* outputs of the blocks on the way down; room for all */
    int64_t n_remembered;
} network;

static rn_tensor conv1(rn_graph *g, const char *way, int number, rn_tensor x, int64_t channels)
{
    char name[32];
    snprintf(name, sizeof name, "%s.%d", way, number);
    return rn_conv2d(g, name, x, (rn_conv2d_options){.channels = channels, .kernel = 1});
}

/* down.{2i}.{j}: the blocks of level i; down.{2i+1}: mean over 2×2, then a 1×1 convolution to the next width */
static rn_tensor down(rn_graph *g, network *net, int i, rn_tensor h, rn_tensor image)
{
    const level *l = &net->levels[i];
    const rn_place before = rn_graph_at(g, l->block.place);
    for (int64_t j = 0; j < l->blocks; j++) {
        rn_scope(g, "down.%d.%" PRId64, 2 * i, j);
        h = frame_block(g, &l->block, h, net->cond);
        rn_scope_end(g);
        net->remembered[net->n_remembered++] = h;
    }
    h = conv1(g, "down", 2 * i + 1, frame_halve(g, image, h, i, net->last), net->width[i + 1]);
    (void)rn_graph_at(g, before);
    return h;
}

/* Tokens in row-major order + pos [T, C]; mid.{j}: the blocks; norm_mid */
static rn_tensor middle(rn_graph *g, const network *net, rn_tensor h, double norm_eps)
{
    const level *l = &net->levels[net->last];
    const rn_shape s = rn_shape_of(g, h);
    const rn_shape each = {2, rn_graph_type(g), {s.dim[1] * s.dim[2], s.dim[3]}, 0};
    const rn_place before = rn_graph_at(g, l->block.place);
    const rn_tensor pos = rn_graph_parameter(g, "pos", each, (rn_parameter_options){RN_INIT_NORMAL, 0, RN_LAYOUT_FILE});
    h = rn_map(g, rn_add(g, rn_tokens(g, h), pos), s.dim[1], s.dim[2]);
    for (int64_t j = 0; j < l->blocks; j++) {
        rn_scope(g, "mid.%" PRId64, j);
        h = frame_block(g, &l->block, h, net->cond);
        rn_scope_end(g);
    }
    h = rn_layer_norm(g, "norm_mid", h, (rn_norm_options){.eps = norm_eps});
    (void)rn_graph_at(g, before);
    return h;
}

/* up.{2k}: a 1×1 convolution to the width of level i, then nearest ×2; up.{2k+1}.{j}: the blocks of level i, each on
 * (h + last remembered)/√2; k counts from the lowest level up */
static rn_tensor up(rn_graph *g, network *net, int i, rn_tensor h)
{
    const level *l = &net->levels[i];
    const int k = net->last - 1 - i;
    const rn_place before = rn_graph_at(g, l->block.place);
    h = rn_op_upsample_nearest(g, conv1(g, "up", 2 * k, h, net->width[i]), 2);
    for (int64_t j = 0; j < l->blocks; j++) {
        const rn_tensor skip = net->remembered[--net->n_remembered];
        h = rn_op_scale(g, rn_add(g, h, skip), 0.70710678118654752440); /* 1/√2 keeps the variance */
        rn_scope(g, "up.%d.%" PRId64, 2 * k + 1, j);
        h = frame_block(g, &l->block, h, net->cond);
        rn_scope_end(g);
    }
    (void)rn_graph_at(g, before);
    return h;
}

static rn_tensor build(rn_graph *g, const void *params_, const rn_model_in *in)
{
    const uvit *p = params_;
    if (!frame_levels_fit(g, p->levels.n))
        return 0;
    network net = {.levels = p->levels.v, .last = (int)p->levels.n - 1};
    int64_t width = frame_stem_width(&p->stem, rn_channels(g, in->x)), blocks = 0;
    for (int i = 0; i <= net.last; i++) {
        net.width[i] = width = rn_layer_width(&net.levels[i].block, width);
        blocks += net.levels[i].blocks;
    }
    net.remembered = calloc((size_t)blocks + 1, sizeof *net.remembered);
    if (!net.remembered) {
        rn_graph_fail(g, RN_EMEMORY, "no memory for the list of %" PRId64 " blocks", blocks);
        return 0;
    }
    const frame f = {&p->stem, p->classes, p->norm_eps, &net.levels[0].block, net.width[0]};
    net.cond = frame_condition(g, &f, in);
    rn_tensor h = frame_enter(g, &f, in->x);
    for (int i = 0; i < net.last; i++)
        h = down(g, &net, i, h, in->x);
    h = middle(g, &net, h, p->norm_eps);
    for (int i = net.last - 1; i >= 0; i--)
        h = up(g, &net, i, h);
    free(net.remembered);
    return frame_leave(g, &f, h, in->x);
}

static int64_t classes(const void *params_) { return ((const uvit *)params_)->classes; }

const rn_model model_uvit = {
    .bytes = sizeof(rn_model), .name = "uvit", .doc = "convolutional levels around a transformer, additive skips",
    .params = params, .params_bytes = sizeof(uvit), .build = build, .classes = classes,
};
