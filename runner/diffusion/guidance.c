#include "diffusion/guidance.h"

#include <math.h>
#include <runner/model.h>

/* The interval in logSNR. σ/α = e^(−logSNR/2), so the larger σ is the lower end. */
typedef struct interval { double low, high; } interval;
static interval in_logsnr(const rn_guidance_interval *i)
{
    if (i->of == RN_GUIDANCE_SIGMA)
        return (interval){-2 * log(i->high), -2 * log(i->low)};
    return (interval){i->low, i->high};
}

bool rn_guidance_at(const rn_guidance *guidance, double logsnr)
{
    if (!guidance || guidance->scale == 1)
        return false;
    if (!guidance->interval)
        return true;
    const interval i = in_logsnr(guidance->interval);
    return logsnr >= i.low && logsnr <= i.high;
}

void rn_guidance_mix(double scale, const double *without, double *x0, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        x0[i] = without[i] + scale * (x0[i] - without[i]);
}

static bool refused(const rn_experiment *e, rn_error *err) { return rn_at(err, e->model.place); }

bool rn_guidance_check(const rn_experiment *e, rn_error *err)
{
    const rn_guidance *g = e->evaluate.guidance;
    const rn_model *model = (const rn_model *)(const void *)e->model.what;
    if (!g)
        return true;
    if (!model->classes || model->classes(e->model.params) == 0) {
        rn_fail(err, RN_ERANGE, "evaluate.guidance: the model has no labels to be guided by; `classes` says how many it has");
        return refused(e, err);
    }
    if (e->evaluate.labels == RN_LABELS_NONE) {
        rn_fail(err, RN_ERANGE, "evaluate.guidance: samples without labels cannot be guided; leave evaluate.labels at 'even'");
        return refused(e, err);
    }
    const rn_guidance_interval *i = g->interval;
    if (i && !(i->low < i->high)) {
        rn_fail(err, RN_ERANGE, "evaluate.guidance.interval: low %g is not below high %g", i->low, i->high);
        return refused(e, err);
    }
    if (i && i->of == RN_GUIDANCE_SIGMA && !(i->low >= 0)) {
        rn_fail(err, RN_ERANGE, "evaluate.guidance.interval: low %g; a sigma is 0 or more", i->low);
        return refused(e, err);
    }
    return true;
}
