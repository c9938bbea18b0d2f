#ifndef RUNNER_SCHEDULE_H
#define RUNNER_SCHEDULE_H
/* Noise schedules. λ(t) = log SNR(t) = log(α²/σ²), natural logarithm, t from 0 (image) to 1 (noise);
 * α² = sigmoid(λ), σ² = sigmoid(−λ). All in double: |dλ/dt| reaches 5 700 at the ends.
 * Thread safety: functions are pure, descriptors constant. */
#include <runner/param.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A base curve; the shift is algebra upon it (below) and the same for all. */
typedef struct rn_schedule {
    RN_COMPONENT_HEAD;
    /* λ(t) for t in [0, 1]. `move` shifts the curve's bounds, not the curve: it is 0 but for `ends: kept`,
     * where λ(t) is then shifted by −move so that the ends stay. */
    double (*logsnr)(const void *params, double t, double move);
    /* dλ/dt at t, same arguments. */
    double (*slope)(const void *params, double t, double move);
    bool has_bounds; /* honours `move`; otherwise `ends: kept` is refused */
} rn_schedule;

/* `shift:` as it stands in a spec. One of the two forms: from (one reference side) or low and high
 * (interpolated between two). */
typedef struct rn_shift {
    int64_t from, low, high; /* reference sides in pixels; 0: not given */
    int64_t to;              /* side in pixels that is aligned; 0: the resolution's shorter side */
    int64_t ends;            /* 0 moved, 1 kept */
    int64_t low_at;          /* 0 noise, 1 data */
} rn_shift;

/* `schedule:` as it stands in a spec: {type: cosine, …, shift: …}, or the bare name. */
typedef struct rn_schedule_choice {
    rn_chosen curve;
    const rn_shift *shift; /* NULL: none */
    double input_scale;    /* 0: none */
} rn_schedule_choice;
RN_API extern const rn_param rn_schedule_choice_params[];

/* A schedule ready for use: base curve plus offsets. */
typedef struct rn_curve {
    const rn_schedule *base;
    const void *params;
    double at_data, at_noise; /* added to λ at t = 0 and t = 1, linear in t between */
    double move;              /* of the base curve's bounds; 0 but for `ends: kept` */
} rn_curve;

/* side_px: the resolution's shorter side (a latent's side for latent diffusion).
 * Errors: RN_EMISSING, RN_ERANGE for a shift that states neither form or both, or asks a curve without
 * bounds to keep its ends; RN_ERANGE where λ does not fall from t = 0 to t = 1 (start above end, sides of
 * an interpolated shift too far apart); with the place of the schedule in the spec. */
RN_NODISCARD RN_API bool rn_curve_make(const rn_schedule_choice *choice, double side_px, rn_curve *curve,
                                       rn_error *err);

RN_API double rn_curve_logsnr(const rn_curve *curve, double t);
RN_API double rn_curve_slope(const rn_curve *curve, double t); /* dλ/dt */

/* The t at which the curve has that logSNR: 0 or 1 for a logSNR beyond its ends. By bisection, so to the last bits of t. */
RN_API double rn_curve_t(const rn_curve *curve, double logsnr);

/* λ + 2·log(from_px / to_px): an image of side to_px, pooled to side from_px, then has the SNR that the
 * unmoved schedule gives at side from_px. Sides in pixels, > 0. Cannot fail.
 * Source: Hoogeboom, Heek, Salimans 2023 (arXiv:2301.11093), eq. 4 and 5. */
RN_API double rn_logsnr_shift(double logsnr, double from_px, double to_px);

/* The same from the definition instead of the logarithm: solves ᾱ²/β̄²·(to/from)² = SNR with ᾱ² + β̄² = 1 for
 * ᾱ², β̄² and returns log(ᾱ²/β̄²). For tests and readers; loses digits where SNR·(from/to)² leaves 1e±15. */
RN_API double rn_logsnr_shift_by_snr(double logsnr, double from_px, double to_px);

/* α = √sigmoid(λ), σ = √sigmoid(−λ): variance preserving. */
RN_API double rn_alpha(double logsnr);
RN_API double rn_sigma(double logsnr);

/* The same logSNR on the straight path of rectified flow, α + σ = 1: α = sigmoid(λ/2), σ = sigmoid(−λ/2). Its z is that
 * of the variance-preserving process times α_flow/α, a factor that depends on λ alone; networks see the latter. */
RN_API double rn_flow_alpha(double logsnr);
RN_API double rn_flow_sigma(double logsnr);

/* Predictions and their algebra, scalar by scalar: z = αx₀ + σε, v = αε − σx₀ (Salimans, Ho 2022), flow = ε − x₀ (the
 * velocity of rectified flow: Liu, Gong, Liu 2022). */
typedef enum rn_prediction { RN_PREDICT_EPS = 0, RN_PREDICT_V, RN_PREDICT_X0, RN_PREDICT_FLOW } rn_prediction;
/* "eps", "v", "x0", "flow", NULL: the words of `prediction:` in that order */
RN_API extern const char *const rn_prediction_words[];

/* x̂₀ = a·z + b·out and ε̂ = c·z + d·out from what the network predicts, at logSNR λ. */
typedef struct rn_conversion { double x0_z, x0_out, eps_z, eps_out; } rn_conversion;
RN_API rn_conversion rn_prediction_conversion(rn_prediction p, double logsnr);

/* The network's target as a·x₀ + b·ε. */
typedef struct rn_target { double x0, eps; } rn_target;
RN_API rn_target rn_prediction_target(rn_prediction p, double logsnr);

/* Loss weights as functions of logSNR. */
typedef struct rn_weighting {
    RN_COMPONENT_HEAD;
    /* W of a loss E_t[W ‖ε̂ − ε‖²], t uniform. minus_slope = −dλ/dt of the run's schedule at that t. */
    double (*on_eps)(const void *params, double logsnr, double minus_slope);
} rn_weighting;

#ifdef __cplusplus
}
#endif
#endif
