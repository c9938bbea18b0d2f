/* Networks that can be said in several ways, and options whose effect has a formula. */
#include "support/networks.h"
#include "support/running.h"

#include <runner/layer.h>

typedef struct built {
    network net;
    rn_parameters parameters;
    rn_graph *graph;
} built;

static void build(built *b, const char *yaml, int64_t side)
{
    *b = (built){.net = {.side = side}};
    b->net.model = network_chosen(&b->net, RN_KIND_MODEL, yaml);
    b->graph = network_graph(&b->net, &b->parameters, RN_F32, 1);
    rn_error err = {0};
    if (!rn_graph_check(b->graph, &err))
        fail_msg("%s: %s", yaml, err.text);
}

static void done(built *b)
{
    rn_graph_close(b->graph);
    rn_parameters_free(&b->parameters);
    network_close(&b->net);
}

static void a_layout_is_the_network_written_out(void **state)
{
    (void)state;
    static const struct { const char *layout, *levels; } rows[] = {
        {"{type: unet_layout, channels: 8, multipliers: [1, 2, 2], blocks: [1, 0, 2], attention_side: 8, heads: 2, embedding: 24}",
         "{type: unet, embedding: 24, attention: {type: attention, heads: 2}, levels: [{block: resnet, channels: 8}, "
         "{block: resnet, channels: 16, blocks: 0, attention: true}, {block: resnet, channels: 16, blocks: 2, attention: true}]}"},
        {"{type: unet_layout, channels: 4, multipliers: [2, 3], blocks: [1, 1], skips: add, attention: {type: attention, heads: 3}}",
         "{type: unet, skips: add, levels: [{block: resnet, channels: 8}, {block: resnet, channels: 12, heads: 3}]}"},
        {"{type: uvit_layout, channels: 8, multipliers: [1, 2, 4], blocks: [2, 1, 3], heads: 2, stem: {type: space_to_depth, factor: 2}}",
         "{type: uvit, stem: {type: space_to_depth, factor: 2}, levels: [{block: resnet, channels: 8, blocks: 2}, "
         "{block: resnet, channels: 16}, {block: transformer, channels: 32, blocks: 3, heads: 2}]}"},
        {"{type: uvit_layout, channels: 8, multipliers: [1, 2], blocks: [1, 1], middle: {type: transformer, channels: 1, parallel: true}}",
         "{type: uvit, levels: [{block: resnet, channels: 8}, {block: transformer, channels: 16, parallel: true}]}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        built a, b;
        running ra, rb;
        build(&a, rows[i].layout, 16);
        build(&b, rows[i].levels, 16);
        assert_int_equal(a.parameters.n, b.parameters.n);
        for (int64_t k = 0; k < a.parameters.n; k++) {
            assert_string_equal(a.parameters.v[k].name, b.parameters.v[k].name);
            assert_true(rn_same_dims(a.parameters.v[k].shape, b.parameters.v[k].shape));
        }
        running_open(&ra, a.graph, &a.parameters, 5);
        running_open(&rb, b.graph, &b.parameters, 5);
        running_set_parameter(&ra, "conv_out.weight", 1);
        running_set_parameter(&rb, "conv_out.weight", 1);
        running_fill(&ra, "z", 2);
        running_fill(&rb, "z", 2);
        running_run(&ra);
        running_run(&rb);
        assert_true(running_difference(&ra, "out", &rb, "out") == 0);
        running_close(&ra);
        running_close(&rb);
        done(&a);
        done(&b);
    }
}

/* Dropout stands in each block on small enough maps: one more op in a graph that trains. */
static int64_t training_nodes(const char *yaml)
{
    built b = {.net = {.side = 16}};
    rn_error err = {0};
    b.net.model = network_chosen(&b.net, RN_KIND_MODEL, yaml);
    b.graph = rn_graph_open(networks_registry(), &b.parameters, RN_F32, true);
    const rn_shape image = {.rank = 4, .dim = {1, 16, 16, 3}}, one = {.rank = 1, .dim = {1}};
    const rn_model_in in = {.bytes = sizeof in, .x = rn_graph_input(b.graph, "z", image), .logsnr = rn_graph_input(b.graph, "logsnr", one)};
    (void)((const rn_model *)(const void *)b.net.model.what)->build(b.graph, b.net.model.params, &in);
    if (!rn_graph_check(b.graph, &err))
        fail_msg("%s: %s", yaml, err.text);
    const int64_t n = b.graph->n_nodes;
    done(&b);
    return n;
}

static void a_layouts_dropout_begins_at_a_side(void **state)
{
    (void)state;
#define UNET "{type: unet_layout, channels: 8, multipliers: [1, 1, 1], blocks: [1, 1, 1]"
    const int64_t none = training_nodes(UNET "}");
    assert_int_equal(training_nodes(UNET ", dropout: 0.1}"), none + 11); /* 3 down, 2 in the middle, 6 up */
    assert_int_equal(training_nodes(UNET ", dropout: 0.1, dropout_side: 8}"), none + 8);
    assert_int_equal(training_nodes(UNET ", dropout: 0.1, dropout_side: 4}"), none + 5);
    assert_int_equal(training_nodes(UNET ", dropout: 0.1, dropout_side: 3}"), none);
}

/* A new network's blocks are identities. With residual skips the lower levels then add nothing: what comes out is what
 * a network without them gives, whose other parameters are the same ones. Positions cancel. */
static void residual_levels_begin_as_if_they_were_not_there(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "{type: uvit, skips: residual, levels: [{block: resnet, channels: 8, blocks: 2}, {block: resnet, channels: 16}, "
        "{block: transformer, channels: 24, blocks: 2, positions: rope, heads: 2}]}",
        "{type: uvit, skips: residual, positions: none, levels: [{block: resnet, channels: 8, blocks: 2}, {block: transformer, "
        "channels: 8, positions: rope, heads: 2}, {block: transformer, channels: 16, qk_norm: true, parallel: true}]}",
        "{type: uvit_layout, skips: residual, channels: 8, multipliers: [1, 4], blocks: [0, 1]}",
    };
    built flat;
    running rf;
    build(&flat, "{type: uvit, skips: residual, positions: none, levels: [{block: resnet, channels: 8, blocks: 0}]}", 16);
    running_open(&rf, flat.graph, &flat.parameters, 5);
    running_set_parameter(&rf, "conv_out.weight", 1);
    running_fill(&rf, "z", 2);
    running_run(&rf);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        built b;
        running r;
        build(&b, rows[i], 16);
        running_open(&r, b.graph, &b.parameters, 5);
        running_set_parameter(&r, "conv_out.weight", 1);
        running_fill(&r, "z", 2);
        running_run(&r);
        const double error = running_difference(&r, "out", &rf, "out");
        if (!(error <= 1e-6)) /* (a + 0) twice: nothing to round but in the norm */
            fail_msg("%s: off by %.1e", rows[i], error);
        running_close(&r);
        done(&b);
    }
    running_close(&rf);
    done(&flat);
}

