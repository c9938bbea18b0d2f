#ifndef MODELS_FRAME_H
#define MODELS_FRAME_H
/* What stands around the levels of every U-shaped network here: the way in (stem, conv_in), the vector that
 * modulates all blocks, and the way out (norm_out, conv_out, the stem's way back). With it what the networks share
 * inside: a block on a map, and whether the map can be halved.
 * Thread safety: as graph.h. */
#include <runner/layer.h>
#include <runner/model.h>

enum { FRAME_MOST_LEVELS = 16 }; /* sides of images end long before 2^16 */

/* The parameters that all of these networks have: the first member of their structs, so that the rows fit. */
typedef struct frame_params {
    rn_chosen stem;    /* what == NULL: none */
    int64_t classes;   /* 0: none */
    int64_t embedding; /* 0: 4·c0 */
    int64_t logsnr;    /* FRAME_TIME, FRAME_LINEAR */
    double norm_eps;
} frame_params;
enum { FRAME_TIME = 0, FRAME_LINEAR };
extern const char *const frame_logsnr_words[];

/* clang-format off */
#define FRAME_ROWS \
    RN_COMPONENT_OR_NONE(frame_params, stem, RN_KIND_LAYER, "none", "layer with a way back that the image goes through first"), \
    RN_INT_OR_NONE(frame_params, classes, "class", "none", 1, 1000000, "classes that images are told apart by; none: no labels"), \
    RN_INT_OR_NONE(frame_params, embedding, "channel", "none", 1, 65536, "width of the vector that modulates all blocks; none: four times the width of the first level"), \
    RN_CHOICE(frame_params, logsnr, frame_logsnr_words, "time", "what the sines and cosines of logSNR are taken of: time, 1000·(2/π)·atan(e^(−logSNR/2)), or linear, 50·logSNR"), \
    RN_REAL(frame_params, norm_eps, NULL, "1e-5", 1e-12, 1, "added to the variances of the norms outside of blocks")
/* clang-format on */

typedef struct frame {
    const frame_params *p;
    const rn_chosen *first; /* block of the first level */
    int64_t channels;       /* its width c0: of conv_in, and of the sines and cosines */
} frame;

/* Channels that the stem gives for `in`. */
int64_t frame_stem_width(const rn_chosen *stem, int64_t in);

/* image [B, H, W, C] → conv_in(stem(image)) [B, H', W', c0] */
rn_tensor frame_enter(rn_graph *g, const frame *f, rn_tensor image);

/*  u = 1000·(2/π)·atan(e^(−logsnr/2))      or 50·logsnr
 *  c = silu(emb2(silu(emb1(sinusoid(u, c0)))) + label.weight[label])     the label where there are classes
 *  logsnr [B], label [B] → [B, E], E = embedding or 4·c0 */
rn_tensor frame_condition(rn_graph *g, const frame *f, const rn_model_in *in);

/* h [B, H', W', C'] → the stem's way back of conv_out(silu(norm_out(h))): the shape of image. */
rn_tensor frame_leave(rn_graph *g, const frame *f, rn_tensor h, rn_tensor image);

/* A block on a map [B, H, W, C], which it sees as tokens where it wants them. */
rn_tensor frame_block(rn_graph *g, const rn_chosen *block, rn_tensor map, rn_tensor cond);

/* Mean over 2×2. A map with an odd side fails the graph, with the sides of an image that would do; for these it
 * must know how often the network halves in all, and how often it has done so `before`. */
rn_tensor frame_halve(rn_graph *g, rn_tensor image, rn_tensor map, int before, int halvings);

/* (h + skip)/√2, which keeps the variance of two that know nothing of each other. */
rn_tensor frame_average(rn_graph *g, rn_tensor h, rn_tensor skip);

/* 1 … FRAME_MOST_LEVELS of them? If not, the graph fails. */
bool frame_levels_fit(rn_graph *g, int64_t levels);

/* The models of this folder, for plugin.c. */
extern const rn_model model_unet, model_unet_layout, model_uvit, model_uvit_layout;

#endif
