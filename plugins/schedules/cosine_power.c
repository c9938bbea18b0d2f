/* cosine_power: α² is a piece of a power of the cosine, rescaled to run from 1 to 0.
 * Source: Chen 2023 (arXiv:2301.10972), section 2.1. */
#include "schedules/held.h"

#include <runner/schedule.h>

typedef struct { double start, end, tau; } cosine_power;
/* clang-format off */
static const rn_param params[] = {
    RN_REAL(cosine_power, start,   NULL, "0", 0, 1, "where the piece begins (image), as a share of a quarter turn; below end"),
    RN_REAL(cosine_power, end,     NULL, "1", 0, 1, "where the piece ends (noise)"),
    RN_POSITIVE(cosine_power, tau, NULL, "1", 100,  "the cosine is raised to 2·tau"),
    RN_PARAMS_END,
};
/* clang-format on */

/* c(x) = cos(xπ/2)^(2τ) */
static double power(double x, double tau)
{
    return pow(fmax(cos(x * M_PI / 2), 0), 2 * tau);
}

/* c(x) − c(y) for x < y, cos y = cos x − 2·sin((x + y)/2)·sin((y − x)/2): no digits cancel for close x and y. */
static double fall(double x, double y, double tau)
{
    const double r = -2 * sin((x + y) * M_PI / 4) * sin((y - x) * M_PI / 4) / cos(x * M_PI / 2);
    return -power(x, tau) * expm1(2 * tau * log1p(fmax(r, -1)));
}

/* α² = q/(p + q), σ² = p/(p + q) with p = c(start) − c(u), q = c(u) − c(end), u = start + t·(end − start) */
typedef struct { double u, p, q; } parts;

static parts parts_at(const cosine_power *c, double t)
{
    const double u = c->start + t * (c->end - c->start);
    return (parts){u, fall(c->start, u, c->tau), fall(u, c->end, c->tau)};
}

static double logsnr(const void *params_, double t, double move)
{
    (void)move;
    const parts at = parts_at(params_, t);
    return held(log(at.q) - log(at.p));
}

/* dλ/dt = c′(u)·(end − start)·(1/q + 1/p) */
static double slope(const void *params_, double t, double move)
{
    (void)move;
    const cosine_power *c = params_;
    const parts at = parts_at(c, t);
    const double angle = at.u * M_PI / 2;
    const double d = -M_PI * c->tau * sin(angle) * pow(fmax(cos(angle), 0), 2 * c->tau - 1);
    return held_slope(log(at.q) - log(at.p), d * (c->end - c->start) * (1 / at.q + 1 / at.p));
}

extern const rn_schedule schedule_cosine_power;
const rn_schedule schedule_cosine_power = {.bytes = sizeof(rn_schedule), .name = "cosine_power",
                                           .doc = "α² a piece of a power of the cosine", .params = params,
                                           .params_bytes = sizeof(cosine_power), .logsnr = logsnr, .slope = slope};
