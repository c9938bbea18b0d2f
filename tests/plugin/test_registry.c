/* The registry: order, owners, duplicates, and descriptors that are not whole. */
#include "plugin/check.h"
#include "plugin/registry.h"
#include "test.h"

static bool shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    (void)err;
    *y = c->in[0];
    return true;
}
static rn_tensor build(rn_graph *g, const void *params, const rn_layer_in *in)
{
    (void)g, (void)params;
    return in->x;
}
static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)c, (void)threads, (void)work;
    return "never";
}
static void run(const rn_call *c, const rn_work *w, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)c, (void)w, (void)m, (void)phase, (void)begin, (void)end;
}

#define OP(name_) {.bytes = sizeof(rn_op), .name = name_, .doc = "d", .inputs = {{.name = "x"}}, .n_out = 1, .shape = shape}
#define LAYER(name_, ...) {.bytes = sizeof(rn_layer), .name = name_, .doc = "d", __VA_ARGS__}
#define KERNEL(name_, op_, device_, rank_, type_)                                                                      \
    {.bytes = sizeof(rn_kernel), .name = name_, .doc = "d", .op = op_, .device = device_, .rank = rank_,               \
     .type = type_, .plan = plan, .run = run}
#define PLUGIN(...) {.abi = RN_ABI, .bytes = sizeof(rn_plugin), .name = "p", .version = "1", .licence = "MIT", __VA_ARGS__}

static const rn_op op_b = OP("b"), op_a = OP("a"), op_c = OP("c");
static const rn_kernel a_slow = KERNEL("slow", "a", "cpu", 1, RN_NO_TYPE), a_fast = KERNEL("fast", "a", "cpu", 9, RN_F32),
                       a_fast64 = KERNEL("fast", "a", "cpu", 9, RN_F64), a_gpu = KERNEL("fast", "a", "gpu", 5, RN_F32),
                       b_slow = KERNEL("slow", "b", "cpu", 1, RN_NO_TYPE);
static const rn_plugin first = PLUGIN(.ops = (const rn_op *const[]){&op_b, &op_a, NULL},
                                      .kernels = (const rn_kernel *const[]){&b_slow, &a_slow, &a_gpu, &a_fast64, NULL});
static const rn_plugin second = PLUGIN(.ops = (const rn_op *const[]){&op_c, NULL},
                                       .kernels = (const rn_kernel *const[]){&a_fast, NULL});

static void components_are_sorted_and_know_their_owner(void **state)
{
    (void)state;
    rn_error err;
    rn_registry *r = rn_registry_open();
    assert_ok(rn_registry_add(r, &second, "/second.so", &err), err);
    assert_ok(rn_registry_add(r, &first, "/first.so", &err), err);
    assert_int_equal(rn_registry_count(r, RN_KIND_OP), 3);
    static const char *const names[] = {"a", "b", "c"}, *const owners[] = {"/first.so", "/first.so", "/second.so"};
    for (int i = 0; i < 3; i++) {
        assert_string_equal(rn_registry_at(r, RN_KIND_OP, i)->name, names[i]);
        assert_string_equal(rn_registry_owner(r, RN_KIND_OP, i)->path, owners[i]);
        assert_ptr_equal(rn_registry_find(r, RN_KIND_OP, names[i]), rn_registry_at(r, RN_KIND_OP, i));
    }
    assert_null(rn_registry_find(r, RN_KIND_OP, "d"));
    assert_null(rn_registry_find(r, RN_KIND_LAYER, "a"));
    assert_int_equal(rn_registry_plugins(r), 2);
    rn_registry_close(r);
}

static void kernels_of_an_op_come_by_falling_rank_and_device(void **state)
{
    (void)state;
    rn_error err;
    rn_registry *r = rn_registry_open();
    int n;
    assert_null(rn_registry_kernels(r, "a", "cpu", &n));
    assert_int_equal(n, 0);
    assert_ok(rn_registry_add(r, &first, "/first.so", &err), err);
    assert_ok(rn_registry_add(r, &second, "/second.so", &err), err);
    const rn_kernel *const *k = rn_registry_kernels(r, "a", "cpu", &n);
    assert_int_equal(n, 3);
    assert_ptr_equal(k[0], &a_fast);
    assert_ptr_equal(k[1], &a_fast64);
    assert_ptr_equal(k[2], &a_slow);
    assert_ptr_equal(*rn_registry_kernels(r, "a", "gpu", &n), &a_gpu);
    assert_int_equal(n, 1);
    assert_ptr_equal(*rn_registry_kernels(r, "b", "cpu", &n), &b_slow);
    assert_null(rn_registry_kernels(r, "c", "cpu", &n));
    rn_registry_close(r);
}

