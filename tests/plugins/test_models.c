/* Networks as a spec asks for them: what may be combined, and what a wrong size is answered with. */
#include "plugin/load.h"
#include "support/component.h"
#include "support/networks.h"

/* A user's block: y = 2·x, for maps, with no parameter and no `channels` of its own. */
static rn_tensor twice(rn_graph *g, const void *params, const rn_layer_in *in)
{
    (void)params;
    return rn_op_scale(g, in->x, 2);
}
static const rn_layer layer_twice = {.bytes = sizeof(rn_layer), .name = "twice", .doc = "2·x", .build = twice};
static const rn_plugin user_plugin = {.abi = RN_ABI, .bytes = sizeof(rn_plugin), .name = "user", .version = "1.0.0",
                                      .licence = "MIT", .layers = (const rn_layer *const[]){&layer_twice, NULL}};

static int open_registry(void **state)
{
    rn_error err = {0};
    rn_registry *registry = rn_registry_open();
    assert_non_null(registry);
    const rn_plugin_search search = {.builtin = BUILD_FOLDER "/lib/runner"};
    assert_ok(rn_plugins_load(registry, &search, &err), err);
    assert_ok(rn_registry_add(registry, &user_plugin, "the test", &err), err);
    *state = registry;
    return 0;
}

static int close_registry(void **state)
{
    rn_registry_close(*state);
    return 0;
}

typedef struct built {
    rn_arena arena;
    rn_parameters parameters;
    rn_graph *graph;
    rn_tensor out;
    rn_shape image;
} built;

/* The network that the YAML asks for, on a batch of two images. What went wrong stands in the graph. */
static void build(built *b, rn_registry *registry, const char *yaml, int64_t height, int64_t width)
{
    *b = (built){.image = {.rank = 4, .dim = {2, height, width, 3}}};
    const rn_shape each = {.rank = 1, .dim = {2}}, labels = {.rank = 1, .dim = {2}, .type = RN_I32};
    rn_chosen chosen = {0};
    rn_error err = {0};
    assert_ok(component_check(registry, RN_KIND_MODEL, yaml, &b->arena, &chosen, &err), err);
    const rn_model *model = (const rn_model *)(const void *)chosen.what;
    b->graph = rn_graph_open(registry, &b->parameters, RN_F32, true);
    assert_non_null(b->graph);
    (void)rn_graph_at(b->graph, chosen.place);
    const rn_model_in in = {.bytes = sizeof in, .x = rn_graph_input(b->graph, "z", b->image),
                            .logsnr = rn_graph_input(b->graph, "logsnr", each),
                            .label = model->classes(chosen.params) ? rn_graph_input(b->graph, "label", labels) : 0};
    b->out = model->build(b->graph, chosen.params, &in);
}

static void done(built *b)
{
    rn_graph_close(b->graph);
    rn_parameters_free(&b->parameters);
    rn_arena_free(&b->arena);
}

