-- Version 2: what `runner snr` measured, and the error grid as a comparison of variants. Released: a change is a new
-- file beside this one, never an edit here.

CREATE TABLE snr_measurement ( -- one set of images, noised and pooled; measured again, the row and its numbers are replaced
    id INTEGER PRIMARY KEY,
    experiment TEXT NOT NULL,        -- by name: a measurement needs no run, so the experiment may have no row
    data TEXT NOT NULL,              -- type of the data set
    data_hash TEXT NOT NULL,         -- of what the images are: contents, crop, resolution, count
    height INTEGER NOT NULL,         -- pixels, before pooling
    width INTEGER NOT NULL,
    n INTEGER NOT NULL,              -- images
    noise_seed INTEGER NOT NULL,
    runner_version TEXT,
    created_ms INTEGER NOT NULL,
    UNIQUE (experiment, data_hash, noise_seed)
);

CREATE TABLE snr ( -- noise and signal of z = αx + σε at one t of a variant's schedule, before and after averaging s×s pixels
    measurement_id INTEGER NOT NULL REFERENCES snr_measurement (id) ON DELETE CASCADE,
    variant TEXT NOT NULL,
    reference_px INTEGER NOT NULL,   -- side after pooling; s = shorter side / reference_px
    t REAL NOT NULL,
    schedule TEXT NOT NULL,          -- the base curve and its shift, in words
    logsnr REAL NOT NULL,            -- λ(t) of the schedule = log(α²/σ²) before pooling
    logsnr_pooled REAL NOT NULL,     -- λ(t) + 2·log s: what the law predicts after pooling
    logsnr_reference REAL NOT NULL,  -- of the base curve without its shift: equal to logsnr_pooled where the shift aligns with reference_px
    factor REAL NOT NULL,            -- s², by which the law multiplies α²/σ²
    -- the law: averaging leaves α as it is and divides the noise variance by s²
    alpha REAL NOT NULL,
    noise_variance REAL NOT NULL,        -- measured before pooling: the mean square of z − αx; the schedule says σ²
    noise_variance_pooled REAL NOT NULL, -- measured after: of (pooled z) − α·(pooled x)
    snr REAL NOT NULL,                   -- α²/noise_variance
    snr_pooled REAL NOT NULL,            -- α²/noise_variance_pooled; snr_pooled / snr follows the law: s²
    -- the power SNR also asks how much signal is left: α²·Var(x)/σ². Averaging removes detail, so it grows by less than s²
    signal_variance REAL NOT NULL,        -- Var(x): of each image around its own mean, mean over images and channels
    signal_variance_pooled REAL NOT NULL, -- Var(pooled x)
    power_snr REAL NOT NULL,              -- α²·signal_variance/noise_variance
    power_snr_pooled REAL NOT NULL,       -- the same of the pooled ones
    PRIMARY KEY (measurement_id, variant, reference_px, t)
) WITHOUT ROWID;

CREATE TABLE snr_sheet ( -- the figures of a measurement
    measurement_id INTEGER NOT NULL REFERENCES snr_measurement (id) ON DELETE CASCADE,
    reference_px INTEGER NOT NULL,
    path TEXT NOT NULL,
    width INTEGER NOT NULL,          -- pixels of the file
    height INTEGER NOT NULL,
    PRIMARY KEY (measurement_id, reference_px)
) WITHOUT ROWID;

-- The newest measurement of each experiment and resolution, with the factors that are to be compared: predicted (s²), of α²/σ², and
-- of the power SNR.
CREATE VIEW snr_gain AS
SELECT m.experiment, s.variant, s.reference_px, s.t, s.logsnr, s.logsnr_pooled, s.logsnr_reference, s.factor AS predicted,
       s.snr_pooled / s.snr AS snr_gain, s.power_snr_pooled / s.power_snr AS power_snr_gain, s.noise_variance,
       s.noise_variance_pooled, m.n AS images, m.height, m.width, m.data, m.id AS measurement_id
FROM snr_measurement m
JOIN snr s ON s.measurement_id = m.id
WHERE m.id = (SELECT x.id FROM snr_measurement x WHERE x.experiment = m.experiment AND x.height = m.height AND x.width = m.width
              ORDER BY x.created_ms DESC, x.id DESC LIMIT 1)
ORDER BY m.experiment, s.reference_px, s.variant, s.t;

-- The error grid of the runs that count, each at its last step.
CREATE VIEW final_error AS
SELECT r.experiment, r.variant, r.position, r.is_baseline, r.seed, r.id AS run_id, g.what, g.scale, g.bin, g.logsnr, g.n,
       g.mean, g.sd
FROM current_run r
JOIN error_grid g ON g.run_id = r.id
WHERE r.status = 'done' AND g.step = (SELECT max(x.step) FROM error_grid x WHERE x.run_id = g.run_id AND x.what = g.what);

-- Why an arm wins: its error by logSNR and scale, and as a share of the baseline's, over the seeds that both have.
-- ratio < 1: the variant's error is the smaller one there.
CREATE VIEW error_comparison AS
SELECT v.experiment, v.variant, v.what, v.scale, v.logsnr, count(*) AS n_seeds, avg(v.mean) AS mean,
       avg(b.mean) AS baseline, avg(v.mean) / avg(b.mean) AS ratio, v.position
FROM final_error v
JOIN final_error b ON b.experiment = v.experiment AND b.is_baseline = 1 AND b.seed = v.seed AND b.what = v.what
    AND b.scale = v.scale AND b.bin = v.bin
GROUP BY v.experiment, v.variant, v.what, v.scale, v.bin
ORDER BY v.experiment, v.what, v.position, v.scale, v.bin;

PRAGMA user_version = 2;
