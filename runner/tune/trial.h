#ifndef RN_TUNE_TRIAL_H
#define RN_TUNE_TRIAL_H
/* Nodes that differ in the kernel alone, run on memory of the trial's own: do they agree, and how long does each take?
 * Thread safety: one thread; a run uses the pool of base/parallel.h. */
#include "graph/step_node.h"

typedef struct rn_trial { /* zero to begin */
    uint8_t *block; /* grows with the largest node */
    size_t bytes, used;
    float *even; /* numbers even on 0 … 1 */
} rn_trial;

typedef struct rn_trial_result {
    double seconds; /* of the shortest run, and of packing where that belongs to every run; of what is out early, of fewer runs */
    bool differs;   /* from the referee: not timed */
} rn_trial_result;

/* result: [n], n ≥ 2. Outputs of the first run are compared with those of v[0] within what rounding explains at any size; only
 * where some differ the referee (NULL: nobody differs) says which are wrong. Then they are run in turns, for about 20 ms
 * each; whoever is far behind is out. Leaves nothing behind in the nodes that the caller could use. False: no memory. */
RN_NODISCARD bool rn_trial_run(rn_trial *t, step_node *v, int n, step_node *referee, int threads, rn_trial_result *result);
void rn_trial_free(rn_trial *t);

#endif
