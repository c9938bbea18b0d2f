/* runner sample RUN, runner interpolate RUN: images from the weights that a run left. */
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/parallel.h"
#include "base/plural.h"
#include "cli/progress.h"
#include "cli/run_folder.h"
#include "cli/signals.h"
#include "cli/specs.h"
#include "cli/tuning.h"
#include "cli/verbs.h"
#include "data/pixels.h"
#include "data/png_write.h"
#include "eval/sampling.h"
#include "train/checkpoint.h"

#include <stdlib.h>
#include <string.h>

enum { COUNT = 64, FRAMES = 9, MOST_ON_SHEET = 1024 }; /* COUNT: as many as on the run's own sheet by default */

typedef struct drawing {
    rn_cli *cli;
    const rn_variant *v;
    const rn_experiment *e;
    rn_trainer trainer;
    rn_progress progress;
    const char *out;     /* folder of the images */
    const char *weights; /* "ema", "raw", or the name of the file that was given */
    uint32_t seed, to_seed;
    bool between;        /* interpolate */
    int64_t n;
    uint8_t *sheet;      /* bytes of the first images */
    double begun;
} drawing;

enum { SEEDS = 48 };

/* "7", or "7 to 8" with " to " between. */
static const char *seeds_text(const drawing *d, const char *between, char text[SEEDS])
{
    if (d->between)
        snprintf(text, SEEDS, "%" PRIu32 "%s%" PRIu32, d->seed, between, d->to_seed);
    else
        snprintf(text, SEEDS, "%" PRIu32, d->seed);
    return text;
}

/* --- the spec of the run, as the command line changes it ---------------------------------------------- */

/* --sampler, --steps and --weights are short for --set; `sampler.eta` is short for `evaluate.sampler.eta`. The user's
 * --set come last and so weigh most. */
static bool make_sets(rn_cli *cli, rn_error *err)
{
    rn_arena *a = &cli->arena;
    const char **v = rn_arena_array(a, (size_t)cli->sets.n + 3, sizeof *v);
    int64_t n = 0;
    if (!v)
        return rn_fail(err, RN_EMEMORY, "no memory for the command line");
    if (cli->sampler)
        v[n++] = rn_arena_print(a, "evaluate.sampler.type=%s", cli->sampler);
    if (cli->steps)
        v[n++] = rn_arena_print(a, "evaluate.sampler.steps=%d", cli->steps);
    if (cli->weights)
        v[n++] = rn_arena_print(a, "evaluate.weights=%s", cli->weights);
    for (int64_t i = 0; i < cli->sets.n; i++) {
        const char *text = cli->sets.v[i];
        const bool is_short = strncmp(text, "sampler", 7) == 0 && text[7] && strchr(".=", text[7]);
        v[n++] = is_short ? rn_arena_print(a, "evaluate.%s", text) : text;
    }
    cli->sets = (rn_texts){v, n};
    return rn_arena_check(a, "the command line", err);
}

/* "model" of "folder/model.safetensors" */
static const char *bare_name(rn_arena *a, const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    return rn_arena_text_n(a, name, strlen(name) - strlen(".safetensors"));
}

static bool load_weights(drawing *d, const rn_run_folder *run, rn_error *err)
{
    const bool average = d->e->evaluate.weights == 0 && d->e->train.ema > 0;
    const char *path = run->weights ? run->weights
                                    : rn_arena_print(&d->cli->arena, "%s/%s.safetensors", run->folder, average ? "ema" : "model");
    d->weights = run->weights ? bare_name(&d->cli->arena, run->weights) : average ? "ema" : "raw";
    if (!path || !d->weights)
        return rn_fail(err, RN_EMEMORY, "no memory for a path");
    return rn_trainer_start_denoise(&d->trainer, d->seed, err) &&
           rn_checkpoint_read(path, &d->trainer.parameters, d->trainer.raw.values, err);
}

