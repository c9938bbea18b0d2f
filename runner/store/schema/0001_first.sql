-- The database of the runner, version 1. Released: a change is a new file beside this one, never an edit here.
--
-- Conventions. Times are milliseconds since 1970, UTC. Hashes are SHA-256 in lower-case hexadecimal. Paths are
-- relative to the folder of this file, so that the folder may move. SQLite stores NaN as NULL: where a column
-- says "NULL: not a number", the row is there, the number was not one. Infinities are stored as they are.
-- One row of `run` is one attempt at one variant × seed; `current_run` picks the one that counts.

PRAGMA application_id = 1380860994; -- "RNDB"

CREATE TABLE meta ( -- about the file itself
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE machine ( -- where runs ran; equal machines share a row
    id INTEGER PRIMARY KEY,
    fingerprint TEXT NOT NULL UNIQUE, -- hash of the other columns
    host TEXT NOT NULL,
    os TEXT,
    cpu TEXT,                         -- model name
    cpu_features TEXT,                -- what kernels may use, space-separated
    cpus INTEGER,                     -- hardware threads
    memory_bytes INTEGER,
    accelerator TEXT,                 -- NULL: none
    compiler TEXT,                    -- that built the runner
    libraries TEXT                    -- BLAS and others, with their versions
);

CREATE TABLE spec ( -- experiment files as they were given, each text once
    id INTEGER PRIMARY KEY,
    sha256 TEXT NOT NULL,
    path TEXT NOT NULL,
    text TEXT NOT NULL,
    base_id INTEGER REFERENCES spec (id), -- the file it inherits from
    created_ms INTEGER NOT NULL
);
CREATE UNIQUE INDEX spec_once ON spec (sha256, path, ifnull(base_id, 0));

CREATE TABLE experiment (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE CHECK (name <> ''),
    question TEXT,
    spec_id INTEGER REFERENCES spec (id), -- the file as it ran last
    overrides TEXT,                       -- --set options of the last time, one a line
    note TEXT,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL
);

CREATE TABLE variant ( -- one arm of an experiment
    id INTEGER PRIMARY KEY,
    experiment_id INTEGER NOT NULL REFERENCES experiment (id) ON DELETE CASCADE,
    name TEXT NOT NULL CHECK (name <> ''),
    hash TEXT NOT NULL,              -- of the resolved spec that the experiment asked for last; views show runs of this hash
    position INTEGER,                -- order in the file; NULL: the file as it ran last no longer has it
    is_baseline INTEGER NOT NULL DEFAULT 0 CHECK (is_baseline IN (0, 1)),
    differs TEXT,                    -- what differs from the baseline
    resolved TEXT,                   -- the resolved spec
    note TEXT,
    created_ms INTEGER NOT NULL,
    UNIQUE (experiment_id, name)
);
CREATE UNIQUE INDEX one_baseline ON variant (experiment_id) WHERE is_baseline = 1;

CREATE TABLE plan ( -- kernels chosen for each node, with versions and settings; equal plans share a row
    id INTEGER PRIMARY KEY,
    sha256 TEXT NOT NULL UNIQUE,
    text TEXT NOT NULL
);

CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE,        -- 32 hexadecimal digits; survives merging of files
    variant_id INTEGER NOT NULL REFERENCES variant (id) ON DELETE CASCADE,
    seed INTEGER NOT NULL,
    hash TEXT NOT NULL,              -- of the resolved spec that ran
    attempt INTEGER NOT NULL DEFAULT 1 CHECK (attempt >= 1),
    status TEXT NOT NULL CHECK (status IN ('queued', 'running', 'done', 'failed', 'interrupted', 'lost', 'pruned', 'skipped')),
    priority INTEGER NOT NULL DEFAULT 0,
    step INTEGER NOT NULL DEFAULT 0 CHECK (step >= 0), -- steps taken, as far as is known
    total_steps INTEGER,             -- asked for; NULL: the budget is not in steps
    images INTEGER,                  -- seen in training
    flop REAL,                       -- spent in training
    seconds REAL,                    -- of work, over all resumptions
    error TEXT,                      -- why it failed
    exit_code INTEGER,
    out_dir TEXT,                    -- its folder
    resumed_from_step INTEGER,       -- NULL: never resumed
    spec_id INTEGER REFERENCES spec (id),
    plan_id INTEGER REFERENCES plan (id),
    machine_id INTEGER REFERENCES machine (id),
    runner_version TEXT,
    command TEXT,                    -- command line
    threads INTEGER,
    deterministic INTEGER CHECK (deterministic IN (0, 1)),
    -- who is at it: a process is named by host, boot, pid space, number and start, since numbers come again
    host TEXT,
    boot_id TEXT,
    pid_space INTEGER,
    pid INTEGER,
    pid_start INTEGER,
    lease_until_ms INTEGER,          -- renewed with every write; counts where the process cannot be looked at
    created_ms INTEGER NOT NULL,
    started_ms INTEGER,
    ended_ms INTEGER,
    UNIQUE (variant_id, seed, hash, attempt)
);
CREATE INDEX run_by_status ON run (status);

