/* λ = log SNR = log(α²/σ²) and what follows from it, along a curve. */
#include <runner/schedule.h>

#include <math.h>

/* α² = 1/(1 + e^−λ) and σ² = 1/(1 + e^λ), each from its own exponential: 1 − α² would lose σ's digits. */
double rn_alpha(double logsnr)
{
    return sqrt(1 / (1 + exp(-logsnr)));
}

double rn_sigma(double logsnr)
{
    return sqrt(1 / (1 + exp(logsnr)));
}

double rn_curve_logsnr(const rn_curve *curve, double t)
{
    return curve->base->logsnr(curve->params, t, curve->move) + t * curve->at_noise + (1 - t) * curve->at_data;
}

double rn_curve_slope(const rn_curve *curve, double t)
{
    return curve->base->slope(curve->params, t, curve->move) + curve->at_noise - curve->at_data;
}