static void a_duplicate_names_both_files_and_leaves_the_registry_as_it_was(void **state)
{
    (void)state;
    static const rn_layer layer = LAYER("only_here", .build = build);
    static const rn_kernel twice = KERNEL("fast", "a", "cpu", 2, RN_F32);
    const struct {
        rn_plugin plugin;
        const char *what;
    } rows[] = {
        {PLUGIN(.layers = (const rn_layer *const[]){&layer, NULL}, .ops = (const rn_op *const[]){&op_c, NULL}), "op 'c'"},
        {PLUGIN(.layers = (const rn_layer *const[]){&layer, NULL}, .kernels = (const rn_kernel *const[]){&twice, NULL}),
         "kernel 'fast' of op 'a' for device 'cpu'"},
    };
    rn_registry *r = rn_registry_open();
    rn_error err;
    assert_ok(rn_registry_add(r, &second, "/second.so", &err), err);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_false(rn_registry_add(r, &rows[i].plugin, "/other.so", &err));
        assert_int_equal(err.code, RN_EPLUGIN);
        assert_non_null(strstr(err.text, rows[i].what));
        assert_non_null(strstr(err.text, "/second.so"));
        assert_non_null(strstr(err.text, "/other.so"));
        assert_int_equal(rn_registry_count(r, RN_KIND_LAYER), 0);
        assert_int_equal(rn_registry_count(r, RN_KIND_KERNEL), 1);
        assert_int_equal(rn_registry_plugins(r), 1);
    }
    rn_registry_close(r);
}

typedef struct numbers {
    int64_t n;
} numbers;
#define ROW(type_, name_, doc_, offset_) {.type = type_, .name = name_, .doc = doc_, .offset = offset_}
static const rn_param no_name[] = {ROW(RN_PARAM_INT, NULL, "d", 0), RN_PARAMS_END};
static const rn_param no_doc[] = {ROW(RN_PARAM_INT, "n", NULL, 0), RN_PARAMS_END};
static const rn_param outside[] = {ROW(RN_PARAM_INT, "n", "d", 8), RN_PARAMS_END};
static const rn_param no_choices[] = {ROW(RN_PARAM_CHOICE, "n", "d", 0), RN_PARAMS_END};
static const rn_param no_kind[] = {{.type = RN_PARAM_COMPONENT, .name = "n", .doc = "d"}, RN_PARAMS_END};
static const rn_param bad_type[] = {ROW((rn_param_type)99, "n", "d", 0), RN_PARAMS_END};

/* One layer each, wrong in one way. */
static const struct {
    const char *reason;
    rn_layer layer;
} bad_layers[] = {
    {"layer 'foo': build is missing", LAYER("foo", .inverse = NULL)},
    {"layer 'foo': doc is missing", {.bytes = sizeof(rn_layer), .name = "foo", .build = build}},
    {"a layer has no name", {.bytes = sizeof(rn_layer), .doc = "d", .build = build}},
    {"begins with a letter", LAYER("9foo", .build = build)},
    {"begins with a letter", LAYER("Foo", .build = build)},
    {"begins with a letter", LAYER("", .build = build)},
    {".bytes = sizeof(rn_layer)", {.name = "foo", .doc = "d", .build = build}},
    {".bytes = sizeof(rn_layer)", {.bytes = sizeof(rn_component), .name = "foo", .doc = "d", .build = build}},
    {"layer 'foo': row 0", LAYER("foo", .build = build, .params = no_name, .params_bytes = sizeof(numbers))},
    {"'n' has no documentation", LAYER("foo", .build = build, .params = no_doc, .params_bytes = sizeof(numbers))},
    {"'n' lies outside", LAYER("foo", .build = build, .params = outside, .params_bytes = sizeof(numbers))},
    {"'n' has no choices", LAYER("foo", .build = build, .params = no_choices, .params_bytes = sizeof(numbers))},
    {"no known kind", LAYER("foo", .build = build, .params = no_kind, .params_bytes = sizeof(rn_chosen))},
    {"row 0 of its parameters", LAYER("foo", .build = build, .params = bad_type, .params_bytes = sizeof(numbers))},
};

static void a_layer_that_is_not_whole_is_a_message(void **state)
{
    (void)state;
    rn_registry *r = rn_registry_open();
    for (size_t i = 0; i < sizeof bad_layers / sizeof *bad_layers; i++) {
        const rn_layer *list[] = {&bad_layers[i].layer, NULL};
        const rn_plugin plugin = PLUGIN(.layers = list);
        rn_error err;
        assert_false(rn_registry_add(r, &plugin, "/x.so", &err));
        assert_int_equal(err.code, RN_EPLUGIN);
        if (!strstr(err.text, bad_layers[i].reason) || !strstr(err.text, "plugin '/x.so'"))
            fail_msg("row %zu: '%s' does not say '%s'", i, err.text, bad_layers[i].reason);
        assert_int_equal(rn_registry_count(r, RN_KIND_LAYER), 0);
    }
    rn_registry_close(r);
}

