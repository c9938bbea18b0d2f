/* One run from first step to last score: what it logs, stores and leaves in its folder. */
#include "base/clock.h"
#include "base/file.h"
#include "base/parallel.h"
#include "base/plural.h"
#include "cli/reuse.h"
#include "cli/run_folder.h"
#include "cli/session.h"
#include "cli/signals.h"
#include "cli/tuning.h"
#include "data/loader.h"
#include "data/pixels.h"
#include "data/png_write.h"
#include "eval/error_grid.h"
#include "eval/sampling.h"
#include "train/checkpoint.h"
#include "tune/names.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RN_MAX_LOGGED = 16 };

typedef struct one_run {
    rn_session *s;
    const rn_variant *v;
    const rn_experiment *e;
    uint32_t seed;
    rn_trainer trainer;
    rn_loader *loader;
    float *images;
    int32_t *labels;
    uint8_t *sheet; /* bytes of the first images of an evaluation */
    char folder[RN_RUN_FOLDER_PATH], label[256];
    int64_t id;     /* of the run in the database */
    double begun, trained_s; /* trained_s: in training steps and waiting for images, without evaluations */
    /* since the last row of metrics */
    double loss, norm;
    int64_t steps, clipped;
} one_run;

static bool stop_asked(void)
{
    return rn_signal_seen() != 0;
}

/* --- what goes into the database at the beginning --------------------------------------------------- */

/* Images that `on_error: skip` left out. */
static bool record_refusals(one_run *r, rn_error *err)
{
    int64_t n;
    char text[1024];
    const rn_data_refused *refused = rn_data_refusals(r->s->data, &n);
    if (n == 0)
        return true;
    snprintf(text, sizeof text, "%" PRId64 " image%s cannot be read and %s left out, the first: %s", n, rn_plural(n),
             n == 1 ? "is" : "are", refused[0].reason);
    rn_progress_line(&r->s->progress, "  warning: %s", text);
    return rn_store_event(r->s->store, r->id, "warning", "refused", 0, text, err);
}

static bool record_begin(one_run *r, rn_claim *claim, rn_error *err)
{
    rn_arena a = {0};
    char cpu[RN_CPU_TEXT];
    const rn_program *const programs[] = {r->trainer.train, r->trainer.denoise};
    rn_row_run row = {.variant = r->s->experiment.variant[r->v - r->s->spec->variant].id, .seed = r->seed,
                      .hash = r->v->hash, .training_hash = r->v->training_hash, .out_dir = r->folder,
                      .total_steps = r->trainer.budget_s > 0 ? 0 : r->trainer.config.steps, .threads = rn_threads(),
                      .deterministic = r->e->deterministic, .plan = rn_plan_text(&a, programs, 2),
                      .runner_version = RUNNER_VERSION, .command = r->s->command};
    rn_machine_here(&a, &row.machine);
    row.machine.cpu_features = rn_cpu_text(rn_cpu_features(), cpu);
    bool ok = rn_store_run_begin(r->s->store, &row, claim, &r->id, err);
    if (ok && *claim == RN_CLAIM_BEGUN) {
        rn_row_parameter *p = rn_arena_array(&a, (size_t)r->v->n_values + 1, sizeof *p);
        const int plugins = rn_registry_plugins(r->s->cli->registry);
        rn_row_plugin *q = rn_arena_array(&a, (size_t)plugins + 1, sizeof *q);
        ok = (p && q) || rn_fail(err, RN_EMEMORY, "no memory for the resolved spec");
        for (int64_t i = 0; ok && i < r->v->n_values; i++)
            p[i] = (rn_row_parameter){.path = r->v->value[i].path, .text = r->v->value[i].text,
                                      .origin = r->v->value[i].origin,
                                      .number = r->v->value[i].is_number ? r->v->value[i].number : (double)NAN};
        for (int i = 0; ok && i < plugins; i++) {
            const rn_loaded *l = rn_registry_plugin(r->s->cli->registry, i);
            q[i] = (rn_row_plugin){.path = l->path, .sha256 = l->sha256, .name = l->plugin->name, .version = l->plugin->version,
                                   .licence = l->plugin->licence, .abi = l->plugin->abi,
                                   .max_error = r->s->tuner ? rn_tuner_error_of(r->s->tuner, l) : (double)NAN};
        }
        ok = ok && rn_store_parameters(r->s->store, r->id, p, (size_t)r->v->n_values, err) &&
             rn_store_plugins(r->s->store, r->id, q, (size_t)plugins, err);
    }
    rn_arena_free(&a);
    return ok;
}

