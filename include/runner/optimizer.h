#ifndef RUNNER_OPTIMIZER_H
#define RUNNER_OPTIMIZER_H
/* Optimisers: how parameters move. They see flat arrays; clipping, the rate and EMA are the runner's.
 * Thread safety: update() runs in several threads at once, on disjoint ranges. */
#include <runner/param.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { RN_MAX_OPTIMIZER_STATE = 4 };

typedef struct rn_optimizer_step {
    size_t bytes;     /* sizeof(rn_optimizer_step) of the caller */
    int64_t step;     /* from 0 */
    double lr;        /* of this step, after warm-up and decay */
    double scale;     /* gradients are multiplied by this first (clipping) */
    double l2, weight_decay; /* l2·x is added to the scaled gradient; x shrinks by the factor 1 − lr·weight_decay */
    float *x;         /* parameters */
    const float *g;   /* gradients */
    float *state[RN_MAX_OPTIMIZER_STATE]; /* n_state arrays, zero before step 0 */
} rn_optimizer_step;

typedef struct rn_optimizer {
    RN_COMPONENT_HEAD;
    int n_state;
    const char *state_names[RN_MAX_OPTIMIZER_STATE]; /* n_state of them */
    /* Moves elements [begin, end) of x and of the state arrays, each by itself. Cannot fail. */
    void (*update)(const void *params, const rn_optimizer_step *s, int64_t begin, int64_t end);
} rn_optimizer;

#ifdef __cplusplus
}
#endif
#endif
