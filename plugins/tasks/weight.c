#include "tasks/weight.h"

#include <math.h>

/* W of the weighting, or of the plain square: ‖out − target‖² = ‖ε̂ − ε‖²/eps_out². */
static double weighting(const loss_weight *w, double logsnr, double minus_slope)
{
    const rn_weighting *rule = (const rn_weighting *)w->weighting.what;
    const double eps_out = rn_prediction_conversion(w->prediction, logsnr).eps_out;
    if (rule)
        return rule->on_eps(w->weighting.params, logsnr, minus_slope);
    return w->on_prediction ? 1 / (eps_out * eps_out) : 1;
}

/* With t uniform, logSNR has the density p(λ) = 1/(−dλ/dt), and an error counts with p·W in all. Where the loss of
 * another schedule m is to be had from the own t:
 *
 *     W = W_m·p_m/p,   so that p·W = p_m·W_m
 *
 * and 0 where m does not go. */
double loss_weight_on_eps(const loss_weight *w, double t)
{
    const double logsnr = rn_curve_logsnr(w->own, t), minus_slope = -rn_curve_slope(w->own, t);
    if (!w->matched)
        return weighting(w, logsnr, minus_slope);
    if (logsnr > rn_curve_logsnr(w->matched, 0) || logsnr < rn_curve_logsnr(w->matched, 1))
        return 0;
    const double other = -rn_curve_slope(w->matched, rn_curve_t(w->matched, logsnr));
    return other > 0 ? weighting(w, logsnr, other) * minus_slope / other : 0; /* 0 where an unbounded curve is held */
}

double loss_weight_on_compared(const loss_weight *w, double t)
{
    const double eps_out = rn_prediction_conversion(w->prediction, rn_curve_logsnr(w->own, t)).eps_out;
    return loss_weight_on_eps(w, t) * (w->on_prediction ? eps_out * eps_out : 1);
}

double loss_weight_in_common_frame(const loss_weight *w, double logsnr)
{
    if (logsnr > rn_curve_logsnr(w->own, 0) || logsnr < rn_curve_logsnr(w->own, 1))
        return 0;
    const double t = rn_curve_t(w->own, logsnr), minus_slope = -rn_curve_slope(w->own, t);
    return minus_slope > 0 ? 2 * loss_weight_on_eps(w, t) / minus_slope : 0;
}
