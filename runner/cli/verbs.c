/* The table of verbs, in the order of --help. */
#include "cli/verbs.h"

/* clang-format off */
static const char *const run_options[] = {"--set", "--out", "--db", "--plugin-dir", "--threads", "--choices", "--json", "--quiet", NULL};
static const char *const plan_options[] = {"--set", "--plugin-dir", "--threads", "--choices", "--kernels", "--json", NULL};
static const char *const schedule_options[] = {"--set", "--plugin-dir", "--plot", "--json", NULL};
static const char *const snr_options[] = {"--set", "--out", "--db", "--plugin-dir", "--threads", "--json", NULL};
static const char *const validate_options[] = {"--set", "--plugin-dir", NULL};
static const char *const data_options[] = {"--set", "--plugin-dir", "--threads", "--json", NULL};
static const char *const compare_options[] = {"--out", "--db", "--json", NULL};
static const char *const plugin_options[] = {"--plugin-dir", "--json", NULL};
static const char *const bench_options[] = {"--set", "--plugin-dir", "--threads", "--choices", "--steps", "--mode", "--compare", "--serve", "--json", NULL};
static const char *const weighting_options[] = {"--set", "--plugin-dir", "--json", NULL};
static const char *const sample_options[] = {"--sampler", "--steps", "--seed", "--count", "--weights", "--set", "--out", "--db", "--plugin-dir", "--threads", "--json", "--quiet", NULL};
static const char *const interpolate_options[] = {"--sampler", "--steps", "--seed", "--to-seed", "--count", "--weights", "--set", "--out", "--db", "--plugin-dir", "--threads", "--json", "--quiet", NULL};
static const char *const check_options[] = {"--plugin-dir", "--threads", NULL};

