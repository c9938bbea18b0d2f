/* What the passes over a graph promise: fused chains give what their parts give, a chain whose links are read by others
 * is left alone, what is made again instead of being kept gives the same bytes in less memory, and what is narrowed gives nearly the
 * same in less memory still. */
#include "graph/program.h"
#include "support/kernel_harness.h"

#include <runner/ops.h>

#include <stdlib.h>

enum { BATCH = 3, SIDE = 8, CHANNELS = 16, BLOCKS = 3 };

typedef struct built {
    rn_parameters parameters;
    rn_graph *graph;
    rn_program *program;
    double *arena, *values, *gradients;
} built;

typedef struct recipe {
    rn_type type;
    bool fuse, recompute, blocks, narrow;
    bool dropout;
    const char *kernels; /* the set that comes first, or NULL */
    bool shared_link; /* the network also returns what stands between the nodes of a chain */
    bool wide_reader; /* what a block makes is also read by an op that wants float32, and only in the forward part */
} recipe;

static double *zeros(int64_t n)
{
    double *v = NULL;
    assert_int_equal(posix_memalign((void **)&v, 64, (size_t)(n + 8) * sizeof *v), 0);
    memset(v, 0, (size_t)(n + 8) * sizeof *v);
    return v;
}

static rn_tensor parameter(rn_graph *g, const char *name, rn_init init, rn_shape shape)
{
    return rn_graph_parameter(g, name, shape, (rn_parameter_options){.init = init, .fan_in = CHANNELS});
}

/* Blocks of group_norm, film, silu and a product, with a skip; then layer_norm and film. */
static void network(rn_graph *g, const recipe *r)
{
    const rn_shape by_channel = {.rank = 1, .dim = {CHANNELS}};
    rn_tensor x = rn_graph_input(g, "x", (rn_shape){.rank = 4, .dim = {BATCH, SIDE, SIDE, CHANNELS}});
    const rn_tensor condition = rn_graph_input(g, "condition", (rn_shape){.rank = 2, .dim = {BATCH, 2 * CHANNELS}});
    const rn_tensor scale = rn_op_channel_range(g, condition, 0, CHANNELS);
    const rn_tensor offset = rn_op_channel_range(g, condition, CHANNELS, 2 * CHANNELS);
    rn_tensor bands = 0;
    for (int i = 0; i < BLOCKS; i++) {
        rn_scope(g, "block%d", i);
        g->block = ++g->n_blocks; /* as a layer that a spec chose */
        const rn_tensor w = parameter(g, "w", RN_INIT_ONE, by_channel), b = parameter(g, "b", RN_INIT_ZERO, by_channel);
        rn_tensor h = rn_op_group_norm(g, x, w, b, (rn_group_norm_attr){4, 1e-5});
        if (r->shared_link && i == 0)
            rn_graph_output(g, "link", h);
        if (i != 1)
            h = rn_op_film(g, h, scale, offset);
        h = rn_op_silu(g, h);
        if (r->wide_reader && i == 0)
            bands = rn_op_dwt(g, h, RN_HAAR);
        h = rn_op_linear(g, h, parameter(g, "product", RN_INIT_UNIFORM,
                         (rn_shape){.rank = 2, .dim = {CHANNELS, CHANNELS}}), 0, (rn_linear_attr){false});
        if (r->dropout)
            h = rn_op_dropout(g, h, 0, (rn_dropout_attr){.rate = 0.3, .stream = rn_scope_stream(g, "dropout")});
        x = rn_op_add(g, x, h);
        g->block = 0;
        rn_scope_end(g);
    }
    x = rn_op_layer_norm(g, x, parameter(g, "w", RN_INIT_ONE, by_channel), parameter(g, "b", RN_INIT_ZERO, by_channel),
                         (rn_layer_norm_attr){1e-5});
    x = rn_op_film(g, x, scale, offset);
    rn_tensor loss = rn_op_mean_square(g, x, 0);
    if (bands)
        loss = rn_op_add(g, loss, rn_op_mean_square(g, bands, 0));
    rn_graph_output(g, "loss", loss);
    const rn_tensor one = rn_graph_input(g, "one", (rn_shape){.rank = 1, .dim = {1}});
    if (r->fuse)
        rn_graph_fuse(g);
    rn_graph_differentiate(g, 1, &loss, &one);
    if (r->narrow)
        rn_graph_narrow(g);
    if (r->blocks)
        rn_graph_recompute_blocks(g);
    if (r->recompute)
        rn_graph_recompute(g);
}

