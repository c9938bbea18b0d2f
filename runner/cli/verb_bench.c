/* runner bench SPEC: how long a step takes, what share of the machine's peak that is, and which ops it goes to. */
#include "base/json.h"
#include "base/parallel.h"
#include "base/plural.h"
#include "cli/bench.h"
#include "cli/specs.h"
#include "cli/tuning.h"
#include "cli/verbs.h"
#include "graph/peak.h"
#include "report/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double peak_s = 0.05; /* of a measurement of the peak, before every step */
static int64_t peak_resident_kib(void)
{
    int64_t kib = 0;
    char line[256];
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "VmHWM: %" SCNd64 " kB", &kib) == 1)
            break;
    if (f)
        fclose(f);
    return kib;
}

/* The protocol of a step server: one line when ready, then for each line of input one step and one answer. */
static bool serve(rn_bench *b, rn_error *err)
{
    char line[256];
    double seconds;
    for (int i = 0; i < RN_BENCH_WARM_UP; i++)
        if (!rn_bench_step(b, &seconds, err))
            return false;
    printf("{\"ready\": true, \"step_flop\": %.0f, \"step_images\": %" PRId64 "}\n", b->step_flop, b->images_per_step);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        if (!rn_bench_step(b, &seconds, err))
            return false;
        printf("%.6f %.1f\n", seconds, (double)peak_resident_kib() / 1024);
        fflush(stdout);
    }
    return true;
}

/* --- the table by op -------------------------------------------------------------------------------- */

typedef struct op_row {
    const char *op, *kernel;
    int64_t calls;
    double seconds, flop, bytes;
} op_row;

static int slowest_first(const void *x, const void *y)
{
    const double a = ((const op_row *)x)->seconds, b = ((const op_row *)y)->seconds;
    return (a < b) - (a > b);
}

static void print_ops(rn_cli *cli, const rn_program *p, int64_t steps)
{
    static const char *const head[] = {"op", "kernel", "calls", "ms", "share", "GFLOP/s", "GB/s"};
    const int64_t nodes = rn_program_nodes(p);
    op_row *rows = rn_arena_array(&cli->arena, (size_t)nodes + 1, sizeof *rows);
    int64_t n = 0;
    double total = 0;
    for (int64_t i = 0; rows && i < nodes; i++) {
        const rn_node_info info = rn_program_node(p, i);
        int64_t k = 0;
        while (k < n && (strcmp(rows[k].op, info.op) != 0 || strcmp(rows[k].kernel, info.label) != 0))
            k++;
        n += k == n;
        rows[k].op = info.op, rows[k].kernel = info.label;
        rows[k].calls++;
        rows[k].seconds += info.seconds / (double)steps;
        rows[k].flop += (double)info.cost.flop;
        rows[k].bytes += (double)info.cost.bytes;
        total += info.seconds / (double)steps;
    }
    if (rows)
        qsort(rows, (size_t)n, sizeof *rows, slowest_first);
    rn_table t;
    rn_table_init(&t, &cli->arena, "llrrrrr", head);
    for (int64_t k = 0; rows && k < n; k++) {
        rn_table_cell(&t, "%s", rows[k].op);
        rn_table_cell(&t, "%s", rows[k].kernel);
        rn_table_cell(&t, "%" PRId64, rows[k].calls);
        rn_table_cell(&t, "%.3f", 1e3 * rows[k].seconds);
        rn_table_cell(&t, "%.1f %%", 100 * rows[k].seconds / total);
        rn_table_cell(&t, "%.1f", rows[k].flop / rows[k].seconds / 1e9);
        rn_table_cell(&t, "%.1f", rows[k].bytes / rows[k].seconds / 1e9);
    }
    rn_table_print(&t, stdout);
}

/* --- the measurement -------------------------------------------------------------------------------- */

