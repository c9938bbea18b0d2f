/* diffusion: a network learns to take noise out of images. Sources: Hoogeboom, Heek, Salimans 2023
 * (arXiv:2301.11093), sections 3.1 (shift), 3.2 (multi-scale loss) and the training algorithm of the appendix;
 * Salimans, Ho 2022 (v); Kingma, Gao 2023 (weightings). */
#include <stdio.h>
#include <string.h>

#include "tasks/weight.h"
#include <runner/ops.h>
#include <runner/task.h>

typedef struct loss_params {
    int64_t on; /* 0 prediction, 1 eps */
    rn_ints scales;
    rn_reals weights; /* word 0 paper, 1 equal */
    const rn_schedule_choice *matched_to; /* NULL: none */
} loss_params;

typedef struct diffusion {
    rn_schedule_choice schedule;
    int64_t prediction; /* rn_prediction */
    loss_params loss;
    rn_chosen weighting;
    int64_t t; /* 0 uniform, 1 stratified */
    double label_drop;
} diffusion;

static const char *const on_words[] = {"prediction", "eps", NULL};
static const char *const weights_words[] = {"paper", "equal", NULL};
static const char *const t_words[] = {"uniform", "stratified", NULL};

/* clang-format off */
static const rn_param loss_rows[] = {
    RN_CHOICE(loss_params, on, on_words, "prediction", "the square of what the network predicts, or of the noise computed from it"),
    RN_INTS(loss_params, scales, "pixel", "[1]", 1, 8192, "factors by which the error is average-pooled before it is squared, one term of the loss each"),
    RN_WORD_OR_REALS(loss_params, weights, weights_words, "paper", 0, 1e6, "of the terms: paper is 1/side, normalised so that the coarsest has weight 1; equal is their plain mean; or one number for each scale"),
    RN_GROUP_OR_NONE(loss_params, matched_to, rn_schedule_choice, rn_schedule_choice_params, "none", "another schedule: errors count at each logSNR as much as they would in training on it, while t is sampled on the task's own; tells the weighting that a schedule implies from its sampling of t"),
    RN_PARAMS_END,
};

static const rn_param params[] = {
    RN_GROUP(diffusion, schedule, rn_schedule_choice_params, "{}", "logSNR as a function of t, and its shift"),
    RN_CHOICE(diffusion, prediction, rn_prediction_words, "v", "what the network predicts: the noise eps, v = alpha·eps − sigma·x0, the image x0, or the velocity eps − x0 of rectified flow"),
    RN_GROUP(diffusion, loss, loss_rows, "{}", "the loss"),
    RN_COMPONENT_OR_NONE(diffusion, weighting, RN_KIND_WEIGHTING, "none", "the whole weight of the loss as a function of logSNR, written on eps; none: the plain mean square of loss.on"),
    RN_CHOICE(diffusion, t, t_words, "uniform", "t of the images of a batch: independent, or one in each of as many equal parts of (0, 1)"),
    RN_REAL(diffusion, label_drop, NULL, "0.1", 0, 1, "share of the images trained without their label (where the model has classes)"),
    RN_PARAMS_END,
};
/* clang-format on */

static int64_t classes_of(const rn_task_env *env)
{
    const rn_model *model = (const rn_model *)env->model.what;
    return model->classes ? model->classes(env->model.params) : 0;
}

static int64_t shorter_side(const rn_task_env *env)
{
    return env->height < env->width ? env->height : env->width;
}

static bool curve(const void *params_, const rn_task_env *env, rn_curve *out, rn_error *err)
{
    const diffusion *p = params_;
    return rn_curve_make(&p->schedule, (double)shorter_side(env), out, err);
}

static bool check(const void *params_, const rn_task_env *env, rn_error *err)
{
    const diffusion *p = params_;
    rn_curve c;
    for (int64_t i = 0; i < p->loss.scales.n; i++) {
        const int64_t s = p->loss.scales.v[i];
        if (env->height % s || env->width % s)
            return rn_fail(err, RN_ESHAPE, "loss.scales: %" PRId64 " does not divide an image of %" PRId64 "×%" PRId64
                           " pixels", s, env->height, env->width);
    }
    if (p->loss.scales.n == 0)
        return rn_fail(err, RN_ERANGE, "loss.scales: at least one scale is needed; [1] is the plain mean square");
    if (p->loss.weights.word < 0 && p->loss.weights.n != p->loss.scales.n)
        return rn_fail(err, RN_ERANGE, "loss.weights: %" PRId64 " weight%s for %" PRId64 " scale%s", p->loss.weights.n,
                       p->loss.weights.n == 1 ? "" : "s", p->loss.scales.n, p->loss.scales.n == 1 ? "" : "s");
    if (p->loss.matched_to && !rn_curve_make(p->loss.matched_to, (double)shorter_side(env), &c, err))
        return rn_context(err, "loss.matched_to");
    return curve(params_, env, &c, err);
}