/* --- training --------------------------------------------------------------------------------------- */

static bool log_step(one_run *r, const rn_step_result *step, bool last, rn_error *err)
{
    const char *name[RN_MAX_LOGGED] = {"train/loss", "train/gradient_norm", "train/clipped", "train/lr"};
    char terms[RN_MAX_LOGGED][64];
    double value[RN_MAX_LOGGED];
    r->loss += step->loss;
    r->norm += step->optimizer.norm;
    r->clipped += step->optimizer.clip < 1;
    r->steps++;
    if (r->trainer.step % r->e->train.log_every != 0 && !last)
        return true;
    size_t n = 4;
    value[0] = r->loss / (double)r->steps;
    value[1] = r->norm / (double)r->steps;
    value[2] = (double)r->clipped / (double)r->steps;
    value[3] = step->optimizer.lr;
    for (int64_t i = 0; i < rn_trainer_outputs(&r->trainer) && n < RN_MAX_LOGGED; i++)
        if (strcmp(rn_trainer_output_name(&r->trainer, i), "loss") != 0) {
            snprintf(terms[n], sizeof terms[n], "train/%s", rn_trainer_output_name(&r->trainer, i));
            name[n] = terms[n];
            value[n++] = rn_trainer_output(&r->trainer, i);
        }
    r->loss = r->norm = 0;
    r->steps = r->clipped = 0;
    return rn_store_metrics(r->s->store, r->id, r->trainer.step, n, name, value, err);
}

static bool evaluate(one_run *r, rn_error *err);

/* Is the budget used up? */
static bool is_trained(const one_run *r)
{
    return r->trainer.budget_s > 0 ? r->trained_s >= r->trainer.budget_s : r->trainer.step >= r->trainer.config.steps;
}

/* One step, its time and its log. */
static bool train_step(one_run *r, rn_error *err)
{
    const double begun = rn_clock();
    rn_step_result step;
    char left[RN_DURATION_TEXT];
    if (r->trained_s > 0) /* at this pace; the first step, whose pace is unknown, is far from the end */
        rn_trainer_expect(&r->trainer, (int64_t)ceil((double)r->trainer.step * r->trainer.budget_s / r->trained_s));
    if (!rn_loader_next(r->loader, r->trainer.step, r->images, r->labels, err) ||
        !rn_trainer_step(&r->trainer, r->images, r->labels, &step, err))
        return false;
    r->trained_s += rn_clock() - begun;
    if (!log_step(r, &step, is_trained(r), err))
        return false;
    const double done = (double)r->trainer.step, steps = (double)r->trainer.config.steps;
    const double share = r->trainer.budget_s > 0 ? fmin(1, r->trained_s / r->trainer.budget_s) : done / steps;
    char of[32] = "";
    if (!(r->trainer.budget_s > 0))
        snprintf(of, sizeof of, "/%" PRId64, r->trainer.config.steps);
    rn_progress_bar(&r->s->progress, share, "%s  step %" PRId64 "%s  loss %.4f  %.1f images/s  %s left", r->label,
                    r->trainer.step, of, step.loss, done * (double)r->e->train.batch / r->trained_s,
                    rn_duration_text(r->trained_s / share * (1 - share), left));
    return true;
}

static bool train(one_run *r, rn_error *err)
{
    const int64_t every = r->e->evaluate.every;
    char took[RN_DURATION_TEXT];
    while (!is_trained(r)) {
        if (!train_step(r, err) || rn_stop_asked(err))
            return false;
        if (every && r->trainer.step % every == 0 && !is_trained(r) && !evaluate(r, err))
            return false;
    }
    rn_progress_line(&r->s->progress, "  trained %" PRId64 " step%s in %s, %.1f images/s", r->trainer.step,
                     rn_plural(r->trainer.step), rn_duration_text(r->trained_s, took),
                     (double)(r->trainer.step * r->e->train.batch) / r->trained_s);
    return evaluate(r, err);
}

/* --- evaluation ------------------------------------------------------------------------------------- */

