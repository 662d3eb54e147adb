//! The database as the checkpointer has it open.

use std::path::{Path, PathBuf};
use std::time::Duration;

use disk::files::{self, FileId};
use disk::{lock, sqlite};
use pra_core::{Error, Result};
use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::checkpoint::{Checkpoint, LOCK_WAIT};
use super::{Companion, Options, Stats};

/// An open database. The connections close before the lock goes.
#[derive(Debug)]
pub(super) struct Held {
    path: PathBuf,
    /// Held open, so that no close of the application is the last one.
    holder: Connection,
    checkpointer: Checkpoint,
    /// What is open.
    identity: FileId,
    lock: lock::Lock,
}

impl Held {
    /// Opens the database; where a sync of its log has failed before, the log is doubtful and written anew first.
    /// `None` where it is missing or empty: then nothing is held.
    ///
    /// # Errors
    /// [`pra_core::Code::Busy`] while a restore has the lock; [`pra_core::Code::Damaged`] where it
    /// is no database.
    pub(super) fn open(path: &Path, log_is_doubtful: bool) -> Result<Option<Self>> {
        if size(path)?.is_none_or(|bytes| bytes == 0) {
            return Ok(None);
        }
        let lock = lock::shared(path, Duration::ZERO)?;
        let Some(identity) = FileId::of(path)? else { return Ok(None) };
        let holder = sqlite::open_live(path, LOCK_WAIT)?;
        let checkpointer = Checkpoint::new(sqlite::open_live(path, LOCK_WAIT)?, path, log_is_doubtful)?;
        let held = Self { path: path.to_owned(), holder, checkpointer, identity, lock };
        held.is_wal()?;
        Ok(Some(held))
    }

    /// Whether there is a WAL. A connection opens it, and holds it from then on, at its first read: so this is asked at
    /// each look, since the journal mode may change while nothing is held.
    fn is_wal(&self) -> Result<bool> {
        let mode: rusqlite::Result<String> = self
            .holder
            .prepare_cached("SELECT count(*) FROM sqlite_schema")
            .and_then(|mut statement| statement.query_row([], |_| Ok(())))
            .and_then(|()| self.holder.prepare_cached("PRAGMA journal_mode"))
            .and_then(|mut statement| statement.query_row([], |row| row.get(0)));
        Ok(mode.map_err(|e| disk::sqlite::failed("read", &self.path, e))? == "wal")
    }

    /// Lets go of it; true where its log is doubtful. Then the close, be it the last, moves nothing from the log.
    pub(super) fn close(self) -> bool {
        let is_doubtful = self.checkpointer.log_is_doubtful();
        if is_doubtful {
            for connection in self.checkpointer.connections().into_iter().chain([&self.holder]) {
                // What cannot be set is as before.
                if let Err(error) = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true) {
                    tracing::error!(%error, "the close may checkpoint a log that is in doubt");
                }
            }
        }
        is_doubtful
    }

    /// Whether what is open is still what `path` names.
    pub(super) fn is_in_place(&self, path: &Path) -> Result<bool> {
        Ok(FileId::of(path)? == Some(self.identity))
    }

    /// Whether the lock that was taken is still the one that others would take.
    pub(super) fn is_locked(&self) -> Result<bool> {
        self.lock.is_in_place()
    }

    /// One look; returns the time until the next.
    pub(super) fn look(
        &mut self,
        options: &Options,
        stats: &mut Stats,
        companion: &mut dyn Companion,
    ) -> Result<Duration> {
        // Without a WAL nothing is read: even a moment's read lock would refuse a writer that does not wait.
        let there_is_one = files::with_suffix(&self.path, "-wal").try_exists().unwrap_or(true);
        if there_is_one && self.is_wal()? {
            companion.before_checkpoint();
            let bounded = self.checkpointer.bound(options, stats, companion);
            companion.after_checkpoint();
            bounded
        } else {
            Ok(options.tick)
        }
    }
}

/// Size of a file in bytes; `None` where there is none.
fn size(path: &Path) -> Result<Option<u64>> {
    match std::fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata.len())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("look at", path, error)),
    }
}