CREATE TABLE parameter ( -- every resolved value of a run, by its path in the spec
    run_id INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    path TEXT NOT NULL,
    number REAL,                     -- NULL where the value is none
    text TEXT NOT NULL,              -- as YAML
    origin TEXT NOT NULL,            -- "default", or file:line:column
    PRIMARY KEY (run_id, path)
) WITHOUT ROWID;

CREATE TABLE plugin ( -- shared objects, each content once
    id INTEGER PRIMARY KEY,
    sha256 TEXT NOT NULL,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    licence TEXT,
    abi INTEGER,
    path TEXT NOT NULL,              -- where it was first seen
    UNIQUE (sha256, name)
);

CREATE TABLE run_plugin ( -- which plugins a run had loaded
    run_id INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    plugin_id INTEGER NOT NULL REFERENCES plugin (id),
    offers TEXT,                     -- kinds and names that the run took from it
    max_error REAL,                  -- of its kernels against the reference; NULL: not checked
    PRIMARY KEY (run_id, plugin_id)
) WITHOUT ROWID;

CREATE TABLE metric_key ( -- names of what is measured
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE CHECK (name <> ''),
    unit TEXT,
    better TEXT NOT NULL DEFAULT 'none' CHECK (better IN ('min', 'max', 'none')),
    doc TEXT
);

CREATE TABLE metric ( -- what is logged while training: 32 bytes a row, keyed by integers
    run_id INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    key_id INTEGER NOT NULL REFERENCES metric_key (id),
    step INTEGER NOT NULL,
    value REAL,                      -- NULL: not a number
    time_ms INTEGER NOT NULL,
    PRIMARY KEY (run_id, key_id, step)
) WITHOUT ROWID;

CREATE TABLE score ( -- what samples are worth
    id INTEGER PRIMARY KEY,
    run_id INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    step INTEGER NOT NULL,
    metric_id INTEGER NOT NULL REFERENCES metric_key (id),
    features TEXT NOT NULL DEFAULT '', -- '': the metric takes images
    setting TEXT NOT NULL DEFAULT '',  -- '': as `evaluate:` says; otherwise how it differs ("steps=10")
    value REAL,                        -- NULL: not a number
    low REAL,                          -- 95 % interval of this one value; NULL: none
    high REAL,
    floor REAL,                        -- the same score of two halves of the real set; NULL: none
    n INTEGER NOT NULL,                -- samples
    dims INTEGER,                      -- of the features
    n_reference INTEGER,
    extractor_hash TEXT,
    reference_hash TEXT,
    weights TEXT NOT NULL DEFAULT 'ema',
    note TEXT,
    seconds REAL,
    created_ms INTEGER NOT NULL,
    UNIQUE (run_id, metric_id, features, setting, step)
);
CREATE INDEX score_by_metric ON score (metric_id);

CREATE TABLE error_grid ( -- an error by logSNR and scale: where a change helps
    run_id INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    what TEXT NOT NULL,              -- 'x0': mean square error of x̂ on held-out images; 'loss': the training loss
    step INTEGER NOT NULL,
    scale INTEGER NOT NULL CHECK (scale >= 1), -- pooling factor; 1: full size
    bin INTEGER NOT NULL,
    logsnr REAL NOT NULL,            -- of the bin (its middle)
    width REAL NOT NULL DEFAULT 0,   -- of the bin; 0: exactly at logsnr
    n INTEGER NOT NULL,              -- images
    mean REAL,                       -- NULL: not a number
    sd REAL,                         -- over images; NULL: unknown
    PRIMARY KEY (run_id, what, step, scale, bin)
) WITHOUT ROWID;

