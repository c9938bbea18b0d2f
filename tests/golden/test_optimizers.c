/* Adam, AdamW, clipping, warm-up and EMA against optimizers.tsv: every step's parameters, not the last alone. */
#include "base/parallel.h"
#include "support/golden.h"
#include "train/optimize.h"

#include <dlfcn.h>
#include <runner/plugin.h>

static const rn_plugin *plugin;

static const rn_optimizer *find(const char *name)
{
    for (const rn_optimizer *const *o = plugin->optimizers; *o; o++)
        if (strcmp((*o)->name, name) == 0)
            return *o;
    return NULL;
}

/* The rule's own parameters: those of the row, else the defaults of its schema. */
static void *fill(const rn_optimizer *rule, const char *row)
{
    char *params = calloc(1, rule->params_bytes);
    assert_non_null(params);
    for (const rn_param *p = rule->params; p && p->type != RN_PARAM_END; p++) {
        assert_int_equal(p->type, RN_PARAM_REAL);
        const double v = golden_real(row, p->name, strtod(p->def, NULL));
        memcpy(params + p->offset, &v, sizeof v);
    }
    return params;
}

static rn_train_config config(const rn_optimizer *rule, const void *params, const char *row)
{
    char text[32];
    return (rn_train_config){
        .steps = golden_int(row, "steps", 0),
        .ema = golden_real(row, "ema", 0),
        .ema_warmup = golden_int(row, "ema_warmup", 0) != 0,
        .optimizer = {.rule = {.what = (const rn_component *)rule, .params = params},
                      .lr = golden_real(row, "lr", 0),
                      .warmup = golden_int(row, "warmup", 0),
                      .decay = golden_text(row, "decay", text, sizeof text) && strcmp(text, "cosine") == 0,
                      .clip = golden_real(row, "clip", 0),
                      .l2 = golden_real(row, "l2", 0),
                      .weight_decay = golden_real(row, "weight_decay", 0)}};
}

/* All that a run leaves, named as in the table. */
typedef struct outcome {
    const char *name;
    double *v;
    int64_t n;
} outcome;
enum { X, EMA, M, V, NORM, LR, N_OUTCOMES };

static void keep(double *to, const float *from, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        to[i] = (double)from[i];
}

static void run_case(const rn_optimizer *rule, const char *name, const char *row, outcome out[N_OUTCOMES])
{
    const rn_safetensors *file = golden_tensors("optimizers.safetensors");
    const rn_file_tensor *x0, *grads;
    double *start = golden_tensor(file, name, "x0", &x0), *gradient = golden_tensor(file, name, "grads", &grads);
    assert_true(start && gradient);
    const int64_t n = x0->count, steps = grads->count / n;
    void *params = fill(rule, row);
    const rn_train_config train = config(rule, params, row);
    assert_int_equal(train.steps, steps);
    const outcome made[N_OUTCOMES] = {{"x", NULL, steps * n}, {"ema", NULL, steps * n}, {"m", NULL, n},
                                      {"v", NULL, n},         {"norm", NULL, steps},    {"lr", NULL, steps}};
    for (int i = 0; i < N_OUTCOMES; i++) {
        out[i] = made[i];
        assert_non_null(out[i].v = malloc(sizeof(double) * (size_t)made[i].n));
    }
    float *x = malloc(sizeof(float) * (size_t)n), *ema = malloc(sizeof(float) * (size_t)n);
    float *g = malloc(sizeof(float) * (size_t)n);
    assert_true(x && ema && g);
    for (int64_t i = 0; i < n; i++)
        x[i] = ema[i] = (float)start[i];
    rn_optimize o = {0};
    rn_error err;
    assert_ok(rn_optimize_init(&o, &train, n, &err), err);
    for (int64_t step = 0; step < steps; step++) {
        for (int64_t i = 0; i < n; i++)
            g[i] = (float)gradient[step * n + i];
        rn_optimize_report report;
        assert_ok(rn_optimize_step(&o, step, x, g, ema, &report, &err), err);
        keep(out[X].v + step * n, x, n);
        keep(out[EMA].v + step * n, ema, n);
        out[NORM].v[step] = report.norm;
        out[LR].v[step] = report.lr;
        for (int64_t i = 0; i < n; i++) { /* what never had a gradient stays where it was, but for decay */
            bool moved = train.optimizer.l2 > 0 || train.optimizer.weight_decay > 0;
            for (int64_t before = 0; before <= step && !moved; before++)
                moved = gradient[before * n + i] != 0;
            if (!moved)
                assert_true(x[i] == (float)start[i] && ema[i] == x[i]);
        }
    }
    for (int i = 0; i < rule->n_state; i++)
        for (int k = M; k <= V; k++)
            if (strcmp(rule->state_names[i], out[k].name) == 0)
                keep(out[k].v, o.state[i], n);
    rn_optimize_free(&o);
    free(params), free(start), free(gradient), free(x), free(ema), free(g);
}

static void every_case_matches_after_every_step(void **state)
{
    (void)state;
    const golden_table *t = golden_read("optimizers.tsv");
    const rn_safetensors *file = golden_tensors("optimizers.safetensors");
    int compared = 0, not_built = 0;
    for (int row = 0; row < t->rows; row++) {
        const rn_optimizer *rule = find(golden_cell(t, row, "optimizer"));
        if (!rule) {
            not_built++;
            continue;
        }
        const char *name = golden_cell(t, row, "case"), *at = golden_cell(t, row, "results");
        outcome got[N_OUTCOMES];
        run_case(rule, name, golden_cell(t, row, "params"), got);
        char tensor[32];
        for (double tolerance; golden_result(&at, tensor, sizeof tensor, &tolerance);) {
            const rn_file_tensor *info;
            double *want = golden_tensor(file, name, tensor, &info);
            int k = 0;
            while (k < N_OUTCOMES && strcmp(got[k].name, tensor) != 0)
                k++;
            if (!want || k == N_OUTCOMES)
                fail_msg("%s: no tensor '%s'", name, tensor);
            assert_int_equal(info->count, got[k].n);
            const double error = golden_error(got[k].v, want, info->count);
            if (!(error <= tolerance))
                fail_msg("%s, %s: error %.1e above %.1e", name, tensor, error, tolerance);
            free(want);
        }
        for (int k = 0; k < N_OUTCOMES; k++)
            free(got[k].v);
        compared++;
    }
    golden_report("optimizers.tsv", compared, not_built);
}

static int load(void **state)
{
    (void)state;
    void *object = dlopen(BUILD_FOLDER "/lib/runner/optimizers.so", RTLD_NOW | RTLD_LOCAL);
    if (!object)
        return fprintf(stderr, "%s\n", dlerror()), -1;
    plugin = dlsym(object, "rn_plugin_export");
    return plugin ? 0 : -1;
}

int main(void)
{
    if (!golden_folder())
        return TEST_SKIPPED;
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_case_matches_after_every_step)};
    return cmocka_run_group_tests(tests, load, NULL);
}
