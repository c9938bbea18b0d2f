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
#include <string.h>

typedef struct final_score {
    int64_t metric, variant, seed, n, dims;
    const char *features, *setting, *extractor, *reference;
    double value;
    bool is_baseline;
} final_score;

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
        const final_score *got = &(*score)[*n - 1];
        if (arena->exhausted)
            break;
        if (!got->features || !got->setting || !got->extractor || !got->reference) {
            rn_query_end(&q);
            return rn_store_fail_row(s, "view final_score", err);
        }
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

/* The verdict of one variant: its n scores against the n_base of the baseline (0: none). Room for 2·n in x. */
static bool judge(rn_store *s, const final_score *a, size_t n, const final_score *base, size_t n_base, double *x,
                  rn_error *err)
{
    int64_t numbers = 0, nans = 0, pairs = 0, unlike = 0;
    for (size_t i = 0; i < n; i++)
        if (isnan(a[i].value))
            nans++;
        else
            x[numbers++] = a[i].value;
    const double mean = rn_mean(x, numbers), sd = rn_sample_sd(x, numbers);
    const rn_interval own = rn_mean_interval(x, numbers, 0.95);

    double *of_base = x, *of_variant = x + n;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n_base; j++) {
            if (base[j].seed != a[i].seed || isnan(a[i].value) || isnan(base[j].value))
                continue;
            if (!comparable(&a[i], &base[j])) {
                unlike++;
                continue;
            }
            of_base[pairs] = base[j].value;
            of_variant[pairs++] = a[i].value;
        }
    const rn_difference d = rn_paired_difference(of_base, of_variant, pairs, 0.95);
    for (int64_t i = 0; i < pairs; i++)
        x[i] = of_variant[i] - of_base[i];
    const double difference_sd = rn_sample_sd(x, pairs);

    rn_query q = rn_query_make(s, RN_SQL_ADD_VERDICT);
    rn_bind_int(&q, ":variant", a->variant);
    rn_bind_int(&q, ":metric", a->metric);
    rn_bind_text(&q, ":features", a->features);
    rn_bind_text(&q, ":setting", a->setting);
    rn_bind_int(&q, ":n", numbers);
    rn_bind_int(&q, ":n_nan", nans);
    rn_bind_real(&q, ":mean", mean);
    rn_bind_real(&q, ":sd", sd);
    rn_bind_real(&q, ":low", own.low);
    rn_bind_real(&q, ":high", own.high);
    rn_bind_some(&q, ":baseline", n_base ? base->variant : 0);
    rn_bind_int(&q, ":n_pairs", pairs);
    rn_bind_int(&q, ":n_unlike", unlike);
    rn_bind_real(&q, ":difference", d.value);
    rn_bind_real(&q, ":difference_sd", difference_sd);
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
        double *x = rn_arena_array(&arena, 2 * n, sizeof *x);
        ok = rn_arena_check(&arena, "the verdicts of an experiment", err) && judge_all(s, score, n, x, err);
    }
    rn_arena_free(&arena);
    return ok;
}
