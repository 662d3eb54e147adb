//! Writes the log anew after a sync of it failed.
//!
//! The kernel takes what it could not write for written: the next sync succeeds without it, and a power loss cuts the
//! log there, with all that came after. The pages in memory are still right. So, with writers locked out, the log's
//! bytes are checked, written once more where they are, and synced: a sync that succeeds now covers all of them.
//!
//! That a sync failed is known in two ways: our own checkpoint said so, or the application has left a group of commits
//! open (`components/events`, `durability`: `opened` is greater than `generation`), which only its leader may sync.

use std::path::{Path, PathBuf};

use disk::files::{self, Writer};
use disk::sqlite;
use pra_core::{Code, Error, Result, wal};
use rusqlite::{Connection, ErrorCode, OptionalExtension};

const LABEL: &str = "log";

/// Bytes that are written at once.
const PIECE: usize = 1 << 20;

const OPEN_GROUP: &str = "SELECT opened FROM durability WHERE id = 1 AND opened > generation";

/// What is known of failed syncs.
#[derive(Debug)]
pub(super) struct Rewriter {
    database: PathBuf,
    log: PathBuf,
    /// A sync of ours failed, and the log was not written anew since.
    doubtful: bool,
    /// The group that was open at the last look: one look is the time that its leader has at least.
    open: Option<i64>,
}

impl Rewriter {
    /// Of the database at `database`; `doubtful` where a sync had failed before.
    pub(super) fn new(database: &Path, doubtful: bool) -> Self {
        Self { database: database.to_owned(), log: files::with_suffix(database, "-wal"), doubtful, open: None }
    }

    /// Whether the log is still to be written anew: nothing may be checkpointed from it before.
    pub(super) fn is_doubtful(&self) -> bool {
        self.doubtful
    }

    /// Takes note of what a checkpoint said.
    pub(super) fn heed(&mut self, error: &Error) {
        let source = disk::sqlite::cause_of(error);
        self.doubtful |= source.and_then(rusqlite::Error::sqlite_error_code) == Some(ErrorCode::SystemIoFailure);
    }

    /// One look. `connection` is there for taking the write lock, `beside` for asking meanwhile how long the log is.
    ///
    /// # Errors
    /// Where the log could not be written anew: it stays doubtful. [`Code::Damaged`] where it is damaged.
    pub(super) fn look(&mut self, connection: &Connection, beside: &Connection) -> Result<()> {
        let open = self.open_group(connection)?;
        let is_abandoned = open.is_some() && open == self.open;
        self.open = open;
        if !self.doubtful && !is_abandoned {
            return Ok(());
        }
        match connection.execute_batch("BEGIN IMMEDIATE") {
            Ok(()) => {}
            // Its leader, maybe.
            Err(error) if sqlite::is_busy(&error) => return Ok(()),
            Err(error) => return Err(disk::sqlite::failed("lock", &self.database, error)),
        }
        let done = self.under_the_lock(connection, beside);
        if done.is_err()
            && let Err(error) = connection.execute_batch("ROLLBACK")
        {
            tracing::debug!(%error, "it was rolled back already");
        }
        self.doubtful = done.is_err();
        done
    }

