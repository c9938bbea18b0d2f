#ifndef RN_SPEC_EXPERIMENT_H
#define RN_SPEC_EXPERIMENT_H
/* What a spec says, as structs: the values of one variant after defaults, base, file, variant, vary and
 * --set were merged and checked. The tables that fill them stand in experiment.c; nothing here has a
 * default of its own. */
#include <runner/param.h>
#include <runner/schedule.h>

/* `data:` {type: dead_leaves, …the set's own keys…, resolution: 64, …} */
typedef struct rn_data_config {
    rn_chosen set;
    rn_size resolution;
    bool flip;
    int64_t on_error; /* 0 stop, 1 skip */
    int64_t max_pixels;
    int64_t held_out; /* images kept from training for the error by logSNR */
    int64_t workers;  /* threads that decode */
} rn_data_config;

/* `optimizer:` {type: adam, …its own keys…, lr: 3e-4, …} */
typedef struct rn_optimizer_config {
    rn_chosen rule;
    double lr;
    int64_t warmup; /* steps */
    int64_t decay;  /* 0 constant, 1 cosine */
    double clip;    /* 0: none */
    double l2, weight_decay;
} rn_optimizer_config;

/* Units of `train: {budget: 2e15 FLOP}`, in the order of their words. */
enum { RN_BUDGET_FLOP, RN_BUDGET_IMAGES, RN_BUDGET_STEPS, RN_BUDGET_S };
enum { RN_MAX_STEPS = 1000000000 };

typedef struct rn_train_config {
    int64_t steps;      /* 0: the budget says how long */
    rn_quantity budget; /* value 0: steps says how long */
    int64_t batch;
    rn_optimizer_config optimizer;
    double ema;      /* 0: none */
    bool ema_warmup; /* min(d, (1+i)/(10+i)) */
    int64_t log_every;
} rn_train_config;

/* `sampler:` {type: ddim, …its own keys…, steps: 50, clip: true} */
typedef struct rn_sampler_config {
    rn_chosen rule;
    int64_t steps; /* 0: the sampler's own default */
    int64_t spacing; /* 0 t, 1 logsnr */
    const rn_schedule_choice *schedule; /* NULL: the task's */
    bool clip;
    double dynamic_threshold; /* 0: none */
} rn_sampler_config;

/* `guidance:` {scale: 1.1, interval: {low: -2, high: 2.5}} */
enum { RN_GUIDANCE_LOGSNR = 0, RN_GUIDANCE_SIGMA };
typedef struct rn_guidance_interval {
    double low, high;
    int64_t of; /* RN_GUIDANCE_…: what low and high are */
} rn_guidance_interval;
typedef struct rn_guidance {
    double scale;                         /* 1: none */
    const rn_guidance_interval *interval; /* NULL: everywhere */
} rn_guidance;

enum { RN_LABELS_EVEN = 0, RN_LABELS_NONE };

typedef struct rn_evaluate_config {
    int64_t every; /* steps; 0: at the end alone */
    int64_t samples, batch;
    rn_sampler_config sampler;
    int64_t labels;              /* of samples: RN_LABELS_… */
    const rn_guidance *guidance; /* NULL: none */
    rn_chosen_list features, metrics;
    int64_t weights; /* 0 ema, 1 raw */
    rn_chosen reference; /* another data set; none: the training images */
    int64_t reference_images;
    int64_t sheet; /* images on a sample sheet */
} rn_evaluate_config;

typedef struct rn_memory_config {
    int64_t recompute; /* 0 nothing, 1 cheap ops, 2 blocks */
} rn_memory_config;

typedef struct rn_experiment {
    int64_t version;
    const char *name, *question;
    rn_data_config data;
    rn_chosen model, task;
    rn_train_config train;
    rn_evaluate_config evaluate;
    rn_ints seeds;
    rn_memory_config memory;
    int64_t precision; /* 0 float32, 1 bf16 */
    rn_texts kernels;  /* preference order; empty: by rank */
    bool deterministic;
    rn_texts plugins;  /* folders or files searched first (paths, resolved) */
} rn_experiment;

/* The rows of a whole spec but for base, vary, variants, baseline and exclude, which make variants. */
extern const rn_param rn_experiment_params[];

/* Those five keys as rows, for `runner describe spec` and the reference: what they allow is checked in spec.c and
 * variants.c, no struct is filled from them, and their offsets mean nothing. */
extern const rn_param rn_maker_params[];

#endif
