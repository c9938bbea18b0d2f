/* Reading what `runner show` tells of one run, and the error grids of an experiment. */
#include "store/connection.h"

#include <math.h>

static bool read_run(const rn_query *q, rn_arena *a, void *row)
{
    rn_row_shown *r = row;
    *r = (rn_row_shown){
        .id = rn_column_int(q, "id"), .baseline = rn_column_int(q, "baseline"), .experiment = rn_column_text(q, "experiment", a),
        .variant = rn_column_text(q, "variant", a), .hash = rn_column_text(q, "hash", a), .status = rn_column_text(q, "status", a),
        .error = rn_column_text(q, "error", a), .out_dir = rn_column_text(q, "out_dir", a), .host = rn_column_text(q, "host", a),
        .cpu = rn_column_text(q, "cpu", a), .runner_version = rn_column_text(q, "runner_version", a),
        .weights_folder = rn_column_text(q, "weights_folder", a), .differs = rn_column_text(q, "differs", a), .started = rn_column_text(q, "started", a), .seed = rn_column_int(q, "seed"),
        .attempt = rn_column_int(q, "attempt"), .step = rn_column_int(q, "step"), .total_steps = rn_column_int(q, "total_steps"),
        .images = rn_column_int(q, "images"), .threads = rn_column_int(q, "threads"), .flop = rn_column_real(q, "flop"),
        .seconds = rn_column_real(q, "seconds"), .is_baseline = rn_column_int(q, "is_baseline") != 0,
        .is_newest = rn_column_int(q, "is_newest") != 0};
    return r->experiment && r->variant && r->hash && r->status;
}

bool rn_store_shown_runs(rn_store *s, const rn_shown_query *query, rn_arena *arena, rn_row_shown **row, size_t *n, rn_error *err)
{
    void *rows;
    rn_query q = rn_query_make(s, RN_SQL_SHOWN_RUNS);
    rn_bind_text(&q, ":experiment", query->experiment);
    rn_bind_text(&q, ":variant", query->variant);
    rn_bind_text(&q, ":out_dir", query->folder ? rn_store_relative(s, query->folder, arena) : NULL);
    if (query->seed >= 0)
        rn_bind_int(&q, ":seed", query->seed);
    if (!rn_query_rows(&q, "table run", arena, read_run, sizeof **row, &rows, n, err))
        return false;
    *row = rows;
    return true;
}

static rn_query about(rn_store *s, rn_sql which, const rn_row_shown *run)
{
    rn_query q = rn_query_make(s, which);
    rn_bind_int(&q, ":run", run->id);
    return q;
}

static bool read_parameter(const rn_query *q, rn_arena *a, void *row)
{
    rn_row_differing *r = row;
    *r = (rn_row_differing){.path = rn_column_text(q, "path", a), .text = rn_column_text(q, "text", a),
                            .baseline = rn_column_text(q, "baseline", a)};
    return r->path;
}

bool rn_store_shown_parameters(rn_store *s, const rn_row_shown *run, rn_arena *arena, rn_row_differing **row, size_t *n,
                               rn_error *err)
{
    void *rows;
    rn_query q = about(s, RN_SQL_SHOWN_PARAMETERS, run);
    rn_bind_int(&q, ":baseline", run->baseline);
    if (!rn_query_rows(&q, "table parameter", arena, read_parameter, sizeof **row, &rows, n, err))
        return false;
    *row = rows;
    return true;
}

static bool read_score(const rn_query *q, rn_arena *a, void *row)
{
    rn_row_shown_score *r = row;
    *r = (rn_row_shown_score){
        .metric = rn_column_text(q, "metric", a), .better = rn_column_text(q, "better", a),
        .features = rn_column_text(q, "features", a), .setting = rn_column_text(q, "setting", a), .note = rn_column_text(q, "note", a),
        .value = rn_column_real(q, "value"), .floor = rn_column_real(q, "floor"), .baseline = rn_column_real(q, "baseline"),
        .n = rn_column_int(q, "n"), .dims = rn_column_int(q, "dims")};
    return r->metric && r->better && r->features && r->setting;
}

