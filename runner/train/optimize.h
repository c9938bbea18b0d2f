#ifndef RN_TRAIN_OPTIMIZE_H
#define RN_TRAIN_OPTIMIZE_H
/* One optimiser step over flat arrays: clipping by the global norm, the rate of the step, the rule (a plugin)
 * and the exponential moving average. Work is cut into blocks of fixed size, so no byte depends on the number
 * of threads.
 * Thread safety: one thread per rn_optimize; the step itself uses rn_parallel. */
#include "spec/experiment.h"

#include <runner/optimizer.h>

enum { RN_OPTIMIZE_BLOCK = 65536 }; /* elements; four float arrays of a block fit into a core's 2 MiB L2 */

typedef struct rn_optimize {
    const rn_train_config *train; /* borrowed */
    int64_t n;                                /* elements of each array */
    float *state[RN_MAX_OPTIMIZER_STATE];     /* of the rule: zero before step 0; saved in checkpoints */
    int n_state;
    double *partial;                          /* [blocks]: sums of squares */
} rn_optimize;

/* What a step did, for the log. */
typedef struct rn_optimize_report {
    double norm;  /* of the whole gradient, before clipping */
    double clip;  /* the factor that gradients were multiplied by, at most 1 */
    double lr;    /* the rate used */
    double decay; /* of the average */
} rn_optimize_report;

/* Makes the state of train->optimizer.rule for n parameters. Errors: RN_EMEMORY with the bytes asked for. */
RN_NODISCARD bool rn_optimize_init(rn_optimize *o, const rn_train_config *train, int64_t n, rn_error *err);
void rn_optimize_free(rn_optimize *o);

/* Step i, from 0: moves x [n] by the gradient g [n], then ema ← d·ema + (1 − d)·x; ema NULL: none.
 * The average begins as a copy of the initial x, which is the caller's business.
 * Errors: RN_EFAILED where the gradient's norm is not finite; then nothing has moved, and report->norm says what
 * it was. */
RN_NODISCARD bool rn_optimize_step(rn_optimize *o, int64_t step, float *x, const float *g, float *ema,
                                   rn_optimize_report *report, rn_error *err);

/* lr·min(1, (i+1)/warmup), times ½(1 + cos(πi/steps)) with `decay: cosine`. */
double rn_optimize_rate(const rn_train_config *train, int64_t step);

/* ema, or with ema_warmup min(ema, (1+i)/(10+i)). */
double rn_optimize_decay(const rn_train_config *train, int64_t step);

/* √Σg² in double: blocks of RN_OPTIMIZE_BLOCK, added up in their order. partial: room for one number a block. */
double rn_gradient_norm(const float *g, int64_t n, double *partial);

#endif
