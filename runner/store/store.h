#ifndef RN_STORE_STORE_H
#define RN_STORE_STORE_H
/* The results: one SQLite file, documented in schema/0001_first.sql and docs/database.md. Knows nothing of
 * training; who trains hands over rows.
 *
 * Paths are given as the process sees them and stored relative to the folder of the database file. Texts are
 * borrowed for the call; NULL is stored as NULL where the schema allows it. NaN is stored as NULL.
 * Every writer is one transaction (BEGIN IMMEDIATE): all of it is there or nothing. Several processes may
 * write one file; who finds it locked waits, 20 s at most.
 * Thread safety: one thread per rn_store.
 *
 * Errors of all functions: RN_EDATABASE (locked for too long, damaged, of another program, newer than this
 * runner, without the tables), RN_EIO (cannot be read or written, no space), RN_EMEMORY. */
#include "base/arena.h"

typedef struct rn_store rn_store;
typedef enum rn_store_mode { RN_STORE_READ, RN_STORE_WRITE } rn_store_mode;

/* A reader creates and changes nothing. A writer creates the file (not its folder), brings an older one to this
 * version after copying it, refuses a newer one, and marks as lost the runs whose process is gone. */
RN_NODISCARD bool rn_store_open(const char *path, rn_store_mode mode, rn_store **store, rn_error *err);
/* Writes what metrics are still held, where that is possible; NULL is fine. */
void rn_store_close(rn_store *store);
/* What a user should be told about the opening (no WAL, migrated, runs lost), lines; "" for nothing. */
const char *rn_store_notices(const rn_store *store);
const char *rn_store_path(const rn_store *store);
/* How long a locked file is waited for; 20,000 at first. */
void rn_store_set_patience(rn_store *store, int milliseconds);
/* path relative to the folder of the database, in the arena; links in the part that exists are resolved. */
const char *rn_store_relative(const rn_store *store, const char *path, rn_arena *arena);

/* ---------------------------------------------------------------- what was asked for */
typedef struct rn_row_spec {
    const char *path, *text;
} rn_row_spec;

typedef struct rn_row_variant {
    const char *name, *hash; /* hash: of the resolved spec, 64 digits; seeds have no part in it */
    const char *differs;     /* from the baseline, in words */
    const char *resolved;    /* the resolved spec as text */
    bool is_baseline;
    int64_t id;              /* out */
} rn_row_variant;

typedef struct rn_row_experiment {
    const char *name, *question;
    const char *overrides;   /* --set options, one a line */
    const rn_row_spec *spec; /* the file, then its base, then that one's base … */
    size_t n_spec;
    rn_row_variant *variant; /* all variants in order; the others of that name in the file lose their position */
    size_t n_variants;
    int64_t id;              /* out */
} rn_row_experiment;

/* States the experiment as its file stands now: makes or updates its rows, fills the ids, renews the verdicts.
 * From then on the views show the runs of these hashes. */
RN_NODISCARD bool rn_store_experiment(rn_store *store, rn_row_experiment *e, rn_error *err);

/* The done run of that variant, seed and hash; *run = 0 where there is none. For readers too. */
RN_NODISCARD bool rn_store_find_done(rn_store *store, const char *experiment, const char *variant, int64_t seed,
                                     const char *hash, int64_t *run, rn_error *err);

/* ---------------------------------------------------------------- runs */
typedef struct rn_row_machine {
    const char *host, *os, *cpu, *cpu_features, *accelerator, *compiler, *libraries;
    int64_t cpus, memory_bytes; /* 0: unknown */
} rn_row_machine;
/* What the system tells (texts in the arena); accelerator, cpu_features and libraries are left to the caller. */
void rn_machine_here(rn_arena *arena, rn_row_machine *machine);

typedef struct rn_row_run {
    int64_t variant, seed;
    const char *hash, *training_hash, *out_dir;
    int64_t total_steps; /* 0: the budget is not in steps */
    int64_t threads;
    bool deterministic;
    const char *plan;    /* kernels chosen, as text */
    const char *runner_version, *command;
    rn_row_machine machine;
} rn_row_run;

