/* Runs: who may begin one, how it ends, and those whose process is gone. */
#include "store/connection.h"
#include "base/file.h"

#include <stdio.h>
#include <string.h>

/* ---------------------------------------------------------------- who is at it */
static bool process_lives(const rn_store *s, const rn_query *q)
{
    rn_process p = {.pid_space = rn_column_int(q, "pid_space"), .pid = rn_column_int(q, "pid"),
                    .start = rn_column_int(q, "pid_start")};
    rn_arena arena = {0};
    const char *host = rn_column_text(q, "host", &arena), *boot = rn_column_text(q, "boot_id", &arena);
    snprintf(p.host, sizeof p.host, "%s", host ? host : "");
    snprintf(p.boot_id, sizeof p.boot_id, "%s", boot ? boot : "");
    rn_arena_free(&arena);
    switch (rn_process_fate(&p, &s->self)) {
    case RN_ALIVE:
        return true;
    case RN_GONE:
        return false;
    case RN_OUT_OF_SIGHT:
        break;
    }
    return rn_column_int(q, "lease_until_ms") > rn_time_ms();
}

static bool mark_lost(rn_store *s, int64_t run, rn_error *err)
{
    rn_query q = rn_query_make(s, RN_SQL_RUN_LOST);
    rn_bind_int(&q, ":run", run);
    rn_bind_int(&q, ":now", rn_time_ms());
    return rn_query_run(&q, err) &&
           rn_store_put_event(s, run, "warning", "lost", 0, "its process is gone without having said how it ended", err);
}

bool rn_store_mark_lost(rn_store *s, rn_error *err)
{
    enum { AT_ONCE = 256 }; /* found first, marked then: a table is not changed while it is read */
    int64_t lost[AT_ONCE];
    int n = 0;
    bool row = true;
    rn_query q = rn_query_make(s, RN_SQL_RUNNING);
    while (n < AT_ONCE) {
        if (!rn_query_next(&q, &row, err))
            return false;
        if (!row)
            break;
        if (!process_lives(s, &q))
            lost[n++] = rn_column_int(&q, "id");
    }
    rn_query_end(&q);
    for (int i = 0; i < n; i++)
        if (!mark_lost(s, lost[i], err))
            return false;
    if (n == AT_ONCE)
        return rn_store_mark_lost(s, err);
    return true;
}

/* ---------------------------------------------------------------- begin */
/* How the earlier attempts stand. Our own process cannot be at the same run twice: what it left is lost. */
static bool find_attempts(rn_store *s, const rn_row_run *r, rn_claim *claim, int64_t *run, int64_t *attempt,
                          int64_t *left, rn_error *err)
{
    rn_query q = rn_query_make(s, RN_SQL_RUNS_OF);
    rn_bind_int(&q, ":variant", r->variant);
    rn_bind_int(&q, ":seed", r->seed);
    rn_bind_text(&q, ":hash", r->hash);
    *claim = RN_CLAIM_BEGUN;
    *attempt = 1;
    *left = 0;
    for (bool row;;) {
        if (!rn_query_next(&q, &row, err))
            return false;
        if (!row)
            return true;
        const char *status = (const char *)sqlite3_column_text(q.statement, 1);
        const int64_t id = rn_column_int(&q, "id"), number = rn_column_int(&q, "attempt");
        *attempt = number >= *attempt ? number + 1 : *attempt;
        if (*claim != RN_CLAIM_BEGUN || !status)
            continue;
        if (strcmp(status, "done") == 0) {
            *claim = RN_CLAIM_DONE;
            *run = id;
        } else if (strcmp(status, "running") == 0) {
            const bool ours =
                rn_column_int(&q, "pid") == s->self.pid && rn_column_int(&q, "pid_start") == s->self.start;
            if (!ours && process_lives(s, &q)) {
                *claim = RN_CLAIM_TAKEN;
                *run = id;
            } else {
                *left = id;
            }
        }
    }
}

static void hash_of(const char *const *text, size_t n, char digits[65])
{
    uint8_t digest[32];
    rn_sha256 h;
    rn_sha256_begin(&h);
    for (size_t i = 0; i < n; i++)
        rn_sha256_add(&h, text[i] ? text[i] : "", text[i] ? strlen(text[i]) + 1 : 1);
    rn_sha256_end(&h, digest);
    rn_hex(digest, 32, digits);
}

