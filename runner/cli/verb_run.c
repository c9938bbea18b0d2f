/* runner [run] SPEC: everything that a spec asks for, or what is left of it. */
#include "base/clock.h"
#include "base/file.h"
#include "base/parallel.h"
#include "base/plural.h"
#include "cli/session.h"
#include "cli/signals.h"
#include "cli/specs.h"
#include "cli/tuning.h"
#include "cli/verbs.h"
#include "eval/sampling.h"
#include "report/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- the block at the start ------------------------------------------------------------------------- */

/* Seconds of one training step and one denoising call, measured on the programs of a started trainer: twice,
 * the second time counts. Nothing moves: only activations and gradients are overwritten. */
static bool time_programs(rn_trainer *t, double *train_s, double *denoise_s, rn_error *err)
{
    const rn_step step = {0};
    if (!rn_trainer_start(t, 0, err))
        return false;
    for (int i = 0; i < 2; i++) {
        const double a = rn_clock();
        rn_program_run(t->train, &step);
        const double b = rn_clock();
        rn_program_run(t->denoise, &step);
        *train_s = b - a;
        *denoise_s = rn_clock() - b;
    }
    return true;
}

/* Runs of a variant that are still to be done. */
static bool count_left(rn_session *s, const rn_variant *v, int64_t *left, rn_error *err)
{
    *left = 0;
    for (int64_t i = 0; i < s->spec->seeds.n; i++) {
        int64_t done;
        if (!rn_store_find_done(s->store, v->experiment->name, v->name, s->spec->seeds.v[i], v->hash, &done, err))
            return false;
        *left += done == 0;
    }
    return true;
}

/* Does an earlier variant of the spec train what this one needs? */
static bool trained_before(const rn_spec *spec, int64_t variant)
{
    for (int64_t i = 0; i < variant && !spec->variant[variant].experiment->evaluate.every; i++)
        if (strcmp(spec->variant[i].training_hash, spec->variant[variant].training_hash) == 0)
            return true;
    return false;
}

static double seconds_of(const rn_trainer *t, bool trained, double train_s, double denoise_s)
{
    const rn_experiment *e = t->experiment;
    const int64_t steps = trained ? 0 : t->budget_s > 0 ? (int64_t)ceil(t->budget_s / train_s) : t->config.steps;
    const int64_t evaluations = 1 + (e->evaluate.every ? (steps - 1) / e->evaluate.every : 0);
    const int64_t batches = (e->evaluate.samples + e->evaluate.batch - 1) / e->evaluate.batch;
    return (double)steps * train_s +
           (double)(evaluations * batches) * (double)rn_sampling_evaluations(e) * denoise_s;
}

/* Which kernel sets the nodes of a program go to: "openblas 57 nodes, reference 1 node". */
static void kernel_sets(const rn_program *p, char *text, size_t size)
{
    const char *names[16];
    int counts[16] = {0}, n = 0;
    for (int64_t i = 0; i < rn_program_nodes(p); i++) {
        const char *kernel = rn_program_node(p, i).kernel;
        int k = 0;
        while (k < n && strcmp(names[k], kernel) != 0)
            k++;
        if (k == n && n < 16)
            names[n++] = kernel;
        if (k < 16)
            counts[k]++;
    }
    size_t at = 0;
    text[0] = '\0';
    for (int k = 0; k < n && at < size; k++)
        at += (size_t)snprintf(text + at, size - at, "%s%s %d node%s", k ? ", " : "", names[k], counts[k],
                               rn_plural(counts[k]));
}

/* "1000 steps", "10 min of steps", "4000 steps (64000 images)". */
static const char *length_of(rn_cli *cli, const rn_variant *v, const rn_trainer *t)
{
    const rn_value *budget = rn_variant_value(v, "train.budget");
    char text[RN_DURATION_TEXT];
    if (t->budget_s > 0)
        return rn_arena_print(&cli->arena, "%s of steps", rn_duration_text(t->budget_s, text));
    return rn_arena_print(&cli->arena, "%" PRId64 " step%s%s%s%s", t->config.steps, rn_plural(t->config.steps), budget ? " (" : "",
                          budget ? budget->text : "", budget ? ")" : "");
}

