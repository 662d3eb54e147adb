//! The database that is about to be replaced, locked against all other processes.
//!
//! `PRAGMA journal_mode=DELETE` fails if any process has the database open. It also writes the log into the file, so
//! that a crash before the rename leaves the old database whole; and a connection that waits for our lock and then
//! finds itself on the file that was replaced is refused its writes by SQLite ("database file was moved"), which it
//! would not be in WAL mode. Where SQLite cannot open the file, its lock is taken directly, and its header goes once it
//! is replaced: a waiting process gets "not a database", and nothing is written into a file without a name.

use std::path::Path;
use std::time::{Duration, Instant};

use disk::files::Writer;
use disk::sqlite::{self, Shape};
use pra_core::header::HEADER_SIZE;
use pra_core::{Code, Error, Result};
use rusqlite::Connection;

use super::range_lock;

const LABEL: &str = "restore:old";

/// Time between two tries to get the exclusive lock.
const RETRY: Duration = Duration::from_millis(10);

/// The old file in the place of the new one, locked.
#[derive(Debug)]
pub(super) enum OldFile {
    /// Nothing.
    Missing,
    /// A database that SQLite reads, in rollback-journal mode and exclusively locked. No shape: it has no pages.
    Readable { connection: Connection, shape: Option<Shape>, was_wal: bool },
    /// A file that SQLite cannot read, locked directly.
    Unreadable { file: Writer, why: String },
}

impl OldFile {
    /// Locks the file at `path`.
    ///
    /// # Errors
    /// [`Code::Busy`] if another process has it open for longer than `wait`.
    pub(super) fn seize(path: &Path, wait: Duration) -> Result<Self> {
        if !path.try_exists().map_err(|e| Error::io("look at", path, e))? {
            return Ok(Self::Missing);
        }
        match seize_readable(path, wait) {
            Ok(old) => Ok(old),
            Err(error) if error.code() == Code::Busy => Err(range_lock::busy(path).because(error)),
            Err(error) => {
                let why = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
                let file = Writer::open(LABEL, path)?;
                range_lock::keep_out(file.file(), path)?;
                Ok(Self::Unreadable { file, why })
            }
        }
    }

    /// Lets go after the new file is in its place.
    pub(super) fn retire(self) -> Result<()> {
        match self {
            Self::Missing | Self::Readable { .. } => Ok(()),
            Self::Unreadable { file, .. } => file.write_at(&[0; HEADER_SIZE], 0),
        }
    }

    /// Lets go after a failure, which is the error to report: as it was before.
    pub(super) fn release(self) {
        let Self::Readable { connection, was_wal, .. } = self else { return };
        let sql = if was_wal { "ROLLBACK; PRAGMA journal_mode = WAL" } else { "ROLLBACK" };
        if let Err(error) = connection.execute_batch(sql) {
            tracing::warn!(%error, "the database stays in rollback-journal mode: the next init switches it to WAL");
        }
    }
}

fn seize_readable(path: &Path, wait: Duration) -> Result<OldFile> {
    let failed = |e| disk::sqlite::failed("take hold of", path, e);
    let deadline = Instant::now() + wait;
    let connection = sqlite::open_live(path, RETRY)?;
    let was_wal = sqlite::shape(&connection).map_err(failed)?.is_some_and(|(shape, _)| shape.wal);
    loop {
        let alone: rusqlite::Result<String> =
            connection.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0));
        let alone = alone.and_then(|_| connection.execute_batch("BEGIN EXCLUSIVE"));
        match alone.map_err(failed) {
            Ok(()) => break,
            Err(error) if error.code() == Code::Busy && Instant::now() < deadline => std::thread::sleep(RETRY),
            Err(error) => return Err(error),
        }
    }
    let bytes = std::fs::metadata(path).map_err(|e| Error::io("look at", path, e))?.len();
    // The exclusive transaction has made the first page of an empty database, in memory.
    let shape = sqlite::shape(&connection).map_err(failed)?.map(|(shape, _)| shape).filter(|_| bytes > 0);
    Ok(OldFile::Readable { connection, shape, was_wal })
}