static bool put_plan(rn_store *s, const char *text, int64_t *id, rn_error *err)
{
    char sha256[65];
    *id = 0;
    if (!text)
        return true;
    hash_of(&text, 1, sha256);
    rn_query q = rn_query_make(s, RN_SQL_FIND_PLAN);
    rn_bind_text(&q, ":sha256", sha256);
    if (!rn_query_int(&q, id, err) || *id)
        return *id != 0;
    q = rn_query_make(s, RN_SQL_ADD_PLAN);
    rn_bind_text(&q, ":sha256", sha256);
    rn_bind_text(&q, ":text", text);
    if (!rn_query_run(&q, err))
        return false;
    *id = sqlite3_last_insert_rowid(s->db);
    return true;
}

static bool put_machine(rn_store *s, const rn_row_machine *m, int64_t *id, rn_error *err)
{
    char numbers[64], fingerprint[65];
    const char *host = m->host ? m->host : s->self.host;
    snprintf(numbers, sizeof numbers, "%" PRId64 " %" PRId64, m->cpus, m->memory_bytes);
    const char *const all[] = {host, m->os, m->cpu, m->cpu_features, m->accelerator, m->compiler, m->libraries, numbers};
    hash_of(all, sizeof all / sizeof *all, fingerprint);
    rn_query q = rn_query_make(s, RN_SQL_FIND_MACHINE);
    rn_bind_text(&q, ":fingerprint", fingerprint);
    if (!rn_query_int(&q, id, err) || *id)
        return *id != 0;
    q = rn_query_make(s, RN_SQL_ADD_MACHINE);
    rn_bind_text(&q, ":fingerprint", fingerprint);
    rn_bind_text(&q, ":host", host);
    rn_bind_text(&q, ":os", m->os);
    rn_bind_text(&q, ":cpu", m->cpu);
    rn_bind_text(&q, ":cpu_features", m->cpu_features);
    rn_bind_some(&q, ":cpus", m->cpus);
    rn_bind_some(&q, ":memory_bytes", m->memory_bytes);
    rn_bind_text(&q, ":accelerator", m->accelerator);
    rn_bind_text(&q, ":compiler", m->compiler);
    rn_bind_text(&q, ":libraries", m->libraries);
    if (!rn_query_run(&q, err))
        return false;
    *id = sqlite3_last_insert_rowid(s->db);
    return true;
}

static bool add_run(rn_store *s, const rn_row_run *r, int64_t attempt, int64_t *run, rn_error *err)
{
    rn_arena arena = {0};
    int64_t plan = 0, machine = 0;
    const int64_t now = rn_time_ms();
    bool ok = put_plan(s, r->plan, &plan, err) && put_machine(s, &r->machine, &machine, err);
    if (ok) {
        rn_query q = rn_query_make(s, RN_SQL_ADD_RUN);
        rn_bind_int(&q, ":variant", r->variant);
        rn_bind_int(&q, ":seed", r->seed);
        rn_bind_text(&q, ":hash", r->hash);
        rn_bind_text(&q, ":training_hash", r->training_hash);
        rn_bind_int(&q, ":attempt", attempt);
        rn_bind_some(&q, ":total_steps", r->total_steps);
        rn_bind_text(&q, ":out_dir", rn_store_relative(s, r->out_dir, &arena));
        rn_bind_some(&q, ":plan", plan);
        rn_bind_some(&q, ":machine", machine);
        rn_bind_text(&q, ":runner_version", r->runner_version);
        rn_bind_text(&q, ":command", r->command);
        rn_bind_some(&q, ":threads", r->threads);
        rn_bind_int(&q, ":deterministic", r->deterministic);
        rn_bind_text(&q, ":host", s->self.host);
        rn_bind_text(&q, ":boot_id", s->self.boot_id);
        rn_bind_int(&q, ":pid_space", s->self.pid_space);
        rn_bind_int(&q, ":pid", s->self.pid);
        rn_bind_int(&q, ":pid_start", s->self.start);
        rn_bind_int(&q, ":lease", now + RN_LEASE_MS);
        rn_bind_int(&q, ":now", now);
        ok = rn_query_run(&q, err);
    }
    if (ok && sqlite3_changes(s->db) != 1)
        ok = rn_fail(err, RN_EINTERNAL, "database '%s' has no variant number %" PRId64, s->path, r->variant);
    if (ok)
        *run = sqlite3_last_insert_rowid(s->db);
    rn_arena_free(&arena);
    return ok;
}