typedef enum rn_claim {
    RN_CLAIM_BEGUN, /* a new attempt, status running, is this process's */
    RN_CLAIM_DONE,  /* it is done already: *run is that run */
    RN_CLAIM_TAKEN  /* another process is at it: *run is that run */
} rn_claim;
RN_NODISCARD bool rn_store_run_begin(rn_store *store, const rn_row_run *row, rn_claim *claim, int64_t *run,
                                     rn_error *err);

/* Weights that a finished run of the same training left, in the arena. */
typedef struct rn_row_weights {
    int64_t run, step; /* run 0: there are none */
    const char *experiment, *variant;
    const char *model, *model_sha256;     /* files; they may be gone or changed */
    const char *average, *average_sha256; /* NULL: there is no average */
} rn_row_weights;
/* The newest. A run that takes them says so with rn_store_weights_from. */
RN_NODISCARD bool rn_store_find_weights(rn_store *store, const char *training_hash, int64_t seed, rn_arena *arena,
                                        rn_row_weights *weights, rn_error *err);
RN_NODISCARD bool rn_store_weights_from(rn_store *store, int64_t run, int64_t from, rn_error *err);

typedef struct rn_row_parameter {
    const char *path, *text, *origin;
    double number; /* NaN: the value is no number */
} rn_row_parameter;
RN_NODISCARD bool rn_store_parameters(rn_store *store, int64_t run, const rn_row_parameter *row, size_t n, rn_error *err);

typedef struct rn_row_plugin {
    const char *path, *sha256, *name, *version, *licence;
    int64_t abi;
    const char *offers; /* what the run took from it */
    double max_error;   /* NaN: not checked */
} rn_row_plugin;
RN_NODISCARD bool rn_store_plugins(rn_store *store, int64_t run, const rn_row_plugin *row, size_t n, rn_error *err);

typedef enum rn_run_status { RN_RUN_DONE, RN_RUN_FAILED, RN_RUN_INTERRUPTED } rn_run_status;
typedef struct rn_row_finish {
    rn_run_status status;
    const char *error; /* why it failed */
    double seconds, flop;
    int64_t steps, images;
} rn_row_finish;
/* Ends the run and, in the same transaction, renews the verdicts of its experiment. */
RN_NODISCARD bool rn_store_run_finish(rn_store *store, int64_t run, const rn_row_finish *row, rn_error *err);

/* ---------------------------------------------------------------- what runs leave behind */
/* Unit, direction ("min", "max", "none") and a line about a name; others get none of these when first seen. */
RN_NODISCARD bool rn_store_metric_key(rn_store *store, const char *name, const char *unit, const char *better,
                                      const char *doc, rn_error *err);

/* Holds the rows (up to 2,048, 2 s at most, without allocating) and writes them together. A file that is locked
 * just then is no error: the rows wait. A step that comes again replaces its row. */
RN_NODISCARD bool rn_store_metrics(rn_store *store, int64_t run, int64_t step, size_t n, const char *const *name,
                                   const double *value, rn_error *err);
RN_NODISCARD bool rn_store_flush(rn_store *store, rn_error *err);

typedef struct rn_row_score {
    int64_t run, step;
    const char *metric, *better; /* "min", "max" or "none" */
    const char *features;        /* NULL or "": the metric takes images */
    const char *setting;         /* NULL or "": as the spec's `evaluate:` says; else how it differs */
    const char *weights;         /* "ema", "raw" */
    double value, low, high, floor;
    int64_t n, n_reference, dims; /* samples, reference images, dimensions of the features; 0: none */
    const char *extractor_hash, *reference_hash, *note;
    double seconds;
} rn_row_score;
RN_NODISCARD bool rn_store_score(rn_store *store, const rn_row_score *row, rn_error *err);

