/* runner weighting SPEC: how much an error counts at each logSNR, for every variant, before anything is trained. */
#include "base/json.h"
#include "cli/specs.h"
#include "cli/verbs.h"
#include "report/table.h"

#include <runner/task.h>

/* A row for every even logSNR that the usual bounds and shifts reach; columns of several variants side by side. */
enum { LOWEST = -18, HIGHEST = 18, EVERY = 2, ROWS = (HIGHEST - LOWEST) / EVERY + 1, SIDE_BY_SIDE = 6 };

/* w[ROWS] of a variant. */
static bool weights_of(const rn_variant *v, double *w, rn_error *err)
{
    const rn_experiment *e = v->experiment;
    const rn_task *task = (const rn_task *)e->task.what;
    const rn_task_env env = {.bytes = sizeof env, .model = e->model, .batch = e->train.batch,
                             .height = e->data.resolution.height, .width = e->data.resolution.width};
    if (!RN_HAS(task, rn_task, weight) || !task->weight)
        return rn_fail_at(err, RN_EUNKNOWN, e->task.place, "the task '%s' has no loss that is a square of errors by logSNR", task->name);
    for (int i = 0; i < ROWS; i++)
        if (!task->weight(e->task.params, &env, LOWEST + EVERY * i, &w[i], err))
            return rn_at(err, e->task.place);
    return true;
}

/* Variants first … end − 1 as columns. */
static void print_table(rn_cli *cli, const rn_spec *spec, double (*w)[ROWS], int64_t first, int64_t end)
{
    const char *head[SIDE_BY_SIDE + 1] = {"logSNR"};
    char align[SIDE_BY_SIDE + 2] = "r";
    rn_table t;
    for (int64_t k = first; k < end; k++) {
        head[1 + k - first] = spec->variant[k].name;
        align[1 + k - first] = 'r';
    }
    rn_table_init(&t, &cli->arena, align, head);
    for (int i = 0; i < ROWS; i++) {
        rn_table_cell(&t, "%+d", LOWEST + EVERY * i);
        for (int64_t k = first; k < end; k++)
            rn_table_cell(&t, "%.5g", w[k][i]);
    }
    rn_table_print(&t, stdout);
}

static void print_json(const rn_spec *spec, double (*w)[ROWS])
{
    rn_json j;
    rn_json_begin(&j, stdout);
    rn_json_object(&j, NULL);
    rn_json_text(&j, "name", spec->name);
    rn_json_array(&j, "variants");
    for (int64_t k = 0; k < spec->n_variants; k++) {
        rn_json_object(&j, NULL);
        rn_json_text(&j, "name", spec->variant[k].name);
        rn_json_array(&j, "points");
        for (int i = 0; i < ROWS; i++) {
            rn_json_row(&j, NULL);
            rn_json_number(&j, "logsnr", LOWEST + EVERY * i);
            rn_json_number(&j, "w", w[k][i]);
            rn_json_end(&j);
        }
        rn_json_end(&j);
        rn_json_end(&j);
    }
    rn_json_end(&j);
    rn_json_end(&j);
    rn_json_finish(&j);
}

int rn_verb_weighting(rn_cli *cli)
{
    rn_spec spec = {0};
    rn_error err;
    int status = rn_cli_spec(cli, cli->arguments.v[0], &spec);
    double (*w)[ROWS] = status ? NULL : rn_arena_array(&spec.arena, (size_t)spec.n_variants, sizeof *w);
    if (!status && !w) {
        rn_fail(&err, RN_EMEMORY, "no memory for the weights of %" PRId64 " variants", spec.n_variants);
        status = rn_cli_error(&err);
    }
    for (int64_t k = 0; k < spec.n_variants && !status; k++)
        if (!weights_of(&spec.variant[k], w[k], &err))
            status = rn_cli_spec_error(&spec, &spec.variant[k], &err);
    if (!status && cli->json) {
        print_json(&spec, w);
    } else if (!status) {
        printf("w of 1/2 E[w (-dlogSNR/dt) |error of eps|^2] by logSNR: weight of the loss times density of logSNR; 0 where t does not go\n");
        for (int64_t k = 0; k < spec.n_variants; k += SIDE_BY_SIDE)
            print_table(cli, &spec, w, k, k + SIDE_BY_SIDE < spec.n_variants ? k + SIDE_BY_SIDE : spec.n_variants);
    }
    rn_spec_free(&spec);
    return status;
}