static bool print_block(rn_session *s, rn_error *err)
{
    double total = 0, flop = 0, train_s = 0, denoise_s = 0;
    int64_t left_all = 0;
    rn_progress *p = &s->progress;
    const rn_experiment *first = s->spec->variant[0].experiment;
    rn_progress_line(p, "experiment  %s%s%s", first->name, first->question ? ": " : "", first->question ? first->question : "");
    rn_progress_line(p, "runs        %" PRId64 " variant%s x %" PRId64 " seed%s, %d thread%s", s->spec->n_variants,
                     rn_plural(s->spec->n_variants), s->spec->seeds.n, rn_plural(s->spec->seeds.n), rn_threads(),
                     rn_plural(rn_threads()));
    const double memory = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    for (int64_t i = 0; i < s->spec->n_variants; i++) {
        const rn_variant *v = &s->spec->variant[i];
        const rn_experiment *e = v->experiment;
        rn_trainer t = {.chooser = rn_tuning_chooser(s->tuner, false)};
        int64_t left;
        char sets[256];
        bool ok = count_left(s, v, &left, err) && rn_trainer_plan(&t, s->cli->registry, e, err);
        rn_tuning_tell(s->tuner, p);
        const double bytes = ok ? (double)t.cost.total_bytes + (double)rn_session_bytes(e) : 0;
        if (ok && left && memory > 0 && bytes > memory) /* rather than being killed in the middle */
            ok = rn_fail(err, RN_EMEMORY, "variant %s needs %.1f MiB, this machine has %.1f MiB: a smaller train.batch, "
                         "evaluate.batch or model needs less (`runner plan` shows it)", v->name, bytes / 1048576,
                         memory / 1048576);
        /* variants of the same cost need not be timed again */
        if (ok && left && (double)t.cost.flop_per_image != flop) {
            ok = time_programs(&t, &train_s, &denoise_s, err);
            flop = (double)t.cost.flop_per_image;
        }
        if (ok && left) /* the programs of a variant that is done were not timed */
            total += (double)left * seconds_of(&t, trained_before(s->spec, i), train_s, denoise_s);
        if (ok && i == 0) {
            kernel_sets(t.train, sets, sizeof sets);
            rn_progress_line(p, "data        %s, %" PRId64 "x%" PRId64 " pixels", e->data.set.what->name,
                             e->data.resolution.height, e->data.resolution.width);
            const char *length = length_of(s->cli, v, &t);
            rn_progress_line(p, "training    %s of %" PRId64 " image%s, then %" PRId64 " samples of %" PRId64 " step%s",
                             length ? length : "", e->train.batch, rn_plural(e->train.batch),
                             e->evaluate.samples, rn_sampling_steps(&e->evaluate.sampler),
                             rn_plural(rn_sampling_steps(&e->evaluate.sampler)));
            rn_progress_line(p, "kernels     %s", sets);
        }
        if (ok)
            rn_progress_line(p, "variant     %-32s %9.3f M parameters  %8.3f GFLOP/image  %7.1f MiB  %" PRId64 " of %" PRId64
                             " run%s to do", v->name, (double)t.cost.parameters / 1e6, (double)t.cost.flop_per_image / 1e9,
                             (double)(t.cost.total_bytes + rn_session_bytes(e)) / 1048576, left, s->spec->seeds.n,
                             rn_plural(s->spec->seeds.n));
        left_all += ok ? left : 0;
        rn_trainer_free(&t);
        if (!ok)
            return false;
    }
    char text[RN_DURATION_TEXT];
    if (left_all)
        rn_progress_line(p, "estimate    %s for %" PRId64 " run%s, from two steps measured now (without data and scores)",
                         rn_duration_text(total, text), left_all, rn_plural(left_all));
    rn_progress_line(p, "results     %s, database %s", s->out, rn_store_path(s->store));
    return true;
}

/* --- the runs --------------------------------------------------------------------------------------- */

static bool state_experiment(rn_session *s, rn_error *err)
{
    const rn_spec *spec = s->spec;
    rn_arena *a = &s->cli->arena;
    rn_row_variant *rows = rn_arena_array(a, (size_t)spec->n_variants, sizeof *rows);
    rn_row_spec *file = rn_arena_array(a, (size_t)spec->n_files, sizeof *file);
    if (!rows || !file)
        return rn_fail(err, RN_EMEMORY, "no memory for the experiment's rows");
    for (int64_t i = 0; i < spec->n_variants; i++)
        rows[i] = (rn_row_variant){.name = spec->variant[i].name, .hash = spec->variant[i].hash,
                                   .differs = rn_variant_differs(a, &spec->variant[i]),
                                   .resolved = rn_variant_resolved(a, &spec->variant[i]),
                                   .is_baseline = i == spec->baseline};
    for (int64_t i = 0; i < spec->n_files; i++)
        file[i] = (rn_row_spec){spec->files[i].path, spec->files[i].text};
    char *overrides = rn_arena_text(a, "");
    for (int64_t i = 0; overrides && i < s->cli->sets.n; i++)
        overrides = rn_arena_print(a, "%s%s%s", overrides, i ? "\n" : "", s->cli->sets.v[i]);
    s->experiment = (rn_row_experiment){.name = spec->variant[0].experiment->name, .question = spec->variant[0].experiment->question,
                                        .overrides = overrides, .spec = file, .n_spec = (size_t)spec->n_files,
                                        .variant = rows,
                                        .n_variants = (size_t)spec->n_variants};
    return rn_store_experiment(s->store, &s->experiment, err);
}

