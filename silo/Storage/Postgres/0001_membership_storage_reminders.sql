-- Where the providers look up their statements.
CREATE TABLE OrleansQuery (
  QueryKey  text NOT NULL PRIMARY KEY,
  QueryText text NOT NULL
);

-- One row a cluster. Every change of membership raises the version, and names the version that it rests on.
CREATE TABLE silo_membership (
  cluster    text        NOT NULL PRIMARY KEY,
  version    integer     NOT NULL DEFAULT 0,
  changed_at timestamptz NOT NULL DEFAULT now()
);

-- One row a life of a silo process.
CREATE TABLE silo_member (
  cluster    text        NOT NULL REFERENCES silo_membership,
  address    text        NOT NULL,
  port       integer     NOT NULL,
  generation integer     NOT NULL,
  name       text        NOT NULL,
  host       text        NOT NULL,
  status     integer     NOT NULL, -- Orleans.Runtime.SiloStatus; 3 is Active
  proxy_port integer,
  suspects   text,
  started_at timestamptz NOT NULL,
  alive_at   timestamptz NOT NULL,
  PRIMARY KEY (cluster, address, port, generation)
);

-- One row a grain with a state. n0 and n1 hold keys that are numbers or GUIDs, key all others.
CREATE TABLE grain_storage (
  service     text        NOT NULL,
  grain_type  text        NOT NULL,
  n0          bigint      NOT NULL,
  n1          bigint      NOT NULL,
  key         text        NOT NULL,
  payload     bytea,
  version     integer     NOT NULL,
  modified_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (service, grain_type, n0, n1, key)
);

CREATE TABLE grain_reminder (
  service    text        NOT NULL,
  grain      text        NOT NULL,
  name       text        NOT NULL,
  started_at timestamptz NOT NULL,
  period_ms  bigint      NOT NULL,
  grain_hash integer     NOT NULL,
  version    integer     NOT NULL DEFAULT 0,
  PRIMARY KEY (service, grain, name)
);
CREATE INDEX grain_reminder_by_hash ON grain_reminder (service, grain_hash);

