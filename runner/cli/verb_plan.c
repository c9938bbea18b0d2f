/* runner plan SPEC: what each variant would cost, without a data set, weights or a clock. */
#include "base/json.h"
#include "base/plural.h"
#include "cli/session.h"
#include "cli/specs.h"
#include "cli/tuning.h"
#include "cli/verbs.h"
#include "eval/sampling.h"
#include "report/flop.h"
#include "report/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Resident memory of this process in bytes, with plugins and libraries loaded: what every run starts from. */
static size_t resident_bytes(void)
{
    size_t kib = 0;
    char line[256];
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "VmRSS: %zu kB", &kib) == 1)
            break;
    if (f)
        fclose(f);
    return kib * 1024;
}

typedef struct planned {
    const rn_variant *variant;
    rn_trainer_cost cost;
    int64_t evaluations; /* of the network, for one sample */
    int64_t steps;   /* 0: the budget is time */
    size_t other_bytes, peak_bytes;
    const char *kernels; /* of --kernels */
} planned;

/* One line a node: where it stands, its op, the kernel it gets, why others refused. */
static const char *kernel_list(const char *title, const rn_program *p, const char *before, rn_arena *a)
{
    rn_table t;
    static const char *const head[] = {"scope", "op", "kernel", "MFLOP", "why not another"};
    rn_table_init(&t, a, "lllrl", head);
    for (int64_t i = 0; i < rn_program_nodes(p); i++) {
        const rn_node_info n = rn_program_node(p, i);
        char cpu[RN_CPU_TEXT];
        rn_table_cell(&t, "%s", n.scope);
        rn_table_cell(&t, "%s", n.op);
        rn_table_cell(&t, "%s%s%s", n.label, n.cpu ? " " : "", n.cpu ? rn_cpu_text(n.cpu, cpu) : "");
        rn_table_cell(&t, "%.2f", (double)n.cost.flop / 1e6);
        rn_table_cell(&t, "%s", n.refusals);
    }
    char *text = NULL;
    size_t bytes = 0;
    FILE *f = open_memstream(&text, &bytes);
    if (!f)
        return before;
    fprintf(f, "%s%s\n", before, title);
    rn_table_print(&t, f);
    fclose(f);
    char *copy = rn_arena_text(a, text);
    free(text);
    return copy ? copy : before;
}

static bool plan_variant(rn_cli *cli, rn_tuner *tuner, const rn_variant *v, size_t resident, planned *out, rn_error *err)
{
    rn_trainer t = {.chooser = rn_tuning_chooser(tuner, cli->kernels)};
    bool ok = rn_trainer_plan(&t, cli->registry, v->experiment, err);
    if (ok) {
        *out = (planned){.variant = v, .cost = t.cost, .evaluations = rn_sampling_evaluations(v->experiment),
                         .steps = t.budget_s > 0 ? 0 : t.config.steps,
                         .other_bytes = rn_session_bytes(v->experiment), .kernels = ""};
        out->peak_bytes = resident + t.cost.total_bytes + out->other_bytes;
        if (cli->kernels) {
            out->kernels = kernel_list("training step:", t.train, out->kernels, &cli->arena);
            out->kernels = kernel_list("denoising:", t.denoise, out->kernels, &cli->arena);
        }
    }
    rn_trainer_free(&t);
    return ok;
}

/* Bytes are exact for the kernels that the table is of. On stderr: it is no part of the plan, and gone after a run. */
static void tell_untimed(int64_t untimed)
{
    if (untimed && fflush(stdout) == 0)
        fprintf(stderr, "runner: note: %" PRId64 " node%s not timed on this machine yet: the first run may choose other kernels there, "
                        "and so other bytes of scratch\n", untimed, untimed == 1 ? " was" : "s were");
}

static const char *budget_text(const rn_variant *v)
{
    const rn_value *budget = rn_variant_value(v, "train.budget");
    return budget ? budget->text : NULL;
}

