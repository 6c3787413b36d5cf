-- One row a grain; a row is replaced only by a higher (incarnation, sequence).
CREATE TABLE grain_state (
  kind        TEXT    NOT NULL,
  key         TEXT    NOT NULL,
  incarnation INTEGER NOT NULL,
  sequence    INTEGER NOT NULL,
  state       TEXT    NOT NULL,
  PRIMARY KEY (kind, key)
) WITHOUT ROWID;

-- Last batch of each process that ever wrote, so that a batch whose acknowledgement was lost is not stored twice.
CREATE TABLE writer (
  id    TEXT    NOT NULL PRIMARY KEY,
  batch INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE events (
  ordinal     INTEGER PRIMARY KEY AUTOINCREMENT,
  time_us     INTEGER NOT NULL, -- wall time, microseconds since 1970 UTC
  silo        TEXT    NOT NULL,
  kind        TEXT    NOT NULL,
  job         TEXT,
  node        TEXT,
  gpu         TEXT,
  timeline    INTEGER,
  generation  INTEGER,
  step        INTEGER,
  cause       TEXT,
  duration_ms REAL,
  text        TEXT    NOT NULL,
  numbers     TEXT              -- JSON object of numbers
);
CREATE INDEX events_by_job ON events (job, ordinal);

-- loss_bits and gradient_norm_bits are the IEEE 754 doubles themselves; the REAL columns are for people and lose NaN.
CREATE TABLE steps (
  ordinal            INTEGER PRIMARY KEY AUTOINCREMENT,
  job                TEXT    NOT NULL,
  timeline           INTEGER NOT NULL,
  step               INTEGER NOT NULL,
  generation         INTEGER NOT NULL,
  loss               REAL,
  loss_bits          INTEGER NOT NULL,
  gradient_norm      REAL,
  gradient_norm_bits INTEGER NOT NULL,
  milliseconds       REAL,
  targets            INTEGER NOT NULL,
  recorded_at_us     INTEGER NOT NULL,
  UNIQUE (job, timeline, step)
);
CREATE INDEX steps_by_job ON steps (job, ordinal);
