/* sigmoid: α² is a piece of the logistic function, rescaled to run from 1 to 0.
 * Source: Jabri, Fleet, Chen 2022 (arXiv:2212.11972); Chen 2023 (arXiv:2301.10972). */
#include "schedules/held.h"

#include <runner/schedule.h>

typedef struct { double start, end, tau; } sigmoid;
/* clang-format off */
static const rn_param params[] = {
    RN_REAL(sigmoid, start,  NULL, "-3", -100, 100, "where the piece begins (image); below end"),
    RN_REAL(sigmoid, end,    NULL, "3",  -100, 100, "where the piece ends (noise)"),
    RN_POSITIVE(sigmoid, tau, NULL, "1", 100,       "temperature: the argument is divided by it"),
    RN_PARAMS_END,
};
/* clang-format on */

/* log sinh x for x > 0 and log cosh x, without overflow */
static double log_sinh(double x)
{
    return x + log(-expm1(-2 * x) / 2);
}

static double log_cosh(double x)
{
    return fabs(x) + log1p(exp(-2 * fabs(x))) - M_LN2;
}

/*  α² = (s(E) − s(U))/(s(E) − s(B)),  B = start/τ, E = end/τ, U = B + t·(E − B), s the logistic function.
 *  With s(x) − s(y) = sinh((x − y)/2)/(2·cosh(x/2)·cosh(y/2)) no digits cancel:
 *  λ = log sinh((1 − t)·w) − log sinh(t·w) + log cosh(B/2) − log cosh(E/2),  w = (E − B)/2 */
static double free_logsnr(const sigmoid *p, double t)
{
    const double b = p->start / p->tau, e = p->end / p->tau, w = (e - b) / 2;
    return log_sinh((1 - t) * w) - log_sinh(t * w) + log_cosh(b / 2) - log_cosh(e / 2);
}

static double logsnr(const void *params_, double t, double move)
{
    (void)move;
    return held(free_logsnr(params_, t));
}

static double slope(const void *params_, double t, double move)
{
    (void)move;
    const sigmoid *p = params_;
    const double w = (p->end - p->start) / p->tau / 2;
    return held_slope(free_logsnr(p, t), -w * (1 / tanh((1 - t) * w) + 1 / tanh(t * w)));
}

extern const rn_schedule schedule_sigmoid;
const rn_schedule schedule_sigmoid = {.bytes = sizeof(rn_schedule), .name = "sigmoid",
                                      .doc = "α² a piece of the logistic function", .params = params,
                                      .params_bytes = sizeof(sigmoid), .logsnr = logsnr, .slope = slope};
