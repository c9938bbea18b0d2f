/* The networks of the table against what the same definition gives here: the name, shape and size of every parameter,
 * their total, and the forward FLOP of one image. Exact. */
#include "support/networks.h"

#include <inttypes.h>

static const golden_table *table;

/* "64,3,3,3" of the dims in file order */
static const char *shape_text(const rn_parameter *p, char text[96])
{
    int64_t dim[RN_MAX_RANK];
    const int rank = rn_parameter_file_dims(p, dim);
    size_t used = 0;
    for (int i = 0; i < rank; i++)
        used += (size_t)snprintf(text + used, 96 - used, "%s%" PRId64, i ? "," : "", dim[i]);
    return text;
}

/* The table's rows for the parameters of one network: each is there, and nothing else is. A network may have the
 * row * alone. */
static void compare_parameters(const char *name, const rn_parameters *parameters)
{
    int64_t listed = 0;
    for (int row = 0; row < table->rows; row++) {
        const char *parameter = golden_cell(table, row, "parameter");
        if (strcmp(golden_cell(table, row, "network"), name) != 0 || strcmp(parameter, "*") == 0)
            continue;
        const rn_parameter *p = rn_parameters_find(parameters, parameter);
        if (!p)
            fail_msg("%s has no parameter '%s'", name, parameter);
        char text[96];
        if (strcmp(shape_text(p, text), golden_cell(table, row, "shape")) != 0 ||
            (double)p->count != golden_number(table, row, "count"))
            fail_msg("%s: '%s' is [%s] with %" PRId64 " elements, not [%s] with %s", name, parameter, text, p->count,
                     golden_cell(table, row, "shape"), golden_cell(table, row, "count"));
        listed++;
    }
    if (listed && listed != parameters->n)
        fail_msg("%s has %" PRId64 " parameters, the table %" PRId64, name, parameters->n, listed);
}

static int64_t product_flop(const rn_graph *g)
{
    int64_t flop = 0;
    for (int64_t i = 0; i < g->n_nodes; i++) {
        rn_shape in[RN_MAX_IN], out[RN_MAX_OUT];
        const rn_call call = rn_node_call(g, &g->node[i], in, out);
        flop += call.op->cost(&call).product_flop;
    }
    return flop;
}

static void every_network_has_the_parameters_and_the_flop_of_the_table(void **state)
{
    (void)state;
    int compared = 0;
    for (int row = 0; row < table->rows; row++) {
        if (strcmp(golden_cell(table, row, "parameter"), "*") != 0)
            continue;
        const char *name = golden_cell(table, row, "network");
        network net;
        network_open(&net, golden_cell(table, row, "shape"));
        rn_parameters parameters = {0};
        rn_graph *g = network_graph(&net, &parameters, RN_F32, 1);
        compare_parameters(name, &parameters);
        if ((double)parameters.elements != golden_number(table, row, "count"))
            fail_msg("%s has %" PRId64 " parameters in all, not %s", name, parameters.elements,
                     golden_cell(table, row, "count"));
        if ((double)product_flop(g) != golden_number(table, row, "forward_flop"))
            fail_msg("%s: %" PRId64 " FLOP forward, not %s", name, product_flop(g),
                     golden_cell(table, row, "forward_flop"));
        rn_graph_close(g);
        rn_parameters_free(&parameters);
        network_close(&net);
        compared++;
    }
    golden_report("bench_networks.tsv", compared, 0);
}

/* New networks begin as zero maps, whatever they are made of: what ends a branch is zero, weight and bias. */
static void what_ends_a_branch_begins_at_zero(void **state)
{
    (void)state;
    static const char *const ends[] = {"conv2", "proj", "fc2", "conv_out"};
    int zero = 0, other = 0;
    for (int row = 0; row < table->rows; row++) {
        if (strcmp(golden_cell(table, row, "parameter"), "*") != 0)
            continue;
        network net;
        network_open(&net, golden_cell(table, row, "shape"));
        rn_parameters parameters = {0};
        rn_graph_close(network_graph(&net, &parameters, RN_F32, 1));
        float *values = malloc((size_t)parameters.total * sizeof *values);
        assert_non_null(values);
        rn_parameters_init(&parameters, 0, RN_F32, values);
        for (int64_t i = 0; i < parameters.n; i++) {
            const rn_parameter *p = &parameters.v[i];
            bool is_end = false, all_zero = true;
            for (size_t k = 0; k < sizeof ends / sizeof *ends; k++) {
                const char *found = strstr(p->name, ends[k]);
                is_end |= found && found[strlen(ends[k])] == '.';
            }
            for (int64_t j = 0; j < p->count; j++)
                all_zero &= values[p->offset + j] == 0;
            const bool bias = strcmp(p->name + strlen(p->name) - 5, ".bias") == 0;
            if (all_zero != (is_end || bias))
                fail_msg("%s begins %s", p->name, all_zero ? "at zero" : "at other values than zero");
            *(is_end ? &zero : &other) += 1;
        }
        free(values);
        rn_parameters_free(&parameters);
        network_close(&net);
    }
    assert_true(zero > 0 && other > 0);
}

int main(void)
{
    if (!golden_folder())
        return TEST_SKIPPED;
    table = golden_read("bench_networks.tsv");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_network_has_the_parameters_and_the_flop_of_the_table),
        cmocka_unit_test(what_ends_a_branch_begins_at_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
