/* The loss weights, each W of E_t[W·‖ε̂ − ε‖²] with t uniform. SNR = e^λ. A weighting that is stated as w(λ) of the
 * common frame ½·E_t[w(λ)·(−dλ/dt)·‖ε̂ − ε‖²] gives W = ½·w·(−dλ/dt), whatever the schedule.
 * Sources: eps, v, x0: Salimans, Ho 2022 (arXiv:2202.00512); flow: Liu, Gong, Liu 2022 (arXiv:2209.03003); snr_trunc: the same, section 4; min_snr: Hang et al.
 * 2023 (arXiv:2303.09556); soft_min_snr: Crowson et al. 2024 (arXiv:2401.11605); elbo, the common frame:
 * Kingma, Gao 2023 (arXiv:2303.00848); sigmoid: Hoogeboom et al. 2024 (arXiv:2410.19324); edm: Karras et al. 2022
 * (arXiv:2206.00364) as restated by Kingma and Gao. */
#include "weightings/weightings.h"

#include <math.h>

typedef struct { double gamma; } snr_limit;
typedef struct { double bias; } sigmoid;
typedef struct { double p_mean, p_std, sigma_data; } edm;

/* clang-format off */
static const rn_param snr_limit_params[] = {
    RN_POSITIVE(snr_limit, gamma, NULL, "5", 1e6, "SNR above which the weight on x₀ grows no further"),
    RN_PARAMS_END,
};
static const rn_param sigmoid_params[] = {
    RN_REAL(sigmoid, bias, NULL, "-1", -40, 40, "logSNR at which the weight has fallen to half"),
    RN_PARAMS_END,
};
static const rn_param edm_params[] = {
    RN_REAL(edm, p_mean,         NULL, "-1.2", -20, 20, "mean of log σ/α"),
    RN_POSITIVE(edm, p_std,      NULL, "1.2",  20,      "standard deviation of log σ/α"),
    RN_POSITIVE(edm, sigma_data, NULL, "0.5",  100,     "standard deviation of the data"),
    RN_PARAMS_END,
};
/* clang-format on */

static double on_eps(const void *params, double logsnr, double minus_slope)
{
    (void)params, (void)logsnr, (void)minus_slope;
    return 1;
}

/* ‖v̂ − v‖² = ‖ε̂ − ε‖²/α² = (1 + 1/SNR)·‖ε̂ − ε‖² */
static double on_v(const void *params, double logsnr, double minus_slope)
{
    (void)params, (void)minus_slope;
    return 1 + exp(-logsnr);
}

/* ‖x̂₀ − x₀‖² = ‖ε̂ − ε‖²/SNR */
static double on_x0(const void *params, double logsnr, double minus_slope)
{
    (void)params, (void)minus_slope;
    return exp(-logsnr);
}

/* out − target = (ε̂ − ε)·(α + σ)/α, so ‖out − (ε − x₀)‖² = (1 + σ/α)²·‖ε̂ − ε‖² */
static double on_flow(const void *params, double logsnr, double minus_slope)
{
    (void)params, (void)minus_slope;
    const double sum = 1 + exp(-logsnr / 2);
    return sum * sum;
}

/* min(SNR, γ) on x₀ */
static double min_snr(const void *params, double logsnr, double minus_slope)
{
    (void)minus_slope;
    return fmin(1, ((const snr_limit *)params)->gamma * exp(-logsnr));
}

/* SNR·γ/(SNR + γ) on x₀ */
static double soft_min_snr(const void *params, double logsnr, double minus_slope)
{
    (void)minus_slope;
    const double gamma = ((const snr_limit *)params)->gamma;
    return gamma / (exp(logsnr) + gamma);
}

/* max(SNR, 1) on x₀ */
static double snr_trunc(const void *params, double logsnr, double minus_slope)
{
    (void)params, (void)minus_slope;
    return fmax(1, exp(-logsnr));
}

/* w = 1 */
static double elbo(const void *params, double logsnr, double minus_slope)
{
    (void)params, (void)logsnr;
    return minus_slope / 2;
}

/* w = sigmoid(bias − λ) */
static double sigmoid_(const void *params, double logsnr, double minus_slope)
{
    const double bias = ((const sigmoid *)params)->bias;
    return minus_slope / 2 / (1 + exp(logsnr - bias));
}

/* w = N(λ; −2·p_mean, (2·p_std)²)·(e^−λ + sigma_data²) */
static double edm_(const void *params, double logsnr, double minus_slope)
{
    const edm *p = params;
    const double sd = 2 * p->p_std, z = (logsnr + 2 * p->p_mean) / sd;
    const double density = exp(-z * z / 2) / (sd * sqrt(2 * M_PI));
    return minus_slope / 2 * density * (exp(-logsnr) + p->sigma_data * p->sigma_data);
}

/* clang-format off */
#define WEIGHTING(name_, doc_, f, ...) {.bytes = sizeof(rn_weighting), .name = name_, .doc = doc_, .on_eps = f, __VA_ARGS__}
#define WITH(struct_, rows) .params = rows, .params_bytes = sizeof(struct_)
const rn_weighting weightings[N_WEIGHTINGS] = {
    WEIGHTING("eps",          "plain squared error of ε: 1",                         on_eps,       .params = NULL),
    WEIGHTING("v",            "plain squared error of v: 1 + 1/SNR on ε",            on_v,         .params = NULL),
    WEIGHTING("x0",           "plain squared error of x₀: 1/SNR on ε",               on_x0,        .params = NULL),
    WEIGHTING("flow",         "plain squared error of ε − x₀: (1 + 1/√SNR)² on ε", on_flow,      .params = NULL),
    WEIGHTING("min_snr",      "min(SNR, γ)/SNR on ε",                                min_snr,      WITH(snr_limit, snr_limit_params)),
    WEIGHTING("soft_min_snr", "γ/(SNR + γ) on ε: min_snr without its corner",        soft_min_snr, WITH(snr_limit, snr_limit_params)),
    WEIGHTING("snr_trunc",    "max(SNR, 1)/SNR on ε",                                snr_trunc,    .params = NULL),
    WEIGHTING("elbo",         "the bound on the likelihood: −½·dλ/dt on ε",          elbo,         .params = NULL),
    WEIGHTING("sigmoid",      "w = sigmoid(bias − λ) of the common frame",           sigmoid_,     WITH(sigmoid, sigmoid_params)),
    WEIGHTING("edm",          "the weights and noise levels of EDM, as one w(λ)",    edm_,         WITH(edm, edm_params)),
};
/* clang-format on */
