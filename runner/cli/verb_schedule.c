/* runner schedule SPEC: logSNR, alpha and sigma of every variant, before anything is trained. */
#include "base/json.h"
#include "cli/specs.h"
#include "cli/verbs.h"
#include "report/table.h"

#include <runner/task.h>

enum { POINTS = 11 };

static bool curve_of(const rn_variant *v, rn_curve *curve, rn_error *err)
{
    const rn_experiment *e = v->experiment;
    const rn_task *task = (const rn_task *)e->task.what;
    const rn_task_env env = {.bytes = sizeof env, .model = e->model, .batch = e->train.batch,
                             .height = e->data.resolution.height, .width = e->data.resolution.width};
    return task->curve(e->task.params, &env, curve, err) || rn_at(err, e->task.place);
}

static void print_text(rn_cli *cli, const rn_variant *v, const rn_curve *curve)
{
    static const char *const head[] = {"t", "logSNR", "alpha", "sigma"};
    rn_table t;
    rn_table_init(&t, &cli->arena, "rrrr", head);
    printf("%s: %s at %" PRId64 "x%" PRId64 " pixels, logSNR %+.3f at the image end and %+.3f at the noise end of the shift\n",
           v->name, curve->base->name, v->experiment->data.resolution.height, v->experiment->data.resolution.width,
           curve->at_data, curve->at_noise);
    for (int i = 0; i < POINTS; i++) {
        const double at = (double)i / (POINTS - 1), l = rn_curve_logsnr(curve, at);
        rn_table_cell(&t, "%.2f", at);
        rn_table_cell(&t, "%.4f", l);
        rn_table_cell(&t, "%.6f", rn_alpha(l));
        rn_table_cell(&t, "%.6f", rn_sigma(l));
    }
    rn_table_print(&t, stdout);
}

static void print_json(rn_json *j, const rn_variant *v, const rn_curve *curve)
{
    rn_json_object(j, NULL);
    rn_json_text(j, "name", v->name);
    rn_json_text(j, "schedule", curve->base->name);
    rn_json_number(j, "shift_at_data", curve->at_data);
    rn_json_number(j, "shift_at_noise", curve->at_noise);
    rn_json_array(j, "points");
    for (int i = 0; i < POINTS; i++) {
        const double at = (double)i / (POINTS - 1), l = rn_curve_logsnr(curve, at);
        rn_json_object(j, NULL);
        rn_json_number(j, "t", at);
        rn_json_number(j, "logsnr", l);
        rn_json_number(j, "alpha", rn_alpha(l));
        rn_json_number(j, "sigma", rn_sigma(l));
        rn_json_end(j);
    }
    rn_json_end(j);
    rn_json_end(j);
}

int rn_verb_schedule(rn_cli *cli)
{
    rn_spec spec = {0};
    rn_error err;
    rn_json j;
    int status = rn_cli_spec(cli, cli->arguments.v[0], &spec);
    if (status) {
        rn_spec_free(&spec);
        return status;
    }
    if (cli->json) {
        rn_json_begin(&j, stdout);
        rn_json_object(&j, NULL);
        rn_json_text(&j, "name", spec.variant[0].experiment->name);
        rn_json_array(&j, "variants");
    }
    for (int64_t i = 0; i < spec.n_variants && !status; i++) {
        rn_curve curve;
        if (!curve_of(&spec.variant[i], &curve, &err))
            status = rn_cli_spec_error(&spec, &spec.variant[i], &err);
        else if (cli->json)
            print_json(&j, &spec.variant[i], &curve);
        else
            print_text(cli, &spec.variant[i], &curve);
    }
    if (cli->json) {
        rn_json_end(&j);
        rn_json_end(&j);
        rn_json_finish(&j);
    }
    rn_spec_free(&spec);
    return status;
}
