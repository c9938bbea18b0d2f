/* A plugin of somebody else, tests/plugins/outside: built against an installed runner, once with
 * find_package(runner) and once with pkg-config and a plain compiler, then used by the installed program after
 * the whole installation was moved. */
#include "plugin/load.h"
#include "support/scratch.h"

#define SOURCE SOURCE_FOLDER "/tests/plugins/outside"

static char *folder;      /* holds installed/, later moved/ */
static char *built[2];    /* snake.so by CMake, by hand */

/* Frees what the step printed; shows it where the step went wrong. */
static bool done(const char *step, int status, char *out)
{
    if (status != 0)
        print_error("%s: exit status %d\n%s\n", step, status, out);
    free(out);
    return status == 0;
}

static bool install(void)
{
    char *out;
    const int status = scratch_run(&out, "cmake --install '" BUILD_FOLDER "' --prefix '%s/installed'", folder);
    return done("install", status, out);
}

static bool build_with_find_package(const char *flags)
{
    char *out;
    const int status = scratch_run(&out, "cmake -S '" SOURCE "' -B '%s/by_cmake' -DCMAKE_PREFIX_PATH='%s/installed' "
                                         "-DCMAKE_C_COMPILER='" C_COMPILER "' -DCMAKE_C_FLAGS='-Wall -Wextra -Werror %s' && "
                                         "cmake --build '%s/by_cmake'", folder, folder, flags, folder);
    return done("find_package(runner)", status, out);
}

static bool build_with_pkg_config(const char *flags)
{
    char *out;
    const int status = scratch_run(&out, "cd '%s' && mkdir by_hand && "
                                         "export PKG_CONFIG_PATH=\"$(dirname \"$(find \"$PWD/installed\" -name runner.pc)\")\" && "
                                         C_COMPILER " -std=c11 -O2 -Wall -Wextra -Werror %s -shared -fPIC -fvisibility=hidden "
                                         "$(pkg-config --cflags runner) '" SOURCE "/snake.c' -o by_hand/snake.so "
                                         "$(pkg-config --libs runner) -lm", folder, flags);
    return done("pkg-config", status, out);
}

static int build_both(void **state)
{
    (void)state;
    char flags[256] = "", *out;
    if (*SANITIZERS) /* a plugin needs the flags of the program that loads it */
        snprintf(flags, sizeof flags, "-fsanitize=%s -fno-sanitize-recover=all", SANITIZERS);
    folder = scratch_folder();
    built[0] = scratch_path(folder, "by_cmake/snake.so");
    built[1] = scratch_path(folder, "by_hand/snake.so");
    if (!install() || !build_with_find_package(flags) || !build_with_pkg_config(flags))
        return -1;
    const int status = scratch_run(&out, "mv '%s/installed' '%s/moved'", folder, folder);
    return done("moving the installation", status, out) ? 0 : -1;
}

static int forget(void **state)
{
    (void)state;
    free(folder), free(built[0]), free(built[1]);
    return 0;
}

static void both_ways_of_building_export_one_symbol(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        char *out;
        assert_int_equal(scratch_run(&out, "nm -D --defined-only '%s' | grep -v __odr_asan | sed 's/.* //'", built[i]), 0);
        assert_string_equal(out, "rn_plugin_export\n");
        free(out);
    }
}

