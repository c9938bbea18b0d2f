/* Adam (Kingma, Ba 2015, arXiv:1412.6980, algorithm 1) with decoupled weight decay (Loshchilov, Hutter 2019,
 * arXiv:1711.05101, algorithm 2). The rule is one: with weight_decay 0 AdamW is Adam. What differs between
 * the two names is the default of beta2, since specs that say "adamw" mostly quote that paper's. */
#include <runner/optimizer.h>

#include <math.h>

/* Square roots without errno become vector instructions; they are exact, so no byte depends on it. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3", "no-math-errno", "no-trapping-math", "fp-contract=off")
#endif

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

/*  g = scale·g + l2·x
 *  m = β₁m + (1 − β₁)g,  v = β₂v + (1 − β₂)g²
 *  x = (1 − lr·weight_decay)·x − lr·m̂/(√v̂ + eps),  m̂ = m/(1 − β₁ⁱ⁺¹), v̂ = v/(1 − β₂ⁱ⁺¹) at step i
 * Factors that are the same for all elements are made in double. An element without a gradient has
 * m = v = 0, moves by 0/eps = 0, and only weight decay shrinks it. */
static void update(const void *params, const rn_optimizer_step *s, int64_t begin, int64_t end)
{
    const adam *p = params;
    const double passed = (double)s->step + 1;
    const float scale = (float)s->scale, l2 = (float)s->l2, eps = (float)p->eps;
    const float beta1 = (float)p->beta1, rest1 = (float)(1 - p->beta1);
    const float beta2 = (float)p->beta2, rest2 = (float)(1 - p->beta2);
    const float keep = (float)(1 - s->lr * s->weight_decay);
    const float rate = (float)(s->lr / -expm1(passed * log(p->beta1)));      /* lr/(1 − β₁ⁱ⁺¹) */
    const float root = (float)sqrt(1 / -expm1(passed * log(p->beta2)));      /* 1/√(1 − β₂ⁱ⁺¹) */
    float *restrict x = s->x, *restrict m = s->state[0], *restrict v = s->state[1];
    const float *restrict gradient = s->g;
    for (int64_t i = begin; i < end; i++) {
        const float g = scale * gradient[i] + l2 * x[i];
        m[i] = beta1 * m[i] + rest1 * g;
        v[i] = beta2 * v[i] + rest2 * g * g;
        x[i] = keep * x[i] - rate * m[i] / (sqrtf(v[i]) * root + eps);
    }
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