    fn under_the_lock(&self, connection: &Connection, beside: &Connection) -> Result<()> {
        let open = self.open_group(connection)?;
        if open.is_none() && !self.doubtful {
            return connection.execute_batch("ROLLBACK").map_err(|e| self.failed(e));
        }
        let frames: i64 = beside
            .query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| row.get(1))
            .map_err(|e| disk::sqlite::failed("look at the log of", &self.database, e))?;
        let bytes = self.write_anew(u64::try_from(frames).unwrap_or(0))?;
        tracing::warn!(log = %self.log.display(), bytes, group = open, "a sync of the log failed: it was written anew");
        if open.is_some() {
            connection
                .execute("UPDATE durability SET generation = opened WHERE id = 1", [])
                .map_err(|e| self.failed(e))?;
        }
        connection.execute_batch("COMMIT").map_err(|e| self.failed(e))
    }

    /// Writes the first `frames` frames of the log where they are, and syncs them; returns how many bytes that were.
    fn write_anew(&self, frames: u64) -> Result<u64> {
        let file = Writer::open(LABEL, &self.log)?;
        let mut reader = std::io::BufReader::with_capacity(PIECE, file.file());
        let damaged = || {
            Error::new(Code::Damaged, format!("the log '{}' is damaged", self.log.display())).hint(
                "a sync of it failed, and it can no longer be read as it was written: restore the newest restore point",
            )
        };
        if !wal::is_whole(&mut reader, frames).map_err(|e| damaged().because(e))? {
            return Err(damaged());
        }
        let page_size = wal::page_size(&mut reader).map_err(|e| damaged().because(e))?.unwrap_or(0);
        let end = match frames {
            0 => 0,
            _ => wal::WAL_HEADER_SIZE as u64 + frames * (wal::FRAME_HEADER_SIZE as u64 + u64::from(page_size)),
        };
        let mut piece = vec![0; PIECE];
        let mut at = 0;
        while at < end {
            let length = usize::try_from(end - at).unwrap_or(PIECE).min(PIECE);
            file.read_at(&mut piece[..length], at)?;
            file.write_at(&piece[..length], at)?;
            at += length as u64;
        }
        file.sync()?;
        Ok(end)
    }

    /// The group of the application's commits that is open; `None` too where the database has no such table.
    fn open_group(&self, connection: &Connection) -> Result<Option<i64>> {
        match connection.prepare_cached(OPEN_GROUP) {
            Ok(mut statement) => statement.query_row([], |row| row.get(0)).optional().map_err(|e| self.failed(e)),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::Unknown) => Ok(None),
            Err(error) => Err(self.failed(error)),
        }
    }

    fn failed(&self, error: rusqlite::Error) -> Error {
        disk::sqlite::failed("write the log anew of", &self.database, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "CREATE TABLE durability (id INTEGER PRIMARY KEY, generation, opened); \
        INSERT INTO durability VALUES (1, 4, 5); CREATE TABLE t(x); INSERT INTO t VALUES (randomblob(9000));";

    fn database() -> (tempfile::TempDir, PathBuf, Connection) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.db");
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0").unwrap();
        connection.execute_batch(TABLE).unwrap();
        (folder, path, connection)
    }

    fn beside(path: &Path) -> Connection {
        sqlite::open_live(path, std::time::Duration::ZERO).unwrap()
    }

    fn generation(connection: &Connection) -> i64 {
        connection.query_row("SELECT generation FROM durability", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn a_group_that_stays_open_is_closed_once_the_log_was_written_anew() {
        let (_folder, path, connection) = database();
        let mut rewriter = Rewriter::new(&path, false);
        let before = std::fs::read(files::with_suffix(&path, "-wal")).unwrap();
        rewriter.look(&connection, &beside(&path)).unwrap();
        assert_eq!(generation(&connection), 4, "its leader has some time");
        rewriter.look(&connection, &beside(&path)).unwrap();
        assert_eq!(generation(&connection), 5);
        let after = std::fs::read(files::with_suffix(&path, "-wal")).unwrap();
        assert_eq!(after[..before.len()], before, "the same bytes at the same places");
        assert!(!rewriter.is_doubtful());
    }

    #[test]
    fn a_log_that_is_not_what_was_written_closes_no_group() {
        let (_folder, path, connection) = database();
        let log = files::with_suffix(&path, "-wal");
        let mut bytes = std::fs::read(&log).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        std::fs::write(&log, bytes).unwrap();
        let mut rewriter = Rewriter::new(&path, true);
        let error = rewriter.look(&connection, &beside(&path)).unwrap_err();
        assert_eq!(error.code(), Code::Damaged, "{error}");
        assert_eq!(generation(&connection), 4);
        assert!(rewriter.is_doubtful());
    }

    #[test]
    fn after_a_failed_sync_of_ours_the_log_of_any_database_is_written_anew() {
        let (_folder, path, connection) = database();
        connection.execute_batch("DROP TABLE durability").unwrap();
        let mut rewriter = Rewriter::new(&path, false);
        rewriter.look(&connection, &beside(&path)).unwrap();
        let failure =
            rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_FSYNC), None);
        rewriter.heed(&disk::sqlite::failed("checkpoint", &path, failure));
        assert!(rewriter.is_doubtful());
        rewriter.look(&connection, &beside(&path)).unwrap();
        assert!(!rewriter.is_doubtful());
    }
}
