//! An application that commits at its own pace, and knows when.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rusqlite::{Connection, OptionalExtension};

use super::probe;

/// Longer than any checkpoint holds the lock.
const PATIENCE: Duration = Duration::from_secs(30);

/// Each transaction adds an event and moves the mark, which says how many there were.
pub(super) struct Writer {
    connection: Connection,
}

impl Writer {
    /// Sets the mark of `database`, which has the application's schema and is in WAL mode, to none.
    pub(super) fn open(database: &Path) -> Result<Self> {
        let connection = Connection::open(database).context("failed to open the database")?;
        connection.busy_timeout(PATIENCE)?;
        // As the application does: the replicator does the checkpoints.
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        connection.execute_batch("CREATE TABLE IF NOT EXISTS probe (id INTEGER PRIMARY KEY, mark TEXT NOT NULL)")?;
        connection.execute("INSERT OR REPLACE INTO probe VALUES (1, ?1)", [probe::mark(0)])?;
        Ok(Self { connection })
    }

    /// Commits `rate` transactions a second, or as many as there can be, until `done`. When each was committed: the
    /// first one has the mark 1.
    pub(super) fn run(&mut self, rate: u32, done: impl Fn() -> bool) -> Result<Vec<Instant>> {
        let mut commits = Vec::new();
        let mut next = Instant::now();
        while !done() {
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
            let mark = probe::mark(commits.len() as u64 + 1);
            let transaction = self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            transaction.prepare_cached("UPDATE probe SET mark = ?1")?.execute([&mark])?;
            let insert = "INSERT INTO events (timestamp, message) VALUES ('2025-01-10T12:00:00.000Z', ?1)";
            transaction.prepare_cached(insert)?.execute([&mark])?;
            transaction.commit().context("failed to commit")?;
            commits.push(Instant::now());
            // A writer that is late does not catch up: a burst is another load than the one asked for.
            next = (next + Duration::from_secs(1) / rate).max(Instant::now() - Duration::from_secs(1) / rate);
        }
        Ok(commits)
    }
}

/// The mark in a restored database; none if its state is from before the first mark.
pub(super) fn mark_of(database: &Path) -> Result<u64> {
    let connection = Connection::open(database).context("failed to open what was restored")?;
    let mark: Option<String> = connection.query_row("SELECT mark FROM probe", (), |row| row.get(0)).optional()?;
    let mark = mark.as_deref().and_then(|mark| probe::newest_mark(mark.as_bytes()));
    mark.context("there is no mark in what was restored")
}
