-- Version 3: variants that differ in `evaluate:` alone share trained weights. Released: a change is a new file beside this
-- one, never an edit here.

ALTER TABLE run ADD COLUMN training_hash TEXT; -- of the values that training depends on: all of the resolved spec but `evaluate`
ALTER TABLE run ADD COLUMN weights_from INTEGER REFERENCES run (id) ON DELETE SET NULL; -- the run that trained them; NULL: this one

CREATE INDEX run_by_training ON run (training_hash, seed);

PRAGMA user_version = 3;