static void put(const built *b, const char *input, double value, bool vary)
{
    void *to = rn_program_input(b->program, input);
    const int64_t n = rn_count(rn_program_shape(b->program, input));
    for (int64_t i = 0; i < n; i++) {
        const double v = value + (vary ? rn_random_uniform((rn_stream){.stream = rn_stream_of(input)}, (uint64_t)i) : 0);
        if (b->graph->type == RN_F64)
            ((double *)to)[i] = v;
        else
            ((float *)to)[i] = (float)v;
    }
}

static built run(const recipe *r)
{
    built b = {0};
    rn_error err = {0};
    b.graph = rn_graph_open(harness_registry(), &b.parameters, r->type, true);
    assert_non_null(b.graph);
    network(b.graph, r);
    assert_ok(rn_graph_check(b.graph, &err), err);
    assert_ok(rn_program_compile(b.graph, &(rn_program_options){.kernels = &r->kernels, .n_kernels = r->kernels != NULL}, &b.program, &err), err);
    b.arena = zeros((int64_t)rn_program_arena_bytes(b.program) / 8);
    b.values = zeros(b.parameters.total);
    b.gradients = zeros(b.parameters.total);
    rn_parameters_init(&b.parameters, 0, r->type, b.values);
    const rn_parameter_set set = {b.values, 1};
    assert_ok(rn_program_bind(b.program, b.arena, &set, b.gradients, &err), err);
    put(&b, "x", -0.5, true);
    put(&b, "condition", -0.5, true);
    put(&b, "one", 1, false);
    rn_program_run(b.program, &(rn_step){0});
    return b;
}

static void drop(built *b)
{
    rn_program_close(b->program);
    rn_graph_close(b->graph);
    rn_parameters_free(&b->parameters);
    free(b->arena);
    free(b->values);
    free(b->gradients);
}

static int64_t nodes_of(const built *b, const char *op)
{
    int64_t n = 0;
    for (int64_t i = 0; i < rn_program_nodes(b->program); i++)
        n += strcmp(rn_program_node(b->program, i).op, op) == 0;
    return n;
}

static void fused_chains_give_what_their_parts_give(void **state)
{
    (void)state;
    built parts = run(&(recipe){.type = RN_F64}), fused = run(&(recipe){.type = RN_F64, .fuse = true});
    assert_int_equal(nodes_of(&fused, "group_norm_film_silu"), BLOCKS);
    assert_int_equal(nodes_of(&fused, "layer_norm_film"), 1);
    assert_int_equal(nodes_of(&fused, "group_norm") + nodes_of(&fused, "film") + nodes_of(&fused, "silu"), 0);
    assert_int_equal(nodes_of(&parts, "group_norm_film_silu"), 0);
    double largest = 0;
    for (int64_t i = 0; i < parts.parameters.total; i++) {
        assert_true(fabs(parts.gradients[i] - fused.gradients[i]) < 1e-12);
        largest = fmax(largest, fabs(parts.gradients[i]));
    }
    assert_true(largest > 1e-3);
    drop(&parts);
    drop(&fused);
}

static void a_link_that_somebody_else_reads_is_left_alone(void **state)
{
    (void)state;
    built fused = run(&(recipe){.type = RN_F64, .fuse = true, .shared_link = true});
    assert_int_equal(nodes_of(&fused, "group_norm_film_silu"), BLOCKS - 1);
    assert_int_equal(nodes_of(&fused, "group_norm"), 1);
    assert_non_null(rn_program_output(fused.program, "link"));
    drop(&fused);
}

static void what_is_made_again_has_the_same_bytes_in_less_memory(void **state)
{
    (void)state;
    for (int fuse = 0; fuse < 2; fuse++) {
        built kept = run(&(recipe){.type = RN_F32, .fuse = fuse});
        built again = run(&(recipe){.type = RN_F32, .fuse = fuse, .recompute = true});
        assert_memory_equal(kept.gradients, again.gradients, (size_t)kept.parameters.total * sizeof(float));
        assert_true(rn_program_nodes(again.program) > rn_program_nodes(kept.program));
        assert_true(rn_program_arena_bytes(again.program) < rn_program_arena_bytes(kept.program));
        drop(&kept);
        drop(&again);
    }
}

