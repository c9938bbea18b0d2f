/* What a network predicts, and what follows from it. From z = αx₀ + σε, v = αε − σx₀ (α² + σ² = 1), flow = ε − x₀:
 *
 *     predicts   x̂₀ =                      ε̂ =
 *     ε          (z − σ·out)/α              out
 *     v          α·z − σ·out                σ·z + α·out
 *     x₀         out                        (z − α·out)/σ
 *     flow       (z − σ·out)/(α + σ)        (z + α·out)/(α + σ)
 *
 * α + σ lies between 1 and √2, so flow, like v, loses digits at neither end.
 * Sources: Salimans, Ho 2022 (arXiv:2202.00512), section 4; flow: Liu, Gong, Liu 2022 (arXiv:2209.03003). */
#include <runner/schedule.h>

const char *const rn_prediction_words[] = {"eps", "v", "x0", "flow", NULL};

rn_conversion rn_prediction_conversion(rn_prediction p, double logsnr)
{
    const double a = rn_alpha(logsnr), s = rn_sigma(logsnr), sum = a + s;
    switch (p) {
    case RN_PREDICT_EPS: return (rn_conversion){.x0_z = 1 / a, .x0_out = -s / a, .eps_out = 1};
    case RN_PREDICT_V: return (rn_conversion){.x0_z = a, .x0_out = -s, .eps_z = s, .eps_out = a};
    case RN_PREDICT_FLOW:
        return (rn_conversion){.x0_z = 1 / sum, .x0_out = -s / sum, .eps_z = 1 / sum, .eps_out = a / sum};
    case RN_PREDICT_X0: break;
    }
    return (rn_conversion){.x0_out = 1, .eps_z = 1 / s, .eps_out = -a / s};
}

rn_target rn_prediction_target(rn_prediction p, double logsnr)
{
    switch (p) {
    case RN_PREDICT_EPS: return (rn_target){.eps = 1};
    case RN_PREDICT_V: return (rn_target){.x0 = -rn_sigma(logsnr), .eps = rn_alpha(logsnr)};
    case RN_PREDICT_FLOW: return (rn_target){.x0 = -1, .eps = 1};
    case RN_PREDICT_X0: break;
    }
    return (rn_target){.x0 = 1};
}