/* The folder of the images: --out, or one in the run's that is named after all that makes a difference. */
static bool choose_folder(drawing *d, const rn_run_folder *run, bool sets, rn_error *err)
{
    const rn_sampler_config *s = &d->e->evaluate.sampler;
    char seeds[SEEDS], frames[32] = "", more[16] = "";
    if (d->between) /* another number of images is another way: none of theirs stays among these */
        snprintf(frames, sizeof frames, "-of%" PRId64, d->n);
    if (sets)
        snprintf(more, sizeof more, ".%.8s", d->v->hash);
    d->out = d->cli->out ? d->cli->out
                         : rn_arena_print(&d->cli->arena, "%s/samples/%s-%" PRId64 "-%s-seed%s%s%s", run->folder, s->rule.what->name,
                                          rn_sampling_steps(s), d->weights, seeds_text(d, "-", seeds), frames, more);
    if (!d->out)
        return rn_fail(err, RN_EMEMORY, "no memory for a path");
    return rn_folder_make(d->out, err);
}

/* --- the images --------------------------------------------------------------------------------------- */

static bool show(void *context, double done, rn_error *err)
{
    drawing *d = context;
    rn_progress_bar(&d->progress, done, "drawing %" PRId64 " image%s", d->n, rn_plural(d->n));
    return !rn_stop_asked(err);
}

/* What is known of an image, as texts in its file. */
static bool write_image(const drawing *d, int64_t number, uint8_t *rgb, rn_error *err)
{
    char path[4096], image[32], seeds[SEEDS], steps[32];
    const rn_sampler_config *s = &d->e->evaluate.sampler;
    const rn_pixels pixels = {.rgb = rgb, .height = d->trainer.denoise_env.height, .width = d->trainer.denoise_env.width};
    snprintf(image, sizeof image, "%" PRId64, number);
    snprintf(steps, sizeof steps, "%" PRId64, rn_sampling_steps(s));
    const char *const texts[] = {"experiment", d->e->name, "variant", d->v->name, "weights", d->weights, "sampler",
                                 s->rule.what->name, "steps", steps, "seed", seeds_text(d, " to ", seeds), "image", image, NULL};
    if (snprintf(path, sizeof path, "%s/%05" PRId64 ".png", d->out, number) >= (int)sizeof path)
        return rn_fail(err, RN_EIO, "the path of the folder '%.200s' is too long", d->out);
    return rn_png_write(path, &pixels, texts, err);
}

static bool take(void *context, const float *images, int64_t first, int64_t n, rn_error *err)
{
    drawing *d = context;
    const size_t elements = 3 * (size_t)(d->trainer.denoise_env.height * d->trainer.denoise_env.width);
    uint8_t *rgb = malloc(elements);
    bool ok = rgb != NULL || rn_fail(err, RN_EMEMORY, "no memory for an image");
    for (int64_t i = 0; ok && i < n; i++) {
        rn_pixels_from_floats(images + (size_t)i * elements, elements, rgb);
        if (first + i < MOST_ON_SHEET)
            memcpy(d->sheet + (size_t)(first + i) * elements, rgb, elements);
        ok = write_image(d, first + i, rgb, err);
    }
    free(rgb);
    return ok;
}

static bool draw(drawing *d, rn_error *err)
{
    char path[4096];
    const int64_t height = d->trainer.denoise_env.height, width = d->trainer.denoise_env.width;
    const int64_t on_sheet = d->n < MOST_ON_SHEET ? d->n : MOST_ON_SHEET;
    const rn_sampling sampling = {.sampler = &d->e->evaluate.sampler, .set = &d->trainer.raw, .n = d->n, .seed = d->seed,
                                  .sink = take, .context = d, .progress = show, .to_seed = d->between ? &d->to_seed : NULL};
    const char *const texts[] = {"experiment", d->e->name, "variant", d->v->name, "spec", d->v->hash, NULL};
    d->sheet = calloc((size_t)on_sheet, 3 * (size_t)(height * width));
    if (!d->sheet)
        return rn_fail(err, RN_EMEMORY, "no memory for a sheet of %" PRId64 " images", on_sheet);
    if (snprintf(path, sizeof path, "%s/sheet.png", d->out) >= (int)sizeof path)
        return rn_fail(err, RN_EIO, "the path of the folder '%.200s' is too long", d->out);
    d->begun = rn_clock();
    return rn_sample(&d->trainer, &sampling, err) && rn_sheet_write(path, d->sheet, on_sheet, height, width, texts, err);
}