static void a_block_made_again_has_the_same_bytes_in_less_memory(void **state)
{
    (void)state;
    for (int cheap = 0; cheap < 2; cheap++) {
        built kept = run(&(recipe){.type = RN_F32, .fuse = true, .dropout = true, .recompute = cheap});
        built again = run(&(recipe){.type = RN_F32, .fuse = true, .dropout = true, .recompute = cheap, .blocks = true});
        assert_memory_equal(kept.gradients, again.gradients, (size_t)kept.parameters.total * sizeof(float));
        assert_true(nodes_of(&again, "group_norm_film_silu") == 2 * BLOCKS); /* each inside, forward and again */
        assert_true(rn_program_arena_bytes(again.program) < rn_program_arena_bytes(kept.program));
        drop(&kept);
        drop(&again);
    }
}

/* The tensors that a program's nodes read or write in bfloat16. */
static int64_t narrow_slots(const built *b, bool *parameters_too)
{
    int64_t n = 0;
    for (int64_t i = 0; i < b->graph->n_tensors; i++) {
        const bool narrow = b->graph->tensor[i].shape.type == RN_BF16;
        n += narrow;
        *parameters_too |= narrow && b->graph->tensor[i].origin == RN_FROM_PARAMETER;
    }
    return n;
}

/* 8 bits of mantissa in each of some 20 tensors on the way: the angle between the gradients stays small. */
static void narrowing_gives_nearly_the_same_gradients(void **state)
{
    (void)state;
    static const char *const sets[] = {NULL, "native", "reference"};
    built wide = run(&(recipe){.type = RN_F32, .fuse = true, .recompute = true});
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        built narrow = run(&(recipe){.type = RN_F32, .fuse = true, .recompute = true, .narrow = true, .kernels = sets[i]});
        bool parameters_too = false;
        assert_true(narrow_slots(&narrow, &parameters_too) > 3 * BLOCKS);
        assert_false(parameters_too);
        const float *a = (const float *)wide.gradients, *b = (const float *)narrow.gradients;
        double aa = 0, bb = 0, ab = 0;
        for (int64_t k = 0; k < wide.parameters.total; k++)
            aa += (double)(a[k] * a[k]), bb += (double)(b[k] * b[k]), ab += (double)(a[k] * b[k]);
        assert_true(ab > 0.999 * sqrt(aa * bb) && ab < 0.9999999 * sqrt(aa * bb));
        assert_true(fabs(sqrt(bb / aa) - 1) < 0.01);
        drop(&narrow);
    }
    drop(&wide);
}

/* `memory: recompute` is no part of a spec's hash, so it may change no byte: what is made again has the type of what it is made
 * again for, whoever reads the one and the other. By the reference, since products in bfloat16 round what is wide. */
static void what_is_made_again_has_the_same_bytes_when_it_is_narrow(void **state)
{
    (void)state;
    for (int fuse = 0; fuse < 2; fuse++) {
        recipe r = {.type = RN_F32, .fuse = fuse, .narrow = true, .wide_reader = true, .kernels = "reference"};
        built kept = run(&r);
        r.recompute = true;
        for (int blocks = 0; blocks < 2; blocks++) {
            r.blocks = blocks;
            built again = run(&r);
            assert_true(rn_program_nodes(again.program) > rn_program_nodes(kept.program));
            assert_memory_equal(kept.gradients, again.gradients, (size_t)kept.parameters.total * sizeof(float));
            drop(&again);
        }
        drop(&kept);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fused_chains_give_what_their_parts_give),
        cmocka_unit_test(a_link_that_somebody_else_reads_is_left_alone),
        cmocka_unit_test(what_is_made_again_has_the_same_bytes_in_less_memory),
        cmocka_unit_test(a_block_made_again_has_the_same_bytes_in_less_memory),
        cmocka_unit_test(narrowing_gives_nearly_the_same_gradients),
        cmocka_unit_test(what_is_made_again_has_the_same_bytes_when_it_is_narrow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
