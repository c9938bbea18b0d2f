/* Reading what the views answer, for those who print it. */
#include "store/connection.h"

#include "base/nearest.h"

#include <stdio.h>
#include <string.h>

/* An array in the arena that grows: room for one more row, zeroed; NULL where there is no memory. */
static void *one_more(rn_arena *arena, void **rows, size_t *n, size_t *room, size_t bytes)
{
    if (*n == *room) {
        const size_t more = *room ? 2 * *room : 16;
        char *larger = rn_arena_array(arena, more, bytes);
        if (!larger)
            return NULL;
        if (*n)
            memcpy(larger, *rows, *n * bytes);
        *rows = larger;
        *room = more;
    }
    return (char *)*rows + bytes * (*n)++;
}

bool rn_query_rows(rn_query *q, const char *what, rn_arena *arena, rn_row_reader *reader, size_t bytes, void **rows, size_t *n,
                   rn_error *err)
{
    size_t room = 0;
    *rows = NULL;
    *n = 0;
    for (bool row;;) {
        if (!rn_query_next(q, &row, err))
            return false;
        if (!row)
            return rn_arena_check(arena, "rows of the database", err);
        void *to = one_more(arena, rows, n, &room, bytes);
        if (!to)
            break;
        if (!reader(q, arena, to)) {
            rn_query_end(q);
            return rn_arena_check(arena, "rows of the database", err) && rn_store_fail_row(q->store, what, err);
        }
    }
    rn_query_end(q);
    return rn_arena_check(arena, "rows of the database", err);
}

static bool read_ablation(const rn_query *q, rn_arena *a, void *row)
{
    rn_row_ablation *r = row;
    *r = (rn_row_ablation){
        .variant = rn_column_text(q, "variant", a), .metric = rn_column_text(q, "metric", a),
        .features = rn_column_text(q, "features", a), .setting = rn_column_text(q, "setting", a),
        .better = rn_column_text(q, "better", a), .note = rn_column_text(q, "note", a),
        .is_baseline = rn_column_int(q, "is_baseline") != 0, .n_seeds = rn_column_int(q, "n_seeds"),
        .n_nan = rn_column_int(q, "n_nan"), .n_pairs = rn_column_int(q, "n_pairs"),
        .n_unlike = rn_column_int(q, "n_unlike"), .n_samples = rn_column_int(q, "n_samples"),
        .dims = rn_column_int(q, "dims"), .position = rn_column_int(q, "position"), .mean = rn_column_real(q, "mean"),
        .sd = rn_column_real(q, "sd"), .low = rn_column_real(q, "low"), .high = rn_column_real(q, "high"),
        .floor = rn_column_real(q, "floor"), .difference = rn_column_real(q, "difference"),
        .difference_low = rn_column_real(q, "difference_low"),
        .difference_high = rn_column_real(q, "difference_high"), .p = rn_column_real(q, "p")};
    return r->variant && r->metric && r->features && r->setting && r->better;
}

static bool read_variant(const rn_query *q, rn_arena *a, void *row)
{
    rn_row_variant *r = row;
    *r = (rn_row_variant){.name = rn_column_text(q, "name", a), .hash = rn_column_text(q, "hash", a),
                          .differs = rn_column_text(q, "differs", a), .resolved = rn_column_text(q, "resolved", a),
                          .is_baseline = rn_column_int(q, "is_baseline") != 0, .id = rn_column_int(q, "id")};
    return r->name && r->hash;
}

static bool read_status(const rn_query *q, rn_arena *a, void *row)
{
    rn_row_status *r = row;
    *r = (rn_row_status){
        .variant = rn_column_text(q, "variant", a), .status = rn_column_text(q, "status", a),
        .error = rn_column_text(q, "error", a), .out_dir = rn_column_text(q, "out_dir", a),
        .is_baseline = rn_column_int(q, "is_baseline") != 0, .seed = rn_column_int(q, "seed"),
        .step = rn_column_int(q, "step"), .total_steps = rn_column_int(q, "total_steps"),
        .attempt = rn_column_int(q, "attempt"), .position = rn_column_int(q, "position"),
        .seconds = rn_column_real(q, "seconds")};
    return r->variant && r->status;
}

static bool read_listed(const rn_query *q, rn_arena *a, void *row)
{
    rn_row_listed *r = row;
    *r = (rn_row_listed){.name = rn_column_text(q, "name", a), .question = rn_column_text(q, "question", a),
                         .id = rn_column_int(q, "id"), .variants = rn_column_int(q, "variants"),
                         .done = rn_column_int(q, "done"), .unfinished = rn_column_int(q, "unfinished"),
                         .done_before = rn_column_int(q, "done_before")};
    return r->name;
}

bool rn_store_ablation(rn_store *s, const char *experiment, rn_arena *arena, rn_row_ablation **row, size_t *n,
                       rn_error *err)
{
    void *rows;
    rn_query q = rn_query_make(s, RN_SQL_ABLATION);
    rn_bind_text(&q, ":experiment", experiment);
    if (!rn_query_rows(&q, "view ablation", arena, read_ablation, sizeof **row, &rows, n, err))
        return false;
    *row = rows;
    return true;
}

bool rn_store_variants(rn_store *s, const char *experiment, rn_arena *arena, rn_row_variant **row, size_t *n,
                       rn_error *err)
{
    void *rows;
    rn_query q = rn_query_make(s, RN_SQL_VARIANTS);
    rn_bind_text(&q, ":experiment", experiment);
    if (!rn_query_rows(&q, "table variant", arena, read_variant, sizeof **row, &rows, n, err))
        return false;
    *row = rows;
    return true;
}

bool rn_store_status(rn_store *s, const char *experiment, rn_arena *arena, rn_row_status **row, size_t *n,
                     rn_error *err)
{
    void *rows;
    rn_query q = rn_query_make(s, RN_SQL_STATUS);
    rn_bind_text(&q, ":experiment", experiment);
    if (!rn_query_rows(&q, "view current_run", arena, read_status, sizeof **row, &rows, n, err))
        return false;
    *row = rows;
    return true;
}

bool rn_store_list(rn_store *s, rn_arena *arena, rn_row_listed **row, size_t *n, rn_error *err)
{
    void *rows;
    rn_query q = rn_query_make(s, RN_SQL_LIST);
    if (!rn_query_rows(&q, "table experiment", arena, read_listed, sizeof **row, &rows, n, err))
        return false;
    *row = rows;
    return true;
}

bool rn_store_find(rn_store *s, const char *experiment, rn_arena *arena, rn_row_listed *found, rn_error *err)
{
    rn_row_listed *row;
    size_t n, nearest[3];
    int n_near = 0;
    if (!rn_store_list(s, arena, &row, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(row[i].name, experiment) == 0) {
            *found = row[i];
            return true;
        }
        int at = n_near < 3 ? n_near++ : 3; /* kept in order of their distances */
        for (; at > 0 && rn_edits(row[i].name, experiment) < rn_edits(row[nearest[at - 1]].name, experiment); at--)
            if (at < 3)
                nearest[at] = nearest[at - 1];
        if (at < 3)
            nearest[at] = i;
    }
    if (n == 0)
        return rn_fail(err, RN_EUNKNOWN, "database '%s' holds no experiment '%s', nor any other", s->path, experiment);
    char names[512] = "";
    for (int i = 0; i < n_near; i++)
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s'%.100s'", i ? ", " : "",
                 row[nearest[i]].name);
    return rn_fail(err, RN_EUNKNOWN, "database '%s' holds no experiment '%s'; nearest: %s", s->path, experiment, names);
}
