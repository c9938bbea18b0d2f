/* What was asked for: spec files, the experiment, its variants. */
#include "store/connection.h"
#include "base/file.h"

#include <string.h>

/* The chain of files from the last base to the spec itself, each text once. */
static bool put_specs(rn_store *s, const rn_row_experiment *e, rn_arena *arena, int64_t *id, rn_error *err)
{
    *id = 0;
    for (size_t i = e->n_spec; i-- > 0;) {
        const char *path = rn_store_relative(s, e->spec[i].path, arena), *text = e->spec[i].text;
        uint8_t digest[32];
        char sha256[65];
        rn_sha256_of(text, strlen(text), digest);
        rn_hex(digest, 32, sha256);
        int64_t found = 0;
        rn_query q = rn_query_make(s, RN_SQL_FIND_SPEC);
        rn_bind_text(&q, ":sha256", sha256);
        rn_bind_text(&q, ":path", path);
        rn_bind_some(&q, ":base", *id);
        if (!rn_query_int(&q, &found, err))
            return false;
        if (!found) {
            q = rn_query_make(s, RN_SQL_ADD_SPEC);
            rn_bind_text(&q, ":sha256", sha256);
            rn_bind_text(&q, ":path", path);
            rn_bind_text(&q, ":text", text);
            rn_bind_some(&q, ":base", *id);
            rn_bind_int(&q, ":now", rn_time_ms());
            if (!rn_query_run(&q, err))
                return false;
            found = sqlite3_last_insert_rowid(s->db);
        }
        *id = found;
    }
    return true;
}

static bool put_variant(rn_store *s, int64_t experiment, rn_row_variant *v, int64_t position, rn_error *err)
{
    rn_query q = rn_query_make(s, RN_SQL_PUT_VARIANT);
    rn_bind_int(&q, ":experiment", experiment);
    rn_bind_text(&q, ":name", v->name);
    rn_bind_text(&q, ":hash", v->hash);
    rn_bind_int(&q, ":position", position);
    rn_bind_int(&q, ":is_baseline", v->is_baseline);
    rn_bind_text(&q, ":differs", v->differs);
    rn_bind_text(&q, ":resolved", v->resolved);
    rn_bind_int(&q, ":now", rn_time_ms());
    if (!rn_query_run(&q, err))
        return false;
    q = rn_query_make(s, RN_SQL_VARIANT_ID);
    rn_bind_int(&q, ":experiment", experiment);
    rn_bind_text(&q, ":name", v->name);
    return rn_query_int(&q, &v->id, err);
}

static bool put_experiment(rn_store *s, rn_row_experiment *e, int64_t spec, rn_error *err)
{
    rn_query q = rn_query_make(s, RN_SQL_PUT_EXPERIMENT);
    rn_bind_text(&q, ":name", e->name);
    rn_bind_text(&q, ":question", e->question);
    rn_bind_some(&q, ":spec", spec);
    rn_bind_text(&q, ":overrides", e->overrides);
    rn_bind_int(&q, ":now", rn_time_ms());
    if (!rn_query_run(&q, err))
        return false;
    q = rn_query_make(s, RN_SQL_EXPERIMENT_ID);
    rn_bind_text(&q, ":name", e->name);
    if (!rn_query_int(&q, &e->id, err))
        return false;
    q = rn_query_make(s, RN_SQL_UNLIST_VARIANTS);
    rn_bind_int(&q, ":experiment", e->id);
    if (!rn_query_run(&q, err))
        return false;
    for (size_t i = 0; i < e->n_variants; i++)
        if (!put_variant(s, e->id, &e->variant[i], (int64_t)i, err))
            return false;
    return true;
}

bool rn_store_experiment(rn_store *s, rn_row_experiment *e, rn_error *err)
{
    rn_arena arena = {0};
    int64_t spec;
    bool ok = rn_store_begin(s, err);
    if (ok) {
        ok = put_specs(s, e, &arena, &spec, err) && put_experiment(s, e, spec, err) &&
             rn_store_renew_verdicts(s, e->id, err);
        ok = rn_store_end(s, ok, err);
    }
    rn_arena_free(&arena);
    return ok;
}

bool rn_store_find_done(rn_store *s, const char *experiment, const char *variant, int64_t seed, const char *hash,
                        int64_t *run, rn_error *err)
{
    rn_query q = rn_query_make(s, RN_SQL_FIND_DONE);
    rn_bind_text(&q, ":experiment", experiment);
    rn_bind_text(&q, ":variant", variant);
    rn_bind_int(&q, ":seed", seed);
    rn_bind_text(&q, ":hash", hash);
    return rn_query_int(&q, run, err);
}