/* The weight of term i of the loss: s/max(s), which is 1/side over 1/(coarsest side). */
static double scale_weight(const loss_params *p, int64_t i)
{
    if (p->weights.word < 0)
        return p->weights.v[i];
    if (p->weights.word == 1)
        return 1 / (double)p->scales.n;
    int64_t most = 1;
    for (int64_t k = 0; k < p->scales.n; k++)
        most = p->scales.v[k] > most ? p->scales.v[k] : most;
    return (double)p->scales.v[i] / (double)most;
}

static rn_tensor network(rn_graph *g, const rn_task_env *env, rn_tensor z, rn_tensor logsnr)
{
    const rn_model *model = (const rn_model *)env->model.what;
    const rn_shape labels = {.rank = 1, .type = RN_I32, .dim = {env->batch}};
    const rn_model_in in = {.bytes = sizeof in, .x = z, .logsnr = logsnr,
                            .label = classes_of(env) ? rn_graph_input(g, "label", labels) : 0};
    const rn_place before = rn_graph_at(g, env->model.place);
    const rn_tensor out = model->build(g, env->model.params, &in);
    rn_graph_at(g, before);
    return out;
}

/*  z   = alpha·x0 + sigma·eps
 *  d   = out − target                      on the prediction: target = target_x0·x0 + target_eps·eps
 *  d   = eps_z·z + eps_out·out − eps       on eps
 *  loss = Σ over scales s of weight(s) · mean of w·(D_s d)²     D_s: average pooling by s (eq. of section 3.2) */
static void build_loss(rn_graph *g, const void *params_, const rn_task_env *env)
{
    const diffusion *p = params_;
    const rn_shape images = {.rank = 4, .dim = {env->batch, env->height, env->width, 3}};
    const rn_shape scalars = {.rank = 1, .dim = {env->batch}};
    const rn_tensor x0 = rn_graph_input(g, "image", images), logsnr = rn_graph_input(g, "logsnr", scalars);
    const rn_tensor alpha = rn_graph_input(g, "alpha", scalars), sigma = rn_graph_input(g, "sigma", scalars);
    const rn_tensor eps = env->noise_given ? rn_graph_input(g, "eps", images)
                                           : rn_op_random_normal(g, x0, rn_scope_stream(g, "noise"));
    const rn_tensor z = rn_op_mix(g, x0, eps, alpha, sigma);
    const rn_tensor out = network(g, env, z, logsnr);
    rn_tensor d;
    if (p->loss.on == 0) {
        const rn_tensor a = rn_graph_input(g, "target_x0", scalars), b = rn_graph_input(g, "target_eps", scalars);
        d = rn_op_sub(g, out, rn_op_mix(g, x0, eps, a, b));
    } else {
        const rn_tensor a = rn_graph_input(g, "eps_z", scalars), b = rn_graph_input(g, "eps_out", scalars);
        d = rn_op_sub(g, rn_op_mix(g, z, out, a, b), eps);
    }
    const rn_tensor w = p->weighting.what || p->loss.matched_to ? rn_graph_input(g, "weight", scalars) : 0;
    rn_tensor loss = 0;
    for (int64_t i = 0; i < p->loss.scales.n; i++) {
        const int64_t s = p->loss.scales.v[i];
        const rn_tensor term = rn_op_mean_square(g, s == 1 ? d : rn_op_avg_pool(g, d, s), w);
        const rn_tensor part = rn_op_scale(g, term, scale_weight(&p->loss, i));
        loss = i ? rn_op_add(g, loss, part) : part;
        if (p->loss.scales.n > 1) {
            char name[40];
            snprintf(name, sizeof name, "loss_scale_%" PRId64, s);
            rn_graph_output(g, name, term);
        }
    }
    rn_graph_output(g, "loss", loss);
    if (env->noise_given) { /* whoever brings the noise wants to see what became of it */
        rn_graph_output(g, "z", z);
        rn_graph_output(g, "out", out);
    }
}

/* x̂ = x0_z·z + x0_out·out */
static void build_denoise(rn_graph *g, const void *params_, const rn_task_env *env)
{
    (void)params_;
    const rn_shape images = {.rank = 4, .dim = {env->batch, env->height, env->width, 3}};
    const rn_shape scalars = {.rank = 1, .dim = {env->batch}};
    const rn_tensor z = rn_graph_input(g, "z", images), logsnr = rn_graph_input(g, "logsnr", scalars);
    const rn_tensor a = rn_graph_input(g, "x0_z", scalars), b = rn_graph_input(g, "x0_out", scalars);
    rn_graph_output(g, "x0", rn_op_mix(g, z, network(g, env, z, logsnr), a, b));
}

