#include "support/networks.h"

#include "plugin/load.h"
#include "support/component.h"

enum { MOST_LEVELS = 16 };

rn_registry *networks_registry(void)
{
    static rn_registry *registry;
    if (!registry) {
        rn_error err = {0};
        rn_registry *r = rn_registry_open();
        assert_non_null(r);
        const rn_plugin_search search = {.builtin = BUILD_FOLDER "/lib/runner"};
        assert_ok(rn_plugins_load(r, &search, &err), err);
        registry = r;
    }
    return registry;
}

/* Appends to a text of fixed room; too much fails the test. */
static void put(char *text, size_t size, const char *format, ...) RN_PRINTF(3, 4);
static void put(char *text, size_t size, const char *format, ...)
{
    const size_t used = strlen(text);
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(text + used, size - used, format, args);
    va_end(args);
    assert_true(n >= 0 && (size_t)n < size - used);
}

/* The words of the tables in the words of a spec: every level but the last of a uvit is made of residual blocks, the
 * last of transformers of width dim; a unet has attention where the side is at most attn_res. */
static void model_yaml(const char *definition, char *text, size_t size)
{
    char arch[32];
    assert_true(golden_text(definition, "arch", arch, sizeof arch));
    double mult[MOST_LEVELS], blocks[MOST_LEVELS];
    const int n = golden_list(definition, "mult", mult, MOST_LEVELS);
    assert_int_equal(golden_list(definition, "blocks", blocks, MOST_LEVELS), n);
    const int64_t channels = golden_int(definition, "channels", 0), heads = golden_int(definition, "heads", 0);
    const int64_t patch = golden_int(definition, "patch", 1), classes = golden_int(definition, "classes", 0);
    const bool unet = strcmp(arch, "unet") == 0;

    put(text, size, "type: %s\nlevels:\n", arch);
    for (int i = 0; i < n; i++) {
        put(text, size, "  - {block: resnet, channels: %" PRId64 ", blocks: %.0f", channels * (int64_t)mult[i], blocks[i]);
        if (unet && golden_int(definition, "res", 0) / patch >> i <= golden_int(definition, "attn_res", 0))
            put(text, size, ", attention: true");
        put(text, size, "}\n");
    }
    if (unet)
        put(text, size, "attention: {type: attention, heads: %" PRId64 "}\n", heads);
    else
        put(text, size, "  - {block: transformer, channels: %" PRId64 ", blocks: %" PRId64 ", heads: %" PRId64 "}\n",
            golden_int(definition, "dim", 0), golden_int(definition, "depth", 0), heads);
    if (patch > 1)
        put(text, size, "stem: {type: space_to_depth, factor: %" PRId64 "}\n", patch);
    if (classes)
        put(text, size, "classes: %" PRId64 "\n", classes);
}

/* loss=own is a square on what the network predicts; sides become pooling factors. */
static void task_yaml(const char *definition, char *text, size_t size)
{
    char word[32], weights[128];
    double sides[MOST_LEVELS];
    if (!golden_text(definition, "prediction", word, sizeof word))
        return;
    put(text, size, "type: diffusion\nprediction: %s\n", word);
    assert_true(golden_text(definition, "loss", word, sizeof word));
    assert_true(golden_text(definition, "weights", weights, sizeof weights));
    const int n = golden_list(definition, "sides", sides, MOST_LEVELS);
    put(text, size, "loss: {on: %s, scales: [", strcmp(word, "own") == 0 ? "prediction" : word);
    for (int i = 0; i < n; i++)
        put(text, size, "%s%" PRId64, i ? ", " : "", golden_int(definition, "res", 0) / (int64_t)sides[i]);
    put(text, size, "], weights: [%s]}\n", weights);
}

rn_chosen network_chosen(network *net, rn_kind kind, const char *yaml)
{
    rn_chosen c = {0};
    rn_error err = {0};
    if (!component_check(networks_registry(), kind, yaml, &net->arena, &c, &err))
        fail_msg("the spec refuses this %s: %d:%d: %s\n%s", rn_kind_name(kind), err.line, err.column, err.text, yaml);
    return c;
}

void network_open(network *net, const char *definition)
{
    *net = (network){.side = golden_int(definition, "res", 0), .classes = golden_int(definition, "classes", 0)};
    model_yaml(definition, net->model_yaml, sizeof net->model_yaml);
    task_yaml(definition, net->task_yaml, sizeof net->task_yaml);
    net->model = network_chosen(net, RN_KIND_MODEL, net->model_yaml);
    if (net->task_yaml[0])
        net->task = network_chosen(net, RN_KIND_TASK, net->task_yaml);
}

void network_close(network *net) { rn_arena_free(&net->arena); }

rn_graph *network_graph(const network *net, rn_parameters *parameters, rn_type type, int64_t batch)
{
    rn_graph *g = rn_graph_open(networks_registry(), parameters, type, false);
    assert_non_null(g);
    const rn_shape image = {.rank = 4, .dim = {batch, net->side, net->side, 3}}, each = {.rank = 1, .dim = {batch}};
    const rn_shape label = {.rank = 1, .dim = {batch}, .type = RN_I32};
    const rn_model_in in = {.bytes = sizeof in, .x = rn_graph_input(g, "z", image),
                            .logsnr = rn_graph_input(g, "logsnr", each),
                            .label = net->classes ? rn_graph_input(g, "label", label) : 0};
    rn_graph_output(g, "out", ((const rn_model *)(const void *)net->model.what)->build(g, net->model.params, &in));
    rn_error err = {0};
    assert_ok(rn_graph_check(g, &err), err);
    return g;
}
