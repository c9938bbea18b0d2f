/* The normal and Student's distribution, to about 1e-13 (1e-10 at a million degrees of freedom). */
#include "eval/statistics.h"

#include <float.h>
#include <math.h>

double rn_normal_cdf(double x)
{
    return erfc(-x / M_SQRT2) / 2;
}

/* Newton's method for a falling f, halving the bracket where a step leaves it. */
typedef struct point { double f, slope; } point;
typedef point function(double x, double parameter, double goal);

static double solve(function *f, double parameter, double goal, double low, double high)
{
    double x = (low + high) / 2;
    for (int i = 0; i < 300; i++) {
        const point at = f(x, parameter, goal);
        if (at.f > 0)
            low = x;
        else
            high = x;
        double next = x - at.f / at.slope;
        if (!(next > low && next < high))
            next = (low + high) / 2;
        if (fabs(next - x) <= 2 * DBL_EPSILON * fmax(1, fabs(next)))
            return next;
        x = next;
    }
    return x;
}

/* log P(X ≥ x) − goal: nearly a parabola, which Newton likes */
static point normal_tail(double x, double unused, double goal)
{
    (void)unused;
    const double above = rn_normal_cdf(-x);
    return (point){log(above) - goal, -exp(-x * x / 2) / sqrt(2 * M_PI) / above};
}

double rn_normal_quantile(double p)
{
    if (!(p > 0 && p < 1))
        return p == 0 ? (double)-INFINITY : p == 1 ? (double)INFINITY : (double)NAN;
    if (p == 0.5)
        return 0;
    const double x = solve(normal_tail, 0, log(fmin(p, 1 - p)), 0, 39);
    return p < 0.5 ? -x : x;
}

/* Continued fraction of the incomplete beta function, by Lentz's method (Press et al., Numerical Recipes, 6.4). */
static double beta_fraction(double a, double b, double x)
{
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double h = d;
    for (int m = 1; m <= 10000; m++) {
        const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        for (int half = 0; half < 2; half++) {
            const double k = half ? odd : even;
            d = 1 + k * d;
            c = 1 + k / c;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            c = fabs(c) < tiny ? tiny : c;
            h *= d * c;
        }
        if (fabs(d * c - 1) < DBL_EPSILON)
            break;
    }
    return h;
}

/* log Γ(a + ½) − log Γ(a). For large a the two are huge and nearly equal: Stirling's series of the difference,
 * whose next term is below 1e-17. */
static double log_gamma_ratio(double a)
{
    if (a < 50)
        return lgamma(a + 0.5) - lgamma(a);
    const double r = 1 / a, r2 = r * r;
    return log(a) / 2 - r * (1.0 / 8 - r2 * (1.0 / 192 - r2 * (1.0 / 640 - r2 * (17.0 / 14336))));
}

/* P(|T| ≥ t) = I_x(df/2, ½), x = df/(df + t²); by the fraction in x or, beyond the middle, in 1 − x. With s = t²/df both
 * logarithms come from log1p(s), so that many degrees of freedom cost no digits. */
double rn_student_two_sided_p(double t, double df)
{
    if (isnan(t) || !(df > 0))
        return (double)NAN;
    const double a = df / 2, b = 0.5, s = t * t / df;
    if (isinf(s) || s == 0)
        return s == 0 ? 1 : 0;
    const double x = 1 / (1 + s), y = s / (1 + s);
    const double front = exp(log_gamma_ratio(a) - log(M_PI) / 2 - (a + b) * log1p(s) + b * log(s));
    return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a : 1 - front * beta_fraction(b, a, y) / b;
}

static double log_t_density(double t, double df)
{
    return log_gamma_ratio(df / 2) - log(df * M_PI) / 2 - (df + 1) / 2 * log1p(t * t / df);
}

/* log P(T ≥ t) − goal, as a function of u = log t: the tail is a power of t, so in u it is nearly a line */
static point student_tail(double u, double df, double goal)
{
    const double t = exp(u), above = rn_student_two_sided_p(t, df) / 2;
    return (point){log(above) - goal, -exp(log_t_density(t, df) + u) / above};
}

double rn_student_quantile(double p, double df)
{
    if (!(p > 0 && p < 1) || !(df > 0))
        return (double)NAN;
    if (p == 0.5)
        return 0;
    const double t = exp(solve(student_tail, df, log(fmin(p, 1 - p)), -60, 300));
    return p < 0.5 ? -t : t;
}
