-- The application's schema, version 1. Used by the component (auto_init) and by `backup-job init`.
--
-- Every statement may be run again at any time and then changes nothing. There is no PRAGMA here: the journal mode
-- is chosen by the process that creates the file. The component runs one statement per call and splits this file at its empty
-- lines: there is one between two statements and nowhere else.

CREATE TABLE IF NOT EXISTS events (
    id        INTEGER PRIMARY KEY,
    timestamp TEXT NOT NULL,  -- RFC 3339, UTC, milliseconds, the server's clock
    message   TEXT NOT NULL
);

-- One row. Triggers maintain it for every writer, so that counting costs the same at any size. (One exception,
-- SQLite's: REPLACE over a row that exists fires no delete trigger unless `PRAGMA recursive_triggers` is on.)
CREATE TABLE IF NOT EXISTS event_count (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    events INTEGER NOT NULL
);

CREATE TRIGGER IF NOT EXISTS event_added AFTER INSERT ON events BEGIN
    UPDATE event_count SET events = events + 1 WHERE id = 1;
END;

CREATE TRIGGER IF NOT EXISTS event_removed AFTER DELETE ON events BEGIN
    UPDATE event_count SET events = events - 1 WHERE id = 1;
END;

-- A database that had events before it had the counter is counted once, here.
INSERT OR IGNORE INTO event_count (id, events)
    SELECT 1, (SELECT count(*) FROM events) WHERE NOT EXISTS (SELECT 1 FROM event_count);

-- What makes a retry harmless. A row is written in the transaction of the events that it vouches for.
CREATE TABLE IF NOT EXISTS idempotency_keys (
    key           TEXT PRIMARY KEY,
    request_hash  BLOB NOT NULL,     -- SHA-256 of the route and the body
    event_ids     TEXT NOT NULL,     -- inclusive runs: 17-1016, or 5,9-12
    timestamp     TEXT NOT NULL,     -- that of the events
    created_at_ms INTEGER NOT NULL   -- since the epoch, UTC
) WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS idempotency_keys_by_age ON idempotency_keys (created_at_ms);

-- Keys live 24 hours. Each new key removes up to four that are older: bounded work that always catches up.
CREATE TRIGGER IF NOT EXISTS idempotency_keys_expire AFTER INSERT ON idempotency_keys BEGIN
    DELETE FROM idempotency_keys WHERE key IN (
        SELECT key FROM idempotency_keys
        WHERE created_at_ms < NEW.created_at_ms - 86400000
        ORDER BY created_at_ms LIMIT 4);
END;

-- At most one row: the group commit. While `opened` is greater than `generation` there are commits that no sync has
-- confirmed yet: a group, whose leader alone may sync the log for it, and moves the mark with that.
-- A database without this table is served all the same, with a sync for each request.
CREATE TABLE IF NOT EXISTS durability (
    id           INTEGER PRIMARY KEY CHECK (id = 1),
    generation   INTEGER NOT NULL,  -- the mark: the last group whose sync succeeded
    opened       INTEGER NOT NULL,  -- the last group that was opened: the mark, or one more
    opened_at_ms INTEGER NOT NULL,  -- since the epoch, UTC
    joined       INTEGER NOT NULL,  -- commits of that group
    through      INTEGER NOT NULL,  -- the greatest event id at the last mark
    crowd        INTEGER NOT NULL,  -- four times how many events the last marks covered, on average; each up to 8
    marked_at_ms INTEGER NOT NULL   -- since the epoch, UTC
);
