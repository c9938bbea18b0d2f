#ifndef RUNNER_TASK_H
#define RUNNER_TASK_H
/* Tasks: what is trained, its losses, and what "generate" means. A task builds programs (graphs with named
 * inputs and outputs) over one parameter set and fills the host inputs that are its own; the loop, the data
 * and the optimiser are the runner's.
 *
 * Inputs that the runner fills where a program has them:
 *     "image"  [B, H, W, 3]  training images in −1 … 1
 *     "label"  [B] int32     their labels, where the model has classes (label drop is the task's)
 * "gradient_seed" is the runner's own. All other inputs are asked of feed().
 * Outputs: "loss" [1]; others of shape [1] are logged as metrics "train/<name>".
 * Thread safety: building as graph.h; feed() from one thread. */
#include <runner/kernel.h>
#include <runner/model.h>
#include <runner/sampler.h>
#include <runner/schedule.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rn_task_env {
    size_t bytes;                 /* sizeof(rn_task_env) of the caller */
    rn_chosen model;              /* what an rn_model with its parameters */
    int64_t batch, height, width; /* of the program being built or fed */
    bool noise_given;             /* the train program takes "eps" as an input instead of drawing it */
} rn_task_env;

typedef struct rn_task {
    RN_COMPONENT_HEAD;
    /* What cannot be seen from one value alone (divisibility of scales …); no graph is built. NULL: nothing.
     * Errors: RN_ERANGE, RN_ESHAPE. */
    RN_NODISCARD bool (*check)(const void *params, const rn_task_env *env, rn_error *err);
    /* The train program (or, in a graph that is not for training, the validation program). */
    void (*build_loss)(rn_graph *g, const void *params, const rn_task_env *env);
    /* "z" [B, H, W, 3], scalars [B] of the task's own (, "label") → "x0" [B, H, W, 3]. */
    void (*build_denoise)(rn_graph *g, const void *params, const rn_task_env *env);
    /* Host values of the train program's input `name` for one step: floats[count], or ints[count] for an
     * integer input (preset by the runner: labels). False: no such input of this task's. */
    bool (*feed)(const void *params, const rn_task_env *env, const rn_step *step, const char *name, float *floats,
                 int32_t *ints, int64_t count);
    /* The schedule that samplers walk. */
    RN_NODISCARD bool (*curve)(const void *params, const rn_task_env *env, rn_curve *curve, rn_error *err);
    /* Host values of the denoise program's scalar inputs, by name, at one logSNR. */
    double (*denoise_scalar)(const void *params, const char *name, double logsnr);
    /* How much an error counts at one logSNR, its share of the t included: w(λ) of the common frame
     * ½·E_t[w(λ)·(−dλ/dt)·‖ε̂ − ε‖²] (Kingma, Gao 2023, arXiv:2303.00848), before pooling; 0 where the schedule does not
     * go. Losses with equal w ask for the same network. NULL: not a loss of that form. Errors: as curve. */
    RN_NODISCARD bool (*weight)(const void *params, const rn_task_env *env, double logsnr, double *w, rn_error *err);
} rn_task;

#ifdef __cplusplus
}
#endif
#endif
