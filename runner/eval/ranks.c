/* What depends on order: rank correlations and the signed-rank test. Sets are small, so squares of their size do. */
#include "eval/statistics.h"

#include <math.h>
#include <stdlib.h>

/* Twice the rank of v[i], from 2 on: ties share the mean of their ranks, and twice that is whole. */
static int64_t double_rank(const double *v, int64_t n, int64_t i)
{
    int64_t below = 0, equal = 0;
    for (int64_t j = 0; j < n; j++) {
        below += v[j] < v[i];
        equal += v[j] == v[i];
    }
    return 2 * below + equal + 1;
}

double rn_pearson(const double *a, const double *b, int64_t n)
{
    const double ma = rn_mean(a, n), mb = rn_mean(b, n);
    double aa = 0, bb = 0, ab = 0;
    for (int64_t i = 0; i < n; i++) {
        aa += (a[i] - ma) * (a[i] - ma);
        bb += (b[i] - mb) * (b[i] - mb);
        ab += (a[i] - ma) * (b[i] - mb);
    }
    return ab / sqrt(aa * bb);
}

double rn_spearman(const double *a, const double *b, int64_t n)
{
    double *ranks = malloc((size_t)(n > 0 ? 2 * n : 1) * sizeof *ranks);
    if (!ranks)
        return (double)NAN;
    for (int64_t i = 0; i < n; i++) {
        ranks[i] = (double)double_rank(a, n, i);
        ranks[n + i] = (double)double_rank(b, n, i);
    }
    const double r = rn_pearson(ranks, ranks + n, n);
    free(ranks);
    return r;
}

static int sign(double x)
{
    return (x > 0) - (x < 0);
}

/* (agreeing pairs − opposed ones)/√(pairs untied in a · pairs untied in b) */
double rn_kendall_tau_b(const double *a, const double *b, int64_t n)
{
    double balance = 0, untied_a = 0, untied_b = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < i; j++) {
            const int x = sign(a[i] - a[j]), y = sign(b[i] - b[j]);
            balance += x * y;
            untied_a += x != 0;
            untied_b += y != 0;
        }
    return balance / sqrt(untied_a * untied_b);
}

/* ways[w]: in how many of the 2ⁿ sign patterns the positive double ranks add up to w; one rank after the other. */
static double chance_up_to(const int64_t *rank, int64_t n, int64_t total, int64_t w, double *ways)
{
    ways[0] = 1;
    for (int64_t i = 0; i < n; i++)
        for (int64_t s = total; s >= rank[i]; s--)
            ways[s] += ways[s - rank[i]];
    double sum = 0;
    for (int64_t s = 0; s <= w; s++)
        sum += ways[s];
    return sum * pow(0.5, (double)n);
}

double rn_wilcoxon_signed_rank_p(const double *a, const double *b, int64_t n)
{
    enum { MOST = 400 };
    double size[MOST];
    int64_t rank[MOST], kept = 0, total = 0, positive = 0;
    int signs[MOST];
    if (n > MOST)
        return (double)NAN;
    for (int64_t i = 0; i < n; i++)
        if (b[i] != a[i]) {
            size[kept] = fabs(b[i] - a[i]);
            signs[kept++] = sign(b[i] - a[i]);
        }
    if (!kept)
        return 1;
    for (int64_t i = 0; i < kept; i++) {
        total += rank[i] = double_rank(size, kept, i);
        positive += signs[i] > 0 ? rank[i] : 0;
    }
    double *ways = calloc((size_t)total + 1, sizeof *ways);
    if (!ways)
        return (double)NAN;
    /* symmetric: the smaller of the two sums has the smaller tail */
    const int64_t least = positive < total - positive ? positive : total - positive;
    const double p = fmin(1, 2 * chance_up_to(rank, kept, total, least, ways));
    free(ways);
    return p;
}
