#ifndef LAYERS_HEADS_H
#define LAYERS_HEADS_H
/* What the layers with attention share: the condition on its heads, and what may be done to queries and keys before their
 * products. */
#include <runner/layer.h>

/* Does the number of heads divide the channels? If not, the graph fails with the numbers that would. */
bool heads_fit(rn_graph *g, int64_t channels, int64_t heads);

enum { HEADS_PLAIN = 0, HEADS_ROPE };          /* positions: none, rope */
extern const char *const heads_positions[];

typedef struct heads_options {
    int64_t heads;
    bool qk_norm;          /* queries and keys to mean square 1 in each head, times a learned weight */
    int64_t positions;     /* HEADS_… */
    double rope_base, norm_eps;
    int64_t height, width; /* of the map that the tokens are; wanted by rope */
} heads_options;

/* qkv [B, T, 3·C], q|k|v, each head after head → [B, T, C]. With qk_norm, parameters "q_norm.weight" and "k_norm.weight"
 * [C/heads]. */
rn_tensor heads_attend(rn_graph *g, rn_tensor qkv, const heads_options *o);

#endif