const rn_verb rn_verbs[] = {
    {"run",      "SPEC",      "train and evaluate everything that the spec asks for; finished runs are skipped", run_options, 1, 1, rn_verb_run,
     "Results go to results/ under the current folder (--out, --db): weights, samples and a log for each run, all\n"
     "figures in one SQLite file. The table of `runner compare` is printed at the end. Ctrl-C stops after the step; the same\n"
     "command then goes on: finished runs are skipped, the one that was stopped begins anew."},
    {"plan",     "SPEC",      "list the variants: parameters, FLOP per image, memory; runs nothing", plan_options, 1, 1, rn_verb_plan, NULL},
    {"validate", "SPEC",      "check the spec and say what is wrong with it", validate_options, 1, 1, rn_verb_validate,
     "Every mistake is shown with its place, what is allowed and the nearest known name. Networks are built, so shapes that\n"
     "do not fit are found too; no data set is opened."},
    {"schedule", "SPEC",      "print logSNR, alpha and sigma of every variant, and logSNR after pooling", schedule_options, 1, 1, rn_verb_schedule,
     "Averaging s x s pixels multiplies the SNR by s^2. For each size that a shift is aligned with, a table shows logSNR of all\n"
     "variants after averaging to it, and how far that is from the schedule without shift. --plot draws all of it."},
    {"snr",      "SPEC",      "noise the spec's images, pool them, measure the SNR, and draw it", snr_options, 1, 1, rn_verb_snr,
     "Takes images of `data:`, adds noise at several t under each variant's schedule, and averages to each size that a shift is\n"
     "aligned with. Writes a labelled sheet for each size (results/NAME/snr_*.png), prints the measured factors beside the\n"
     "predicted s^2, and stores them in the database (tables snr_measurement, snr; view snr_gain). Nothing is trained.\n"
     "`SNR` is alpha^2 / noise variance, and grows by s^2 exactly. `power SNR` also counts how much signal is left; it grows by\n"
     "less, since averaging takes the detail out of photographs."},
    {"compare",  "NAME",      "table of an experiment: variants x metrics, paired differences to the baseline", compare_options, 1, 1, rn_verb_compare,
     "NAME is the `name:` of the spec. Differences are taken between runs of the same seed; the interval is Student's."},
    {"show",     "RUN",       "show a run, or where the variants of an experiment differ in error", compare_options, 1, 1, rn_verb_show,
     "RUN is the folder of a run (results/NAME/VARIANT/seed0) or NAME/VARIANT/SEED: how it went, what differs from the baseline,\n"
     "scores beside their floors, the training in short, warnings, and the error of x0 by logSNR and scale. NAME alone, an\n"
     "experiment: the error grid of the baseline, and of each variant the difference to it, paired by seed. It tells why an arm\n"
     "wins: in coarse structure (averaged errors, low logSNR) or in detail (full size, high logSNR)."},
    {"weighting", "SPEC",     "print how much an error counts at each logSNR, for every variant", weighting_options, 1, 1, rn_verb_weighting,
     "The weight of the loss and the sampling of t together, as w(logSNR) of the common frame in which all losses of diffusion can\n"
     "be written (Kingma, Gao 2023): variants with equal columns ask for the same network. `task.loss.matched_to` makes them so."},
    {"sample",   "RUN",       "draw images from the weights of a run, with any sampler", sample_options, 1, 1, rn_verb_sample,
     "RUN is a run's folder (results/NAME/VARIANT/seed0), a .safetensors file in one, or NAME/VARIANT/SEED, which is looked up in\n"
     "the database (--db, default results/results.db). Images and a sheet are written to --out, by default a folder in the run's\n"
     "samples/ that is named after sampler, steps, weights and seed. With the run's own settings the images are those of its sheet.\n"
     "--set takes paths of the run's spec, and sampler.KEY for evaluate.sampler.KEY."},
    {"interpolate", "RUN",    "draw the way from one noise to another", interpolate_options, 1, 1, rn_verb_interpolate,
     "The first image is image 0 of `runner sample` with --seed, the last that with --to-seed; between them the noise turns evenly\n"
     "(slerp). Best with a sampler that adds no noise, as ddim, dpmpp_2m and heun do unless told otherwise. RUN: see `sample`."},
    {"data",     "PATH|SPEC", "list what would be read: count, sizes, formats, and each refused file", data_options, 1, 1, rn_verb_data,
     "PATH is a folder of images or a file that a data set knows (tar, CIFAR-10 batches, IDX); of a SPEC the images of its\n"
     "`data:` are listed. Exit status 1 if a file was refused."},
    {"plugins",  "",          "list the loaded plugins: file, version, licence, what they offer", plugin_options, 0, 0, rn_verb_plugins, NULL},
    {"describe", "KIND NAME", "documentation and parameters of a component, from its schema; `describe spec`: the keys of a spec", plugin_options, 1, 2, rn_verb_describe,
     "KIND is one of the words in the first column of `runner plugins`, NAME one of those behind it. `runner describe spec`\n"
     "lists the keys of a spec; `runner describe reference` prints these and every component as Markdown (docs/spec.md)."},
    {"bench",    "SPEC",      "time the baseline's step, as a share of the machine's peak, and by op", bench_options, 1, 1, rn_verb_bench,
     "Images are random numbers: no data set is opened. The float32 peak is measured between the steps, since clocks\n"
     "wander. With --serve, stdin and stdout speak the protocol of a step server, so that steps of several programs can\n"
     "be taken in turns: one JSON line when ready, then for each line read one step and a line \"SECONDS PEAK_MIB\"."},
    {"check",    "gradients|kernels [NAME ...]", "compare gradient rules with differences, or kernels with their reference", check_options, 1, 999, rn_verb_check,
     "`check gradients` compares every op's gradient rule with central differences in double; `check kernels` compares every\n"
     "kernel that this processor can run with the reference kernel of its op. NAME is an op or, for kernels, a kernel set.\n"
     "Exit status 1 if anything differs by more than rounding explains."},
    {NULL, NULL, NULL, NULL, 0, 0, NULL, NULL},
};
/* clang-format on */
