/* What a network predicts, and what follows from it. From z = αx₀ + σε and v = αε − σx₀ (α² + σ² = 1):
 *
 *     predicts   x̂₀ =                ε̂ =
 *     ε          (z − σ·out)/α        out
 *     v          α·z − σ·out          σ·z + α·out
 *     x₀         out                  (z − α·out)/σ
 *
 * Source: Salimans, Ho 2022 (arXiv:2202.00512), section 4. */
#include <runner/schedule.h>

const char *const rn_prediction_words[] = {"eps", "v", "x0", NULL};

rn_conversion rn_prediction_conversion(rn_prediction p, double logsnr)
{
    const double a = rn_alpha(logsnr), s = rn_sigma(logsnr);
    switch (p) {
    case RN_PREDICT_EPS: return (rn_conversion){.x0_z = 1 / a, .x0_out = -s / a, .eps_out = 1};
    case RN_PREDICT_V: return (rn_conversion){.x0_z = a, .x0_out = -s, .eps_z = s, .eps_out = a};
    case RN_PREDICT_X0: break;
    }
    return (rn_conversion){.x0_out = 1, .eps_z = 1 / s, .eps_out = -a / s};
}

rn_target rn_prediction_target(rn_prediction p, double logsnr)
{
    switch (p) {
    case RN_PREDICT_EPS: return (rn_target){.eps = 1};
    case RN_PREDICT_V: return (rn_target){.x0 = -rn_sigma(logsnr), .eps = rn_alpha(logsnr)};
    case RN_PREDICT_X0: break;
    }
    return (rn_target){.x0 = 1};
}