static int64_t elements(const char *yaml)
{
    built b;
    build(&b, yaml, 16);
    const int64_t n = b.parameters.elements;
    done(&b);
    return n;
}

/* Counted by hand, for width C = 24 of the middle, E = 4·8, two blocks in two heads of 12. */
static void options_of_the_transformer_have_the_parameters_of_their_formulas(void **state)
{
    (void)state;
#define UVIT "{type: uvit, levels: [{block: resnet, channels: 8}, {block: transformer, channels: 24, blocks: 2, heads: 2"
    const int64_t plain = elements(UVIT "}]}"), c = 24, e = 32, blocks = 2;
    assert_int_equal(elements(UVIT ", qk_norm: true}]}"), plain + blocks * 2 * 12);
    assert_int_equal(elements(UVIT ", positions: rope}]}"), plain);
    assert_int_equal(elements(UVIT ", expansion: 2}]}"), plain - blocks * (4 * c * c + 2 * c));
    assert_int_equal(elements(UVIT ", film: mlp}]}"), plain - blocks * 2 * c * (e + 1));
    assert_int_equal(elements(UVIT ", film: hidden}]}"), plain + blocks * (8 - 4) * c * (e + 1));
    assert_int_equal(elements(UVIT ", parallel: true}]}"), plain - blocks * (2 * c + 2 * c * (e + 1))); /* one norm, half of film */
    assert_int_equal(elements(UVIT "}], positions: none}"), plain - 8 * 8 * c);
    assert_int_equal(elements(UVIT "}], skips: residual}"), plain - 2 * c); /* no norm_mid */
    /* the block on the way up sees 16 channels: norm1, conv1 and a shortcut are wider */
    assert_int_equal(elements(UVIT "}], skips: concat}"), plain + 2 * 8 + 9 * 8 * 8 + 16 * 8 + 8);
}

/* Products of turned queries and keys depend on how far apart two tokens are, not on where they stand. */
static void rope_makes_products_depend_on_distances(void **state)
{
    (void)state;
    enum { SIDE = 6, D = 8 };
    rn_parameters parameters = {0};
    rn_graph *g = rn_graph_open(networks_registry(), &parameters, RN_F64, false);
    const rn_shape tokens = {.rank = 3, .dim = {1, SIDE * SIDE, D}};
    const rn_rope_attr attr = {1, SIDE, SIDE, 100, false};
    running r;
    rn_graph_output(g, "q", rn_op_rope(g, rn_graph_input(g, "x", tokens), attr));
    rn_graph_output(g, "k", rn_op_rope(g, rn_graph_input(g, "y", tokens), attr));
    running_open(&r, g, &parameters, 0);
    double *x = rn_program_input(r.program, "x"), *y = rn_program_input(r.program, "y");
    for (int i = 0; i < SIDE * SIDE * D; i++)
        x[i] = sin(1 + i % D), y[i] = cos(2 + 3 * (i % D)); /* the same query and key everywhere */
    running_run(&r);
    double product[2 * SIDE][2 * SIDE] = {{0}};
    for (int a = 0; a < SIDE * SIDE; a++)
        for (int b = 0; b < SIDE * SIDE; b++) {
            double sum = 0;
            for (int d = 0; d < D; d++)
                sum += running_at(&r, "q", a * D + d) * running_at(&r, "k", b * D + d);
            double *known = &product[a / SIDE - b / SIDE + SIDE][a % SIDE - b % SIDE + SIDE];
            if (*known == 0)
                *known = sum;
            assert_true(fabs(*known - sum) <= 1e-12);
        }
    assert_true(fabs(product[SIDE][SIDE] - product[SIDE + 1][SIDE]) > 1e-3); /* and they do depend on these, by row … */
    assert_true(fabs(product[SIDE][SIDE] - product[SIDE][SIDE + 1]) > 1e-3); /* … and by column */
    running_close(&r);
    rn_graph_close(g);
    rn_parameters_free(&parameters);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_layout_is_the_network_written_out),
        cmocka_unit_test(a_layouts_dropout_begins_at_a_side),
        cmocka_unit_test(residual_levels_begin_as_if_they_were_not_there),
        cmocka_unit_test(options_of_the_transformer_have_the_parameters_of_their_formulas),
        cmocka_unit_test(rope_makes_products_depend_on_distances),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