bool rn_store_run_begin(rn_store *s, const rn_row_run *r, rn_claim *claim, int64_t *run, rn_error *err)
{
    int64_t attempt, left, id = 0;
    rn_claim found;
    if (!rn_store_begin(s, err))
        return false;
    bool ok = find_attempts(s, r, &found, &id, &attempt, &left, err);
    if (ok && left)
        ok = mark_lost(s, left, err);
    if (ok && found == RN_CLAIM_BEGUN)
        ok = add_run(s, r, attempt, &id, err);
    if (!rn_store_end(s, ok, err))
        return false;
    *claim = found;
    *run = id;
    return true;
}

/* ---------------------------------------------------------------- what it is made of */
bool rn_store_parameters(rn_store *s, int64_t run, const rn_row_parameter *row, size_t n, rn_error *err)
{
    if (!rn_store_begin(s, err))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++) {
        rn_query q = rn_query_make(s, RN_SQL_PUT_PARAMETER);
        rn_bind_int(&q, ":run", run);
        rn_bind_text(&q, ":path", row[i].path);
        rn_bind_real(&q, ":number", row[i].number);
        rn_bind_text(&q, ":text", row[i].text);
        rn_bind_text(&q, ":origin", row[i].origin);
        ok = rn_query_run(&q, err);
    }
    return rn_store_end(s, ok, err);
}

static bool put_plugin(rn_store *s, int64_t run, const rn_row_plugin *p, rn_error *err)
{
    int64_t id;
    rn_query q = rn_query_make(s, RN_SQL_FIND_PLUGIN);
    rn_bind_text(&q, ":sha256", p->sha256);
    rn_bind_text(&q, ":name", p->name);
    if (!rn_query_int(&q, &id, err))
        return false;
    if (!id) {
        q = rn_query_make(s, RN_SQL_ADD_PLUGIN);
        rn_bind_text(&q, ":sha256", p->sha256);
        rn_bind_text(&q, ":name", p->name);
        rn_bind_text(&q, ":version", p->version);
        rn_bind_text(&q, ":licence", p->licence);
        rn_bind_int(&q, ":abi", p->abi);
        rn_bind_text(&q, ":path", p->path);
        if (!rn_query_run(&q, err))
            return false;
        id = sqlite3_last_insert_rowid(s->db);
    }
    q = rn_query_make(s, RN_SQL_PUT_RUN_PLUGIN);
    rn_bind_int(&q, ":run", run);
    rn_bind_int(&q, ":plugin", id);
    rn_bind_text(&q, ":offers", p->offers);
    rn_bind_real(&q, ":max_error", p->max_error);
    return rn_query_run(&q, err);
}

bool rn_store_plugins(rn_store *s, int64_t run, const rn_row_plugin *row, size_t n, rn_error *err)
{
    rn_arena arena = {0};
    bool ok = rn_store_begin(s, err);
    if (ok) {
        for (size_t i = 0; ok && i < n; i++) {
            rn_row_plugin p = row[i];
            p.path = rn_store_relative(s, p.path, &arena);
            ok = put_plugin(s, run, &p, err);
        }
        ok = rn_store_end(s, ok, err);
    }
    rn_arena_free(&arena);
    return ok;
}

/* ---------------------------------------------------------------- end */
static const char *const status_words[] = {
    [RN_RUN_DONE] = "done", [RN_RUN_FAILED] = "failed", [RN_RUN_INTERRUPTED] = "interrupted"};

bool rn_store_run_finish(rn_store *s, int64_t run, const rn_row_finish *r, rn_error *err)
{
    if (!rn_store_begin(s, err))
        return false;
    rn_query q = rn_query_make(s, RN_SQL_FINISH_RUN);
    rn_bind_int(&q, ":run", run);
    rn_bind_text(&q, ":status", status_words[r->status]);
    rn_bind_text(&q, ":error", r->error);
    rn_bind_real(&q, ":seconds", r->seconds);
    rn_bind_real(&q, ":flop", r->flop);
    rn_bind_int(&q, ":steps", r->steps);
    rn_bind_int(&q, ":images", r->images);
    rn_bind_int(&q, ":now", rn_time_ms());
    int64_t experiment = 0;
    bool ok = rn_query_run(&q, err);
    if (ok) {
        q = rn_query_make(s, RN_SQL_EXPERIMENT_OF_RUN);
        rn_bind_int(&q, ":run", run);
        ok = rn_query_int(&q, &experiment, err) && rn_store_renew_verdicts(s, experiment, err);
    }
    return rn_store_end(s, ok, err);
}
