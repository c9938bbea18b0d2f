/* `runner check kernels`: finds what is wrong, and says so by its exit status. */
#include "support/scratch.h"

#define RUNNER "'" BUILD_FOLDER "/runner'"

/* A kernel of silu that forgets the last channel of long rows. */
static const char wrong[] =
    "#include <runner/kernel.h>\n"
    "#include <runner/plugin.h>\n"
    "#include <math.h>\n"
    "static const char *plan(const rn_call *c, int threads, rn_work *work)\n"
    "{\n"
    "    (void)threads;\n"
    "    if (!rn_dense(c->in[0])) return \"dense tensors only\";\n"
    "    work->units = 1;\n"
    "    return NULL;\n"
    "}\n"
    "static void run(const rn_call *c, const rn_work *w, const rn_buffers *m, int phase, int64_t begin, int64_t end)\n"
    "{\n"
    "    (void)w, (void)phase, (void)begin, (void)end;\n"
    "    const float *x = m->in[0];\n"
    "    float *y = m->out[0];\n"
    "    for (int64_t i = 0; i < rn_count(c->in[0]); i++)\n"
    "        y[i] = i % rn_last(c->in[0]) < LIMIT ? x[i] / (1 + expf(-x[i])) : 0;\n"
    "}\n"
    "static const rn_kernel k = {.bytes = sizeof(rn_kernel), .name = \"mine\", .doc = \"d\", .op = \"silu\", .device = \"cpu\",\n"
    "                            .rank = 99, .type = RN_F32, .plan = plan, .run = run};\n"
    "RN_PLUGIN(.name = \"mine\", .version = \"1\", .licence = \"MIT\", .kernels = (const rn_kernel *const[]){&k, NULL});\n";

static int check(const char *folder, const char *options, char **text)
{
    return scratch_run(text, "cd '%s' && " RUNNER " check kernels %s", folder, options);
}

static void what_is_right_is_ok_and_what_is_wrong_is_told(void **state)
{
    (void)state;
    char *folder = scratch_folder(), *source = scratch_path(folder, "mine.c"), *text;
    scratch_write(source, wrong, strlen(wrong));
    for (int is_wrong = 0; is_wrong < 2; is_wrong++) {
        if (scratch_run(&text, "cd '%s' && '" C_COMPILER "' -std=c11 -shared -fPIC -fvisibility=hidden -DLIMIT=%d -I'" SOURCE_FOLDER
                        "/include' mine.c -o mine.so -lm", folder, is_wrong ? 4 : 1000000))
            fail_msg("%s", text);
        free(text);
        assert_int_equal(check(folder, "mine --plugin-dir mine.so", &text), is_wrong);
        assert_non_null(strstr(text, "silu                       mine       float32   any "));
        assert_non_null(strstr(text, is_wrong ? "  WRONG\n1 kernel compared with the reference, 1 differs" : "  ok\n1 kernel compared with the reference, 0 differ"));
        free(text);
    }
    free(source), free(folder);
}

static void a_name_that_nobody_has_is_a_mistake(void **state)
{
    (void)state;
    char *folder = scratch_folder(), *text;
    assert_int_equal(check(folder, "silu nobody", &text), 2);
    assert_non_null(strstr(text, "no loaded plugin offers the op or the kernel set 'nobody'"));
    free(text);
    assert_int_equal(scratch_run(&text, RUNNER " check everything"), 2);
    assert_non_null(strstr(text, "there is: gradients, kernels"));
    free(text), free(folder);
}

/* What this machine can run, with the kernels that only larger examples reach. */
static void every_kernel_of_the_build_is_right(void **state)
{
    (void)state;
    char *folder = scratch_folder(), *text;
    if (check(folder, SANITIZERS[0] ? "silu conv2d_dw" : "", &text))
        fail_msg("%s", text);
    assert_null(strstr(text, "WRONG"));
    assert_non_null(strstr(text, "  ok\n"));
    free(text), free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_right_is_ok_and_what_is_wrong_is_told),
        cmocka_unit_test(a_name_that_nobody_has_is_a_mistake),
        cmocka_unit_test(every_kernel_of_the_build_is_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
