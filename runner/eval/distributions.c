/* The normal and Student's distribution, to about 1e-13. */
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

/* I_x(a, b), and y = 1 − x given apart so that neither loses digits. */
static double incomplete_beta(double a, double b, double x, double y)
{
    if (x <= 0 || y <= 0)
        return x <= 0 ? 0 : 1;
    const double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(y));
    return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a : 1 - front * beta_fraction(b, a, y) / b;
}

/* P(|T| ≥ t) = I_x(df/2, ½) with x = df/(df + t²) */
double rn_student_two_sided_p(double t, double df)
{
    if (isnan(t) || !(df > 0))
        return (double)NAN;
    if (isinf(t))
        return 0;
    const double s = t * t / df;
    return incomplete_beta(df / 2, 0.5, 1 / (1 + s), s / (1 + s));
}

static double log_t_density(double t, double df)
{
    return lgamma((df + 1) / 2) - lgamma(df / 2) - log(df * M_PI) / 2 - (df + 1) / 2 * log1p(t * t / df);
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