/* t of image b: (word + ½)/2³² of stream "t"; stratified: the same inside part b of the batch. */
static double t_of(const diffusion *p, const rn_task_env *env, const rn_step *step, int64_t b)
{
    const rn_stream stream = {.seed = step->seed, .stream = rn_stream_of("t"), .step = step->step};
    const double u = rn_random_uniform(stream, step->first_image + (uint64_t)b);
    return p->t ? ((double)b + u) / (double)env->batch : u;
}

static loss_weight weight_of(const diffusion *p, const rn_curve *own, const rn_curve *matched)
{
    return (loss_weight){.weighting = p->weighting, .prediction = (rn_prediction)p->prediction,
                         .on_prediction = p->loss.on == 0, .own = own, .matched = p->loss.matched_to ? matched : NULL};
}

/* Of all inputs but "weight". */
static double scalar_at(const diffusion *p, const char *name, double logsnr, bool *known)
{
    const rn_target target = rn_prediction_target((rn_prediction)p->prediction, logsnr);
    const rn_conversion to = rn_prediction_conversion((rn_prediction)p->prediction, logsnr);
    *known = true;
    if (strcmp(name, "logsnr") == 0)
        return logsnr;
    if (strcmp(name, "alpha") == 0)
        return rn_alpha(logsnr);
    if (strcmp(name, "sigma") == 0)
        return rn_sigma(logsnr);
    if (strcmp(name, "target_x0") == 0)
        return target.x0;
    if (strcmp(name, "target_eps") == 0)
        return target.eps;
    if (strcmp(name, "eps_z") == 0)
        return to.eps_z;
    if (strcmp(name, "eps_out") == 0)
        return to.eps_out;
    if (strcmp(name, "x0_z") == 0)
        return to.x0_z;
    if (strcmp(name, "x0_out") == 0)
        return to.x0_out;
    *known = false;
    return 0;
}

static void drop_labels(const diffusion *p, const rn_task_env *env, const rn_step *step, int32_t *labels, int64_t count)
{
    const rn_stream stream = {.seed = step->seed, .stream = rn_stream_of("label drop"), .step = step->step};
    const int64_t none = classes_of(env);
    for (int64_t b = 0; b < count; b++)
        if (labels[b] < 0 || labels[b] >= none ||
            rn_random_uniform(stream, step->first_image + (uint64_t)b) < p->label_drop)
            labels[b] = (int32_t)none;
}

static bool feed(const void *params_, const rn_task_env *env, const rn_step *step, const char *name, float *floats,
                 int32_t *ints, int64_t count)
{
    const diffusion *p = params_;
    if (ints) {
        if (strcmp(name, "label") == 0)
            drop_labels(p, env, step, ints, count);
        return strcmp(name, "label") == 0;
    }
    rn_curve c, other;
    rn_error err;
    bool known = curve(params_, env, &c, &err);
    if (p->loss.matched_to)
        known = known && rn_curve_make(p->loss.matched_to, (double)shorter_side(env), &other, &err);
    const loss_weight weight = weight_of(p, &c, &other);
    const bool is_weight = strcmp(name, "weight") == 0;
    for (int64_t b = 0; known && b < count; b++) {
        const double t = t_of(p, env, step, b);
        floats[b] = (float)(is_weight ? loss_weight_on_compared(&weight, t)
                                      : scalar_at(p, name, rn_curve_logsnr(&c, t), &known));
    }
    return known;
}

static double denoise_scalar(const void *params_, const char *name, double logsnr)
{
    bool known;
    return scalar_at(params_, name, logsnr, &known);
}

static bool weight(const void *params_, const rn_task_env *env, double logsnr, double *w, rn_error *err)
{
    const diffusion *p = params_;
    rn_curve own, other;
    if (!curve(params_, env, &own, err) ||
        (p->loss.matched_to && !rn_curve_make(p->loss.matched_to, (double)shorter_side(env), &other, err)))
        return false;
    const loss_weight of = weight_of(p, &own, &other);
    *w = loss_weight_in_common_frame(&of, logsnr);
    return true;
}

const rn_task task_diffusion = {
    .bytes = sizeof(rn_task), .name = "diffusion", .doc = "take noise out of images (simple diffusion)", .params = params,
    .params_bytes = sizeof(diffusion), .is_default = true,
    .check = check, .build_loss = build_loss, .build_denoise = build_denoise, .feed = feed, .curve = curve,
    .denoise_scalar = denoise_scalar, .weight = weight,
};
