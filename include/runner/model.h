#ifndef RUNNER_MODEL_H
#define RUNNER_MODEL_H
/* Models: networks composed of layers.
 * Thread safety: as graph.h. */
#include <runner/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rn_model_in {
    size_t bytes;     /* sizeof(rn_model_in) of the caller */
    rn_tensor x;      /* [B, H, W, C]; batch, height and width are the program's, not the model's */
    rn_tensor logsnr; /* [B] */
    rn_tensor label;  /* [B] int32, 0 … classes (= no label); 0 where the model has no classes */
} rn_model_in;

typedef struct rn_model {
    RN_COMPONENT_HEAD;
    /* A map of the shape of x: the prediction. Parameters are named from the graph's root. */
    rn_tensor (*build)(rn_graph *g, const void *params, const rn_model_in *in);
    /* How many classes it is told apart by; 0: none. NULL: 0. */
    int64_t (*classes)(const void *params);
} rn_model;

#ifdef __cplusplus
}
#endif
#endif