static const struct {
    const char *reason;
    rn_plugin plugin;
} bad_plugins[] = {
    {"its ABI number is 7, this runner's is", {.abi = 7, .bytes = sizeof(rn_plugin), .name = "p", .version = "1", .licence = "l"}},
    {"a newer runner", {.abi = RN_ABI + 1, .bytes = sizeof(rn_plugin), .name = "p", .version = "1", .licence = "l"}},
    {"an older runner", {.abi = 0, .bytes = sizeof(rn_plugin), .name = "p", .version = "1", .licence = "l"}},
    {"has 8 bytes", {.abi = RN_ABI, .bytes = 8, .name = "p", .version = "1", .licence = "l"}},
    {"its name is missing", {.abi = RN_ABI, .bytes = sizeof(rn_plugin), .version = "1", .licence = "l"}},
    {"its version is missing", {.abi = RN_ABI, .bytes = sizeof(rn_plugin), .name = "p", .licence = "l"}},
    {"its licence is missing", {.abi = RN_ABI, .bytes = sizeof(rn_plugin), .name = "p", .version = "1"}},
};

static void a_plugin_that_is_not_whole_is_a_message(void **state)
{
    (void)state;
    rn_registry *r = rn_registry_open();
    for (size_t i = 0; i < sizeof bad_plugins / sizeof *bad_plugins; i++) {
        rn_error err;
        assert_false(rn_registry_add(r, &bad_plugins[i].plugin, "/x.so", &err));
        if (!strstr(err.text, bad_plugins[i].reason))
            fail_msg("row %zu: '%s' does not say '%s'", i, err.text, bad_plugins[i].reason);
        assert_int_equal(rn_registry_plugins(r), 0);
    }
    rn_registry_close(r);
}

static bool features_open(const void *params, const rn_features_env *env, void **state, rn_error *err)
{
    (void)params, (void)env, (void)state, (void)err;
    return true;
}
static void features_close(void *state)
{
    (void)state;
}
static int64_t features_dims(void *state)
{
    (void)state;
    return 1;
}
static void features_extract(void *state, const float *images, int64_t n, double *out)
{
    (void)state, (void)images, (void)n, (void)out;
}

static void features_that_want_to_be_calibrated_must_know_how(void **state)
{
    (void)state;
    rn_error err;
    rn_features f = {.bytes = sizeof f, .name = "foo", .doc = "f", .open = features_open, .close = features_close,
                     .dims = features_dims, .extract = features_extract};
    assert_ok(rn_component_check(RN_KIND_FEATURES, (const rn_component *)&f, &err), err);
    f.calibration_images = 3;
    assert_false(rn_component_check(RN_KIND_FEATURES, (const rn_component *)&f, &err));
    assert_int_equal(err.code, RN_EPLUGIN);
    assert_non_null(strstr(err.text, "features 'foo': it asks for 3 calibration_images"));
}

static void a_plugin_older_than_a_kind_offers_none_of_it(void **state)
{
    (void)state;
    rn_plugin old = first;
    old.bytes = offsetof(rn_plugin, kernels);
    rn_registry *r = rn_registry_open();
    rn_error err;
    assert_ok(rn_registry_add(r, &old, "/old.so", &err), err);
    assert_int_equal(rn_registry_count(r, RN_KIND_OP), 2);
    assert_int_equal(rn_registry_count(r, RN_KIND_KERNEL), 0);
    rn_registry_close(r);
}

static void every_kind_has_a_word_and_every_word_its_kind(void **state)
{
    (void)state;
    for (int k = RN_KIND_NONE + 1; k < RN_KIND_END; k++)
        assert_int_equal(rn_kind_of(rn_kind_name((rn_kind)k)), k);
    assert_int_equal(rn_kind_of("nothing"), RN_KIND_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(components_are_sorted_and_know_their_owner),
        cmocka_unit_test(kernels_of_an_op_come_by_falling_rank_and_device),
        cmocka_unit_test(a_duplicate_names_both_files_and_leaves_the_registry_as_it_was),
        cmocka_unit_test(a_layer_that_is_not_whole_is_a_message),
        cmocka_unit_test(a_plugin_that_is_not_whole_is_a_message),
        cmocka_unit_test(features_that_want_to_be_calibrated_must_know_how),
        cmocka_unit_test(a_plugin_older_than_a_kind_offers_none_of_it),
        cmocka_unit_test(every_kind_has_a_word_and_every_word_its_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