typedef struct rn_row_error {
    int64_t scale; /* pooling factor; 1: full size */
    int64_t bin;
    double logsnr, width; /* the middle of the bin and its width; 0: exactly there */
    int64_t n;
    double mean, sd; /* sd NaN: unknown */
} rn_row_error;
/* what: "x0", mean square error of x̂ on held-out images, or "loss". */
RN_NODISCARD bool rn_store_error_grid(rn_store *store, int64_t run, const char *what, int64_t step,
                                      const rn_row_error *row, size_t n, rn_error *err);

typedef struct rn_row_sample {
    int64_t run, step;
    const char *path, *setting, *weights;
    int64_t width, height, n; /* of the file in pixels; images in it */
    int64_t noise_seed;
    const void *thumbnail; /* a small PNG, or NULL */
    size_t thumbnail_bytes;
} rn_row_sample;
RN_NODISCARD bool rn_store_sample(rn_store *store, const rn_row_sample *row, rn_error *err);

/* run 0: of the experiment; experiment is not looked at otherwise. sha256 NULL, bytes −1: unknown. */
RN_NODISCARD bool rn_store_artifact(rn_store *store, int64_t experiment, int64_t run, const char *kind,
                                    const char *path, const char *sha256, int64_t bytes, rn_error *err);

/* ---------------------------------------------------------------- what `runner snr` measured */
typedef struct rn_row_snr_measurement {
    const char *experiment, *data, *data_hash, *runner_version;
    int64_t height, width, n, noise_seed; /* n: images */
} rn_row_snr_measurement;
typedef struct rn_row_snr { /* before pooling [0], after [1] */
    const char *variant, *schedule;
    int64_t reference_px;
    double t, logsnr, logsnr_pooled, logsnr_reference, factor, alpha;
    double noise_variance[2], signal_variance[2], snr[2], power_snr[2];
} rn_row_snr;
typedef struct rn_row_snr_sheet {
    int64_t reference_px, width, height;
    const char *path;
} rn_row_snr_sheet;
/* Replaces what was measured before of the same experiment, images and noise. */
RN_NODISCARD bool rn_store_snr(rn_store *store, const rn_row_snr_measurement *measurement, const rn_row_snr *row, size_t n,
                               const rn_row_snr_sheet *sheet, size_t n_sheets, rn_error *err);

/* ---------------------------------------------------------------- events */
/* run 0: about the file itself. level: "debug", "info", "warning", "error"; code: a short word. */
RN_NODISCARD bool rn_store_event(rn_store *store, int64_t run, const char *level, const char *code, int64_t step,
                                 const char *text, rn_error *err);

/* ---------------------------------------------------------------- reading */
typedef struct rn_row_ablation { /* a row of the view `ablation`; NaN where it has NULL */
    const char *variant, *metric, *features, *setting, *better, *note;
    bool is_baseline;
    int64_t n_seeds, n_nan, n_pairs, n_unlike, n_samples, dims, position;
    double mean, sd, low, high, floor;
    double difference, difference_low, difference_high, p;
} rn_row_ablation;
RN_NODISCARD bool rn_store_ablation(rn_store *store, const char *experiment, rn_arena *arena, rn_row_ablation **row,
                                    size_t *n, rn_error *err);

/* The variants as last asked for, in their order. */
RN_NODISCARD bool rn_store_variants(rn_store *store, const char *experiment, rn_arena *arena, rn_row_variant **row,
                                    size_t *n, rn_error *err);

typedef struct rn_row_status { /* the run that counts of each variant and seed, as last asked for */
    const char *variant, *status, *error, *out_dir;
    bool is_baseline;
    int64_t seed, step, total_steps, attempt, position; /* total_steps 0: not in steps */
    double seconds;
} rn_row_status;
RN_NODISCARD bool rn_store_status(rn_store *store, const char *experiment, rn_arena *arena, rn_row_status **row,
                                  size_t *n, rn_error *err);