/* Units and directions of what a run logs. */
static bool state_metrics(rn_store *store, rn_error *err)
{
    static const struct { const char *name, *unit, *better, *doc; } keys[] = {
        {"train/loss", NULL, "min", "loss, mean over the steps since the last row"},
        {"train/gradient_norm", NULL, "none", "norm of the whole gradient before clipping, mean over the steps since the last row"},
        {"train/clipped", NULL, "none", "share of the steps since the last row whose gradient was clipped"},
        {"train/lr", NULL, "none", "learning rate of the step"},
    };
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof keys / sizeof *keys; i++)
        ok = rn_store_metric_key(store, keys[i].name, keys[i].unit, keys[i].better, keys[i].doc, err);
    return ok;
}

/* All variants of a seed before the next seed: an early look compares like with like. */
static bool run_all(rn_session *s, int *failures, rn_error *err)
{
    s->runs = s->spec->n_variants * s->spec->seeds.n;
    for (int64_t k = 0; k < s->spec->seeds.n; k++)
        for (int64_t i = 0; i < s->spec->n_variants; i++) {
            bool failed;
            s->run++;
            if (!rn_session_run(s, i, (uint32_t)s->spec->seeds.v[k], &failed, err))
                return false;
            *failures += failed;
        }
    return true;
}

static bool open_store(rn_session *s, rn_error *err)
{
    rn_cli *cli = s->cli;
    s->out = cli->out ? cli->out : "results";
    const char *db = cli->db ? cli->db : rn_arena_print(&cli->arena, "%s/results.db", s->out);
    if (!db)
        return rn_fail(err, RN_EMEMORY, "no memory for a path");
    return rn_folder_make(s->out, err) && rn_store_open(db, RN_STORE_WRITE, &s->store, err);
}

static const char *command_line(rn_cli *cli, const char *spec)
{
    char *text = rn_arena_print(&cli->arena, "runner %s", spec);
    for (int64_t i = 0; text && i < cli->sets.n; i++)
        text = rn_arena_print(&cli->arena, "%s --set '%s'", text, cli->sets.v[i]);
    return text ? text : "runner";
}

int rn_verb_run(rn_cli *cli)
{
    rn_session s = {.cli = cli};
    rn_spec spec = {0};
    rn_error err;
    int failures = 0, status = rn_cli_spec(cli, cli->arguments.v[0], &spec);
    if (!status)
        status = rn_cli_networks(cli, &spec); /* nothing is created before the spec is known to be sound */
    if (status) {
        rn_spec_free(&spec);
        return status;
    }
    s.spec = &spec;
    s.command = command_line(cli, cli->arguments.v[0]);
    rn_signals_catch();
    rn_progress_begin(&s.progress, cli->quiet);
    bool ok = rn_tuning_open(cli, &s.progress, true, &s.tuner, &err) && open_store(&s, &err) && state_experiment(&s, &err) &&
              state_metrics(s.store, &err);
    if (ok && rn_store_notices(s.store)[0])
        rn_progress_line(&s.progress, "%s", rn_store_notices(s.store));
    ok = ok && print_block(&s, &err) && run_all(&s, &failures, &err);
    if (ok || err.code == RN_EINTERRUPTED) {
        rn_error second;
        const rn_compare_options options = {.json = cli->json};
        if (s.store && !rn_compare_print(stdout, s.store, spec.variant[0].experiment->name, &options, &second) && ok) {
            err = second;
            ok = false;
        }
    }
    if (!ok && err.code == RN_EINTERRUPTED)
        fprintf(stderr, "runner: %s; nothing written is damaged, and the same command goes on: finished runs are skipped, "
                        "the one that was interrupted begins anew\n", err.text);
    status = ok ? failures ? 1 : 0 : err.code == RN_EINTERRUPTED ? rn_exit_status(err.code) : rn_cli_spec_error(&spec, NULL, &err);
    if (!ok && err.code != RN_EINTERRUPTED && s.run > 0)
        fprintf(stderr, "runner: stopped in run %" PRId64 " of %" PRId64 " (%s, seed %" PRId64 "); once the cause is gone, the same "
                        "command skips the runs that %s has as done and goes on\n", s.run, s.runs,
                spec.variant[(s.run - 1) % spec.n_variants].name, spec.seeds.v[(s.run - 1) / spec.n_variants],
                rn_store_path(s.store));
    if (ok && failures)
        fprintf(stderr, "runner: %d of %" PRId64 " run%s failed; the table above and %s say which\n", failures, s.runs, rn_plural(s.runs),
                rn_store_path(s.store));
    rn_session_close(&s);
    rn_spec_free(&spec);
    return status;
}
