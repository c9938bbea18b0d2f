/* What runs leave behind: scores, error grids, samples, files, events. */
#include "store/connection.h"

#include <string.h>

static const char *or_empty(const char *text) { return text ? text : ""; }

bool rn_store_score(rn_store *s, const rn_row_score *r, rn_error *err)
{
    int64_t metric;
    if (!rn_store_begin(s, err))
        return false;
    bool ok = rn_store_key_id(s, r->metric, NULL, r->better, NULL, &metric, err);
    if (ok) {
        rn_query q = rn_query_make(s, RN_SQL_PUT_SCORE);
        rn_bind_int(&q, ":run", r->run);
        rn_bind_int(&q, ":step", r->step);
        rn_bind_int(&q, ":metric", metric);
        rn_bind_text(&q, ":features", or_empty(r->features));
        rn_bind_text(&q, ":setting", or_empty(r->setting));
        rn_bind_real(&q, ":value", r->value);
        rn_bind_real(&q, ":low", r->low);
        rn_bind_real(&q, ":high", r->high);
        rn_bind_real(&q, ":floor", r->floor);
        rn_bind_int(&q, ":n", r->n);
        rn_bind_some(&q, ":dims", r->dims);
        rn_bind_some(&q, ":n_reference", r->n_reference);
        rn_bind_text(&q, ":extractor_hash", r->extractor_hash);
        rn_bind_text(&q, ":reference_hash", r->reference_hash);
        rn_bind_text(&q, ":weights", r->weights ? r->weights : "ema");
        rn_bind_text(&q, ":note", r->note && *r->note ? r->note : NULL);
        rn_bind_real(&q, ":seconds", r->seconds);
        rn_bind_int(&q, ":now", rn_time_ms());
        ok = rn_query_run(&q, err);
    }
    return rn_store_end(s, ok, err);
}

bool rn_store_error_grid(rn_store *s, int64_t run, const char *what, int64_t step, const rn_row_error *row, size_t n,
                         rn_error *err)
{
    if (!rn_store_begin(s, err))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++) {
        rn_query q = rn_query_make(s, RN_SQL_PUT_ERROR);
        rn_bind_int(&q, ":run", run);
        rn_bind_text(&q, ":what", what);
        rn_bind_int(&q, ":step", step);
        rn_bind_int(&q, ":scale", row[i].scale);
        rn_bind_int(&q, ":bin", row[i].bin);
        rn_bind_real(&q, ":logsnr", row[i].logsnr);
        rn_bind_real(&q, ":width", row[i].width);
        rn_bind_int(&q, ":n", row[i].n);
        rn_bind_real(&q, ":mean", row[i].mean);
        rn_bind_real(&q, ":sd", row[i].sd);
        ok = rn_query_run(&q, err);
    }
    return rn_store_end(s, ok, err);
}

bool rn_store_sample(rn_store *s, const rn_row_sample *r, rn_error *err)
{
    rn_arena arena = {0};
    bool ok = rn_store_begin(s, err);
    if (ok) {
        rn_query q = rn_query_make(s, RN_SQL_PUT_SAMPLE);
        rn_bind_int(&q, ":run", r->run);
        rn_bind_int(&q, ":step", r->step);
        rn_bind_text(&q, ":path", rn_store_relative(s, r->path, &arena));
        rn_bind_int(&q, ":width", r->width);
        rn_bind_int(&q, ":height", r->height);
        rn_bind_int(&q, ":n", r->n);
        rn_bind_text(&q, ":setting", or_empty(r->setting));
        rn_bind_text(&q, ":weights", r->weights ? r->weights : "ema");
        rn_bind_int(&q, ":noise_seed", r->noise_seed);
        rn_bind_bytes(&q, ":thumbnail", r->thumbnail, r->thumbnail_bytes);
        rn_bind_int(&q, ":now", rn_time_ms());
        ok = rn_store_end(s, rn_query_run(&q, err), err);
    }
    rn_arena_free(&arena);
    return ok;
}

bool rn_store_artifact(rn_store *s, int64_t experiment, int64_t run, const char *kind, const char *path,
                       const char *sha256, int64_t bytes, rn_error *err)
{
    rn_arena arena = {0};
    bool ok = rn_store_begin(s, err);
    if (ok) {
        const char *relative = rn_store_relative(s, path, &arena);
        rn_query q = rn_query_make(s, RN_SQL_DROP_ARTIFACT); /* a file written again has one row, the new one */
        rn_bind_some(&q, ":run", run);
        rn_bind_some(&q, ":experiment", run ? 0 : experiment);
        rn_bind_text(&q, ":path", relative);
        ok = rn_query_run(&q, err);
        if (ok) {
            q = rn_query_make(s, RN_SQL_ADD_ARTIFACT);
            rn_bind_some(&q, ":run", run);
            rn_bind_some(&q, ":experiment", run ? 0 : experiment);
            rn_bind_text(&q, ":kind", kind);
            rn_bind_text(&q, ":path", relative);
            rn_bind_text(&q, ":sha256", sha256);
            if (bytes >= 0)
                rn_bind_int(&q, ":bytes", bytes);
            rn_bind_int(&q, ":now", rn_time_ms());
            ok = rn_query_run(&q, err);
        }
        ok = rn_store_end(s, ok, err);
    }
    rn_arena_free(&arena);
    return ok;
}

bool rn_store_put_event(rn_store *s, int64_t run, const char *level, const char *code, int64_t step, const char *text,
                        rn_error *err)
{
    rn_query q = rn_query_make(s, RN_SQL_ADD_EVENT);
    rn_bind_some(&q, ":run", run);
    rn_bind_int(&q, ":now", rn_time_ms());
    rn_bind_text(&q, ":level", level);
    rn_bind_text(&q, ":code", code);
    rn_bind_int(&q, ":step", step);
    rn_bind_text(&q, ":text", text);
    return rn_query_run(&q, err);
}

bool rn_store_event(rn_store *s, int64_t run, const char *level, const char *code, int64_t step, const char *text,
                    rn_error *err)
{
    return rn_store_begin(s, err) && rn_store_end(s, rn_store_put_event(s, run, level, code, step, text, err), err);
}