CREATE TABLE sample ( -- sheets and single images that were generated
    id INTEGER PRIMARY KEY,
    run_id INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    step INTEGER NOT NULL,
    path TEXT NOT NULL,
    width INTEGER NOT NULL,          -- pixels of the file
    height INTEGER NOT NULL,
    n INTEGER NOT NULL,              -- images in it
    setting TEXT NOT NULL DEFAULT '', -- as in score
    weights TEXT NOT NULL DEFAULT 'ema',
    noise_seed INTEGER,              -- equal for all variants
    thumbnail BLOB,                  -- a small PNG; NULL: none
    created_ms INTEGER NOT NULL,
    UNIQUE (run_id, path)
);

CREATE TABLE checkpoint ( -- from which a run can go on
    id INTEGER PRIMARY KEY,
    run_id INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    step INTEGER NOT NULL,
    kind TEXT NOT NULL,              -- 'latest', 'milestone', 'best', 'interrupt', 'final'
    path TEXT NOT NULL,
    bytes INTEGER,
    sha256 TEXT,
    created_ms INTEGER NOT NULL,
    deleted_ms INTEGER,              -- NULL: still there
    UNIQUE (run_id, path)
);

CREATE TABLE artifact ( -- any other file: weights, logs, reports, exports
    id INTEGER PRIMARY KEY,
    experiment_id INTEGER REFERENCES experiment (id) ON DELETE CASCADE,
    run_id INTEGER REFERENCES run (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    path TEXT NOT NULL,
    sha256 TEXT,
    bytes INTEGER,
    created_ms INTEGER NOT NULL,
    deleted_ms INTEGER,
    CHECK (experiment_id IS NOT NULL OR run_id IS NOT NULL)
);
CREATE UNIQUE INDEX artifact_of_run ON artifact (run_id, path) WHERE run_id IS NOT NULL;
CREATE INDEX artifact_of_experiment ON artifact (experiment_id);

CREATE TABLE event ( -- what happened, for people
    id INTEGER PRIMARY KEY,
    experiment_id INTEGER REFERENCES experiment (id) ON DELETE CASCADE,
    run_id INTEGER REFERENCES run (id) ON DELETE CASCADE, -- both NULL: about the file
    time_ms INTEGER NOT NULL,
    level TEXT NOT NULL CHECK (level IN ('debug', 'info', 'warning', 'error')),
    code TEXT NOT NULL,              -- a short word to select by
    step INTEGER,
    text TEXT NOT NULL
);
CREATE INDEX event_of_run ON event (run_id);
CREATE INDEX event_of_experiment ON event (experiment_id);

-- What the seeds say together. Written by the runner in the transaction that finishes a run (SQL has no Student
-- quantile), for all variants of the experiment, from the scores at the last step of the runs that count.
-- Differences are variant − baseline, paired by seed; intervals are Student's, 95 %; p is two-sided.
CREATE TABLE verdict (
    variant_id INTEGER NOT NULL REFERENCES variant (id) ON DELETE CASCADE,
    metric_id INTEGER NOT NULL REFERENCES metric_key (id),
    features TEXT NOT NULL,
    setting TEXT NOT NULL,
    method TEXT NOT NULL DEFAULT 'paired_t',
    n INTEGER NOT NULL,              -- seeds whose score is a number
    n_nan INTEGER NOT NULL,          -- seeds whose score is none
    mean REAL,                       -- over the n seeds
    sd REAL,                         -- sample standard deviation; NULL: fewer than two seeds
    low REAL,                        -- interval of the mean
    high REAL,
    baseline_id INTEGER REFERENCES variant (id) ON DELETE CASCADE, -- NULL: this is the baseline, or there is none
    n_pairs INTEGER NOT NULL,        -- seeds done in both
    n_unlike INTEGER NOT NULL,       -- seeds done in both, left out: other number of samples, extractor or reference
    difference REAL,                 -- mean over the pairs; NULL: no pair
    difference_sd REAL,              -- NULL: fewer than two pairs
    difference_low REAL,
    difference_high REAL,
    p REAL,
    p_adjusted REAL,                 -- for several comparisons; NULL: not asked for
    computed_ms INTEGER NOT NULL,
    PRIMARY KEY (variant_id, metric_id, features, setting, method)
) WITHOUT ROWID;
CREATE INDEX verdict_against ON verdict (baseline_id);

-- The run that counts of each variant and seed that the file asked for last: the newest that is done, else the newest.
CREATE VIEW current_run AS
SELECT e.id AS experiment_id, e.name AS experiment, v.name AS variant, v.position, v.is_baseline, r.*
FROM experiment e
JOIN variant v ON v.experiment_id = e.id AND v.position IS NOT NULL
JOIN run r ON r.variant_id = v.id AND r.hash = v.hash
WHERE r.id = (SELECT x.id FROM run x WHERE x.variant_id = r.variant_id AND x.seed = r.seed AND x.hash = r.hash
              ORDER BY x.status = 'done' DESC, x.attempt DESC LIMIT 1);

-- Everything that was ever begun, newest attempt first: what is done, what failed and why.
CREATE VIEW run_status AS
SELECT e.name AS experiment, v.name AS variant, r.seed, r.attempt, r.status, r.step, r.total_steps, r.seconds,
       r.images / nullif(r.seconds, 0) AS images_per_s, datetime(r.started_ms / 1000, 'unixepoch') AS started,
       datetime(r.ended_ms / 1000, 'unixepoch') AS ended, r.host, r.error, r.out_dir, r.hash,
       v.position IS NOT NULL AND r.hash = v.hash AS is_newest, r.id AS run_id
FROM run r
JOIN variant v ON v.id = r.variant_id
JOIN experiment e ON e.id = v.experiment_id
ORDER BY e.name, v.position IS NULL, v.position, r.seed, r.id DESC;

-- The scores of finished runs that count, each at its last step.
CREATE VIEW final_score AS
SELECT r.experiment_id, r.experiment, r.variant_id, r.variant, r.position, r.is_baseline, r.seed, r.id AS run_id,
       s.metric_id, k.name AS metric, k.better, s.features, s.setting, s.step, s.value, s.low, s.high, s.floor, s.n,
       s.dims, s.extractor_hash, s.reference_hash, s.weights, s.note, s.id AS score_id
FROM current_run r
JOIN score s ON s.run_id = r.id
JOIN metric_key k ON k.id = s.metric_id
WHERE r.status = 'done'
  AND s.step = (SELECT max(x.step) FROM score x WHERE x.run_id = s.run_id AND x.metric_id = s.metric_id
                AND x.features = s.features AND x.setting = s.setting);

-- The answer: each variant × metric × features with mean, spread, interval and the paired difference to the baseline.
CREATE VIEW ablation AS
SELECT e.name AS experiment, v.name AS variant, k.name AS metric, d.features, d.setting, v.is_baseline,
       d.n AS n_seeds, d.mean, d.sd, d.low, d.high,
       d.difference, d.difference_low, d.difference_high, d.p, d.n_pairs,
       d.n_nan, d.n_unlike, k.better, s.floor, s.n_samples, s.dims, s.note, v.position, v.hash
FROM verdict d
JOIN variant v ON v.id = d.variant_id AND v.position IS NOT NULL
JOIN experiment e ON e.id = v.experiment_id
JOIN metric_key k ON k.id = d.metric_id
LEFT JOIN (SELECT variant_id, metric_id, features, setting, avg(floor) AS floor, min(n) AS n_samples,
                  max(dims) AS dims, max(note) AS note
           FROM final_score GROUP BY variant_id, metric_id, features, setting) s
    ON s.variant_id = d.variant_id AND s.metric_id = d.metric_id AND s.features = d.features AND s.setting = d.setting
WHERE d.method = 'paired_t'
ORDER BY e.name, k.name, d.setting, d.features, v.position;

-- What was logged, of the runs that count (also of those that still run).
CREATE VIEW curve AS
SELECT r.experiment, r.variant, r.seed, k.name AS name, m.step, m.value, m.time_ms, k.unit, r.id AS run_id
FROM current_run r
JOIN metric m ON m.run_id = r.id
JOIN metric_key k ON k.id = m.key_id
ORDER BY r.experiment, r.position, r.seed, k.name, m.step;

-- Variants ranked by their mean, for each metric that says which way is better.
CREATE VIEW leaderboard AS
SELECT experiment, metric, features, setting,
       rank() OVER (PARTITION BY experiment, metric, features, setting
                    ORDER BY mean IS NULL, CASE better WHEN 'max' THEN -mean ELSE mean END) AS rank,
       variant, mean, sd, n_seeds, difference, p, better
FROM ablation
WHERE better <> 'none'
ORDER BY experiment, metric, setting, features, rank;

INSERT INTO meta VALUES ('format', 'runner results'), ('created_ms', CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER));

PRAGMA user_version = 1;