static bool measure(rn_cli *cli, rn_bench *b, const char *name, int64_t steps, rn_error *err)
{
    double *seconds = rn_arena_array(&cli->arena, (size_t)steps, sizeof *seconds);
    double *peak = rn_arena_array(&cli->arena, (size_t)steps, sizeof *peak), unused;
    double *narrow_peak = rn_arena_array(&cli->arena, (size_t)steps, sizeof *narrow_peak); /* of bfloat16 */
    rn_program *program = b->sample ? b->trainer.denoise : b->trainer.train;
    if (!seconds || !peak || !narrow_peak)
        return rn_fail(err, RN_EMEMORY, "no memory for %" PRId64 " steps", steps);
    for (int i = 0; i < RN_BENCH_WARM_UP; i++)
        if (!rn_bench_step(b, &unused, err))
            return false;
    rn_program_time(program, true);
    for (int64_t i = 0; i < steps; i++) { /* interleaved: the clock wanders */
        peak[i] = rn_peak_float32(peak_s);
        narrow_peak[i] = rn_peak_bf16(peak_s);
        if (!rn_bench_step(b, &seconds[i], err))
            return false;
    }
    const double m = rn_bench_median(seconds, steps), p = rn_bench_median(peak, steps);
    const double n = rn_bench_median(narrow_peak, steps); /* 0: there is none */
    if (cli->json) {
        rn_json j;
        rn_json_begin(&j, stdout);
        rn_json_object(&j, NULL);
        rn_json_text(&j, "name", name);
        rn_json_text(&j, "mode", b->sample ? "sample" : "train");
        rn_json_number(&j, "step_s", m);
        rn_json_number(&j, "step_s_min", seconds[0]);
        rn_json_number(&j, "step_s_max", seconds[steps - 1]);
        rn_json_number(&j, "images_per_s", (double)b->images_per_step / m);
        rn_json_number(&j, "flop_per_s", b->step_flop / m);
        rn_json_number(&j, "peak_flop_per_s", p);
        rn_json_number(&j, "peak_share", b->step_flop / m / p);
        rn_json_number(&j, "bf16_peak_flop_per_s", n > 0 ? n : (double)NAN);
        rn_json_number(&j, "bf16_peak_share", n > 0 ? b->step_flop / m / n : (double)NAN);
        rn_json_int(&j, "peak_resident_kib", peak_resident_kib());
        rn_json_int(&j, "threads", rn_threads());
        rn_json_end(&j);
        rn_json_finish(&j);
        return true;
    }
    printf("%s: %s step of %" PRId64 " images, %d threads, median of %" PRId64 "\n", name, b->sample ? "denoising" : "training",
           b->images_per_step, rn_threads(), steps);
    printf("  step        %.2f ms (%.2f to %.2f)\n", 1e3 * m, 1e3 * seconds[0], 1e3 * seconds[steps - 1]);
    printf("  images      %.1f a second\n", (double)b->images_per_step / m);
    printf("  products    %.1f GFLOP/s, %.1f %% of the float32 peak of %.1f GFLOP/s, measured between the steps\n",
           b->step_flop / m / 1e9, 100 * b->step_flop / m / p, p / 1e9);
    if (n > 0)
        printf("              %.1f %% of the bfloat16 peak of %.1f GFLOP/s\n", 100 * b->step_flop / m / n, n / 1e9);
    printf("  memory      %.1f MiB resident at most\n\n", (double)peak_resident_kib() / 1024);
    print_ops(cli, program, steps);
    return true;
}

int rn_verb_bench(rn_cli *cli)
{
    rn_spec spec = {0};
    rn_error err;
    rn_bench b = {0};
    rn_progress progress;
    rn_tuner *tuner = NULL;
    rn_progress_begin(&progress, false);
    int64_t steps = cli->steps ? cli->steps : 9;
    int status = rn_cli_spec(cli, cli->arguments.v[0], &spec);
    if (!status) {
        bool ok = !cli->mode || strcmp(cli->mode, "train") == 0 || strcmp(cli->mode, "sample") == 0 ||
                  rn_fail(&err, RN_EUSAGE, "--mode: %s is neither train nor sample", rn_shown(&cli->arena, cli->mode));
        ok = ok && (!cli->compare || strcmp(cli->compare, "kernels") == 0 ||
                    rn_fail(&err, RN_EUSAGE, "--compare: %s cannot be compared, only kernels can",
                            rn_shown(&cli->arena, cli->compare)));
        b.sample = cli->mode && strcmp(cli->mode, "sample") == 0;
        ok = ok && rn_tuning_open(cli, &progress, true, &tuner, &err);
        b.trainer.chooser = rn_tuning_chooser(tuner, false);
        const rn_experiment *e = spec.variant[spec.baseline].experiment;
        if (ok && cli->compare)
            ok = rn_bench_compare_kernels(cli, e, b.sample, steps, b.trainer.chooser, &err);
        else
            ok = ok && rn_bench_begin(&b, cli->registry, e, &err);
        rn_tuning_tell(tuner, &progress);
        if (ok && !cli->compare)
            ok = cli->serve ? serve(&b, &err) : measure(cli, &b, spec.name, steps, &err);
        status = ok ? 0 : rn_cli_spec_error(&spec, &spec.variant[spec.baseline], &err);
    }
    rn_bench_end(&b);
    rn_tuner_close(tuner);
    rn_progress_free(&progress);
    rn_spec_free(&spec);
    return status;
}