bool rn_store_shown_scores(rn_store *s, const rn_row_shown *run, rn_arena *arena, rn_row_shown_score **row, size_t *n, rn_error *err)
{
    void *rows;
    rn_query q = about(s, RN_SQL_SHOWN_SCORES, run);
    rn_bind_int(&q, ":baseline", run->baseline);
    if (!rn_query_rows(&q, "table score", arena, read_score, sizeof **row, &rows, n, err))
        return false;
    *row = rows;
    return true;
}

static bool read_stretch(const rn_query *q, rn_arena *a, void *row)
{
    rn_row_stretch *r = row;
    *r = (rn_row_stretch){.name = rn_column_text(q, "name", a), .first = rn_column_int(q, "first"), .last = rn_column_int(q, "last"),
                          .value = rn_column_real(q, "value")};
    return r->name;
}

bool rn_store_shown_curve(rn_store *s, const rn_row_shown *run, int64_t stretches, rn_arena *arena, rn_row_stretch **row, size_t *n,
                          rn_error *err)
{
    void *rows;
    rn_query q = about(s, RN_SQL_SHOWN_CURVE, run);
    rn_bind_int(&q, ":stretches", stretches);
    if (!rn_query_rows(&q, "table metric", arena, read_stretch, sizeof **row, &rows, n, err))
        return false;
    *row = rows;
    return true;
}

static bool read_event(const rn_query *q, rn_arena *a, void *row)
{
    rn_row_event *r = row;
    *r = (rn_row_event){.level = rn_column_text(q, "level", a), .code = rn_column_text(q, "code", a),
                        .text = rn_column_text(q, "text", a), .step = rn_column_int(q, "step")};
    return r->level && r->code && r->text;
}

bool rn_store_shown_events(rn_store *s, const rn_row_shown *run, rn_arena *arena, rn_row_event **row, size_t *n, rn_error *err)
{
    void *rows;
    rn_query q = about(s, RN_SQL_SHOWN_EVENTS, run);
    if (!rn_query_rows(&q, "table event", arena, read_event, sizeof **row, &rows, n, err))
        return false;
    *row = rows;
    return true;
}

static bool read_error(const rn_query *q, rn_arena *a, void *row)
{
    (void)a;
    *(rn_row_grid *)row = (rn_row_grid){
        .scale = rn_column_int(q, "scale"), .bin = rn_column_int(q, "bin"), .n = rn_column_int(q, "n"),
        .logsnr = rn_column_real(q, "logsnr"), .mean = rn_column_real(q, "mean"), .sd = rn_column_real(q, "sd"),
        .baseline = rn_column_real(q, "baseline")};
    return true;
}

bool rn_store_shown_errors(rn_store *s, const rn_row_shown *run, const char *what, rn_arena *arena, rn_row_grid **row, size_t *n,
                           rn_error *err)
{
    void *rows;
    rn_query q = about(s, RN_SQL_SHOWN_ERRORS, run);
    rn_bind_int(&q, ":baseline", run->baseline);
    rn_bind_text(&q, ":what", what);
    if (!rn_query_rows(&q, "table error_grid", arena, read_error, sizeof **row, &rows, n, err))
        return false;
    *row = rows;
    return true;
}

static bool read_final_error(const rn_query *q, rn_arena *a, void *row)
{
    rn_row_grid *r = row;
    *r = (rn_row_grid){
        .variant = rn_column_text(q, "variant", a), .is_baseline = rn_column_int(q, "is_baseline") != 0,
        .seed = rn_column_int(q, "seed"), .scale = rn_column_int(q, "scale"), .bin = rn_column_int(q, "bin"),
        .n = rn_column_int(q, "n"), .logsnr = rn_column_real(q, "logsnr"), .mean = rn_column_real(q, "mean"),
        .sd = rn_column_real(q, "sd"), .baseline = (double)NAN};
    return r->variant;
}

bool rn_store_final_errors(rn_store *s, const char *experiment, const char *what, rn_arena *arena, rn_row_grid **row, size_t *n,
                           rn_error *err)
{
    void *rows;
    rn_query q = rn_query_make(s, RN_SQL_FINAL_ERRORS);
    rn_bind_text(&q, ":experiment", experiment);
    rn_bind_text(&q, ":what", what);
    if (!rn_query_rows(&q, "view final_error", arena, read_final_error, sizeof **row, &rows, n, err))
        return false;
    *row = rows;
    return true;
}
