#include "train/optimize.h"
#include "base/parallel.h"
#include "test.h"

#include <dlfcn.h>
#include <runner/plugin.h>
#include <runner/random.h>

static const rn_plugin *plugin;
static rn_error err;

enum { N = 3 * RN_OPTIMIZE_BLOCK + 1234, STEPS = 3 }; /* blocks of both kinds */
static const double betas_and_eps[] = {0.9, 0.99, 1e-8}; /* the layout that the schema of adam fills */

static rn_train_config config(void)
{
    return (rn_train_config){.steps = STEPS,
                             .ema = 0.9,
                             .optimizer = {.rule = {.what = (const rn_component *)plugin->optimizers[0],
                                                    .params = betas_and_eps},
                                           .lr = 1e-2, .clip = 0.5, .l2 = 0.01, .weight_decay = 0.1}};
}

static void run(int threads, float *x, float *ema, float *g, double norm[STEPS])
{
    const rn_train_config train = config();
    rn_optimize o = {0};
    rn_threads_set(threads);
    assert_ok(rn_optimize_init(&o, &train, N, &err), err);
    rn_random_normals((rn_stream){.seed = 3}, 0, N, x);
    memcpy(ema, x, sizeof(float) * N);
    for (uint32_t i = 0; i < STEPS; i++) {
        rn_optimize_report report;
        rn_random_normals((rn_stream){.seed = 4, .step = i}, 0, N, g);
        assert_ok(rn_optimize_step(&o, i, x, g, ema, &report, &err), err);
        norm[i] = report.norm;
    }
    rn_optimize_free(&o);
}

static float *floats(void)
{
    float *v = malloc(sizeof(float) * N);
    assert_non_null(v);
    return v;
}

static void any_number_of_threads_gives_the_same_bytes(void **state)
{
    (void)state;
    float *x[2] = {floats(), floats()}, *ema[2] = {floats(), floats()}, *g = floats();
    double norm[2][STEPS];
    run(1, x[0], ema[0], g, norm[0]);
    for (int threads = 2; threads <= 5; threads++) {
        run(threads, x[1], ema[1], g, norm[1]);
        assert_memory_equal(x[0], x[1], sizeof(float) * N);
        assert_memory_equal(ema[0], ema[1], sizeof(float) * N);
        assert_memory_equal(norm[0], norm[1], sizeof norm[0]);
    }
    for (int i = 0; i < 2; i++)
        free(x[i]), free(ema[i]);
    free(g);
}

static void a_gradient_that_is_not_finite_moves_nothing(void **state)
{
    (void)state;
    const rn_train_config train = config();
    const float bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        float x[3] = {1, 2, 3}, ema[3] = {1, 2, 3};
        const float g[3] = {0.5f, bad[i], 0.5f}, still[3] = {1, 2, 3};
        rn_optimize o = {0};
        rn_optimize_report report;
        assert_ok(rn_optimize_init(&o, &train, 3, &err), err);
        assert_false(rn_optimize_step(&o, 7, x, g, ema, &report, &err));
        assert_int_equal(err.code, RN_EFAILED);
        assert_non_null(strstr(err.text, "step 7"));
        assert_memory_equal(x, still, sizeof x);
        assert_memory_equal(ema, still, sizeof ema);
        assert_true(o.state[0][0] == 0.0f);
        rn_optimize_free(&o);
    }
}

/* One float32 sum over 10⁶ equal terms is off in the third digit. */
static void the_norm_keeps_its_digits(void **state)
{
    (void)state;
    enum { MANY = 1000003 };
    float *g = malloc(sizeof(float) * MANY);
    double partial[MANY / RN_OPTIMIZE_BLOCK + 1];
    assert_non_null(g);
    for (int i = 0; i < MANY; i++)
        g[i] = 0.1f;
    const double want = (double)0.1f * sqrt(MANY);
    assert_true(fabs(rn_gradient_norm(g, MANY, partial) / want - 1) < 1e-12);
    free(g);
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
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_number_of_threads_gives_the_same_bytes),
        cmocka_unit_test(a_gradient_that_is_not_finite_moves_nothing),
        cmocka_unit_test(the_norm_keeps_its_digits),
    };
    return cmocka_run_group_tests(tests, load, NULL);
}
