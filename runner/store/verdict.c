/* verdict: what the seeds say together, for each variant × metric × features × setting.
 *
 *  mean, s     over the n seeds of the variant;    interval  mean ± t(0.975, n − 1)·s/√n
 *  d_i         value of the variant − value of the baseline, at the same seed, n pairs
 *  difference  d̄,  interval  d̄ ± t(0.975, n − 1)·s_d/√n,  p = P(|T| ≥ |d̄|·√n/s_d), T Student with n − 1
 *
 * Seeds share their initial values, order of images and noise, so pairing takes what is common out of the
 * difference. Values with other numbers of samples, extractors or references are no pair: the bias of a Fréchet
 * distance depends on them. */
#include "store/connection.h"
#include "eval/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct final_score {
    int64_t metric, variant, seed, n, dims;
    const char *features, *setting, *extractor, *reference;
    double value;
    bool is_baseline;
} final_score;

typedef struct spread {
    int64_t n;
    double mean, sd, low, high, p; /* NaN where n does not allow them */
} spread;

/* Mean, spread, interval, and p against a mean of 0. */
static spread spread_of(const double *x, int64_t n)
{
    spread r = {n, NAN, NAN, NAN, NAN, NAN};
    if (n == 0)
        return r;
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < n; i++)
        sum += x[i];
    r.mean = sum / (double)n;
    if (n < 2)
        return r;
    for (int64_t i = 0; i < n; i++)
        squares += (x[i] - r.mean) * (x[i] - r.mean);
    r.sd = sqrt(squares / (double)(n - 1));
    const double error = r.sd / sqrt((double)n), df = (double)(n - 1);
    const double half = rn_student_quantile(0.975, df) * error;
    r.low = r.mean - half;
    r.high = r.mean + half;
    if (error > 0)
        r.p = rn_student_two_sided_p(r.mean / error, df);
    else if (error == 0) /* seeds that agree to the last digit: equal, or different beyond any doubt */
        r.p = r.mean == 0 ? 1 : 0;
    return r;
}

static bool read_scores(rn_store *s, int64_t experiment, rn_arena *arena, final_score **score, size_t *n, rn_error *err)
{
    size_t room = 0;
    rn_query q = rn_query_make(s, RN_SQL_FINAL_SCORES);
    rn_bind_int(&q, ":experiment", experiment);
    *score = NULL;
    *n = 0;
    for (bool row;;) {
        if (!rn_query_next(&q, &row, err))
            return false;
        if (!row)
            return rn_arena_check(arena, "the scores of an experiment", err);
        if (*n == room) {
            room = room ? 2 * room : 64;
            final_score *larger = rn_arena_array(arena, room, sizeof *larger);
            if (!larger)
                break;
            if (*n)
                memcpy(larger, *score, *n * sizeof *larger);
            *score = larger;
        }
        (*score)[(*n)++] = (final_score){
            .metric = rn_column_int(&q, "metric_id"), .variant = rn_column_int(&q, "variant_id"),
            .seed = rn_column_int(&q, "seed"), .n = rn_column_int(&q, "n"), .dims = rn_column_int(&q, "dims"),
            .features = rn_column_text(&q, "features", arena), .setting = rn_column_text(&q, "setting", arena),
            .extractor = rn_column_text(&q, "extractor_hash", arena),
            .reference = rn_column_text(&q, "reference_hash", arena), .value = rn_column_real(&q, "value"),
            .is_baseline = rn_column_int(&q, "is_baseline") != 0};
        if (arena->exhausted)
            break;
    }
    rn_query_end(&q);
    return rn_arena_check(arena, "the scores of an experiment", err);
}

static bool same_measure(const final_score *a, const final_score *b)
{
    return a->metric == b->metric && strcmp(a->features, b->features) == 0 && strcmp(a->setting, b->setting) == 0;
}

static bool comparable(const final_score *a, const final_score *b)
{
    return a->n == b->n && a->dims == b->dims && strcmp(a->extractor, b->extractor) == 0 &&
           strcmp(a->reference, b->reference) == 0;
}

/* The verdict of one variant: its n scores against the n_base of the baseline (0: none). x has room for n. */
static bool judge(rn_store *s, const final_score *a, size_t n, const final_score *base, size_t n_base, double *x,
                  rn_error *err)
{
    int64_t numbers = 0, nans = 0, pairs = 0, unlike = 0;
    for (size_t i = 0; i < n; i++)
        if (isnan(a[i].value))
            nans++;
        else
            x[numbers++] = a[i].value;
    const spread own = spread_of(x, numbers);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n_base; j++) {
            if (base[j].seed != a[i].seed || isnan(a[i].value) || isnan(base[j].value))
                continue;
            if (comparable(&a[i], &base[j]))
                x[pairs++] = a[i].value - base[j].value;
            else
                unlike++;
        }
    const spread d = spread_of(x, pairs);

    rn_query q = rn_query_make(s, RN_SQL_ADD_VERDICT);
    rn_bind_int(&q, ":variant", a->variant);
    rn_bind_int(&q, ":metric", a->metric);
    rn_bind_text(&q, ":features", a->features);
    rn_bind_text(&q, ":setting", a->setting);
    rn_bind_int(&q, ":n", own.n);
    rn_bind_int(&q, ":n_nan", nans);
    rn_bind_real(&q, ":mean", own.mean);
    rn_bind_real(&q, ":sd", own.sd);
    rn_bind_real(&q, ":low", own.low);
    rn_bind_real(&q, ":high", own.high);
    rn_bind_some(&q, ":baseline", n_base ? base->variant : 0);
    rn_bind_int(&q, ":n_pairs", pairs);
    rn_bind_int(&q, ":n_unlike", unlike);
    rn_bind_real(&q, ":difference", d.mean);
    rn_bind_real(&q, ":difference_sd", d.sd);
    rn_bind_real(&q, ":difference_low", d.low);
    rn_bind_real(&q, ":difference_high", d.high);
    rn_bind_real(&q, ":p", d.p);
    rn_bind_int(&q, ":now", rn_time_ms());
    return rn_query_run(&q, err);
}

/* Scores come ordered by measure, baseline first, variant, seed. */
static bool judge_all(rn_store *s, const final_score *score, size_t n, double *x, rn_error *err)
{
    for (size_t i = 0; i < n;) {
        const final_score *base = &score[i];
        size_t n_base = 0;
        while (i + n_base < n && same_measure(base, &base[n_base]) && base[n_base].is_baseline)
            n_base++;
        if (n_base && !judge(s, base, n_base, NULL, 0, x, err))
            return false;
        for (i += n_base; i < n && same_measure(base, &score[i]);) {
            size_t own = 1;
            while (i + own < n && same_measure(base, &score[i + own]) && score[i + own].variant == score[i].variant)
                own++;
            if (!judge(s, &score[i], own, base, n_base, x, err))
                return false;
            i += own;
        }
    }
    return true;
}

bool rn_store_renew_verdicts(rn_store *s, int64_t experiment, rn_error *err)
{
    rn_arena arena = {0};
    final_score *score;
    size_t n;
    rn_query q = rn_query_make(s, RN_SQL_DROP_VERDICTS);
    rn_bind_int(&q, ":experiment", experiment);
    bool ok = rn_query_run(&q, err) && read_scores(s, experiment, &arena, &score, &n, err);
    if (ok && n) {
        double *x = rn_arena_array(&arena, n, sizeof *x);
        ok = rn_arena_check(&arena, "the verdicts of an experiment", err) && judge_all(s, score, n, x, err);
    }
    rn_arena_free(&arena);
    return ok;
}
