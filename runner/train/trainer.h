#ifndef RN_TRAIN_TRAINER_H
#define RN_TRAIN_TRAINER_H
/* One run: the programs of a variant, its parameters, and the training step.
 *
 * rn_trainer_plan builds and compiles everything and allocates no weights, so that `runner plan` can judge
 * a network that this machine could not hold. rn_trainer_start then allocates, to the byte, what the plan says.
 * Thread safety: one thread. */
#include "graph/program.h"
#include "train/optimize.h"

/* What a variant costs. Bytes are those that rn_trainer_start allocates. */
typedef struct rn_trainer_cost {
    int64_t parameters;
    int64_t flop_per_image;   /* forward, of the products and convolutions: two for each multiply-add */
    double flop_per_step;     /* of training: 3 · flop_per_image · batch, since the backward pass has two products for each */
    size_t train_arena_bytes, denoise_arena_bytes;
    size_t arena_bytes;       /* the larger of the two: the programs share it */
    size_t weight_bytes;      /* raw weights */
    size_t training_bytes;    /* gradients, optimiser state, average */
    size_t packed_bytes;
    size_t total_bytes;
} rn_trainer_cost;

typedef struct rn_trainer {
    const rn_chooser *chooser; /* set before planning; NULL: kernels by rank, as where the spec says `deterministic` */
    const rn_experiment *experiment;
    rn_train_config config; /* the experiment's, with `steps` made from its budget; see rn_trainer_expect */
    double budget_s;        /* of training, where the budget is time; else 0 */
    const rn_task *task;
    rn_task_env train_env, denoise_env;
    rn_parameters parameters;
    rn_graph *train_graph, *denoise_graph;
    rn_program *train, *denoise;
    rn_trainer_cost cost;
    const rn_device *device;
    uint32_t seed;
    void *arena;
    float *gradients;
    rn_optimize optimize;
    rn_parameter_set raw, average; /* average.values is NULL where ema is none */
    int64_t step;                  /* steps done */
} rn_trainer;

/* registry, experiment: borrowed. Zero the trainer before; free it whatever happened.
 * Errors: RN_ESHAPE and its kin with the place in the spec, RN_EPLUGIN, RN_EMEMORY, RN_ERANGE for a budget of more than
 * RN_MAX_STEPS steps. */
RN_NODISCARD bool rn_trainer_plan(rn_trainer *t, const rn_registry *registry, const rn_experiment *experiment, rn_error *err);
/* Where the budget is time, config.steps is not known beforehand (RN_MAX_STEPS): tells how many steps there will be,
 * as far as can be seen, for the rate of the next step. */
void rn_trainer_expect(rn_trainer *t, int64_t steps);
/* Memory of the plan. The trainer must then stay where it is. Errors: RN_EMEMORY. */
RN_NODISCARD bool rn_trainer_start(rn_trainer *t, uint32_t seed, rn_error *err);
/* Instead of rn_trainer_start, where nothing is trained: the denoiser and one set of weights, `raw`, which the caller fills. */
RN_NODISCARD bool rn_trainer_start_denoise(rn_trainer *t, uint32_t seed, rn_error *err);
void rn_trainer_free(rn_trainer *t);

/* What a step leaves to be logged. */
typedef struct rn_step_result {
    double loss;
    rn_optimize_report optimizer; /* norm before clipping, clip factor, rate, decay of the average */
} rn_step_result;

/* One step on images [batch, H, W, 3] and labels [batch]: loss, gradients, clipping, optimiser, average.
 * Allocates nothing. Errors: RN_EFAILED where loss or gradient is not finite; the weights are then as before. */
RN_NODISCARD bool rn_trainer_step(rn_trainer *t, const float *images, const int32_t *labels, rn_step_result *result,
                                  rn_error *err);

/* Scalar outputs of the train program besides "loss": their number, names, and values of the last step. */
int64_t rn_trainer_outputs(const rn_trainer *t);
const char *rn_trainer_output_name(const rn_trainer *t, int64_t i);
double rn_trainer_output(const rn_trainer *t, int64_t i);

/* x0 = the network's estimate of the image in z at one logSNR, for denoise_env.batch images; from the average
 * or the raw weights. labels: NULL means no label. */
void rn_trainer_denoise(rn_trainer *t, const rn_parameter_set *set, const double *z, double logsnr, const int32_t *labels,
                        double *x0);

/* The set that samples are drawn from, as evaluate.weights says. */
const rn_parameter_set *rn_trainer_evaluated(const rn_trainer *t);

#endif