static bool take_samples(void *context, const float *images, int64_t first, int64_t n, rn_error *err)
{
    one_run *r = context;
    const int64_t elements = 3 * r->trainer.denoise_env.height * r->trainer.denoise_env.width;
    (void)err;
    for (int64_t i = 0; i < n && first + i < r->e->evaluate.sheet; i++)
        rn_pixels_from_floats(images + i * elements, (size_t)elements, r->sheet + (first + i) * elements);
    rn_scorer_add(r->s->scorer, images, first, n);
    return true;
}

static bool show_sampling(void *context, double done, rn_error *err)
{
    one_run *r = context;
    rn_progress_bar(&r->s->progress, done, "%s  step %" PRId64 "  drawing %" PRId64 " samples", r->label, r->trainer.step,
                    r->e->evaluate.samples);
    return !rn_stop_asked(err);
}

static bool write_sheet(one_run *r, const char *weights, rn_error *err)
{
    char path[4096], step[32];
    const int64_t height = r->trainer.denoise_env.height, width = r->trainer.denoise_env.width;
    const int64_t n = r->e->evaluate.sheet < r->e->evaluate.samples ? r->e->evaluate.sheet : r->e->evaluate.samples;
    snprintf(path, sizeof path, "%s/samples/step_%08" PRId64 ".png", r->folder, r->trainer.step);
    snprintf(step, sizeof step, "%" PRId64, r->trainer.step);
    const char *const texts[] = {"experiment", r->e->name, "variant", r->v->name, "step", step, "spec", r->v->hash, NULL};
    rn_row_sample row = {.run = r->id, .step = r->trainer.step, .path = path, .weights = weights, .n = n, .noise_seed = r->seed};
    if (!rn_sheet_write(path, r->sheet, n, height, width, texts, err))
        return false;
    rn_sheet_size(n, height, width, &row.width, &row.height);
    return rn_store_sample(r->s->store, &row, err);
}

static bool score(one_run *r, const char *weights, rn_error *err)
{
    for (int64_t i = 0; i < rn_scorer_count(r->s->scorer); i++) {
        rn_scored s;
        char note[192] = "";
        if (rn_stop_asked(err) || !rn_scorer_score(r->s->scorer, i, r->seed, &s, err))
            return false;
        const rn_row_score row = {
            .run = r->id, .step = r->trainer.step, .metric = s.metric->name, .better = s.metric->better,
            .features = s.features, .weights = weights, .value = s.score.value, .low = s.score.low, .high = s.score.high,
            .floor = s.score.floor, .n = s.n, .n_reference = s.n_reference, .dims = s.dims,
            .extractor_hash = s.extractor_hash, .reference_hash = s.reference_hash,
            .note = s.score.note[0] ? s.score.note : NULL, .seconds = s.seconds};
        if (s.score.note[0])
            snprintf(note, sizeof note, "  (%s)", s.score.note);
        rn_progress_line(&r->s->progress, "  step %-7" PRId64 " %-10s %-16s %10.4g   floor %10.4g%s", r->trainer.step,
                         s.metric->name, s.features, s.score.value, s.score.floor, note);
        if (!rn_store_score(r->s->store, &row, err))
            return false;
    }
    return true;
}

