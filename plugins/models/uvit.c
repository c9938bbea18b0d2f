/* uvit: convolutional levels around a transformer. Going down each level's blocks are remembered, going up each meets its
 * counterpart; the lowest level sees tokens with learned positions. Source: Hoogeboom, Heek, Salimans 2023
 * (arXiv:2301.11093), section 3.3 and appendix B. With `skips: residual` levels are skipped as wholes, which keeps fewer
 * maps: Hoogeboom, Mensink, Heek, Lamerigts, Gao, Salimans 2024 (arXiv:2410.19324), the residual U-ViT. */
#include "models/levels.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct uvit {
    frame_params frame; /* first: FRAME_ROWS */
    rn_list levels;     /* of uvit_level */
    int64_t skips, positions;
} uvit;

const char *const uvit_skip_words[] = {"concat", "add", "residual", NULL};
const char *const uvit_position_words[] = {"none", "learned", NULL};

/* clang-format off */
static const rn_param level_params[] = {
    RN_INLINE(uvit_level, block, "block", RN_KIND_LAYER, NULL, "layer that the level repeats; the layer's own keys (channels, heads …) stand beside it"),
    RN_INT   (uvit_level, blocks, "block", "1", 0, 4096, "how many: on the way down, and again on the way up; of the last level in all"),
    RN_PARAMS_END,
};

static const rn_param params[] = {
    RN_LIST(uvit, levels, uvit_level, level_params, NULL, "from the full map down, each half as high and wide as the one before; the last is the middle of the network"),
    RN_CHOICE(uvit, skips, uvit_skip_words, "add", "how the way up meets the way down: each block beside its counterpart, or (h + skip)/√2, or a level as a whole, h = up(middle − h_after) + h_before"),
    RN_CHOICE(uvit, positions, uvit_position_words, "learned", "of the tokens in the middle: one learned vector for each, or none (blocks may have rope)"),
    FRAME_ROWS,
    RN_PARAMS_END,
};
/* clang-format on */

typedef struct network {
    const uvit_levels *u;
    int last; /* the level in the middle */
    int64_t width[FRAME_MOST_LEVELS];
    rn_tensor cond, image;
    rn_tensor *remembered; /* outputs of the blocks on the way down; room for all */
    int64_t n_remembered;
    rn_tensor before[FRAME_MOST_LEVELS], after[FRAME_MOST_LEVELS]; /* residual: of level i, above and below its halving */
} network;

static rn_tensor conv1(rn_graph *g, const char *way, int number, rn_tensor x, int64_t channels)
{
    char name[32];
    snprintf(name, sizeof name, "%s.%d", way, number);
    return rn_conv2d(g, name, x, (rn_conv2d_options){.channels = channels, .kernel = 1});
}

/* "<scope>.<number>.<j>": block j of level i */
static rn_tensor block(rn_graph *g, const network *net, const char *scope, int number, int i, int64_t j, rn_tensor h)
{
    rn_scope(g, "%s.%d.%" PRId64, scope, number, j);
    h = frame_block(g, &net->u->level[i].block, h, net->cond);
    rn_scope_end(g);
    return h;
}

/* down.{2i}.{j}: the blocks of level i; down.{2i+1}: mean over 2×2, then a 1×1 convolution to the next width */
static rn_tensor down(rn_graph *g, network *net, int i, rn_tensor h)
{
    const uvit_level *l = &net->u->level[i];
    const rn_place before = rn_graph_at(g, l->block.place);
    for (int64_t j = 0; j < l->blocks; j++) {
        h = block(g, net, "down", 2 * i, i, j, h);
        net->remembered[net->n_remembered++] = h;
    }
    net->before[i] = h;
    h = conv1(g, "down", 2 * i + 1, frame_halve(g, net->image, h, i, net->last), net->width[i + 1]);
    net->after[i] = h;
    (void)rn_graph_at(g, before);
    return h;
}

/* Tokens in row-major order + pos [T, C] */
static rn_tensor placed(rn_graph *g, rn_tensor h)
{
    const rn_shape s = rn_shape_of(g, h);
    const rn_shape each = {2, rn_graph_type(g), {s.dim[1] * s.dim[2], s.dim[3]}, 0};
    const rn_tensor pos = rn_graph_parameter(g, "pos", each, (rn_parameter_options){RN_INIT_NORMAL, 0, RN_LAYOUT_FILE});
    return rn_map(g, rn_add(g, rn_tokens(g, h), pos), s.dim[1], s.dim[2]);
}

