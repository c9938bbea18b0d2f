#include "train/optimize.h"
#include "base/parallel.h"

#include <math.h>
#include <stdlib.h>

static int64_t blocks(int64_t n) { return (n + RN_OPTIMIZE_BLOCK - 1) / RN_OPTIMIZE_BLOCK; }
static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

bool rn_optimize_init(rn_optimize *o, const rn_train_config *train, int64_t n, rn_error *err)
{
    const rn_optimizer *rule = (const rn_optimizer *)train->optimizer.rule.what;
    rn_optimize made = {.train = train, .n = n, .n_state = rule->n_state};
    made.partial = calloc((size_t)blocks(n) + 1, sizeof *made.partial);
    bool ok = made.partial != NULL;
    for (int i = 0; i < rule->n_state && ok; i++)
        ok = (made.state[i] = calloc((size_t)n + 1, sizeof(float))) != NULL;
    if (!ok) {
        rn_optimize_free(&made);
        return rn_fail(err, RN_EMEMORY, "no memory for the state of optimizer '%s': %d arrays of %" PRId64 " bytes",
                       rule->name, rule->n_state, n * (int64_t)sizeof(float));
    }
    *o = made;
    return true;
}

void rn_optimize_free(rn_optimize *o)
{
    for (int i = 0; i < RN_MAX_OPTIMIZER_STATE; i++)
        free(o->state[i]);
    free(o->partial);
    *o = (rn_optimize){0};
}

double rn_optimize_rate(const rn_train_config *train, int64_t step)
{
    const rn_optimizer_config *c = &train->optimizer;
    double lr = c->lr;
    if (step < c->warmup)
        lr *= (double)(step + 1) / (double)c->warmup;
    if (c->decay)
        lr *= 0.5 * (1 + cos(M_PI * (double)step / (double)train->steps));
    return lr;
}

double rn_optimize_decay(const rn_train_config *train, int64_t step)
{
    const double warm = (1 + (double)step) / (10 + (double)step);
    return train->ema_warmup && warm < train->ema ? warm : train->ema;
}

typedef struct norm_job {
    const float *g;
    int64_t n;
    double *partial;
} norm_job;

/* Eight running sums, since each addition waits for the one before; a float squared is exact in double. */
static void add_squares(void *context, int thread, int64_t begin, int64_t end)
{
    (void)thread;
    const norm_job *job = context;
    for (int64_t b = begin; b < end; b++) {
        const float *g = job->g + b * RN_OPTIMIZE_BLOCK;
        const int64_t n = smaller(RN_OPTIMIZE_BLOCK, job->n - b * RN_OPTIMIZE_BLOCK);
        double sum[8] = {0};
        int64_t i = 0;
        for (; i + 8 <= n; i += 8)
            for (int k = 0; k < 8; k++)
                sum[k] += (double)g[i + k] * (double)g[i + k];
        for (; i < n; i++)
            sum[0] += (double)g[i] * (double)g[i];
        job->partial[b] = ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7]));
    }
}

double rn_gradient_norm(const float *g, int64_t n, double *partial)
{
    norm_job job = {g, n, partial};
    rn_parallel(blocks(n), add_squares, &job);
    double sum = 0;
    for (int64_t b = 0; b < blocks(n); b++)
        sum += partial[b];
    return sqrt(sum);
}

typedef struct update_job {
    const rn_optimizer *rule;
    const void *params;
    rn_optimizer_step step;
    int64_t n;
    float *ema;
    float rest; /* 1 − d, made in double */
} update_job;

/* Block by block, so that the average finds x in the cache. */
static void update_blocks(void *context, int thread, int64_t begin, int64_t end)
{
    (void)thread;
    const update_job *job = context;
    for (int64_t b = begin; b < end; b++) {
        const int64_t first = b * RN_OPTIMIZE_BLOCK, last = smaller(first + RN_OPTIMIZE_BLOCK, job->n);
        job->rule->update(job->params, &job->step, first, last);
        if (!job->ema)
            continue;
        const float *restrict x = job->step.x;
        float *restrict ema = job->ema;
        for (int64_t i = first; i < last; i++)
            ema[i] += job->rest * (x[i] - ema[i]);
    }
}

bool rn_optimize_step(rn_optimize *o, int64_t step, float *x, const float *g, float *ema, rn_optimize_report *report,
                      rn_error *err)
{
    const rn_optimizer_config *c = &o->train->optimizer;
    const double norm = rn_gradient_norm(g, o->n, o->partial);
    const bool clipped = c->clip > 0 && norm > c->clip;
    *report = (rn_optimize_report){.norm = norm,
                                   .clip = clipped ? c->clip / norm : 1,
                                   .lr = rn_optimize_rate(o->train, step),
                                   .decay = rn_optimize_decay(o->train, step)};
    if (!isfinite(norm))
        return rn_fail(err, RN_EFAILED, "step %" PRId64 ": the norm of the gradient is %g; a smaller learning rate "
                       "(now %g) or a longer warm-up may help", step, norm, report->lr);
    update_job job = {.rule = (const rn_optimizer *)c->rule.what,
                      .params = c->rule.params,
                      .step = {.bytes = sizeof(rn_optimizer_step), .step = step, .lr = report->lr,
                               .scale = report->clip, .l2 = c->l2, .weight_decay = c->weight_decay, .x = x, .g = g},
                      .n = o->n,
                      .ema = ema,
                      .rest = (float)(1 - report->decay)};
    for (int i = 0; i < o->n_state; i++)
        job.step.state[i] = o->state[i];
    rn_parallel(blocks(o->n), update_blocks, &job);
    return true;
}