static void print_table(rn_cli *cli, const rn_spec *spec, const planned *p, int64_t untimed)
{
    rn_table t;
    char training[32];
    double most = 0;
    const double mib = 1048576;
    for (int64_t i = 0; i < spec->n_variants; i++)
        most = fmax(most, p[i].cost.flop_per_step * (double)p[i].steps);
    const rn_flop_name unit = rn_flop_unit(most);
    snprintf(training, sizeof training, "training %s", unit.name);
    const char *const head[] = {"variant", "parameters", "GFLOP/image", "calls/sample", "GFLOP/step", "steps", training,
                                "activations MiB", "weights MiB", "peak MiB", "differs from the baseline"};
    printf("experiment %s: %" PRId64 " variant%s x %" PRId64 " seed%s\n", spec->variant[0].experiment->name, spec->n_variants,
           rn_plural(spec->n_variants), spec->seeds.n, rn_plural(spec->seeds.n));
    rn_table_init(&t, &cli->arena, "lrrrrrrrrrl", head);
    for (int64_t i = 0; i < spec->n_variants; i++) {
        const rn_variant *v = p[i].variant;
        rn_table_cell(&t, "%s%s", v->name, i == spec->baseline ? " (baseline)" : "");
        rn_table_cell(&t, "%" PRId64, p[i].cost.parameters);
        rn_table_cell(&t, "%.6g", (double)p[i].cost.flop_per_image / 1e9);
        rn_table_cell(&t, "%" PRId64, p[i].evaluations);
        rn_table_cell(&t, "%.6g", p[i].cost.flop_per_step / 1e9);
        if (p[i].steps) {
            rn_table_cell(&t, "%" PRId64, p[i].steps);
            rn_table_cell(&t, "%.4g", p[i].cost.flop_per_step * (double)p[i].steps / unit.flop);
        } else { /* time: how many steps it buys shows on the day */
            rn_table_cell(&t, "%s", budget_text(v));
            rn_table_cell(&t, "-");
        }
        rn_table_cell(&t, "%.1f", (double)p[i].cost.arena_bytes / mib);
        rn_table_cell(&t, "%.1f", (double)(p[i].cost.weight_bytes + p[i].cost.training_bytes + p[i].cost.packed_bytes) / mib);
        rn_table_cell(&t, "%.1f", (double)p[i].peak_bytes / mib);
        rn_table_cell(&t, "%s", i == spec->baseline ? "-" : rn_variant_differs(&cli->arena, v));
    }
    rn_table_print(&t, stdout);
    for (int64_t i = 0; i < spec->n_variants; i++) {
        const char *dropped = rn_variant_dropped(&cli->arena, &spec->variant[i]);
        if (dropped[0])
            printf("%s: dropped, since the new component has no such key: %s\n", spec->variant[i].name, dropped);
        if (cli->kernels)
            printf("\n%s\n%s", spec->variant[i].name, p[i].kernels);
    }
    tell_untimed(untimed);
}

static void print_json(rn_cli *cli, const rn_spec *spec, const planned *p, int64_t untimed)
{
    rn_json j;
    rn_json_begin(&j, stdout);
    rn_json_object(&j, NULL);
    rn_json_text(&j, "name", spec->variant[0].experiment->name);
    rn_json_array(&j, "variants");
    for (int64_t i = 0; i < spec->n_variants; i++) {
        rn_json_object(&j, NULL);
        rn_json_text(&j, "name", p[i].variant->name);
        rn_json_bool(&j, "baseline", i == spec->baseline);
        rn_json_text(&j, "hash", p[i].variant->hash);
        rn_json_text(&j, "differs", rn_variant_differs(&cli->arena, p[i].variant));
        rn_json_int(&j, "parameters", p[i].cost.parameters);
        rn_json_int(&j, "flop_per_image", p[i].cost.flop_per_image);
        rn_json_int(&j, "calls_per_sample", p[i].evaluations);
        rn_json_int(&j, "flop_per_sample", p[i].evaluations * p[i].cost.flop_per_image);
        rn_json_number(&j, "flop_per_step", p[i].cost.flop_per_step);
        rn_json_text(&j, "budget", budget_text(p[i].variant));
        rn_json_number(&j, "steps", p[i].steps ? (double)p[i].steps : (double)NAN);
        rn_json_number(&j, "train_flop", p[i].steps ? p[i].cost.flop_per_step * (double)p[i].steps : (double)NAN);
        rn_json_int(&j, "train_arena_bytes", (int64_t)p[i].cost.train_arena_bytes);
        rn_json_int(&j, "denoise_arena_bytes", (int64_t)p[i].cost.denoise_arena_bytes);
        rn_json_int(&j, "arena_bytes", (int64_t)p[i].cost.arena_bytes);
        rn_json_int(&j, "weight_bytes", (int64_t)p[i].cost.weight_bytes);
        rn_json_int(&j, "training_bytes", (int64_t)p[i].cost.training_bytes);
        rn_json_int(&j, "packed_bytes", (int64_t)p[i].cost.packed_bytes);
        rn_json_int(&j, "other_bytes", (int64_t)p[i].other_bytes);
        rn_json_int(&j, "peak_bytes", (int64_t)p[i].peak_bytes);
        rn_json_end(&j);
    }
    rn_json_end(&j);
    rn_json_int(&j, "untimed_nodes", untimed);
    rn_json_end(&j);
    rn_json_finish(&j);
}

int rn_verb_plan(rn_cli *cli)
{
    rn_spec spec = {0};
    rn_error err;
    int status = rn_cli_spec(cli, cli->arguments.v[0], &spec);
    if (status) {
        rn_spec_free(&spec);
        return status;
    }
    const size_t resident = resident_bytes();
    rn_progress progress;
    rn_tuner *tuner = NULL;
    rn_progress_begin(&progress, false);
    planned *p = rn_arena_array(&cli->arena, (size_t)spec.n_variants, sizeof *p);
    bool ok = p != NULL || rn_fail(&err, RN_EMEMORY, "no memory for %" PRId64 " variants", spec.n_variants);
    ok = ok && rn_tuning_open(cli, &progress, false, &tuner, &err);
    for (int64_t i = 0; ok && i < spec.n_variants; i++)
        ok = plan_variant(cli, tuner, &spec.variant[i], resident, &p[i], &err);
    const int64_t untimed = tuner ? rn_tuner_tell(tuner).untimed : 0;
    if (ok && cli->json)
        print_json(cli, &spec, p, untimed);
    else if (ok)
        print_table(cli, &spec, p, untimed);
    else
        status = rn_cli_spec_error(&spec, NULL, &err);
    rn_tuner_close(tuner);
    rn_progress_free(&progress);
    rn_spec_free(&spec);
    return status;
}
