/* heun: second order from two model calls a step; with churn, noise is added before each step and taken out in it.
 * Source: Karras et al. 2022 (arXiv:2206.00364), algorithm 2, written for z of a variance-preserving process: the paper's
 * state is z/α, its noise level u = σ/α = e^(−λ/2). */
#include <math.h>
#include <runner/sampler.h>
#include <runner/schedule.h>

typedef struct { bool lower_order_final; double s_churn, s_min, s_max, s_noise; } heun;
/* clang-format off */
static const rn_param params[] = {
    RN_BOOL(heun, lower_order_final, "true", "first order in the last step, as in the paper, whose last noise level is 0"),
    RN_REAL(heun, s_churn, NULL, "0", 0, 1e6,         "fresh noise over all steps together: each raises σ/α by the factor 1 + min(s_churn/steps, √2 − 1) first; 0 is deterministic"),
    RN_REAL(heun, s_min, NULL, "0", 0, 1e9,           "noise is added where σ/α is at least this"),
    RN_REAL_OR_NONE(heun, s_max, NULL, "none", 0, 1e9, "and at most this; none: without limit"),
    RN_REAL(heun, s_noise, NULL, "1", 0, 10,          "standard deviation of the noise that is added, as a share of what its level asks for"),
    RN_PARAMS_END,
};
/* clang-format on */

/* The share by which the noise level rises before a step from λ. */
static double rise(const heun *p, int64_t steps, double logsnr)
{
    const double u = exp(-logsnr / 2);
    if (u < p->s_min || (p->s_max > 0 && u > p->s_max))
        return 0;
    return fmin(p->s_churn / (double)steps, sqrt(2) - 1);
}

/* u → u·(1 + γ): λ̂ = λ − 2·log(1 + γ), and in y = z/α: ŷ = y + u·√((1 + γ)² − 1)·s_noise·ξ. Returns λ̂. */
static double churn(const heun *p, rn_sampler_run *run, int64_t step, double logsnr, double gamma, double *xi)
{
    const double lower = logsnr - 2 * log1p(gamma), by_z = rn_alpha(lower) / rn_alpha(logsnr);
    const double fresh = rn_alpha(lower) * exp(-logsnr / 2) * sqrt(gamma * (2 + gamma)) * p->s_noise;
    run->noise(run->context, step, xi);
    for (int64_t i = 0; i < run->n; i++)
        run->z[i] = by_z * run->z[i] + fresh * xi[i];
    return lower;
}

/* From λ (α, σ) to μ (α', σ'), ε̂ = (z − αx̂)/σ being dy/du:
 *
 *     z₂ = α'x̂ + σ'ε̂                                 Euler's step, which is ddim's
 *     ε̂₂ = (z₂ − α'x̂₂)/σ',  x̂₂ = model(z₂, μ)
 *     z' = z₂ + ½·(σ' − α'σ/α)·(ε̂₂ − ε̂)              the mean of both slopes; z is never divided by a small α
 *
 * An error of x̂₂ arrives in z' multiplied by about ½·u/u': some hundred in a last step to λ = 15, and so more than any
 * network can bear. There z' = z₂, and there is no second call. */
static bool sample(const void *params_, rn_sampler_run *run, rn_error *err)
{
    const heun *p = params_;
    double *eps = run->scratch, *ahead = run->scratch + run->n; /* ε̂, x̂₂ */
    for (int64_t step = 0; step < run->steps; step++) {
        const double to = run->logsnr[step + 1], gamma = rise(p, run->steps, run->logsnr[step]);
        const double from = gamma > 0 ? churn(p, run, step, run->logsnr[step], gamma, eps) : run->logsnr[step];
        const double alpha = rn_alpha(from), sigma = rn_sigma(from), alpha2 = rn_alpha(to), sigma2 = rn_sigma(to);
        const double half = (sigma2 - alpha2 * (sigma / alpha)) / 2;
        if (!run->denoise(run->context, step, run->z, from, run->x0, err))
            return false;
        for (int64_t i = 0; i < run->n; i++) {
            eps[i] = (run->z[i] - alpha * run->x0[i]) / sigma;
            run->z[i] = alpha2 * run->x0[i] + sigma2 * eps[i];
        }
        const bool second = !p->lower_order_final || step + 1 < run->steps;
        if (second && !run->denoise(run->context, step, run->z, to, ahead, err))
            return false;
        for (int64_t i = 0; second && i < run->n; i++)
            run->z[i] += half * ((run->z[i] - alpha2 * ahead[i]) / sigma2 - eps[i]);
        if (run->after && !run->after(run->context, step, run->z, err))
            return false;
    }
    return true;
}

extern const rn_sampler sampler_heun;
const rn_sampler sampler_heun = {.bytes = sizeof(rn_sampler), .name = "heun",
                                 .doc = "EDM's second order sampler: two model calls a step, churn if wanted",
                                 .params = params, .params_bytes = sizeof(heun), .scratch_arrays = 2,
                                 .default_steps = 25, .sample = sample, .calls_a_step = 2,
                                 .even_in_logsnr = true};
