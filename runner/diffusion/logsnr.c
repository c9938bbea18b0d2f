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

/* α/σ = e^(λ/2) and α + σ = 1 */
double rn_flow_alpha(double logsnr)
{
    return 1 / (1 + exp(-logsnr / 2));
}

double rn_flow_sigma(double logsnr)
{
    return 1 / (1 + exp(logsnr / 2));
}

double rn_curve_logsnr(const rn_curve *curve, double t)
{
    return curve->base->logsnr(curve->params, t, curve->move) + t * curve->at_noise + (1 - t) * curve->at_data;
}

double rn_curve_slope(const rn_curve *curve, double t)
{
    return curve->base->slope(curve->params, t, curve->move) + curve->at_noise - curve->at_data;
}

/* λ falls with t. Bounded by the bits of a double: the interval is halved until nothing lies between its ends. */
double rn_curve_t(const rn_curve *curve, double logsnr)
{
    double image = 0, noise = 1;
    if (logsnr >= rn_curve_logsnr(curve, image))
        return image;
    if (logsnr <= rn_curve_logsnr(curve, noise))
        return noise;
    for (;;) {
        const double t = (image + noise) / 2;
        if (t <= image || t >= noise)
            return t;
        if (rn_curve_logsnr(curve, t) > logsnr)
            image = t;
        else
            noise = t;
    }
}
