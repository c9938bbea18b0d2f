/* Adam (Kingma, Ba 2015, arXiv:1412.6980, algorithm 1) with decoupled weight decay (Loshchilov, Hutter 2019,
 * arXiv:1711.05101, algorithm 2). The rule is one: with weight_decay 0 AdamW is Adam. What differs between
 * the two names is the default of beta2, since specs that say "adamw" mostly quote that paper's. */
#include <runner/kernel.h> /* RN_TARGET */
#include <runner/optimizer.h>

#include <math.h>

typedef struct adam {
    double beta1, beta2, eps;
} adam;

/* eps keeps 0/0 away where an element never had a gradient, so it must not vanish in float32.
 * clang-format off */
#define BETA1 RN_REAL(adam, beta1, NULL, "0.9", 0, 0.999999, "decay of the mean of the gradient")
#define BETA2(def) RN_REAL(adam, beta2, NULL, def, 0, 0.9999999, "decay of the mean of the squared gradient")
#define EPS RN_REAL(adam, eps, NULL, "1e-8", 1e-20, 1, "added to the root of that mean; as small as 1e-12 it turns gradients that are zero but for rounding into full steps")
static const rn_param adam_params[] = {BETA1, BETA2("0.99"), EPS, RN_PARAMS_END};
static const rn_param adamw_params[] = {BETA1, BETA2("0.999"), EPS, RN_PARAMS_END};
/* clang-format on */

/* Factors that are the same for all elements, made in double. */
typedef struct factors {
    float scale, l2, eps, beta1, rest1, beta2, rest2, keep, rate, root;
} factors;

/*  g = scale·g + l2·x
 *  m = β₁m + (1 − β₁)g,  v = β₂v + (1 − β₂)g²
 *  x = (1 − lr·weight_decay)·x − lr·m̂/(√v̂ + eps),  m̂ = m/(1 − β₁ⁱ⁺¹), v̂ = v/(1 − β₂ⁱ⁺¹) at step i
 * An element without a gradient has m = v = 0, moves by 0/eps = 0, and only weight decay shrinks it. */
static inline __attribute__((always_inline)) void move(factors f, float *restrict x, float *restrict m, float *restrict v,
                                                       const float *restrict gradient, int64_t begin, int64_t end)
{
    for (int64_t i = begin; i < end; i++) {
        const float g = f.scale * gradient[i] + f.l2 * x[i];
        m[i] = f.beta1 * m[i] + f.rest1 * g;
        v[i] = f.beta2 * v[i] + f.rest2 * g * g;
        x[i] = f.keep * x[i] - f.rate * m[i] / (sqrtf(v[i]) * f.root + f.eps);
    }
}

/* The same operations on vectors of each width, so the same bytes. Wider ones gain nothing: memory is what it waits for. */
typedef void move_function(factors f, float *x, float *m, float *v, const float *gradient, int64_t begin, int64_t end);
static void move_any(factors f, float *x, float *m, float *v, const float *gradient, int64_t begin, int64_t end)
{
    move(f, x, m, v, gradient, begin, end);
}
#if defined(__GNUC__) && defined(__x86_64__)
RN_TARGET("avx2") static void move_avx2(factors f, float *x, float *m, float *v, const float *gradient, int64_t begin, int64_t end)
{
    move(f, x, m, v, gradient, begin, end);
}
static move_function *widest(void)
{
    return __builtin_cpu_supports("avx2") ? move_avx2 : move_any;
}
#else
static move_function *widest(void) { return move_any; }
#endif

static void update(const void *params, const rn_optimizer_step *s, int64_t begin, int64_t end)
{
    const adam *p = params;
    const double passed = (double)s->step + 1;
    const factors f = {
        .scale = (float)s->scale, .l2 = (float)s->l2, .eps = (float)p->eps,
        .beta1 = (float)p->beta1, .rest1 = (float)(1 - p->beta1),
        .beta2 = (float)p->beta2, .rest2 = (float)(1 - p->beta2),
        .keep = (float)(1 - s->lr * s->weight_decay),
        .rate = (float)(s->lr / -expm1(passed * log(p->beta1))), /* lr/(1 − β₁ⁱ⁺¹) */
        .root = (float)sqrt(1 / -expm1(passed * log(p->beta2))), /* 1/√(1 − β₂ⁱ⁺¹) */
    };
    widest()(f, s->x, s->state[0], s->state[1], s->g, begin, end);
}

#define STATE .n_state = 2, .state_names = {"m", "v"}, .update = update
const rn_optimizer optimizer_adam = {
    .bytes = sizeof(rn_optimizer), .name = "adam", .is_default = true, .params = adam_params, .params_bytes = sizeof(adam),
    .doc = "adaptive moments with bias correction; weight_decay is decoupled", STATE,
};
const rn_optimizer optimizer_adamw = {
    .bytes = sizeof(rn_optimizer), .name = "adamw", .params = adamw_params, .params_bytes = sizeof(adam),
    .doc = "adam with the beta2 of the AdamW paper; say weight_decay beside it", STATE,
};