typedef struct rn_row_listed { /* an experiment of the file */
    const char *name, *question;
    int64_t id, variants, done, unfinished; /* variants and runs as last asked for */
    int64_t done_before;                    /* finished runs of other hashes or of variants no longer asked for */
} rn_row_listed;
RN_NODISCARD bool rn_store_list(rn_store *store, rn_arena *arena, rn_row_listed **row, size_t *n, rn_error *err);

/* Errors: RN_EUNKNOWN with the nearest names. */
RN_NODISCARD bool rn_store_find(rn_store *store, const char *experiment, rn_arena *arena, rn_row_listed *row,
                                rn_error *err);

/* ---------------------------------------------------------------- one run, for people */
typedef struct rn_row_shown {
    int64_t id, baseline; /* baseline: the run of the baseline with the same seed; may be this one; 0: there is none */
    const char *experiment, *variant, *hash, *status, *error, *out_dir, *host, *cpu, *runner_version, *differs, *started;
    const char *weights_folder; /* of the run whose trained weights it took; NULL: it trained them */
    int64_t seed, attempt, step, total_steps, images, threads; /* 0: unknown */
    double flop, seconds;                                      /* NaN: unknown */
    bool is_baseline, is_newest; /* is_newest: of the settings that the experiment's file asked for last */
} rn_row_shown;
typedef struct rn_shown_query { /* NULL, seed −1: any */
    const char *experiment, *variant, *folder;
    int64_t seed;
} rn_shown_query;
/* Attempts that fit, the one that counts first. */
RN_NODISCARD bool rn_store_shown_runs(rn_store *store, const rn_shown_query *query, rn_arena *arena, rn_row_shown **row, size_t *n,
                                      rn_error *err);

typedef struct rn_row_differing { const char *path, *text, *baseline; } rn_row_differing; /* NULL: it has no such value */
RN_NODISCARD bool rn_store_shown_parameters(rn_store *store, const rn_row_shown *run, rn_arena *arena, rn_row_differing **row,
                                            size_t *n, rn_error *err);

typedef struct rn_row_shown_score {
    const char *metric, *better, *features, *setting, *note;
    double value, floor, baseline; /* baseline: the same score of the baseline's run; NaN: none that can be compared */
    int64_t n, dims;
} rn_row_shown_score;
RN_NODISCARD bool rn_store_shown_scores(rn_store *store, const rn_row_shown *run, rn_arena *arena, rn_row_shown_score **row,
                                        size_t *n, rn_error *err);

typedef struct rn_row_stretch { /* the mean of what was logged by one name in steps first … last */
    const char *name;
    int64_t first, last;
    double value;
} rn_row_stretch;
/* Ordered by name, then step; at most `stretches` of each name. */
RN_NODISCARD bool rn_store_shown_curve(rn_store *store, const rn_row_shown *run, int64_t stretches, rn_arena *arena,
                                       rn_row_stretch **row, size_t *n, rn_error *err);

typedef struct rn_row_event { const char *level, *code, *text; int64_t step; } rn_row_event;
RN_NODISCARD bool rn_store_shown_events(rn_store *store, const rn_row_shown *run, rn_arena *arena, rn_row_event **row, size_t *n,
                                        rn_error *err);

typedef struct rn_row_grid { /* a row of error_grid, of the last step */
    const char *variant;     /* NULL from rn_store_shown_errors */
    bool is_baseline;
    int64_t seed, scale, bin, n;
    double logsnr, mean, sd, baseline; /* baseline: NaN from rn_store_final_errors */
} rn_row_grid;
/* Of one run, beside the baseline's run. */
RN_NODISCARD bool rn_store_shown_errors(rn_store *store, const rn_row_shown *run, const char *what, rn_arena *arena,
                                        rn_row_grid **row, size_t *n, rn_error *err);
/* Of all finished runs that count, ordered by variant, seed, scale, bin. */
RN_NODISCARD bool rn_store_final_errors(rn_store *store, const char *experiment, const char *what, rn_arena *arena,
                                        rn_row_grid **row, size_t *n, rn_error *err);

#endif
