//! Restores into an empty database through SQLite's backup API: it can fill a file of 0 bytes that another process
//! already has open (Spin makes such a file), and a crash in the middle leaves it empty.

use std::path::Path;
use std::time::Duration;

use disk::{files, snapshot, sqlite};
use pra_core::{Code, Error, Result};
use rusqlite::backup::{Backup, StepResult};

use super::has_bytes;
use crate::restore::{Source, remove_leftovers};

/// Pages at a time: all of them in one transaction anyway, so that only the progress is finer.
const STEP: i32 = 4096;

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filled {
    /// The restore point is in the database.
    Done,
    /// Another process wrote into the file before we had the lock: nothing was done.
    OvertakenByAnother,
}

/// Restores `source` into the database at `path`, which has no tables. The caller holds the exclusive lock. `before` is
/// called when the file is there and nothing of it is written yet.
pub(super) fn fill(
    path: &Path,
    source: &Source,
    wait: Duration,
    before: impl FnOnce() -> Result<()>,
) -> Result<Filled> {
    const LABEL: &str = "init:leftover";
    let failed = |e| disk::sqlite::failed("restore into", path, e);
    remove_leftovers(path)?;
    let was_empty = !has_bytes(path)?;
    if was_empty {
        files::require_room(files::folder_of(path), source.shape.bytes(), "the restored database")?;
        // The sidecars of a missing or empty database belong to another one.
        files::remove_sidecars(LABEL, path)?;
    }
    let from = sqlite::open_immutable(source.path())?;
    super::create::touch(path)?;
    let mut to = sqlite::open_or_create(path, wait)?;
    // Proves that no process has it open in WAL mode, where another page size could not be written.
    to.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(())).map_err(failed)?;
    to.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
    {
        let backup = Backup::new(&from, &mut to).map_err(failed)?;
        // Takes the write lock and copies nothing yet.
        step(&backup, 0, wait).map_err(failed)?;
        if was_empty && has_bytes(path)? {
            return Ok(Filled::OvertakenByAnother);
        }
        before()?;
        while step(&backup, STEP, wait).map_err(failed)? != StepResult::Done {}
    }
    drop(from);
    files::sync_folder_of(LABEL, path)?;
    confirm(path, source, &to)?;
    to.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).map_err(failed)?;
    Ok(Filled::Done)
}

fn step(backup: &Backup<'_, '_>, pages: i32, wait: Duration) -> rusqlite::Result<StepResult> {
    let deadline = std::time::Instant::now() + wait;
    loop {
        match backup.step(pages)? {
            StepResult::Busy | StepResult::Locked if std::time::Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(1));
            }
            StepResult::Busy | StepResult::Locked => return Err(busy()),
            other => return Ok(other),
        }
    }
}

fn busy() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY), None)
}

/// The content must be what was verified.
fn confirm(path: &Path, source: &Source, connection: &rusqlite::Connection) -> Result<()> {
    let failed = |e| disk::sqlite::failed("read back", path, e);
    connection.execute_batch("BEGIN; SELECT 1 FROM sqlite_schema").map_err(failed)?;
    let found = sqlite::shape(connection).map_err(failed)?;
    let same = match found {
        Some((shape, _)) if shape.pages == source.shape.pages => {
            let progress = disk::progress::Progress::bytes("verifying", shape.bytes());
            snapshot::checksums(connection, shape, &progress)?.content == source.checksums.content
        }
        _ => false,
    };
    connection.execute_batch("COMMIT").map_err(failed)?;
    if same {
        return Ok(());
    }
    Err(Error::new(Code::Damaged, format!("'{}' does not read back as the restore point", path.display()))
        .hint("the volume returns other bytes than it was given, or another process already writes to the database"))
}