-- Membership. A change counts only if the version is still the one that the silo read: the row of the version is locked by whoever
-- raises it, and whoever waited for that lock finds another version and changes nothing.
INSERT INTO OrleansQuery (QueryKey, QueryText) VALUES
('InsertMembershipVersionKey', '
  WITH added AS (
    INSERT INTO silo_membership (cluster) VALUES (@DeploymentId) ON CONFLICT DO NOTHING RETURNING 1)
  SELECT count(*)::integer FROM added'),
('InsertMembershipKey', '
  WITH raised AS (
    UPDATE silo_membership SET version = version + 1, changed_at = now()
    WHERE cluster = @DeploymentId AND version = @Version
      AND NOT EXISTS (SELECT 1 FROM silo_member m WHERE m.cluster = @DeploymentId AND m.address = @Address AND m.port = @Port AND m.generation = @Generation)
    RETURNING cluster),
  added AS (
    INSERT INTO silo_member (cluster, address, port, generation, name, host, status, proxy_port, started_at, alive_at)
    SELECT cluster, @Address, @Port, @Generation, @SiloName, @HostName, @Status, @ProxyPort, @StartTime, @IAmAliveTime FROM raised
    RETURNING 1)
  SELECT count(*)::integer FROM added'),
('UpdateMembershipKey', '
  WITH raised AS (
    UPDATE silo_membership SET version = version + 1, changed_at = now()
    WHERE cluster = @DeploymentId AND version = @Version
      AND EXISTS (SELECT 1 FROM silo_member m WHERE m.cluster = @DeploymentId AND m.address = @Address AND m.port = @Port AND m.generation = @Generation)
    RETURNING cluster),
  changed AS (
    UPDATE silo_member m SET status = @Status, suspects = @SuspectTimes, alive_at = @IAmAliveTime FROM raised
    WHERE m.cluster = raised.cluster AND m.address = @Address AND m.port = @Port AND m.generation = @Generation
    RETURNING 1)
  SELECT count(*)::integer FROM changed'),
('UpdateIAmAlivetimeKey', '
  UPDATE silo_member SET alive_at = @IAmAliveTime
  WHERE cluster = @DeploymentId AND address = @Address AND port = @Port AND generation = @Generation'),
('MembershipReadRowKey', '
  SELECT v.cluster AS "DeploymentId", m.address AS "Address", m.port AS "Port", m.generation AS "Generation", m.name AS "SiloName", m.host AS "HostName",
    m.status AS "Status", m.proxy_port AS "ProxyPort", m.suspects AS "SuspectTimes", m.started_at AS "StartTime", m.alive_at AS "IAmAliveTime", v.version AS "Version"
  FROM silo_membership v
  LEFT JOIN silo_member m ON m.cluster = v.cluster AND m.address = @Address AND m.port = @Port AND m.generation = @Generation
  WHERE v.cluster = @DeploymentId'),
('MembershipReadAllKey', '
  SELECT v.cluster AS "DeploymentId", m.address AS "Address", m.port AS "Port", m.generation AS "Generation", m.name AS "SiloName", m.host AS "HostName",
    m.status AS "Status", m.proxy_port AS "ProxyPort", m.suspects AS "SuspectTimes", m.started_at AS "StartTime", m.alive_at AS "IAmAliveTime", v.version AS "Version"
  FROM silo_membership v
  LEFT JOIN silo_member m ON m.cluster = v.cluster
  WHERE v.cluster = @DeploymentId'),
('DeleteMembershipTableEntriesKey', '
  DELETE FROM silo_member WHERE cluster = @DeploymentId;
  DELETE FROM silo_membership WHERE cluster = @DeploymentId'),
('CleanupDefunctSiloEntriesKey', '
  DELETE FROM silo_member WHERE cluster = @DeploymentId AND alive_at < @IAmAliveTime AND status <> 3'),
('GatewaysQueryKey', '
  SELECT address AS "Address", proxy_port AS "ProxyPort", generation AS "Generation"
  FROM silo_member WHERE cluster = @DeploymentId AND status = @Status AND proxy_port > 0');

-- Grain storage. A write of a version that is no longer the stored one returns no row, which the provider takes for the loss of a race.
INSERT INTO OrleansQuery (QueryKey, QueryText) VALUES
('WriteToStorageKey', '
  WITH updated AS (
    UPDATE grain_storage SET payload = @PayloadBinary, version = version + 1, modified_at = now()
    WHERE service = @ServiceId AND grain_type = @GrainTypeString AND n0 = @GrainIdN0 AND n1 = @GrainIdN1
      AND key = coalesce(@GrainIdExtensionString::text, '''') AND version = @GrainStateVersion::integer
    RETURNING version),
  inserted AS (
    INSERT INTO grain_storage (service, grain_type, n0, n1, key, payload, version)
    SELECT @ServiceId, @GrainTypeString, @GrainIdN0, @GrainIdN1, coalesce(@GrainIdExtensionString::text, ''''), @PayloadBinary, 1
    WHERE @GrainStateVersion::integer IS NULL
    ON CONFLICT DO NOTHING
    RETURNING version)
  SELECT version AS "NewGrainStateVersion" FROM updated UNION ALL SELECT version FROM inserted'),
('ReadFromStorageKey', '
  SELECT payload AS "PayloadBinary", version AS "Version" FROM grain_storage
  WHERE service = @ServiceId AND grain_type = @GrainTypeString AND n0 = @GrainIdN0 AND n1 = @GrainIdN1
    AND key = coalesce(@GrainIdExtensionString::text, '''')'),
('ClearStorageKey', '
  UPDATE grain_storage SET payload = NULL, version = version + 1, modified_at = now()
  WHERE service = @ServiceId AND grain_type = @GrainTypeString AND n0 = @GrainIdN0 AND n1 = @GrainIdN1
    AND key = coalesce(@GrainIdExtensionString::text, '''') AND version = @GrainStateVersion::integer
  RETURNING version AS "NewGrainStateVersion"'),
('DeleteStorageKey', '
  DELETE FROM grain_storage
  WHERE service = @ServiceId AND grain_type = @GrainTypeString AND n0 = @GrainIdN0 AND n1 = @GrainIdN1
    AND key = coalesce(@GrainIdExtensionString::text, '''') AND version = @GrainStateVersion::integer
  RETURNING version + 1 AS "NewGrainStateVersion"');

-- Reminders. A silo reads those of its range of the hash ring, which may run over the end.
INSERT INTO OrleansQuery (QueryKey, QueryText) VALUES
('UpsertReminderRowKey', '
  INSERT INTO grain_reminder (service, grain, name, started_at, period_ms, grain_hash)
  VALUES (@ServiceId, @GrainId, @ReminderName, @StartTime, @Period, @GrainHash)
  ON CONFLICT (service, grain, name) DO UPDATE SET
    started_at = excluded.started_at, period_ms = excluded.period_ms, grain_hash = excluded.grain_hash, version = grain_reminder.version + 1
  RETURNING version AS "Version"'),
('ReadReminderRowsKey', '
  SELECT grain AS "GrainId", name AS "ReminderName", started_at AS "StartTime", period_ms AS "Period", version AS "Version"
  FROM grain_reminder WHERE service = @ServiceId AND grain = @GrainId'),
('ReadReminderRowKey', '
  SELECT grain AS "GrainId", name AS "ReminderName", started_at AS "StartTime", period_ms AS "Period", version AS "Version"
  FROM grain_reminder WHERE service = @ServiceId AND grain = @GrainId AND name = @ReminderName'),
('ReadRangeRows1Key', '
  SELECT grain AS "GrainId", name AS "ReminderName", started_at AS "StartTime", period_ms AS "Period", version AS "Version"
  FROM grain_reminder WHERE service = @ServiceId AND grain_hash > @BeginHash AND grain_hash <= @EndHash'),
('ReadRangeRows2Key', '
  SELECT grain AS "GrainId", name AS "ReminderName", started_at AS "StartTime", period_ms AS "Period", version AS "Version"
  FROM grain_reminder WHERE service = @ServiceId AND (grain_hash > @BeginHash OR grain_hash <= @EndHash)'),
('DeleteReminderRowKey', '
  WITH deleted AS (
    DELETE FROM grain_reminder WHERE service = @ServiceId AND grain = @GrainId AND name = @ReminderName AND version = @Version
    RETURNING 1)
  SELECT count(*)::integer FROM deleted'),
('DeleteReminderRowsKey', '
  DELETE FROM grain_reminder WHERE service = @ServiceId');