static void networks_take_any_block_at_any_level_and_any_sides_that_can_be_halved(void **state)
{
    static const struct {
        const char *what, *yaml;
        int64_t height, width;
        const char *parameter; /* one that must be there */
    } rows[] = {
        {"images that are not square", "type: uvit\nlevels: [{block: resnet, channels: 8}, {block: transformer, channels: 12}]", 6, 10,
         "pos"},
        {"a unet on images that are not square", "type: unet\nlevels: [{block: resnet, channels: 8}, {block: resnet, channels: 16}]", 6, 10,
         "up.2.weight"},
        {"one level", "type: uvit\nlevels: [{block: transformer, channels: 12, blocks: 2}]", 5, 3, "mid.1.fc2.bias"},
        {"one level of a unet", "type: unet\nlevels: [{block: resnet, channels: 8}]", 5, 3, "up.1.0.short.weight"},
        {"transformers above the last level", "type: uvit\nlevels: [{block: transformer, channels: 8}, {block: transformer, channels: 12}]", 4, 4,
         "up.1.0.qkv.weight"},
        {"convolutions in the last level", "type: uvit\nlevels: [{block: resnet, channels: 8}, {block: resnet, channels: 12}]", 4, 4,
         "mid.0.conv2.weight"},
        {"a block of a user's", "type: uvit\nlevels: [{block: resnet, channels: 8}, {block: twice, blocks: 3}, {block: transformer, channels: 12}]", 8, 8,
         "down.3.weight"},
        {"attention of a user's", "type: unet\nattention: twice\nlevels: [{block: resnet, channels: 8, attention: true}]", 8, 8,
         "mid.2.conv1.weight"},
        {"a level without blocks", "type: uvit\nlevels: [{block: resnet, channels: 8, blocks: 0}, {block: transformer, channels: 12}]", 8, 8,
         "up.0.weight"},
        {"classes and a stem", "type: unet\nstem: {type: space_to_depth, factor: 2}\nclasses: 3\nlevels: [{block: resnet, channels: 8}]", 6, 10,
         "label.weight"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        built b;
        build(&b, *state, rows[i].yaml, rows[i].height, rows[i].width);
        rn_error err = {0};
        if (!rn_graph_check(b.graph, &err))
            fail_msg("%s: %s", rows[i].what, err.text);
        if (!rn_same_dims(rn_shape_of(b.graph, b.out), b.image))
            fail_msg("%s: the output has not the shape of the image", rows[i].what);
        if (!rn_parameters_find(&b.parameters, rows[i].parameter))
            fail_msg("%s: no parameter '%s'", rows[i].what, rows[i].parameter);
        done(&b);
    }
}

static void a_size_that_does_not_fit_is_an_error_with_its_place_and_what_would_fit(void **state)
{
    static const struct {
        const char *yaml;
        int64_t height, width;
        int line; /* of the place */
        const char *text;
    } rows[] = {
        {"type: uvit\nlevels:\n  - {block: resnet, channels: 8}\n  - {block: transformer, channels: 48, heads: 5}", 8, 8, 4,
         "heads: 5 does not divide 48 channels; these would: 1, 2, 3, 4, 6, 8, 12, 16, 24, 48"},
        {"type: unet\nattention: {type: attention, heads: 3}\nlevels: [{block: resnet, channels: 8}]", 8, 8, 2,
         "heads: 3 does not divide 8 channels; these would: 1, 2, 4, 8"},
        {"type: uvit\nlevels:\n  - {block: resnet, channels: 8}\n  - {block: resnet, channels: 8}\n  - {block: transformer, channels: 8}", 8, 30, 4,
         "the height of an image must be a multiple of 4 (8 is one), the width one of 4 (28 or 32 instead of 30)"},
        {"type: unet\nstem: {type: space_to_depth, factor: 2}\nlevels:\n  - {block: resnet, channels: 8}\n  - {block: resnet, channels: 8}", 6, 2, 4,
         "a multiple of 4 (4 or 8 instead of 6), the width one of 4 (4 instead of 2)"},
        {"type: unet\nstem: {type: space_to_depth, factor: 4}\nlevels: [{block: resnet, channels: 8}]", 30, 32, 2,
         "factor: 4 does not divide an image of 30×32 pixels"},
        {"type: unet\nstem: {type: resnet, channels: 8}\nlevels: [{block: resnet, channels: 8}]", 8, 8, 2,
         "'resnet' has no way back to pixels"},
        {"type: unet\nlevels: []", 8, 8, 1, "levels: 0 of them; a network has 1 to 16"},
        {"type: uvit\nlevels:\n  - {block: resnet, channels: 9}", 8, 8, 3, "the number must be even"},
        {"type: unet\nlevels:\n  - {block: resnet, channels: 8}\n  - {block: transformer, channels: 12}", 8, 8, 4,
         "channels: 12 on tokens of 8 channels; a transformer keeps the width"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        built b;
        build(&b, *state, rows[i].yaml, rows[i].height, rows[i].width);
        rn_error err = {0};
        if (rn_graph_check(b.graph, &err))
            fail_msg("row %zu: built, although: %s", i, rows[i].text);
        if (!strstr(err.text, rows[i].text))
            fail_msg("row %zu: '%s' does not say '%s'", i, err.text, rows[i].text);
        if (err.line != rows[i].line)
            fail_msg("row %zu: line %d and not %d: %s", i, err.line, rows[i].line, err.text);
        done(&b);
    }
}

static void dropout_stands_in_each_block_that_asks_for_it(void **state)
{
    built with, without;
    build(&with, *state, "type: uvit\nlevels: [{block: resnet, channels: 8, dropout: 0.1}, {block: transformer, channels: 8, dropout: 0.1}]", 8, 8);
    build(&without, *state, "type: uvit\nlevels: [{block: resnet, channels: 8}, {block: transformer, channels: 8}]", 8, 8);
    rn_error err = {0};
    assert_ok(rn_graph_check(with.graph, &err), err);
    assert_int_equal(with.graph->n_nodes, without.graph->n_nodes + 3); /* down, middle, up */
    done(&with);
    done(&without);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_take_any_block_at_any_level_and_any_sides_that_can_be_halved),
        cmocka_unit_test(a_size_that_does_not_fit_is_an_error_with_its_place_and_what_would_fit),
        cmocka_unit_test(dropout_stands_in_each_block_that_asks_for_it),
    };
    return cmocka_run_group_tests(tests, open_registry, close_registry);
}