/* Where has the network learned? At the end of a run, on images that it has never seen. */
static bool measure_errors(one_run *r, rn_error *err)
{
    int64_t n = rn_data_count(r->s->data, RN_DATA_HELD_OUT);
    if (n > 128)
        n = 128; /* what the errors by logSNR are defined on */
    if (n == 0)
        return true;
    const int64_t elements = 3 * r->trainer.denoise_env.height * r->trainer.denoise_env.width;
    float *images = malloc((size_t)(n * elements) * sizeof *images);
    rn_error_grid g;
    bool ok = images != NULL || rn_fail(err, RN_EMEMORY, "no memory for %" PRId64 " held-out images", n);
    ok = ok && rn_data_images(r->s->data, RN_DATA_HELD_OUT, 0, n, images, NULL, err) &&
         rn_error_grid_measure(&r->trainer, rn_trainer_evaluated(&r->trainer), images, n, r->seed, stop_asked, &g, err);
    free(images);
    if (!ok)
        return false;
    rn_row_error row[RN_GRID_SCALES * RN_GRID_LOGSNRS];
    size_t rows = 0;
    char line[512];
    for (int s = 0; s < g.scales; s++) {
        int at = snprintf(line, sizeof line, "  error of x0 by logSNR, pooled %3" PRId64 ":", g.scale[s]);
        for (int k = 0; k < RN_GRID_LOGSNRS; k++) {
            row[rows++] = (rn_row_error){.scale = g.scale[s], .bin = k, .logsnr = g.logsnr[k], .n = n,
                                         .mean = g.mean_square[s][k], .sd = g.sd[s][k]};
            at += snprintf(line + at, sizeof line - (size_t)at, "  %+.0f: %.4f", g.logsnr[k], g.mean_square[s][k]);
        }
        rn_progress_line(&r->s->progress, "%s", line);
    }
    if (!rn_store_error_grid(r->s->store, r->id, "x0", r->trainer.step, row, rows, err))
        return false;
    if (g.flat_from == g.flat_to)
        return true;
    snprintf(line, sizeof line, "the error of x0 does not fall from logSNR %g to %g: the network makes no use of what can be "
             "seen there (a lower learning rate or more steps may help)", g.flat_from, g.flat_to);
    rn_progress_line(&r->s->progress, "  warning: %s", line);
    return rn_store_event(r->s->store, r->id, "warning", "flat", r->trainer.step, line, err);
}

static bool evaluate(one_run *r, rn_error *err)
{
    const rn_parameter_set *set = rn_trainer_evaluated(&r->trainer);
    const char *weights = set == &r->trainer.average ? "ema" : "raw";
    const rn_sampling sampling = {.sampler = &r->e->evaluate.sampler, .set = set, .n = r->e->evaluate.samples,
                                  .seed = r->seed, .sink = take_samples, .context = r, .progress = show_sampling};
    rn_scorer_begin(r->s->scorer);
    if (!rn_sample(&r->trainer, &sampling, err) || !write_sheet(r, weights, err) || !score(r, weights, err))
        return false;
    return !is_trained(r) || measure_errors(r, err);
}

/* --- the end ---------------------------------------------------------------------------------------- */

static bool keep_weights(one_run *r, const char *kind, const rn_parameter_set *set, rn_error *err)
{
    char path[4096], hex[65];
    uint8_t digest[32];
    rn_arena a = {0};
    uint8_t *data;
    size_t bytes;
    snprintf(path, sizeof path, "%s/%s.safetensors", r->folder, kind);
    bool ok = rn_checkpoint_write(path, &r->trainer.parameters, set->values, err) &&
              rn_file_read(&a, path, SIZE_MAX / 2, &data, &bytes, err);
    if (ok) {
        rn_sha256_of(data, bytes, digest);
        rn_hex(digest, 32, hex);
        ok = rn_store_artifact(r->s->store, r->s->experiment.id, r->id, kind, path, hex, (int64_t)bytes, err);
    }
    rn_arena_free(&a);
    return ok;
}

/* With weights of another run: all of its training is done. */
static bool evaluate_taken(one_run *r, rn_error *err)
{
    r->trained_s = r->trainer.budget_s;
    return evaluate(r, err);
}

static bool work(one_run *r, rn_error *err)
{
    bool taken;
    return rn_reuse_weights(r->s, r->v, r->seed, r->id, &r->trainer, &taken, err) &&
           (taken ? evaluate_taken(r, err) : train(r, err)) && keep_weights(r, "model", &r->trainer.raw, err) &&
           (!r->trainer.average.values || keep_weights(r, "ema", &r->trainer.average, err));
}

/* Is this error the run's own, so that the others may go on? */
static bool is_of_run(rn_code code)
{
    return code == RN_EFAILED || code == RN_ESHAPE;
}

