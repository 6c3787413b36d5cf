-- Last batch of each process that ever wrote, so that a batch whose acknowledgement was lost is not stored twice.
CREATE TABLE writer (
  id       text        NOT NULL PRIMARY KEY,
  batch    bigint      NOT NULL,
  began_at timestamptz NOT NULL DEFAULT now()
);

-- Highest incarnation of a grain that has stored observations: an older activation that still thinks it is the grain stores none.
CREATE TABLE observer (
  kind        text   NOT NULL,
  key         text   NOT NULL,
  incarnation bigint NOT NULL,
  PRIMARY KEY (kind, key)
);

CREATE TABLE events (
  ordinal     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  time_us     bigint NOT NULL, -- wall time, microseconds since 1970 UTC
  silo        text   NOT NULL,
  kind        text   NOT NULL,
  job         text,
  node        text,
  gpu         text,
  timeline    integer,
  generation  bigint,
  step        bigint,
  cause       text,
  duration_ms double precision,
  text        text   NOT NULL,
  numbers     text             -- JSON object of numbers
);
CREATE INDEX events_by_job ON events (job, ordinal);
CREATE INDEX events_submitted ON events (job) WHERE kind = 'job.submitted';

-- loss_bits and gradient_norm_bits are the IEEE 754 doubles themselves; the columns beside them are for people.
CREATE TABLE steps (
  ordinal            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  job                text    NOT NULL,
  timeline           integer NOT NULL,
  step               bigint  NOT NULL,
  generation         bigint  NOT NULL,
  loss               double precision,
  loss_bits          bigint  NOT NULL,
  gradient_norm      double precision,
  gradient_norm_bits bigint  NOT NULL,
  milliseconds       double precision,
  targets            bigint  NOT NULL,
  recorded_at_us     bigint  NOT NULL,
  UNIQUE (job, timeline, step)
);
CREATE INDEX steps_by_job ON steps (job, ordinal);