/* --- what is told ------------------------------------------------------------------------------------- */

static void tell(const drawing *d)
{
    const rn_sampler_config *s = &d->e->evaluate.sampler;
    const double seconds = rn_clock() - d->begun;
    if (d->cli->json) {
        rn_json j;
        rn_json_begin(&j, stdout);
        rn_json_object(&j, NULL);
        rn_json_text(&j, "name", d->e->name);
        rn_json_text(&j, "variant", d->v->name);
        rn_json_text(&j, "weights", d->weights);
        rn_json_text(&j, "sampler", s->rule.what->name);
        rn_json_int(&j, "steps", rn_sampling_steps(s));
        rn_json_int(&j, "model_calls", rn_sampling_evaluations(d->e));
        rn_json_int(&j, "seed", d->seed);
        if (d->between)
            rn_json_int(&j, "to_seed", d->to_seed);
        rn_json_int(&j, "images", d->n);
        rn_json_text(&j, "folder", d->out);
        rn_json_number(&j, "seconds", seconds);
        rn_json_end(&j);
        rn_json_finish(&j);
        return;
    }
    char seeds[SEEDS];
    printf("%s, %s: %" PRId64 " image%s from %s weights, seed%s %s, by %" PRId64 " step%s of %s, in %.1f s\n%s/sheet.png\n",
           d->e->name, d->v->name, d->n, rn_plural(d->n), d->weights, d->between ? "s" : "",
           seeds_text(d, " to ", seeds), rn_sampling_steps(s), rn_plural(rn_sampling_steps(s)), s->rule.what->name, seconds, d->out);
}

/* The experiment with batches no larger than what is asked for. */
static rn_experiment cut_batch(const rn_experiment *e, int64_t n)
{
    rn_experiment cut = *e;
    if (n < cut.evaluate.batch)
        cut.evaluate.batch = n;
    return cut;
}

static int draw_from_run(rn_cli *cli, bool between)
{
    drawing d = {.cli = cli, .between = between, .n = cli->count ? cli->count : between ? FRAMES : COUNT};
    rn_run_folder run;
    rn_spec spec = {0};
    rn_error err;
    const bool sets = cli->sets.n > 0;
    if (!rn_run_folder_find(cli, cli->arguments.v[0], &run, &err) || !make_sets(cli, &err))
        return rn_cli_error(&err);
    int status = rn_cli_spec(cli, run.spec, &spec);
    if (status) {
        rn_spec_free(&spec);
        return status;
    }
    d.v = &spec.variant[0];
    const rn_experiment cut = cut_batch(d.v->experiment, d.n);
    d.e = &cut;
    d.seed = (uint32_t)(cli->seed >= 0 ? cli->seed : spec.seeds.v[0]);
    d.to_seed = cli->to_seed >= 0 ? (uint32_t)cli->to_seed : d.seed + 1;
    rn_signals_catch();
    rn_progress_begin(&d.progress, cli->quiet);
    rn_tuner *tuner = NULL; /* the kernels that the run had, where they are known; a few images are not worth timing others */
    bool ok = rn_tuning_open(cli, &d.progress, false, &tuner, &err);
    d.trainer.chooser = rn_tuning_chooser(tuner, false);
    ok = ok && rn_trainer_plan(&d.trainer, cli->registry, d.e, &err) && load_weights(&d, &run, &err) &&
         choose_folder(&d, &run, sets, &err) && draw(&d, &err);
    rn_progress_end(&d.progress);
    rn_progress_free(&d.progress);
    if (ok)
        tell(&d);
    else
        status = rn_cli_spec_error(&spec, d.v, &err);
    rn_trainer_free(&d.trainer);
    rn_tuner_close(tuner);
    rn_spec_free(&spec);
    free(d.sheet);
    return status;
}

int rn_verb_sample(rn_cli *cli)
{
    return draw_from_run(cli, false);
}

int rn_verb_interpolate(rn_cli *cli)
{
    return draw_from_run(cli, true);
}
