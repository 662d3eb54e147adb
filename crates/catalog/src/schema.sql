-- The catalog, version 5. backup-job makes it, the component reads it.
CREATE TABLE restore_points (
  file             TEXT PRIMARY KEY,
  kind             TEXT NOT NULL CHECK (kind IN ('backup', 'pre-restore')),
  created_at_ms    INTEGER NOT NULL,
  bytes            INTEGER NOT NULL,
  page_size        INTEGER NOT NULL,
  pages            INTEGER NOT NULL,
  events           INTEGER,
  content_checksum TEXT NOT NULL,
  ltx_checksum     TEXT NOT NULL,
  verified_at_ms   INTEGER,
  error            TEXT,
  seconds          REAL NOT NULL,
  unchanged_since  TEXT,
  encrypted           INTEGER NOT NULL DEFAULT 0,
  file_checksum    TEXT,
  -- One a line: what SQLite's checks say that is no damage.
  warnings         TEXT,
  sequence         INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX restore_points_by_order ON restore_points(kind, sequence, created_at_ms);
-- Since version 4. Files of the database that have no row: each is named here before it is made.
CREATE TABLE announced (
  file TEXT PRIMARY KEY
) WITHOUT ROWID;
CREATE TABLE publication (
  id              INTEGER PRIMARY KEY CHECK (id = 1),
  published_at_ms INTEGER NOT NULL,
  writer          TEXT NOT NULL,
  source_stamp    TEXT,
  database_id     TEXT,
  database        TEXT,
  host            TEXT
);

CREATE TABLE replicas (
  url            TEXT PRIMARY KEY,
  seen_ms        INTEGER NOT NULL,
  epoch          TEXT,
  txid           INTEGER NOT NULL,
  synced_ms     INTEGER,
  window_from_ms INTEGER,
  queue_files    INTEGER NOT NULL,
  queue_bytes    INTEGER NOT NULL,
  encrypted         INTEGER NOT NULL,
  error          TEXT,
  -- Since version 5. One a line: what SQLite's checks say of the database that is no damage; NULL: not known.
  warnings       TEXT
) WITHOUT ROWID;
CREATE TABLE rehearsals (
  at_ms       INTEGER NOT NULL,
  source      TEXT NOT NULL,
  outcome     TEXT NOT NULL CHECK (outcome IN ('good', 'failed', 'not-rehearsed')),
  point       TEXT,
  point_at_ms INTEGER,
  seconds     REAL NOT NULL,
  bytes       INTEGER,
  events      INTEGER,
  error       TEXT,
  PRIMARY KEY (source, at_ms)
) WITHOUT ROWID;
CREATE TABLE drills (
  at_ms        INTEGER PRIMARY KEY,
  kind         TEXT NOT NULL,
  kept         INTEGER NOT NULL,
  rto_seconds  REAL,
  rpo_seconds  REAL,
  acknowledged INTEGER NOT NULL,
  lost         INTEGER NOT NULL,
  refused      INTEGER NOT NULL
);
-- The last ones; one without an end is at work, or was killed.
CREATE TABLE restores (
  began_ms INTEGER PRIMARY KEY,
  ended_ms INTEGER,
  point    TEXT NOT NULL,
  mode     TEXT,
  seconds  REAL,
  error    TEXT
);

-- Since version 3. `path` is the database, or the backup folder, as commands name them where backup-job runs.
CREATE TABLE volumes (
  volume      TEXT PRIMARY KEY CHECK (volume IN ('data', 'backup')),
  path        TEXT NOT NULL,
  at_ms       INTEGER NOT NULL,
  total_bytes INTEGER NOT NULL,
  free_bytes  INTEGER NOT NULL
) WITHOUT ROWID;
-- Since version 5. What the rules of the last backup come to keep, where that can be told: files, all their bytes, and what
-- of these is there. `rules`: flags that would keep no more than the volume has room for; NULL where it has enough, or none do.
CREATE TABLE forecast (
  id            INTEGER PRIMARY KEY CHECK (id = 1),
  at_ms         INTEGER NOT NULL,
  files         INTEGER NOT NULL,
  bytes         INTEGER NOT NULL,
  present_bytes INTEGER NOT NULL,
  rules         TEXT
);
-- One a minute for each replica.
CREATE TABLE lags (
  url     TEXT NOT NULL,
  at_ms   INTEGER NOT NULL,
  seconds REAL NOT NULL,
  PRIMARY KEY (url, at_ms)
) WITHOUT ROWID;
