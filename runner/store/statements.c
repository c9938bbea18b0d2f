#include "store/statements.h"

/* clang-format off */
const char *const rn_sql_text[RN_N_SQL] = {
    [RN_SQL_BEGIN] =
        "BEGIN IMMEDIATE",
    [RN_SQL_COMMIT] =
        "COMMIT",
    [RN_SQL_ROLLBACK] =
        "ROLLBACK",
    [RN_SQL_SAVE_COPY] =
        "VACUUM INTO :path",
    [RN_SQL_FIND_SPEC] =
        "SELECT id FROM spec WHERE sha256 = :sha256 AND path = :path AND ifnull(base_id, 0) = ifnull(:base, 0)",
    [RN_SQL_ADD_SPEC] =
        "INSERT INTO spec (sha256, path, text, base_id, created_ms) VALUES (:sha256, :path, :text, :base, :now)",
    [RN_SQL_PUT_EXPERIMENT] =
        "INSERT INTO experiment (name, question, spec_id, overrides, created_ms, updated_ms) "
        "VALUES (:name, :question, :spec, :overrides, :now, :now) "
        "ON CONFLICT (name) DO UPDATE SET question = excluded.question, spec_id = excluded.spec_id, "
        "overrides = excluded.overrides, updated_ms = excluded.updated_ms",
    [RN_SQL_EXPERIMENT_ID] =
        "SELECT id FROM experiment WHERE name = :name",
    [RN_SQL_UNLIST_VARIANTS] =
        "UPDATE variant SET position = NULL, is_baseline = 0 WHERE experiment_id = :experiment",
    [RN_SQL_PUT_VARIANT] =
        "INSERT INTO variant (experiment_id, name, hash, position, is_baseline, differs, resolved, created_ms) "
        "VALUES (:experiment, :name, :hash, :position, :is_baseline, :differs, :resolved, :now) "
        "ON CONFLICT (experiment_id, name) DO UPDATE SET hash = excluded.hash, position = excluded.position, "
        "is_baseline = excluded.is_baseline, differs = excluded.differs, resolved = excluded.resolved",
    [RN_SQL_VARIANT_ID] =
        "SELECT id FROM variant WHERE experiment_id = :experiment AND name = :name",
    [RN_SQL_FIND_DONE] =
        "SELECT r.id FROM run r JOIN variant v ON v.id = r.variant_id JOIN experiment e ON e.id = v.experiment_id "
        "WHERE e.name = :experiment AND v.name = :variant AND r.seed = :seed AND r.hash = :hash AND r.status = 'done' "
        "ORDER BY r.attempt DESC LIMIT 1",
    [RN_SQL_RUNS_OF] =
        "SELECT id, status, attempt, host, boot_id, pid_space, pid, pid_start, lease_until_ms FROM run "
        "WHERE variant_id = :variant AND seed = :seed AND hash = :hash ORDER BY status = 'done' DESC, attempt DESC",
    [RN_SQL_RUNNING] =
        "SELECT id, host, boot_id, pid_space, pid, pid_start, lease_until_ms FROM run WHERE status = 'running'",
    [RN_SQL_RUN_LOST] =
        "UPDATE run SET status = 'lost', ended_ms = :now WHERE id = :run AND status = 'running'",
    [RN_SQL_FIND_PLAN] =
        "SELECT id FROM plan WHERE sha256 = :sha256",
    [RN_SQL_ADD_PLAN] =
        "INSERT INTO plan (sha256, text) VALUES (:sha256, :text)",
    [RN_SQL_FIND_MACHINE] =
        "SELECT id FROM machine WHERE fingerprint = :fingerprint",
    [RN_SQL_ADD_MACHINE] =
        "INSERT INTO machine (fingerprint, host, os, cpu, cpu_features, cpus, memory_bytes, accelerator, compiler, libraries) "
        "VALUES (:fingerprint, :host, :os, :cpu, :cpu_features, :cpus, :memory_bytes, :accelerator, :compiler, :libraries)",
    [RN_SQL_ADD_RUN] =
        "INSERT INTO run (uid, variant_id, seed, hash, training_hash, attempt, status, total_steps, out_dir, spec_id, plan_id, "
        "machine_id, runner_version, command, threads, deterministic, host, boot_id, pid_space, pid, pid_start, lease_until_ms, "
        "created_ms, started_ms) "
        "SELECT lower(hex(randomblob(16))), v.id, :seed, :hash, :training_hash, :attempt, 'running', :total_steps, :out_dir, e.spec_id, :plan, "
        ":machine, :runner_version, :command, :threads, :deterministic, :host, :boot_id, :pid_space, :pid, :pid_start, :lease, "
        ":now, :now FROM variant v JOIN experiment e ON e.id = v.experiment_id WHERE v.id = :variant",
    [RN_SQL_FIND_WEIGHTS] =
        "SELECT r.id, r.step, v.name AS variant, e.name AS experiment, m.path AS model, m.sha256 AS model_sha256, "
        "a.path AS average, a.sha256 AS average_sha256 "
        "FROM run r JOIN variant v ON v.id = r.variant_id JOIN experiment e ON e.id = v.experiment_id "
        "JOIN artifact m ON m.run_id = r.id AND m.kind = 'model' AND m.deleted_ms IS NULL "
        "LEFT JOIN artifact a ON a.run_id = r.id AND a.kind = 'ema' AND a.deleted_ms IS NULL "
        "WHERE r.training_hash = :training_hash AND r.seed = :seed AND r.status = 'done' ORDER BY r.id DESC LIMIT 1",
    [RN_SQL_WEIGHTS_FROM] =
        "UPDATE run SET weights_from = :from WHERE id = :run",
    [RN_SQL_RUN_ALIVE] =
        "UPDATE run SET step = max(step, :step), lease_until_ms = :lease WHERE id = :run AND status = 'running'",
    [RN_SQL_FINISH_RUN] =
        "UPDATE run SET status = :status, error = :error, seconds = :seconds, flop = :flop, step = :steps, images = :images, "
        "lease_until_ms = NULL, ended_ms = :now WHERE id = :run",
    [RN_SQL_EXPERIMENT_OF_RUN] =
        "SELECT v.experiment_id FROM run r JOIN variant v ON v.id = r.variant_id WHERE r.id = :run",
    [RN_SQL_PUT_PARAMETER] =
        "INSERT INTO parameter (run_id, path, number, text, origin) VALUES (:run, :path, :number, :text, :origin) "
        "ON CONFLICT (run_id, path) DO UPDATE SET number = excluded.number, text = excluded.text, origin = excluded.origin",
    [RN_SQL_FIND_PLUGIN] =
        "SELECT id FROM plugin WHERE sha256 = :sha256 AND name = :name",
    [RN_SQL_ADD_PLUGIN] =
        "INSERT INTO plugin (sha256, name, version, licence, abi, path) "
        "VALUES (:sha256, :name, :version, :licence, :abi, :path)",
    [RN_SQL_PUT_RUN_PLUGIN] =
        "INSERT INTO run_plugin (run_id, plugin_id, offers, max_error) VALUES (:run, :plugin, :offers, :max_error) "
        "ON CONFLICT (run_id, plugin_id) DO UPDATE SET offers = excluded.offers, max_error = excluded.max_error",
    [RN_SQL_FIND_KEY] =
        "SELECT id FROM metric_key WHERE name = :name",
    [RN_SQL_PUT_KEY] =
        "INSERT INTO metric_key (name, unit, better, doc) VALUES (:name, :unit, ifnull(:better, 'none'), :doc) "
        "ON CONFLICT (name) DO UPDATE SET unit = ifnull(excluded.unit, unit), better = ifnull(:better, better), "
        "doc = ifnull(excluded.doc, doc)",
    [RN_SQL_PUT_METRIC] =
        "INSERT INTO metric (run_id, key_id, step, value, time_ms) VALUES (:run, :key, :step, :value, :time) "
        "ON CONFLICT (run_id, key_id, step) DO UPDATE SET value = excluded.value, time_ms = excluded.time_ms",
    [RN_SQL_PUT_SCORE] =
        "INSERT INTO score (run_id, step, metric_id, features, setting, value, low, high, floor, n, dims, n_reference, "
        "extractor_hash, reference_hash, weights, note, seconds, created_ms) "
        "VALUES (:run, :step, :metric, :features, :setting, :value, :low, :high, :floor, :n, :dims, :n_reference, "
        ":extractor_hash, :reference_hash, :weights, :note, :seconds, :now) "
        "ON CONFLICT (run_id, metric_id, features, setting, step) DO UPDATE SET value = excluded.value, low = excluded.low, "
        "high = excluded.high, floor = excluded.floor, n = excluded.n, dims = excluded.dims, n_reference = excluded.n_reference, "
        "extractor_hash = excluded.extractor_hash, reference_hash = excluded.reference_hash, weights = excluded.weights, "
        "note = excluded.note, seconds = excluded.seconds, created_ms = excluded.created_ms",
    [RN_SQL_PUT_ERROR] =
        "INSERT INTO error_grid (run_id, what, step, scale, bin, logsnr, width, n, mean, sd) "
        "VALUES (:run, :what, :step, :scale, :bin, :logsnr, :width, :n, :mean, :sd) "
        "ON CONFLICT (run_id, what, step, scale, bin) DO UPDATE SET logsnr = excluded.logsnr, width = excluded.width, "
        "n = excluded.n, mean = excluded.mean, sd = excluded.sd",
    [RN_SQL_PUT_SAMPLE] =
        "INSERT INTO sample (run_id, step, path, width, height, n, setting, weights, noise_seed, thumbnail, created_ms) "
        "VALUES (:run, :step, :path, :width, :height, :n, :setting, :weights, :noise_seed, :thumbnail, :now) "
        "ON CONFLICT (run_id, path) DO UPDATE SET step = excluded.step, width = excluded.width, height = excluded.height, "
        "n = excluded.n, setting = excluded.setting, weights = excluded.weights, noise_seed = excluded.noise_seed, "
        "thumbnail = excluded.thumbnail, created_ms = excluded.created_ms",
    [RN_SQL_DROP_ARTIFACT] =
        "DELETE FROM artifact WHERE path = :path AND run_id IS :run AND experiment_id IS :experiment",
    [RN_SQL_ADD_ARTIFACT] =
        "INSERT INTO artifact (experiment_id, run_id, kind, path, sha256, bytes, created_ms) "
        "VALUES (:experiment, :run, :kind, :path, :sha256, :bytes, :now)",
    [RN_SQL_ADD_EVENT] =
        "INSERT INTO event (run_id, time_ms, level, code, step, text) "
        "VALUES (:run, :now, :level, :code, :step, :text)",
    [RN_SQL_EVENT_OF_FILE] =
        "SELECT count(*) FROM event WHERE run_id IS NULL AND experiment_id IS NULL AND code = :code AND text = :text",
    [RN_SQL_DROP_VERDICTS] =
        "DELETE FROM verdict WHERE variant_id IN (SELECT id FROM variant WHERE experiment_id = :experiment)",
    [RN_SQL_FINAL_SCORES] =
        "SELECT metric_id, features, setting, variant_id, is_baseline, seed, value, n, ifnull(dims, 0) AS dims, "
        "ifnull(extractor_hash, '') AS extractor_hash, ifnull(reference_hash, '') AS reference_hash "
        "FROM final_score WHERE experiment_id = :experiment "
        "ORDER BY metric_id, features, setting, is_baseline DESC, position, seed",
    [RN_SQL_ADD_VERDICT] =
        "INSERT INTO verdict (variant_id, metric_id, features, setting, n, n_nan, mean, sd, low, high, baseline_id, n_pairs, "
        "n_unlike, difference, difference_sd, difference_low, difference_high, p, computed_ms) "
        "VALUES (:variant, :metric, :features, :setting, :n, :n_nan, :mean, :sd, :low, :high, :baseline, :n_pairs, "
        ":n_unlike, :difference, :difference_sd, :difference_low, :difference_high, :p, :now)",
    [RN_SQL_ABLATION] =
        "SELECT * FROM ablation WHERE experiment = :experiment ORDER BY metric, setting, position, features",
    [RN_SQL_STATUS] =
        "SELECT variant, seed, status, error, out_dir, is_baseline, step, total_steps, attempt, position, seconds "
        "FROM current_run WHERE experiment = :experiment ORDER BY position, seed",
    [RN_SQL_VARIANTS] =
        "SELECT v.id, v.name, v.hash, v.is_baseline, v.differs, v.resolved FROM variant v "
        "JOIN experiment e ON e.id = v.experiment_id "
        "WHERE e.name = :experiment AND v.position IS NOT NULL ORDER BY v.position",
    [RN_SQL_LIST] =
        "SELECT e.id, e.name, e.question, count(DISTINCT v.id) AS variants, count(c.id) FILTER (WHERE c.status = 'done') AS done, "
        "count(c.id) FILTER (WHERE c.status <> 'done') AS unfinished, "
        "(SELECT count(*) FROM run r JOIN variant w ON w.id = r.variant_id WHERE w.experiment_id = e.id AND r.status = 'done' "
        "AND (w.position IS NULL OR r.hash <> w.hash)) AS done_before "
        "FROM experiment e LEFT JOIN variant v ON v.experiment_id = e.id AND v.position IS NOT NULL "
        "LEFT JOIN current_run c ON c.variant_id = v.id GROUP BY e.id ORDER BY e.name",
    [RN_SQL_DROP_SNR] =
        "DELETE FROM snr_measurement WHERE experiment = :experiment AND data_hash = :data_hash AND noise_seed = :noise_seed",
    [RN_SQL_ADD_SNR_MEASUREMENT] =
        "INSERT INTO snr_measurement (experiment, data, data_hash, height, width, n, noise_seed, runner_version, created_ms) "
        "VALUES (:experiment, :data, :data_hash, :height, :width, :n, :noise_seed, :runner_version, :now)",
    [RN_SQL_ADD_SNR] =
        "INSERT INTO snr (measurement_id, variant, reference_px, t, schedule, logsnr, logsnr_pooled, logsnr_reference, factor, alpha, "
        "noise_variance, noise_variance_pooled, snr, snr_pooled, signal_variance, signal_variance_pooled, power_snr, power_snr_pooled) "
        "VALUES (:measurement, :variant, :reference, :t, :schedule, :logsnr, :logsnr_pooled, :logsnr_reference, :factor, :alpha, "
        ":noise_variance, :noise_variance_pooled, :snr, :snr_pooled, :signal_variance, :signal_variance_pooled, :power_snr, "
        ":power_snr_pooled)",
    [RN_SQL_ADD_SNR_SHEET] =
        "INSERT INTO snr_sheet (measurement_id, reference_px, path, width, height) VALUES (:measurement, :reference, :path, :width, "
        ":height)",
    [RN_SQL_SHOWN_RUNS] =
        "SELECT r.id, e.name AS experiment, v.name AS variant, r.seed, r.hash, r.attempt, r.status, r.error, r.step, r.total_steps, "
        "r.images, r.flop, r.seconds, r.threads, r.out_dir, r.host, m.cpu, r.runner_version, v.differs, v.is_baseline, "
        "(SELECT w.out_dir FROM run w WHERE w.id = r.weights_from) AS weights_folder, "
        "datetime(r.started_ms / 1000, 'unixepoch') AS started, v.position IS NOT NULL AND r.hash = v.hash AS is_newest, "
        "ifnull((SELECT c.id FROM current_run c WHERE c.experiment_id = e.id AND c.is_baseline = 1 AND c.seed = r.seed), 0) AS baseline "
        "FROM run r JOIN variant v ON v.id = r.variant_id JOIN experiment e ON e.id = v.experiment_id "
        "LEFT JOIN machine m ON m.id = r.machine_id "
        "WHERE (:experiment IS NULL OR e.name = :experiment) AND (:variant IS NULL OR v.name = :variant) "
        "AND (:seed IS NULL OR r.seed = :seed) AND (:out_dir IS NULL OR r.out_dir = :out_dir) "
        "ORDER BY is_newest DESC, r.status = 'done' DESC, r.attempt DESC, r.id DESC",
    [RN_SQL_SHOWN_PARAMETERS] =
        "SELECT a.path, a.text, b.text AS baseline FROM parameter a LEFT JOIN parameter b ON b.run_id = :baseline AND b.path = a.path "
        "WHERE a.run_id = :run AND a.text IS NOT b.text AND (b.path IS NOT NULL OR a.origin <> 'default') "
        "UNION ALL SELECT b.path, NULL, b.text FROM parameter b LEFT JOIN parameter a ON a.run_id = :run AND a.path = b.path "
        "WHERE b.run_id = :baseline AND a.path IS NULL AND b.origin <> 'default' ORDER BY 1",
    [RN_SQL_SHOWN_SCORES] =
        "SELECT k.name AS metric, k.better, s.features, s.setting, s.value, s.floor, s.n, ifnull(s.dims, 0) AS dims, s.note, "
        "b.value AS baseline FROM score s JOIN metric_key k ON k.id = s.metric_id "
        "LEFT JOIN final_score b ON b.run_id = :baseline AND b.metric_id = s.metric_id AND b.features = s.features "
        "AND b.setting = s.setting AND b.n = s.n AND b.extractor_hash IS s.extractor_hash AND b.reference_hash IS s.reference_hash "
        "WHERE s.run_id = :run AND s.step = (SELECT max(x.step) FROM score x WHERE x.run_id = s.run_id AND x.metric_id = s.metric_id "
        "AND x.features = s.features AND x.setting = s.setting) ORDER BY metric, s.setting, s.features",
    [RN_SQL_SHOWN_CURVE] =
        "SELECT k.name, min(m.step) AS first, max(m.step) AS last, avg(m.value) AS value FROM metric m JOIN metric_key k ON k.id = m.key_id "
        "WHERE m.run_id = :run GROUP BY k.name, (m.step - 1) * :stretches / (SELECT max(1, max(step)) FROM metric WHERE run_id = :run) "
        "ORDER BY k.name, first",
    [RN_SQL_SHOWN_EVENTS] =
        "SELECT level, code, ifnull(step, 0) AS step, text FROM event WHERE run_id = :run ORDER BY id",
    [RN_SQL_SHOWN_ERRORS] =
        "SELECT g.scale, g.bin, g.logsnr, g.n, g.mean, g.sd, b.mean AS baseline FROM error_grid g "
        "LEFT JOIN error_grid b ON b.run_id = :baseline AND b.what = g.what AND b.scale = g.scale AND b.bin = g.bin "
        "AND b.step = (SELECT max(step) FROM error_grid WHERE run_id = :baseline AND what = :what) "
        "WHERE g.run_id = :run AND g.what = :what AND g.step = (SELECT max(step) FROM error_grid WHERE run_id = :run AND what = :what) "
        "ORDER BY g.scale, g.bin",
    [RN_SQL_FINAL_ERRORS] =
        "SELECT variant, is_baseline, seed, scale, bin, logsnr, n, mean, sd FROM final_error "
        "WHERE experiment = :experiment AND what = :what ORDER BY position, seed, scale, bin",
};
