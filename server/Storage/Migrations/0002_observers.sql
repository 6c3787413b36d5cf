-- Highest incarnation of a grain that has stored observations, for an engine that stores states elsewhere.
CREATE TABLE observer (
  kind        TEXT    NOT NULL,
  key         TEXT    NOT NULL,
  incarnation INTEGER NOT NULL,
  PRIMARY KEY (kind, key)
) WITHOUT ROWID;