/* mid.{j}: the blocks; norm_mid, where the way up does not subtract what stood before the blocks */
static rn_tensor middle(rn_graph *g, network *net, rn_tensor h)
{
    const uvit_level *l = &net->u->level[net->last];
    const rn_place before = rn_graph_at(g, l->block.place);
    if (net->u->positions)
        h = placed(g, h);
    if (net->last > 0)
        net->after[net->last - 1] = h;
    for (int64_t j = 0; j < l->blocks; j++) {
        rn_scope(g, "mid.%" PRId64, j);
        h = frame_block(g, &l->block, h, net->cond);
        rn_scope_end(g);
    }
    if (net->u->skips != SKIP_RESIDUAL)
        h = rn_layer_norm(g, "norm_mid", h, (rn_norm_options){.eps = net->u->norm_eps});
    (void)rn_graph_at(g, before);
    return h;
}

static rn_tensor meet(rn_graph *g, network *net, rn_tensor h)
{
    if (net->u->skips == SKIP_RESIDUAL)
        return h;
    const rn_tensor skip = net->remembered[--net->n_remembered], beside[] = {h, skip};
    return net->u->skips == SKIP_CONCAT ? rn_op_concat(g, beside, 2) : frame_average(g, h, skip);
}

/* up.{2k}: a 1×1 convolution to the width of level i, then nearest ×2; up.{2k+1}.{j}: the blocks of level i, each on
 * (h + last remembered)/√2 or both side by side; k counts from the lowest level up.
 * Residual: h = up(h − after) + before, then the blocks. While blocks are identities nothing flows through the lower
 * levels, and the network is what stands around them. */
static rn_tensor up(rn_graph *g, network *net, int i, rn_tensor h)
{
    const uvit_level *l = &net->u->level[i];
    const int k = net->last - 1 - i;
    const bool residual = net->u->skips == SKIP_RESIDUAL;
    const rn_place before = rn_graph_at(g, l->block.place);
    if (residual)
        h = rn_op_sub(g, h, net->after[i]);
    h = rn_op_upsample_nearest(g, conv1(g, "up", 2 * k, h, net->width[i]), 2);
    if (residual)
        h = rn_add(g, h, net->before[i]);
    for (int64_t j = 0; j < l->blocks; j++)
        h = block(g, net, "up", 2 * k + 1, i, j, meet(g, net, h));
    (void)rn_graph_at(g, before);
    return h;
}

rn_tensor uvit_build(rn_graph *g, const uvit_levels *u, rn_tensor cond, rn_tensor h, rn_tensor image)
{
    network net = {.u = u, .last = (int)u->n - 1, .cond = cond, .image = image};
    int64_t width = rn_channels(g, h), blocks = 0;
    for (int i = 0; i <= net.last; i++) {
        net.width[i] = width = rn_layer_width(&u->level[i].block, width);
        blocks += u->level[i].blocks;
    }
    net.remembered = calloc((size_t)blocks + 1, sizeof *net.remembered);
    if (!net.remembered) {
        rn_graph_fail(g, RN_EMEMORY, "no memory for the list of %" PRId64 " blocks", blocks);
        return 0;
    }
    for (int i = 0; i < net.last; i++)
        h = down(g, &net, i, h);
    h = middle(g, &net, h);
    for (int i = net.last - 1; i >= 0; i--)
        h = up(g, &net, i, h);
    free(net.remembered);
    return h;
}

static rn_tensor build(rn_graph *g, const void *params_, const rn_model_in *in)
{
    const uvit *p = params_;
    if (!frame_levels_fit(g, p->levels.n))
        return 0;
    const uvit_levels u = {.level = p->levels.v, .n = p->levels.n, .skips = p->skips, .positions = p->positions,
                           .norm_eps = p->frame.norm_eps};
    const int64_t stem = frame_stem_width(&p->frame.stem, rn_channels(g, in->x));
    const rn_chosen *first = &u.level[0].block;
    const frame f = {&p->frame, first, rn_layer_width(first, stem)};
    const rn_tensor cond = frame_condition(g, &f, in);
    return frame_leave(g, &f, uvit_build(g, &u, cond, frame_enter(g, &f, in->x), in->x), in->x);
}

static int64_t classes(const void *params_) { return ((const uvit *)params_)->frame.classes; }

const rn_model model_uvit = {
    .bytes = sizeof(rn_model), .name = "uvit", .doc = "convolutional levels around a transformer",
    .params = params, .params_bytes = sizeof(uvit), .build = build, .classes = classes,
};