/* Writes how it ended, whatever it was; the first error is the one that is kept. */
static bool record_end(one_run *r, bool ok, rn_error *err)
{
    char path[4096];
    rn_error second;
    const bool interrupted = !ok && err->code == RN_EINTERRUPTED;
    const rn_row_finish finish = {
        .status = ok ? RN_RUN_DONE : interrupted ? RN_RUN_INTERRUPTED : RN_RUN_FAILED,
        .error = ok ? NULL : err->text, .seconds = rn_clock() - r->begun, .steps = r->trainer.step,
        .images = r->trainer.step * r->e->train.batch,
        .flop = r->trainer.cost.flop_per_step * (double)r->trainer.step};
    if (!ok)
        rn_progress_line(&r->s->progress, "  %s: %s", interrupted ? "interrupted" : "failed", err->text);
    snprintf(path, sizeof path, "%s/log.txt", r->folder);
    bool written = rn_progress_log_write(&r->s->progress, path, &second);
    written = rn_store_run_finish(r->s->store, r->id, &finish, &second) && written; /* with the metrics that were held */
    if (ok && !written) {
        *err = second;
        return false;
    }
    if (!written && !strstr(err->text, rn_store_path(r->s->store))) { /* else it is the database that was told of */
        const rn_error first = *err;
        rn_fail(err, first.code, "%s; nor could its end be recorded: %s", first.text, second.text);
        return rn_at(err, (rn_place){first.file, first.line, first.column});
    }
    return ok;
}

static void release(one_run *r)
{
    rn_loader_close(r->loader);
    rn_trainer_free(&r->trainer);
    free(r->images);
    free(r->labels);
    free(r->sheet);
}

static bool prepare(one_run *r, rn_error *err)
{
    const int64_t elements = 3 * r->e->data.resolution.height * r->e->data.resolution.width;
    const size_t batch = (size_t)(r->e->train.batch * elements);
    r->images = malloc(batch * sizeof *r->images);
    r->labels = calloc((size_t)r->e->train.batch, sizeof *r->labels);
    r->sheet = calloc((size_t)r->e->evaluate.sheet, (size_t)elements);
    if (!r->images || !r->labels || !r->sheet)
        return rn_fail(err, RN_EMEMORY, "no memory for batches of %" PRId64 " images", r->e->train.batch);
    return rn_trainer_start(&r->trainer, r->seed, err) &&
           rn_loader_open(r->s->data, r->seed, r->e->train.batch, r->e->data.workers, &r->loader, err);
}

bool rn_session_run(rn_session *s, int64_t variant, uint32_t seed, bool *failed, rn_error *err)
{
    const rn_variant *v = &s->spec->variant[variant];
    one_run r = {.s = s, .v = v, .e = v->experiment, .seed = seed, .begun = rn_clock(),
                 .trainer = {.chooser = rn_tuning_chooser(s->tuner, false)}};
    rn_claim claim = RN_CLAIM_DONE;
    int64_t done;
    *failed = false;
    snprintf(r.label, sizeof r.label, "%s seed %" PRIu32, v->name, seed);
    if (!rn_store_find_done(s->store, r.e->name, v->name, seed, v->hash, &done, err))
        return false;
    if (done) {
        rn_progress_line(&s->progress, "run %" PRId64 "/%" PRId64 "  %s: done before, skipped", s->run, s->runs, r.label);
        return true;
    }
    rn_progress_log_begin(&s->progress);
    rn_progress_line(&s->progress, "run %" PRId64 "/%" PRId64 "  %s", s->run, s->runs, r.label);
    bool ok = rn_session_data(s, v, err) && rn_session_scorer(s, v, err) &&
              rn_trainer_plan(&r.trainer, s->cli->registry, r.e, err) && rn_run_folder_make(s->out, v, seed, r.folder, err) && record_begin(&r, &claim, err);
    rn_tuning_tell(s->tuner, &s->progress);
    if (ok && claim == RN_CLAIM_TAKEN) {
        rn_progress_line(&s->progress, "  another process is at it, skipped");
    } else if (ok && claim == RN_CLAIM_BEGUN) {
        ok = record_refusals(&r, err) && prepare(&r, err) && work(&r, err);
        ok = record_end(&r, ok, err);
        *failed = !ok && is_of_run(err->code);
    }
    release(&r);
    return ok || *failed;
}

size_t rn_session_bytes(const rn_experiment *e)
{
    const size_t image = 3 * (size_t)e->data.resolution.height * (size_t)e->data.resolution.width;
    const size_t batches = (size_t)e->train.batch * image * sizeof(float);
    const size_t held_out = (size_t)(e->data.held_out < 128 ? e->data.held_out : 128) * image * sizeof(float);
    return batches + (size_t)e->evaluate.sheet * image + rn_sampling_bytes(e) + held_out +
           rn_scorer_bytes(&e->evaluate, e->data.resolution.height, e->data.resolution.width);
}
