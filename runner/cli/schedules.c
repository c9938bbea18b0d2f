#include "cli/schedules.h"

#include <runner/task.h>

#include <math.h>

bool rn_variant_curve(const rn_variant *v, rn_curve *curve, rn_error *err)
{
    const rn_experiment *e = v->experiment;
    const rn_task *task = (const rn_task *)e->task.what;
    const rn_task_env env = {.bytes = sizeof env, .model = e->model, .batch = e->train.batch,
                             .height = e->data.resolution.height, .width = e->data.resolution.width};
    return task->curve(e->task.params, &env, curve, err) || rn_at(err, e->task.place);
}

int64_t rn_variant_side(const rn_variant *v)
{
    const rn_size r = v->experiment->data.resolution;
    return r.height < r.width ? r.height : r.width;
}

rn_curve rn_curve_unshifted(const rn_curve *curve)
{
    return (rn_curve){.base = curve->base, .params = curve->params};
}

static double reference_of(int64_t side_px, double moved)
{
    return (double)side_px * exp(moved / 2);
}

const char *rn_curve_words(rn_arena *a, const rn_curve *curve, int64_t side_px)
{
    const double data = reference_of(side_px, curve->at_data), noise = reference_of(side_px, curve->at_noise);
    if (fabs(curve->at_data) < 1e-12 && fabs(curve->at_noise) < 1e-12)
        return curve->base->name;
    if (fabs(curve->at_data - curve->at_noise) < 1e-12)
        return rn_arena_print(a, "%s, shift from %.6g", curve->base->name, noise);
    return rn_arena_print(a, "%s, shift from %.6g at the image end and %.6g at the noise end", curve->base->name, data, noise);
}

static void add(rn_references *r, double px, int64_t most)
{
    const int64_t whole = (int64_t)llround(px);
    int at = 0;
    if (!(fabs(px - (double)whole) < 1e-6) || whole < 1 || whole >= most || r->n == RN_REFERENCES)
        return;
    while (at < r->n && r->px[at] < whole)
        at++;
    if (at < r->n && r->px[at] == whole)
        return;
    for (int k = r->n++; k > at; k--)
        r->px[k] = r->px[k - 1];
    r->px[at] = whole;
}

void rn_spec_references(const rn_spec *spec, const rn_curve *curve, rn_references *references)
{
    int64_t least = INT64_MAX, most = 0;
    references->n = 0;
    for (int64_t i = 0; i < spec->n_variants; i++) {
        const int64_t side = rn_variant_side(&spec->variant[i]);
        least = side < least ? side : least;
        most = side > most ? side : most;
    }
    for (int64_t i = 0; i < spec->n_variants; i++) {
        const double moved[2] = {curve[i].at_data, curve[i].at_noise};
        for (int k = 0; k < 2; k++)
            if (moved[k] < -1e-12 || moved[k] > 1e-12)
                add(references, reference_of(rn_variant_side(&spec->variant[i]), moved[k]), most);
    }
    if (references->n == 0) {
        add(references, (double)least / 2, most);
        add(references, (double)least / 4, most);
    }
}
