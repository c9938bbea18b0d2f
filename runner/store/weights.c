/* Trained weights that a run can take instead of training. */
#include "store/connection.h"

static const char *file_of(const rn_store *s, const rn_query *q, const char *column, rn_arena *arena)
{
    const char *path = rn_column_text(q, column, arena); /* relative to the folder of the database */
    return !path || path[0] == '/' ? path : rn_arena_print(arena, "%s/%s", s->folder, path);
}

bool rn_store_find_weights(rn_store *s, const char *training_hash, int64_t seed, rn_arena *arena, rn_row_weights *w, rn_error *err)
{
    bool row;
    *w = (rn_row_weights){0};
    rn_query q = rn_query_make(s, RN_SQL_FIND_WEIGHTS);
    rn_bind_text(&q, ":training_hash", training_hash);
    rn_bind_int(&q, ":seed", seed);
    if (!rn_query_next(&q, &row, err))
        return false;
    if (!row)
        return true;
    *w = (rn_row_weights){.run = rn_column_int(&q, "id"), .step = rn_column_int(&q, "step"),
                          .experiment = rn_column_text(&q, "experiment", arena), .variant = rn_column_text(&q, "variant", arena),
                          .model = file_of(s, &q, "model", arena), .model_sha256 = rn_column_text(&q, "model_sha256", arena),
                          .average = file_of(s, &q, "average", arena), .average_sha256 = rn_column_text(&q, "average_sha256", arena)};
    rn_query_end(&q);
    return rn_arena_check(arena, "rows of the database", err);
}

bool rn_store_weights_from(rn_store *s, int64_t run, int64_t from, rn_error *err)
{
    rn_query q = rn_query_make(s, RN_SQL_WEIGHTS_FROM);
    rn_bind_int(&q, ":run", run);
    rn_bind_int(&q, ":from", from);
    return rn_query_run(&q, err);
}
