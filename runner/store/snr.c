/* What `runner snr` measured: one measurement with its numbers and figures, in one transaction. */
#include "store/connection.h"

static bool put_measurement(rn_store *s, const rn_row_snr_measurement *m, int64_t *id, rn_error *err)
{
    rn_query q = rn_query_make(s, RN_SQL_DROP_SNR);
    rn_bind_text(&q, ":experiment", m->experiment);
    rn_bind_text(&q, ":data_hash", m->data_hash);
    rn_bind_int(&q, ":noise_seed", m->noise_seed);
    if (!rn_query_run(&q, err))
        return false;
    q = rn_query_make(s, RN_SQL_ADD_SNR_MEASUREMENT);
    rn_bind_text(&q, ":experiment", m->experiment);
    rn_bind_text(&q, ":data", m->data);
    rn_bind_text(&q, ":data_hash", m->data_hash);
    rn_bind_int(&q, ":height", m->height);
    rn_bind_int(&q, ":width", m->width);
    rn_bind_int(&q, ":n", m->n);
    rn_bind_int(&q, ":noise_seed", m->noise_seed);
    rn_bind_text(&q, ":runner_version", m->runner_version);
    rn_bind_int(&q, ":now", rn_time_ms());
    if (!rn_query_run(&q, err))
        return false;
    *id = sqlite3_last_insert_rowid(s->db);
    return true;
}

static bool put_snr(rn_store *s, int64_t id, const rn_row_snr *r, rn_error *err)
{
    rn_query q = rn_query_make(s, RN_SQL_ADD_SNR);
    rn_bind_int(&q, ":measurement", id);
    rn_bind_text(&q, ":variant", r->variant);
    rn_bind_int(&q, ":reference", r->reference_px);
    rn_bind_real(&q, ":t", r->t);
    rn_bind_text(&q, ":schedule", r->schedule);
    rn_bind_real(&q, ":logsnr", r->logsnr);
    rn_bind_real(&q, ":logsnr_pooled", r->logsnr_pooled);
    rn_bind_real(&q, ":logsnr_reference", r->logsnr_reference);
    rn_bind_real(&q, ":factor", r->factor);
    rn_bind_real(&q, ":alpha", r->alpha);
    rn_bind_real(&q, ":noise_variance", r->noise_variance[0]);
    rn_bind_real(&q, ":noise_variance_pooled", r->noise_variance[1]);
    rn_bind_real(&q, ":snr", r->snr[0]);
    rn_bind_real(&q, ":snr_pooled", r->snr[1]);
    rn_bind_real(&q, ":signal_variance", r->signal_variance[0]);
    rn_bind_real(&q, ":signal_variance_pooled", r->signal_variance[1]);
    rn_bind_real(&q, ":power_snr", r->power_snr[0]);
    rn_bind_real(&q, ":power_snr_pooled", r->power_snr[1]);
    return rn_query_run(&q, err);
}

static bool put_sheet(rn_store *s, int64_t id, const rn_row_snr_sheet *r, rn_arena *arena, rn_error *err)
{
    rn_query q = rn_query_make(s, RN_SQL_ADD_SNR_SHEET);
    rn_bind_int(&q, ":measurement", id);
    rn_bind_int(&q, ":reference", r->reference_px);
    rn_bind_text(&q, ":path", rn_store_relative(s, r->path, arena));
    rn_bind_int(&q, ":width", r->width);
    rn_bind_int(&q, ":height", r->height);
    return rn_query_run(&q, err);
}

bool rn_store_snr(rn_store *s, const rn_row_snr_measurement *m, const rn_row_snr *row, size_t n, const rn_row_snr_sheet *sheet,
                  size_t n_sheets, rn_error *err)
{
    rn_arena arena = {0};
    int64_t id = 0;
    bool ok = rn_store_begin(s, err);
    if (ok) {
        ok = put_measurement(s, m, &id, err);
        for (size_t i = 0; ok && i < n; i++)
            ok = put_snr(s, id, &row[i], err);
        for (size_t i = 0; ok && i < n_sheets; i++)
            ok = put_sheet(s, id, &sheet[i], &arena, err);
        ok = rn_store_end(s, ok, err);
    }
    rn_arena_free(&arena);
    return ok;
}