/* y = x + sin²(αx)/α in both types, on a channel range and with any split of the units. */
static void its_kernels_compute_the_formula_in_both_types(void **state)
{
    (void)state;
    enum { ROWS = 5, CHANNELS = 3, PITCH = 7 };
    const double alpha = 1.7;
    for (int way = 0; way < 2; way++) {
        rn_registry *r = rn_registry_open();
        rn_error err;
        assert_ok(rn_plugin_load_file(r, built[way], &err), err);
        int n, types = 0;
        const rn_kernel *const *kernels = rn_registry_kernels(r, "snake", "cpu", &n);
        for (int k = 0; k < n; k++, types++) {
            const rn_type type = kernels[k]->type;
            double x64[ROWS * PITCH], y64[ROWS * CHANNELS];
            float x32[ROWS * PITCH], y32[ROWS * CHANNELS];
            for (int i = 0; i < ROWS * PITCH; i++)
                x32[i] = (float)(x64[i] = 0.3 * i - 4);
            const rn_shape in = {2, type, {ROWS, CHANNELS}, PITCH}, out = {2, type, {ROWS, CHANNELS}, 0};
            const rn_call call = {.op = (const rn_op *)rn_registry_find(r, RN_KIND_OP, "snake"), .attr = &alpha, .n_in = 1,
                                  .n_out = 1, .in = &in, .out = &out};
            rn_work work = {0};
            assert_null(kernels[k]->plan(&call, 2, &work));
            assert_int_equal(work.units, ROWS);
            const void *const xs[] = {type == RN_F32 ? (const void *)x32 : x64};
            void *const ys[] = {type == RN_F32 ? (void *)y32 : y64};
            const rn_buffers m = {.in = xs, .out = ys};
            kernels[k]->run(&call, &work, &m, 0, 0, 2);
            kernels[k]->run(&call, &work, &m, 0, 2, ROWS);
            for (int row = 0; row < ROWS; row++)
                for (int c = 0; c < CHANNELS; c++) {
                    const double x = 0.3 * (row * PITCH + c) - 4, s = sin(alpha * x), want = x + s * s / alpha;
                    const double got = type == RN_F32 ? (double)y32[row * CHANNELS + c] : y64[row * CHANNELS + c];
                    assert_true(fabs(got - want) <= (type == RN_F32 ? 1e-5 : 1e-13)); /* |x| ≤ 8: a few roundings */
                }
        }
        assert_int_equal(types, 2);
        rn_registry_close(r);
    }
}

static void the_moved_program_lists_the_plugin_with_all_it_offers(void **state)
{
    (void)state;
    static const char *const words[] = {"snake 1.0.0 (MIT)", "snake, snake_grad", "snake_block", "snake for snake",
                                        "/moved/lib"};
    for (int i = 0; i < 2; i++) {
        char *out;
        if (scratch_run(&out, "'%s/moved/bin/runner' plugins --plugin-dir '%s'", folder, built[i]) != 0)
            fail_msg("%s", out);
        for (size_t k = 0; k < sizeof words / sizeof *words; k++)
            if (!strstr(out, words[k]))
                fail_msg("'%s' is not in:\n%s", words[k], out);
        assert_non_null(strstr(out, built[i]));
        free(out);
    }
}

static void its_gradient_rule_passes_the_check_of_every_op(void **state)
{
    (void)state;
    char *out;
    if (scratch_run(&out, "RUNNER_PLUGIN_PATH='%s' '%s/moved/bin/runner' check gradients snake", built[0], folder) != 0)
        fail_msg("%s", out);
    assert_non_null(strstr(out, " ok"));
    free(out);
}

/* The layer, its op and the op's kernel in a spec: trained, sampled, scored. */
static void two_steps_are_trained_with_it(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        char *out;
        if (scratch_run(&out, "'%s/moved/bin/runner' '" SOURCE "/snake.yaml' --plugin-dir '%s' --out '%s/results%d'", folder,
                        built[i], folder, i) != 0)
            fail_msg("%s", out);
        free(out);
        if (scratch_run(&out, "find '%s/results%d' -name model.safetensors -size +1k | grep .", folder, i) != 0)
            fail_msg("no weights were written");
        free(out);
    }
}

static void without_it_the_spec_is_refused_with_the_name_of_the_layer(void **state)
{
    (void)state;
    char *out;
    assert_int_equal(scratch_run(&out, "'%s/moved/bin/runner' validate '" SOURCE "/snake.yaml'", folder), 2);
    assert_non_null(strstr(out, "snake.yaml:9:"));
    assert_non_null(strstr(out, "snake_block"));
    assert_non_null(strstr(out, "/moved/lib"));
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways_of_building_export_one_symbol),
        cmocka_unit_test(its_kernels_compute_the_formula_in_both_types),
        cmocka_unit_test(the_moved_program_lists_the_plugin_with_all_it_offers),
        cmocka_unit_test(its_gradient_rule_passes_the_check_of_every_op),
        cmocka_unit_test(two_steps_are_trained_with_it),
        cmocka_unit_test(without_it_the_spec_is_refused_with_the_name_of_the_layer),
    };
    return cmocka_run_group_tests(tests, build_both, forget);
}
