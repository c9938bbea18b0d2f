/* runner bench SPEC --compare kernels: the same step with each kernel set tried first. */
#include "base/json.h"
#include "base/parallel.h"
#include "cli/bench.h"
#include "cli/tuning.h"
#include "report/table.h"

#include <stdlib.h>
#include <string.h>

typedef struct contestant {
    const char *set; /* NULL: as the spec says, or as the tuner chose */
    rn_experiment experiment;
    rn_bench bench;
    double *seconds;
    double median;
    int64_t nodes, of; /* that the set runs, of those of the program */
} contestant;

static const char *name_of(const contestant *c) { return c->set ? c->set : "(chosen)"; }

/* The spec as it is, then the names of the kernel sets, each once; returns how many. */
static int64_t list_sets(const rn_registry *r, contestant *c, int64_t room)
{
    int64_t n = 1;
    for (int i = 0; i < rn_registry_count(r, RN_KIND_KERNEL); i++) {
        const char *name = rn_registry_at(r, RN_KIND_KERNEL, i)->name;
        int64_t k = 1;
        while (k < n && strcmp(c[k].set, name) != 0)
            k++;
        if (k == n && n < room)
            c[n++].set = name;
    }
    return n;
}

/* Ready to step, and which nodes the set has got. */
static bool begin(rn_cli *cli, contestant *c, const rn_experiment *e, bool sample, const rn_chooser *chooser, rn_error *err)
{
    double unused;
    c->experiment = *e;
    if (c->set)
        c->experiment.kernels = (rn_texts){.v = &c->set, .n = 1};
    c->bench.sample = sample;
    c->bench.trainer.chooser = chooser;
    if (!rn_bench_begin(&c->bench, cli->registry, &c->experiment, err))
        return false;
    const rn_program *p = sample ? c->bench.trainer.denoise : c->bench.trainer.train;
    c->of = rn_program_nodes(p);
    for (int64_t i = 0; i < c->of; i++)
        c->nodes += !c->set || strcmp(rn_program_node(p, i).kernel, c->set) == 0;
    for (int i = 0; i < RN_BENCH_WARM_UP && c->nodes; i++)
        if (!rn_bench_step(&c->bench, &unused, err))
            return false;
    return true;
}

static int fastest_first(const void *x_, const void *y_)
{
    const contestant *const *x = x_, *const *y = y_;
    return ((*x)->median > (*y)->median) - ((*x)->median < (*y)->median);
}

static void print(rn_cli *cli, contestant *const *c, int64_t n)
{
    static const char *const head[] = {"kernels", "nodes", "step ms", "images/s", "x fastest"};
    rn_table t;
    rn_table_init(&t, &cli->arena, "lrrrr", head);
    for (int64_t i = 0; i < n; i++) {
        rn_table_cell(&t, "%s", name_of(c[i]));
        rn_table_cell(&t, "%" PRId64 " of %" PRId64, c[i]->nodes, c[i]->of);
        rn_table_cell(&t, "%.2f", 1e3 * c[i]->median);
        rn_table_cell(&t, "%.1f", (double)c[i]->bench.images_per_step / c[i]->median);
        rn_table_cell(&t, "%.2f", c[i]->median / c[0]->median);
    }
    rn_table_print(&t, stdout);
    printf("each set is tried first; nodes that it does not take go to the fastest of the others, as all nodes do in (chosen)\n");
}

static void print_json(contestant *const *c, int64_t n)
{
    rn_json j;
    rn_json_begin(&j, stdout);
    rn_json_array(&j, NULL);
    for (int64_t i = 0; i < n; i++) {
        rn_json_object(&j, NULL);
        rn_json_text(&j, "kernels", name_of(c[i]));
        rn_json_int(&j, "nodes", c[i]->nodes);
        rn_json_int(&j, "of_nodes", c[i]->of);
        rn_json_number(&j, "step_s", c[i]->median);
        rn_json_number(&j, "images_per_s", (double)c[i]->bench.images_per_step / c[i]->median);
        rn_json_end(&j);
    }
    rn_json_end(&j);
    rn_json_finish(&j);
}

bool rn_bench_compare_kernels(rn_cli *cli, const rn_experiment *e, bool sample, int64_t steps, const rn_chooser *chooser,
                              rn_error *err)
{
    enum { MOST_SETS = 16 };
    contestant *all = calloc(MOST_SETS, sizeof *all), *taking_part[MOST_SETS];
    const int64_t n = all ? list_sets(cli->registry, all, MOST_SETS) : 0;
    int64_t parts = 0;
    bool ok = all != NULL || rn_fail(err, RN_EMEMORY, "no memory for a comparison of kernels");
    for (int64_t i = 0; ok && i < n; i++) {
        all[i].seconds = rn_arena_array(&cli->arena, (size_t)steps, sizeof *all[i].seconds);
        ok = (all[i].seconds || rn_fail(err, RN_EMEMORY, "no memory for %" PRId64 " steps", steps)) &&
             begin(cli, &all[i], e, sample, chooser, err);
        if (ok && all[i].nodes)
            taking_part[parts++] = &all[i];
    }
    for (int64_t k = 0; ok && k < steps; k++) /* in turns: the clock wanders */
        for (int64_t i = 0; ok && i < parts; i++)
            ok = rn_bench_step(&taking_part[i]->bench, &taking_part[i]->seconds[k], err);
    for (int64_t i = 0; ok && i < parts; i++)
        taking_part[i]->median = rn_bench_median(taking_part[i]->seconds, steps);
    if (ok) {
        qsort(taking_part, (size_t)parts, sizeof *taking_part, fastest_first);
        if (cli->json)
            print_json(taking_part, parts);
        else
            print(cli, taking_part, parts);
    }
    for (int64_t i = 0; i < n; i++)
        rn_bench_end(&all[i].bench);
    free(all);
    return ok;
}
