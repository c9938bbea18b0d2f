/* cosine: α = cos θ, σ = sin θ, with θ running evenly between two bounds of λ.
 * Source: Nichol, Dhariwal 2021 (arXiv:2102.09672); bounds as in Hoogeboom, Heek, Salimans 2023
 * (arXiv:2301.11093), appendix A. */
#include "schedules/held.h"

#include <runner/schedule.h>

typedef struct { int64_t bounds; double logsnr_min, logsnr_max; } cosine;
enum { BOUNDS_NONE, BOUNDS_GIVEN };
static const char *const bounds_words[] = {"none", "given", NULL};

/* clang-format off */
static const rn_param params[] = {
    {RN_PARAM_CHOICE, "bounds", offsetof(cosine, bounds), NULL, "given", 0, 0, "none: the whole cosine, held where α² or σ² is 1e-9; given: between logsnr_min and logsnr_max", bounds_words, NULL, 0, RN_KIND_NONE, RN_NULLABLE},
    RN_REAL(cosine, logsnr_min, NULL, "-15", -40, 40, "logSNR at t = 1 (noise), before any shift"),
    RN_REAL(cosine, logsnr_max, NULL, "15",  -40, 40, "logSNR at t = 0 (image), before any shift"),
    RN_PARAMS_END,
};
/* clang-format on */

/*  θ = a + t·(π/2 − a − b),  a = atan e^(−max/2),  b = atan e^(min/2),  λ = −2·log tan θ
 * Near t = 1 it is π/2 − θ that is small, so there it is computed, and λ = 2·log tan(π/2 − θ). */
typedef struct { double span, theta; bool from_noise; } angle;

static angle angle_at(const cosine *p, double t, double move)
{
    const bool given = p->bounds == BOUNDS_GIVEN;
    const double a = given ? atan(exp(-(p->logsnr_max + move) / 2)) : 0;
    const double b = given ? atan(exp((p->logsnr_min + move) / 2)) : 0;
    const double span = M_PI / 2 - a - b;
    return t < 0.5 ? (angle){span, a + t * span, false} : (angle){span, b + (1 - t) * span, true};
}

static double free_logsnr(angle at)
{
    const double l = log(tan(at.theta));
    return at.from_noise ? 2 * l : -2 * l;
}

static double logsnr(const void *params_, double t, double move)
{
    const cosine *p = params_;
    const double l = free_logsnr(angle_at(p, t, move));
    return p->bounds == BOUNDS_GIVEN ? l : held(l);
}

/* d/dθ log tan θ = 2/sin 2θ, from either end. */
static double slope(const void *params_, double t, double move)
{
    const cosine *p = params_;
    const angle at = angle_at(p, t, move);
    const double s = -4 * at.span / sin(2 * at.theta);
    return p->bounds == BOUNDS_GIVEN ? s : held_slope(free_logsnr(at), s);
}

extern const rn_schedule schedule_cosine;
const rn_schedule schedule_cosine = {.bytes = sizeof(rn_schedule), .name = "cosine",
                                     .doc = "α = cos θ, σ = sin θ, θ even in t between bounds of logSNR",
                                     .params = params, .params_bytes = sizeof(cosine), .is_default = true,
                                     .logsnr = logsnr, .slope = slope, .has_bounds = true};
