-- Where the provider looks up its statements.
CREATE TABLE OrleansQuery (
  QueryKey  TEXT NOT NULL PRIMARY KEY,
  QueryText TEXT NOT NULL
);

-- One row a grain with a state. n0 and n1 hold keys that are numbers or GUIDs, key all others.
CREATE TABLE grain_storage (
  service     TEXT    NOT NULL,
  grain_type  TEXT    NOT NULL,
  n0          INTEGER NOT NULL,
  n1          INTEGER NOT NULL,
  key         TEXT    NOT NULL,
  payload     BLOB,
  version     INTEGER NOT NULL,
  modified_at TEXT    NOT NULL,
  PRIMARY KEY (service, grain_type, n0, n1, key)
);

-- A write of a version that is no longer the stored one returns no row, which the provider takes for the loss of a race.
INSERT INTO OrleansQuery (QueryKey, QueryText) VALUES
('WriteToStorageKey', '
  UPDATE grain_storage SET payload = @PayloadBinary, version = version + 1, modified_at = datetime(''now'')
  WHERE service = @ServiceId AND grain_type = @GrainTypeString AND n0 = @GrainIdN0 AND n1 = @GrainIdN1
    AND key = coalesce(@GrainIdExtensionString, '''') AND version = @GrainStateVersion
  RETURNING version AS NewGrainStateVersion;
  INSERT INTO grain_storage (service, grain_type, n0, n1, key, payload, version, modified_at)
  SELECT @ServiceId, @GrainTypeString, @GrainIdN0, @GrainIdN1, coalesce(@GrainIdExtensionString, ''''), @PayloadBinary, 1, datetime(''now'')
  WHERE @GrainStateVersion IS NULL
  ON CONFLICT DO NOTHING
  RETURNING version AS NewGrainStateVersion;'),
('ReadFromStorageKey', '
  SELECT payload AS PayloadBinary, version AS Version FROM grain_storage
  WHERE service = @ServiceId AND grain_type = @GrainTypeString AND n0 = @GrainIdN0 AND n1 = @GrainIdN1
    AND key = coalesce(@GrainIdExtensionString, '''')'),
('ClearStorageKey', '
  UPDATE grain_storage SET payload = NULL, version = version + 1, modified_at = datetime(''now'')
  WHERE service = @ServiceId AND grain_type = @GrainTypeString AND n0 = @GrainIdN0 AND n1 = @GrainIdN1
    AND key = coalesce(@GrainIdExtensionString, '''') AND version = @GrainStateVersion
  RETURNING version AS NewGrainStateVersion'),
('DeleteStorageKey', '
  DELETE FROM grain_storage
  WHERE service = @ServiceId AND grain_type = @GrainTypeString AND n0 = @GrainIdN0 AND n1 = @GrainIdN1
    AND key = coalesce(@GrainIdExtensionString, '''') AND version = @GrainStateVersion
  RETURNING version + 1 AS NewGrainStateVersion');
